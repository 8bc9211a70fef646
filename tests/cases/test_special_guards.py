"""What plain SQL cannot do to deadlines, marks and counts of a case: the rules of the special acts live in the database too."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.factories.cases import Town, make_town


@pytest.fixture
def town(session: Session, tmp_path: Path) -> Town:
    return make_town(session, tmp_path / "media")


def refused(session: Session, number: str, changes: str) -> str:
    with pytest.raises(IntegrityError) as caught, session.begin_nested():
        session.execute(text(f"UPDATE cases.cases SET {changes} WHERE number = :n"), {"n": number})
    return str(caught.value.orig)


@pytest.mark.parametrize(
    "changes",
    [
        "due_at = due_at + interval '1 day'", "state_due_at = state_due_at + interval '1 day'", "soon_at = now()", "delay_count = 1",
        "pending = 'delay'", "urgent = true", "simplified = true", "supervision = 'open', supervision_kind = 'leader'", "limit_value = 99",
        "overdue_count = 1", "return_count = 3",
    ],
)  # fmt: skip
def test_deadline_counts_and_marks_do_not_move_without_an_event(session: Session, town: Town, changes: str) -> None:
    number = town.bring_to(session, "handling").number
    assert "change with an event only" in refused(session, number, changes)


FAKE_EVENT = "event_count = event_count + 1, version = version + 1, "


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("delay_count = 1", "nobody applied"),
        ("suspension_count = 1", "nobody applied"),
        ("pending = 'delay', updated_at = due_at + interval '1 second'", "no delay can be applied for"),
        ("state = 'suspended', suspended_at = updated_at, suspended_until = updated_at + interval '1 day'", "suspended"),
        ("forced = true", "forced_is_closed"),
        ("exempt = true", "exempt_by_appeal"),
        ("appeal = 'asked'", "appeal_about_overdue"),
        ("appeal = 'approved', overdue_count = 1", "cannot go from"),
        ("pending = 'suspension'", "asks_for_a_date"),
        ("supervision = 'open'", "supervision_says_what"),
    ],
)
def test_even_with_an_event_a_rule_is_not_broken(session: Session, town: Town, changes: str, said: str) -> None:
    number = town.bring_to(session, "handling").number
    assert said in refused(session, number, FAKE_EVENT + changes)


def test_a_third_delay_is_refused_by_the_database_too(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    for _ in range(2):
        town.act(session, "handler", number, "apply_delay", reason="x")
        town.act(session, "dispatcher", number, "decide_delay", result="approved")
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 12, 1))
    assert "counted back" in refused(session, number, FAKE_EVENT + "delay_count = 1")
    with session.begin_nested() as nested:
        session.execute(text(f"UPDATE cases.cases SET {FAKE_EVENT} pending = 'delay', asked_until = NULL WHERE number = :n"), {"n": number})
        assert "at_most_two_delays" in refused(session, number, FAKE_EVENT + "delay_count = 3")
        nested.rollback()


def test_a_suspension_longer_than_a_year_is_refused(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 12, 1))
    said = refused(
        session, number,
        FAKE_EVENT + "pending = NULL, asked_until = NULL, state = 'suspended', suspension_count = 1, suspended_at = updated_at,"
        " suspended_until = updated_at + interval '367 days', state_due_at = updated_at + interval '367 days'",
    )  # fmt: skip
    assert "suspended_for_a_year" in said


def test_feedback_without_the_answer_is_refused(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.act(session, "supervisor", number, "supervise", result="overdue", note="x")
    town.act(session, "handler", number, "handle")
    assert "answered_before_feedback" in refused(session, number, FAKE_EVENT + "state = 'to_check'")


def test_leaving_the_end_is_counted_as_a_reopening(session: Session, town: Town) -> None:
    number = town.bring_to(session, "closed").number
    assert "is a reopening" in refused(session, number, FAKE_EVENT + "state = 'to_dispatch', state_due_at = now()")
