"""`cityops cases` at the command line: plain lines, an exit code, and a chain that leaves the house."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cityops.cli.main import main
from cityops.db.session import unit_of_work
from tests.factories.cases import Town, saved_town


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def town(database: Engine, home: Path) -> Town:
    made = saved_town(database, home / "media")
    with unit_of_work(database) as session:
        made.done = [made.bring_to(session, "closed"), made.bring_to(session, "handling")]
    return made


@pytest.fixture(autouse=True)
def city_of_the_test(database: Engine, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYOPS_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CITYOPS_HOME", str(home))


def test_verify_says_that_all_is_well(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "verify"]) == 0
    assert "2 cases, 15 events and 4 photos: every chain holds" in capsys.readouterr().out
    assert main(["cases", "verify", "--case", town.done[1].number]) == 0
    assert "1 cases, 5 events" in capsys.readouterr().out


def test_verify_names_a_fault_and_fails(town: Town, database: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    def flip(old: str, new: str) -> None:
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE cases.events DISABLE TRIGGER append_only"))
            connection.execute(text("UPDATE cases.events SET body = replace(body, :old, :new) WHERE seq = 1"), {"old": old, "new": new})
            connection.execute(text("ALTER TABLE cases.events ENABLE TRIGGER append_only"))

    flip("暴露垃圾", "暴露圾垃")
    try:
        assert main(["cases", "verify"]) == 1
        said = capsys.readouterr().out
        assert f"{town.done[0].number}: digest-mismatch: event 1 was changed" in said and "2 faults in 2 cases" in said
    finally:
        flip("暴露圾垃", "暴露垃圾")


def test_a_number_that_does_not_exist_is_one_line(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "verify", "--case", "411303-20000101-00001"]) == 1
    assert "There is no case 411303-20000101-00001" in capsys.readouterr().err


def test_an_exported_chain_comes_with_the_script_that_checks_it(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "chain.jsonl"
    assert main(["cases", "export-chain", town.done[0].number, "--out", str(out)]) == 0
    answer = subprocess.run(
        [sys.executable, "-I", tmp_path / "offline_verifier.py", out], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert answer.returncode == 0 and "10 events, chain holds" in answer.stdout


def test_a_folder_that_cannot_be_written_is_one_line(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "export-chain", town.done[0].number, "--out", "/no/such/folder/chain.jsonl"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_tick_resumes_what_is_due_and_says_how_many(
    town: Town, database: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with unit_of_work(database) as session:
        numbers = [town.bring_to(session, "handling").number for _ in range(2)]
        for number, until_on in zip(numbers, (date(2026, 11, 20), date(2027, 11, 1)), strict=True):
            town.act(session, "handler", number, "apply_suspension", reason="等待施工季节", until_on=until_on)
            town.act(session, "dispatcher", number, "decide_suspension", result="approved")
    monkeypatch.setattr("cityops.clock.now", lambda: datetime(2026, 11, 21, tzinfo=UTC))
    assert main(["cases", "tick"]) == 0
    assert "1 suspended cases resumed" in "".join(capsys.readouterr())
    assert main(["cases", "tick"]) == 0
    assert "0 suspended cases resumed" in "".join(capsys.readouterr())
    with database.connect() as connection:
        states = dict(connection.execute(text("SELECT number, state FROM cases.cases WHERE number = ANY(:n)"), {"n": numbers}).all())
    assert [states[number] for number in numbers] == ["handling", "suspended"]
    assert main(["cases", "verify"]) == 0
