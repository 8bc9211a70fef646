"""Choosing and editing conditions; editing calendars."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.errors import ClassNotFound
from cityops.identity.rules import Scope
from cityops.standards import operations as op
from cityops.standards import queries, rules
from cityops.standards.errors import (
    CalendarInvalid,
    ConditionChanged,
    ConditionClash,
    ConditionInvalid,
    ConditionNotFound,
    ConditionNotInForce,
    NoConditionForClass,
    StandardsEditRefused,
)
from cityops.standards.operations import CalendarChange, ConditionChange, Day
from tests.factories.identity import make_viewer
from tests.factories.standards import TODAY, new_condition

GB = "gbt30428.2-2013"
YESTERDAY = TODAY - timedelta(days=1)


def test_the_acceptor_s_choice_is_taken_if_it_belongs_to_the_class_and_the_day(session: Session) -> None:
    lamp = queries.conditions_of(session, GB, "component", "0137", TODAY)
    assert [row.number for row in lamp] == [1, 2, 3]
    assert queries.condition_for(session, GB, "component", "0137", TODAY, lamp[1].id).number == 2
    assert queries.condition_for(session, GB, "component", "0137", TODAY).number == 1
    with pytest.raises(ConditionNotInForce):
        queries.condition_for(session, GB, "component", "0138", TODAY, lamp[1].id)
    with pytest.raises(ConditionNotInForce):
        queries.condition_for(session, GB, "component", "0137", date(2019, 1, 1), lamp[1].id)
    with pytest.raises(ConditionNotFound):
        queries.condition_for(session, GB, "component", "0137", TODAY, 10**8)
    with pytest.raises(NoConditionForClass):
        queries.condition_for(session, GB, "component", "0137", date(1999, 1, 1))


def test_the_limit_follows_the_grade_of_the_area(session: Session) -> None:
    default = queries.condition_for(session, GB, "component", "0105", TODAY)
    assert [queries.limit_for(default, grade) for grade in ("A", "B", "C")] == [2, 3, 5]
    published = queries.condition_for(session, GB, "event", "0110", TODAY)
    assert [queries.limit_for(published, grade) for grade in ("A", "B", "C")] == [4, 4, 4]


def test_a_condition_with_changed_limits_ends_and_a_new_row_begins(session: Session) -> None:
    held = queries.condition_for(session, GB, "event", "0110", TODAY)
    follower = op.change_condition(session, None, TODAY, held.id, ConditionChange(limit_b=Decimal(2)), expected=held.version)
    assert (follower.id != held.id, follower.limit_b, follower.effective_from) == (True, 2, TODAY)
    assert (held.limit_b, held.effective_to) == (4, YESTERDAY)
    assert queries.condition_for(session, GB, "event", "0110", YESTERDAY).id == held.id
    assert queries.condition_for(session, GB, "event", "0110", TODAY).id == follower.id
    again = op.change_condition(session, None, TODAY, follower.id, ConditionChange(limit_b=Decimal(3)))
    assert again.id == follower.id  # nothing can have been filed under it on another day


def test_a_changed_department_is_written_in_place(session: Session) -> None:
    held = queries.condition_for(session, GB, "event", "0110", TODAY)
    assert op.change_condition(session, None, TODAY, held.id, ConditionChange(department_code="AD")).id == held.id


def test_an_ended_condition_and_a_stale_writer_are_refused(session: Session) -> None:
    held = queries.condition_for(session, GB, "event", "0110", TODAY)
    op.change_condition(session, None, TODAY, held.id, ConditionChange(limit_b=Decimal(2)))
    with pytest.raises(ConditionInvalid, match="ended"):
        op.change_condition(session, None, TODAY, held.id, ConditionChange(limit_b=Decimal(5)))
    with pytest.raises(ConditionChanged):
        op.change_condition(session, None, TODAY, held.id, ConditionChange(limit_b=Decimal(5)), expected=1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"limit_b": Decimal(0)}, "limit_b"),
        ({"unit": "fortnight"}, "unit"),
        ({"filing_en": " "}, "filing_en"),
        ({"effective_to": YESTERDAY}, "effective_to"),
    ],
)
def test_a_condition_that_makes_no_sense_names_the_field(session: Session, values: dict[str, object], field: str) -> None:
    with pytest.raises(ConditionInvalid) as refusal:
        op.add_condition(session, None, new_condition(**values))
    assert refusal.value.field == field


def test_an_added_condition_gets_the_next_number_and_cannot_clash(session: Session) -> None:
    first = op.add_condition(session, None, new_condition())
    second = op.add_condition(session, None, new_condition())
    assert second.number == first.number + 1
    with pytest.raises(ConditionClash):
        op.add_condition(session, None, new_condition(number=first.number))
    with pytest.raises(ClassNotFound):
        op.add_condition(session, None, new_condition(class_code="9999"))


@pytest.mark.parametrize("post", ["inspector", "acceptor", "handler", "supervisor"])
def test_only_planners_and_administrators_edit_standards(session: Session, post: str) -> None:
    viewer = make_viewer(session, post, scopes=(Scope(),))
    with pytest.raises(StandardsEditRefused):
        op.add_condition(session, viewer, new_condition())
    with pytest.raises(StandardsEditRefused):
        op.set_days(session, viewer, "default", [Day(TODAY, "holiday")])
    assert op.add_condition(session, make_viewer(session, "planner", scopes=(Scope(),)), new_condition()).id


def test_a_city_that_edits_the_default_calendar_gets_its_own(session: Session) -> None:
    op.change_calendar(session, None, "4113", CalendarChange(working_periods=[["09:00", "17:00"]]))
    assert queries.calendar_for(session, "4113").periods == ((540, 1020),)
    assert queries.calendar_for(session).periods == ((480, 720), (840, 1080))
    assert queries.calendar_for(session, "4113").holidays == queries.calendar_for(session).holidays


def test_a_day_the_city_sets_moves_the_deadline_and_can_be_taken_back(session: Session) -> None:
    friday = datetime(2026, 11, 20, 17, 0, tzinfo=ZoneInfo("Asia/Shanghai"))

    def due() -> datetime:
        return rules.due_at(friday, 1, "working_day", queries.calendar_for(session))

    assert due() == friday + timedelta(days=3)
    op.set_days(session, None, "default", [Day(date(2026, 11, 21), "workday", "补班", "make-up day")])
    assert due() == friday + timedelta(days=1)
    op.clear_days(session, None, "default", [date(2026, 11, 21)])
    assert due() == friday + timedelta(days=3)


def test_taking_back_a_day_brings_the_published_holiday_back(session: Session) -> None:
    op.set_days(session, None, "default", [Day(date(2026, 10, 1), "workday")])
    assert queries.calendar_for(session).is_workday(date(2026, 10, 1))
    op.clear_days(session, None, "default", [date(2026, 10, 1)])
    assert not queries.calendar_for(session).is_workday(date(2026, 10, 1))


@pytest.mark.parametrize("change", [CalendarChange(timezone="Mars/Olympus"), CalendarChange(working_periods=[["12:00", "08:00"]])])
def test_a_calendar_that_makes_no_sense_is_refused(session: Session, change: CalendarChange) -> None:
    with pytest.raises(CalendarInvalid):
        op.change_calendar(session, None, "default", change)


def test_the_same_day_twice_is_refused(session: Session) -> None:
    with pytest.raises(CalendarInvalid):
        op.set_days(session, None, "default", [Day(TODAY, "holiday"), Day(TODAY, "workday")])


def test_the_default_calendar_is_there_after_set_up(session: Session) -> None:
    row = session.execute(text("SELECT timezone, working_periods FROM standards.calendars WHERE city = 'default'")).one()
    assert (row.timezone, row.working_periods) == ("Asia/Shanghai", [["08:00", "12:00"], ["14:00", "18:00"]])
