"""The models of the grid and its migrated tables are one and the same; real divisions load from the project's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from cityops.db.base import Base
from cityops.grid import models, operations
from cityops.grid.errors import CodeInvalid, UnknownDivision
from cityops.grid.operations import DivisionRecord


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_models_and_tables_have_the_same_columns(engine: Engine) -> None:
    assert models.Cell.__table__.schema == "grid"
    inspector = inspect(engine)
    modelled = {table.name: table for table in Base.metadata.sorted_tables if table.schema == "grid"}
    assert set(modelled) == set(inspector.get_table_names(schema="grid"))
    for name, table in modelled.items():
        stored = {column["name"]: column["nullable"] for column in inspector.get_columns(name, schema="grid")}
        assert {column.name: bool(column.nullable) for column in table.columns} == stored, name


def test_the_divisions_of_nanyang_load_with_their_real_codes(session: Session, repository: Path) -> None:
    assert operations.load_divisions(session, repository / "data" / "divisions") == 164
    names = dict(session.execute(text("SELECT code, name_zh FROM grid.divisions")).all())
    assert names["411303"] == "卧龙区" and names["411303005"] == "梅溪街道" and names["411302103"] == "瓦店镇"
    synthetic = session.execute(text("SELECT DISTINCT level, synthetic FROM grid.divisions ORDER BY level")).all()
    assert [tuple(row) for row in synthetic] == [("community", True), ("district", False), ("street", False)]
    assert operations.load_divisions(session, repository / "data" / "divisions") == 164, "loading again changes nothing"


def test_a_division_without_its_parent_or_with_a_wrong_code_is_refused(session: Session) -> None:
    with pytest.raises(UnknownDivision):
        operations.save_divisions(session, None, [DivisionRecord("990101001", "某街道")])
    with pytest.raises(CodeInvalid):
        operations.save_divisions(session, None, [DivisionRecord("9901", "某市")])


def test_the_database_refuses_a_cell_in_two_live_beats(session: Session) -> None:
    from sqlalchemy.exc import IntegrityError

    from tests.factories.grid import ground, store

    made = ground(1, communities=(1, 1), cells=(2, 2))
    store(session, made)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text("INSERT INTO grid.beat_cells (beat_id, cell_code, since) SELECT id, :cell, '2026-01-01' FROM grid.beats"),
            {"cell": made.codes[0]},
        )


def test_a_lookup_uses_the_spatial_index(session: Session) -> None:
    from tests.factories.grid import ground, store

    made = ground(1)
    store(session, made)
    session.execute(text("ANALYZE grid.cells"))
    inside = made.shapes[9].representative_point()
    plan = session.execute(
        text("EXPLAIN SELECT code FROM grid.cells WHERE ST_Intersects(geom, ST_SetSRID(ST_MakePoint(:x, :y), 4490)) AND ended_on IS NULL"),
        {"x": inside.x, "y": inside.y},
    ).scalars()
    assert "ix_cells_geom" in "\n".join(plan)
