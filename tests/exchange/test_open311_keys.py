"""The tables of Open311, and `cityops open311 key` on the command line."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, inspect

from cityops.cli import open311
from cityops.db.base import Base
from cityops.db.session import unit_of_work
from cityops.exchange.open311 import models
from cityops.exchange.open311.errors import KeyLabelTaken, KeyNotFound
from cityops.exchange.open311.queries import living_key


def test_models_and_tables_have_the_same_columns(engine: Engine) -> None:
    assert models.Base is Base
    inspector = inspect(engine)
    modelled = {table.name: table for table in Base.metadata.sorted_tables if table.schema == "exchange"}
    assert set(modelled) == set(inspector.get_table_names(schema="exchange"))
    for name, table in modelled.items():
        stored = {column["name"]: column["nullable"] for column in inspector.get_columns(name, schema="exchange")}
        assert {column.name: bool(column.nullable) for column in table.columns} == stored, name


@pytest.fixture
def command(database: Engine, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    """The command, working in the test's own city."""

    @contextlib.contextmanager
    def city() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(engine=database)

    monkeypatch.setattr(open311, "open_city", city)
    parser = argparse.ArgumentParser()
    open311.add_parser(parser.add_subparsers())
    return parser


def test_a_key_is_added_listed_and_revoked(command: argparse.ArgumentParser, database: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        arguments = command.parse_args(["open311", "key", *words])
        arguments.run(arguments)
        return capsys.readouterr().out.strip()

    key = run("add", "city-app", "--contact", "app@example.org", "--per-minute", "30")
    with unit_of_work(database) as session:
        held = living_key(session, key)
        assert held is not None and held.per_minute == 30
    assert "city-app" in run("list") and key not in run("list")
    with pytest.raises(KeyLabelTaken):
        run("add", "city-app", "--contact", "x")
    assert "revoked" in run("revoke", "city-app")
    assert "revoked" in run("list")
    with pytest.raises(KeyNotFound):
        run("revoke", "city-app")
