"""The models say what the migration made."""

from __future__ import annotations

from sqlalchemy import Engine, inspect

from cityops.db.base import Base
from cityops.identity import models


def test_every_table_of_the_room_has_the_columns_and_nulls_its_model_says(engine: Engine) -> None:
    inspector = inspect(engine)
    tables = {table.name: table for table in Base.metadata.tables.values() if table.schema == "identity"}
    assert models.User.__table__.name in tables
    assert set(inspector.get_table_names(schema="identity")) == set(tables)
    for name, table in tables.items():
        columns = inspector.get_columns(name, schema="identity")
        real = {column["name"]: (column["type"].compile(engine.dialect), column["nullable"]) for column in columns}
        said = {column.name: (column.type.compile(engine.dialect), bool(column.nullable)) for column in table.columns}
        assert {n: (t.split(" ")[0], null) for n, (t, null) in said.items()} == {
            n: (t.split(" ")[0], null) for n, (t, null) in real.items()
        }, name
        assert {key["referred_table"] for key in inspector.get_foreign_keys(name, schema="identity")} == {
            key.column.table.name for key in table.foreign_keys
        }
