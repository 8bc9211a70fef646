"""The models of the room and its migrated tables are one and the same."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect

from cityops.db.base import Base
from cityops.gazetteer import models


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_models_and_tables_have_the_same_columns(engine: Engine) -> None:
    assert models.Base is Base
    inspector = inspect(engine)
    modelled = {table.name: table for table in Base.metadata.sorted_tables if table.schema == "gazetteer"}
    assert set(modelled) == set(inspector.get_table_names(schema="gazetteer"))
    for name, table in modelled.items():
        stored = {column["name"]: column["nullable"] for column in inspector.get_columns(name, schema="gazetteer")}
        assert {column.name: bool(column.nullable) for column in table.columns} == stored, name
