"""The models of cases and media and their migrated tables are one and the same; the workflow's mirror says what the file says."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from cityops.cases import mirror, operations
from cityops.cases.models import Case
from cityops.cases.workflow import case_workflow
from cityops.db.base import Base
from cityops.media.models import File


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("schema", [Case.__table__.schema, File.__table__.schema])
def test_models_and_tables_have_the_same_columns(engine: Engine, schema: str) -> None:
    inspector = inspect(engine)
    modelled = {table.name: table for table in Base.metadata.sorted_tables if table.schema == schema}
    assert set(modelled) == set(inspector.get_table_names(schema=schema))
    for name, table in modelled.items():
        stored = {column["name"]: column["nullable"] for column in inspector.get_columns(name, schema=schema)}
        # A key over a nullable column is the mapper's alone: workflow_edges.from_state is null for the act that makes a case.
        modelled_columns = {c.name: bool(c.nullable) for c in table.columns} | ({"from_state": True} if name == "workflow_edges" else {})
        assert modelled_columns == stored, name


def test_the_mirror_of_the_workflow_is_the_file_and_stays_it(session: Session) -> None:
    flow = case_workflow()
    for _ in range(2):
        states = {
            row.state: (row.stage, row.is_start, row.is_terminal) for row in session.execute(text("SELECT * FROM cases.workflow_states"))
        }
        edges = {
            (row.act, row.from_state, row.to_state): set(row.posts) for row in session.execute(text("SELECT * FROM cases.workflow_edges"))
        }
        assert states == {s.id: (s.stage, s.start, s.terminal) for s in flow.states.values()}
        assert edges == {(e.act, e.source, e.target): set(e.posts) for e in flow.edges()}
        operations.seed(session)


def test_a_mirror_that_drifted_is_put_right(session: Session) -> None:
    session.execute(text("DELETE FROM cases.workflow_edges WHERE act = 'close'"))
    session.execute(text("INSERT INTO cases.workflow_states VALUES ('limbo', 1, false, false, '域外', 'Limbo')"))
    mirror.write(session, case_workflow())
    assert session.execute(text("SELECT count(*) FROM cases.workflow_edges WHERE act = 'close'")).scalar_one() == 1
    assert session.execute(text("SELECT count(*) FROM cases.workflow_states WHERE state = 'limbo'")).scalar_one() == 0
