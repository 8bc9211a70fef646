"""`cityops cases verify` finds whatever somebody with all rights over the database and the disk has altered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cityops.cases import offline_verifier
from cityops.cases.errors import CaseNotFound
from cityops.cases.verify import Finding, Walk, count_events, export_chain, walk
from cityops.db.session import unit_of_work
from cityops.media import storage
from tests.factories.cases import Town, saved_town


@pytest.fixture(scope="module")
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def town(database: Engine, media_dir: Path) -> Town:
    made = saved_town(database, media_dir)
    with unit_of_work(database) as session:
        made.done = [made.bring_to(session, state) for state in ("to_accept", "to_handle", "checking", "closed", "closed")]
    return made


def findings(engine: Engine, media_dir: Path, number: str | None = None) -> list[Finding]:
    seen = Walk()
    found = [finding for batch in walk(engine, media_dir, seen, number) for finding in batch]
    assert seen.findings == len(found)
    assert seen.events == count_events(engine, number)
    return found


@pytest.fixture
def forger(database: Engine) -> Iterator[Engine]:
    """Whoever owns the database can switch its guards off; everything is put back afterwards."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE kept_cases AS TABLE cases.cases"))
        connection.execute(text("CREATE TABLE kept_events AS TABLE cases.events"))
    yield database
    with database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM cases.events"))
        connection.execute(text("DELETE FROM cases.cases"))
        connection.execute(text("INSERT INTO cases.cases SELECT * FROM kept_cases"))
        connection.execute(text("INSERT INTO cases.events SELECT * FROM kept_events"))
        connection.execute(text("DROP TABLE kept_cases, kept_events"))


def ask(engine: Engine, statement: str, **params: object) -> Any:  # a single value of any type
    with engine.connect() as connection:
        return connection.execute(text(statement), params).scalars().first()


def forge(engine: Engine, statement: str, **params: object) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        assert connection.execute(text(statement), params).rowcount


def test_untouched_chains_hold(database: Engine, town: Town, media_dir: Path) -> None:
    assert findings(database, media_dir) == []


FORGERIES = {
    "one flipped byte": (
        "UPDATE cases.events SET body = overlay(body PLACING '~' FROM 20) WHERE case_id = :id AND seq = 3",
        "digest-mismatch",
    ),
    "a text with its digest made anew": (
        "UPDATE cases.events SET body = replace(body, '0.', '1.'),"
        " digest = sha256(prev_digest || convert_to(replace(body, '0.', '1.'), 'UTF8'))"
        " WHERE case_id = :id AND seq = 1",
        "link-broken",
    ),
    "an event taken out": ("DELETE FROM cases.events WHERE case_id = :id AND seq = 4", "gap"),
    "the last event taken out": (
        "DELETE FROM cases.events WHERE case_id = :id AND seq = (SELECT max(seq) FROM cases.events WHERE case_id = :id)",
        "count-mismatch",
    ),
    "all events taken out": ("DELETE FROM cases.events WHERE case_id = :id", "count-mismatch"),
    "a column that says something else": ("UPDATE cases.events SET actor_id = 999 WHERE case_id = :id AND seq = 2", "column-differs"),
    "a time that says something else": (
        "UPDATE cases.events SET at = at + interval '1 microsecond' WHERE case_id = :id AND seq = 2",
        "column-differs",
    ),
    "a digest": ("UPDATE cases.events SET digest = decode(repeat('ab', 32), 'hex') WHERE case_id = :id AND seq = 2", "digest-mismatch"),
    "the head": ("UPDATE cases.cases SET head_digest = decode(repeat('ab', 32), 'hex') WHERE id = :id", "head-mismatch"),
    "the count": ("UPDATE cases.cases SET event_count = event_count + 1 WHERE id = :id", "count-mismatch"),
    "the state": ("UPDATE cases.cases SET state = 'to_close', state_due_at = now() WHERE id = :id", "state-differs"),
    "the number": ("UPDATE cases.cases SET number = '411303-20261116-00050' WHERE id = :id", "foreign-event"),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_found_and_named(forger: Engine, town: Town, media_dir: Path, kind: str) -> None:
    statement, code = FORGERIES[kind]
    forge(forger, statement, id=town.done[3].id)
    found = findings(forger, media_dir)
    assert code in {finding.code for finding in found}
    if kind != "the number":
        assert {finding.number for finding in found} == {town.done[3].number}, "the other cases stay above suspicion"


def test_every_single_byte_of_an_event_counts(forger: Engine, town: Town, media_dir: Path) -> None:
    number, case_id = town.done[0].number, town.done[0].id
    length = ask(forger, "SELECT length(body) FROM cases.events WHERE case_id = :id", id=case_id)
    for at in range(1, length + 1, 7):
        forge(forger, "UPDATE cases.events SET body = overlay(body PLACING '~' FROM :at FOR 1) WHERE case_id = :id", id=case_id, at=at)
        assert "digest-mismatch" in {f.code for f in findings(forger, media_dir, number)}
        forge(forger, "UPDATE cases.events SET body = k.body FROM kept_events AS k WHERE k.case_id = events.case_id AND k.seq = events.seq")


def test_a_case_that_vanished_leaves_a_gap_in_the_numbers(forger: Engine, town: Town, media_dir: Path) -> None:
    forge(forger, "DELETE FROM cases.events WHERE case_id = :id", id=town.done[1].id)
    forge(forger, "DELETE FROM cases.cases WHERE id = :id", id=town.done[1].id)
    assert ("411303-20261116", "number-gap") in {(f.number, f.code) for f in findings(forger, media_dir)}


def test_a_changed_and_a_missing_photo_are_found(database: Engine, town: Town, media_dir: Path) -> None:
    query = "SELECT m.digest FROM cases.photos p JOIN media.photos m ON m.id = p.photo_id WHERE p.case_id = :id ORDER BY p.seq"
    digest = bytes(ask(database, query, id=town.done[3].id))
    path = storage.path_of(media_dir, digest)
    whole = path.read_bytes()
    try:
        path.chmod(0o640)
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert [(f.number, f.code) for f in findings(database, media_dir)] == [(town.done[3].number, "photo-changed")]
        path.unlink()
        assert [(f.number, f.code) for f in findings(database, media_dir)] == [(town.done[3].number, "photo-missing")]
    finally:
        path.write_bytes(whole)


def test_one_case_can_be_verified_alone(forger: Engine, town: Town, media_dir: Path) -> None:
    forge(forger, FORGERIES["one flipped byte"][0], id=town.done[3].id)
    assert findings(forger, media_dir, town.done[4].number) == []
    assert findings(forger, media_dir, town.done[3].number) != []


def test_a_number_that_does_not_exist_is_said_so(database: Engine, media_dir: Path, town: Town) -> None:
    with pytest.raises(CaseNotFound):
        findings(database, media_dir, "411303-20000101-00001")


@pytest.fixture
def exported(database: Engine, town: Town, tmp_path: Path) -> Path:
    path = tmp_path / "chain.jsonl"
    with path.open("w", encoding="utf-8") as out:
        assert export_chain(database, [town.done[3].number, town.done[0].number], out) == 11
    return path


def check_alone(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing of ours on the path: isolated mode, another folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(script), *map(str, arguments)], capture_output=True, text=True, cwd=script.parent, check=False
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    copied = tmp_path / "elsewhere" / "offline_verifier.py"
    copied.parent.mkdir()
    copied.write_text(Path(offline_verifier.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    return copied


def test_an_exported_chain_is_verified_without_us(exported: Path, script: Path, media_dir: Path) -> None:
    answer = check_alone(script, exported, "--photos", media_dir)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.count("chain holds") == 2


def test_a_chain_altered_after_the_export_is_found_without_us(exported: Path, script: Path) -> None:
    lines = exported.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        row = json.loads(line)
        if "text" in row:
            row["text"] = row["text"].replace("to_", "TO_", 1) if "to_" in row["text"] else row["text"] + " "
        else:
            row["event_count"] += 1
        exported.write_text("\n".join([*lines[:i], json.dumps(row), *lines[i + 1 :]]), encoding="utf-8")
        assert check_alone(script, exported).returncode == 1, f"line {i} was altered"
    exported.write_text("\n".join(lines[:5] + lines[6:]), encoding="utf-8")
    assert check_alone(script, exported).returncode == 1


def test_a_photo_missing_beside_an_exported_chain_is_found(exported: Path, script: Path, tmp_path: Path) -> None:
    answer = check_alone(script, exported, "--photos", tmp_path / "elsewhere")
    assert answer.returncode == 1 and "photo-missing-or-changed" in answer.stdout


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"text": "x", "digest": "00"}'])
def test_a_file_that_is_no_chain_gets_one_clear_line(script: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "nonsense"
    path.write_text(content)
    answer = check_alone(script, path)
    assert answer.returncode == 2 and len(answer.stderr.splitlines()) == 1 and "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("forged", "column"),
    [
        ("department_id = NULL", "department_id"),
        ("class_code = '9999'", "class_code"),
        ("description = 'everything was fine'", "description"),
        ("due_at = due_at + interval '30 days'", "due_at"),
        ("closed_at = closed_at - interval '5 days'", "closed_at"),
        ("rework_count = rework_count + 1", "rework_count"),
    ],
)
def test_a_row_that_says_other_than_its_chain_is_found(database: Engine, town: Town, media_dir: Path, forged: str, column: str) -> None:
    number = town.done[-1].number
    with database.connect() as connection:
        kept = connection.execute(text(f"SELECT {column} FROM cases.cases WHERE number = :n"), {"n": number}).scalar()
    with database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"UPDATE cases.cases SET {forged} WHERE number = :n"), {"n": number})
    try:
        found = findings(database, media_dir, number)
    finally:
        with database.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"UPDATE cases.cases SET {column} = :kept WHERE number = :n"), {"kept": kept, "n": number})
    assert [finding.code for finding in found] == ["row-differs"]
    assert column in found[0].detail
    assert not findings(database, media_dir, number)
