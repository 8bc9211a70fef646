"""What the database itself refuses, whoever asks and however: the rules of a case file do not depend on our code."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.cases.offline_verifier import canonical, digest_of
from cityops.db.session import unit_of_work
from tests.factories.cases import Town, make_town, saved_town


@pytest.fixture
def town(session: Session, tmp_path: Path) -> Town:
    return make_town(session, tmp_path / "media")


def refused(session: Session, statement: str, **params: object) -> str:
    with pytest.raises(IntegrityError) as caught, session.begin_nested():
        session.execute(text(statement), params)
    return str(caught.value.orig)


def test_an_illegal_transition_by_plain_sql_is_refused(session: Session, town: Town) -> None:
    number = town.report(session).number
    said = refused(session, "UPDATE cases.cases SET state = 'closed', state_due_at = NULL, event_count = 2 WHERE number = :n", n=number)
    assert "cannot go from to_accept to closed" in said


def test_a_legal_transition_without_its_event_is_refused(session: Session, town: Town) -> None:
    number = town.report(session).number
    assert "cannot go" in refused(session, "UPDATE cases.cases SET state = 'to_file' WHERE number = :n", n=number)


def test_an_event_can_neither_be_changed_nor_taken_away(session: Session, town: Town) -> None:
    town.report(session)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # TRUNCATE waits for no pending check
    for statement in (
        "UPDATE cases.events SET body = replace(body, 'x', 'y')",
        "DELETE FROM cases.events",
        "TRUNCATE cases.events CASCADE",
        "DELETE FROM cases.cases",
        "DELETE FROM cases.photos",
    ):
        assert "append-only" in refused(session, statement)


def test_who_reported_when_and_under_which_number_stays(session: Session, town: Town) -> None:
    number = town.report(session).number
    for column, value in (("number", "'411303-20261116-00099'"), ("reporter_id", "1"), ("reported_at", "now()")):
        assert "fixed" in refused(session, f"UPDATE cases.cases SET {column} = {value} WHERE number = :n", n=number)


def test_an_open_case_without_a_deadline_is_refused(session: Session, town: Town) -> None:
    number = town.report(session).number
    assert "deadline" in refused(session, "UPDATE cases.cases SET state_due_at = NULL WHERE number = :n", n=number)


def test_an_event_that_does_not_continue_the_chain_is_refused(session: Session, town: Town) -> None:
    written = town.report(session)
    head = session.execute(text("SELECT digest FROM cases.events WHERE case_id = :id"), {"id": written.id}).scalar_one()
    good = {"seq": 2, "act": "accept", "post": "acceptor", "from": "to_accept", "to": "to_file", "prev": bytes(head)}
    for wrong in (
        {"digest": bytes(32)},
        {"prev": bytes(32)},
        {"seq": 3},
        {"act": "close"},
        {"to": "closed"},
        {"from": "to_file", "act": "file", "to": "to_dispatch", "post": "shift_leader"},
        {"post": "inspector"},
    ):
        event = good | wrong
        body = canonical({"forged": True})
        digest = event.get("digest") or digest_of(event["prev"], body)  # type: ignore[arg-type]  # the table above holds bytes there
        said = refused(
            session,
            "INSERT INTO cases.events (case_id, seq, at, act, actor_id, actor_post, from_state, to_state, body, prev_digest, digest)"
            " VALUES (:id, :seq, :at, :act, 1, :post, :from, :to, :body, :prev, :digest)",
            id=written.id, at=town.now, body=body, **(event | {"digest": digest}),
        )  # fmt: skip
        assert "does not continue its chain" in said, wrong


def test_a_case_cannot_begin_in_the_middle(session: Session, town: Town) -> None:
    number = town.report(session).number
    said = refused(
        session,
        "INSERT INTO cases.cases (number, state, stage, kind, edition, class_code, source, cell_code, reporter_id, reported_at,"
        " state_due_at, event_count, head_digest, updated_at)"
        " SELECT '411303-20261116-00077', 'handling', 4, kind, edition, class_code, source, cell_code,"
        " reporter_id, reported_at, state_due_at, 1, head_digest, updated_at FROM cases.cases WHERE number = :n",
        n=number,
    )
    assert "cannot be in state handling" in said


def test_a_forged_event_beside_the_row_is_refused_at_commit(database: Engine, tmp_path: Path) -> None:
    """The forger knows the rule of the chain and the workflow, but does not move the row that stands on the chain."""
    town = saved_town(database, tmp_path / "media")
    with unit_of_work(database) as session:
        written = town.report(session)
    with database.connect() as connection:
        head = bytes(connection.execute(text("SELECT digest FROM cases.events WHERE case_id = :id"), {"id": written.id}).scalar_one())
    body = canonical({"forged": True})
    with pytest.raises(IntegrityError, match="does not stand on the last event"), database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cases.events (case_id, seq, at, act, actor_id, actor_post, from_state, to_state, body, prev_digest, digest)"
                " VALUES (:id, 2, :at, 'accept', 1, 'acceptor', 'to_accept', 'to_file', :body, :prev, :digest)"
            ),
            {"id": written.id, "at": town.now, "body": body, "prev": head, "digest": digest_of(head, body)},
        )
