"""Time limits against an oracle that walks minute by minute, and working days against the published holiday tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.standards import rules
from cityops.standards.errors import CalendarInvalid, LimitInvalid
from cityops.standards.rules import Calendar, due_at, elapsed, light, limit_of, parse_periods, soon_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Calendar(
    holidays=frozenset(chinese_calendar.constants.holidays),
    workdays=frozenset(chinese_calendar.constants.workdays),
    known_years=frozenset(range(2004, 2027)),
)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)


def works_at(at: datetime, calendar: Calendar) -> bool:
    """The oracle's own idea of working time: whether the minute that begins at `at` is worked."""
    here = at.astimezone(ZoneInfo(calendar.timezone))
    if here.date() in calendar.workdays:
        works = True
    elif here.date() in calendar.holidays:
        works = False
    else:
        works = here.isoweekday() <= 5
    minute = here.hour * 60 + here.minute
    return works and any(begin <= minute < end for begin, end in calendar.periods)


def oracle_due(start: datetime, minutes: int, calendar: Calendar) -> datetime:
    at = start
    while minutes:
        if works_at(at, calendar):
            minutes -= 1
        at += timedelta(minutes=1)
    return at


def oracle_elapsed(start: datetime, end: datetime, calendar: Calendar) -> int:
    at, minutes = start, 0
    while at < end:
        minutes += works_at(at, calendar)
        at += timedelta(minutes=1)
    return minutes


minutes_of_2024_to_2026 = st.integers(0, 3 * 365 * 24 * 60 - 1).map(lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any calendar: one to four periods, holidays and shifted workdays scattered over the tested years."""
    marks = sorted(draw(st.sets(st.integers(0, 48), min_size=2, max_size=8)))
    periods = tuple((a * 30, b * 30) for a, b in zip(marks[::2], marks[1::2], strict=False))
    days = st.integers(0, 3 * 366).map(lambda n: date(2024, 1, 1) + timedelta(days=n))
    holidays = draw(st.frozensets(days, max_size=40))
    return Calendar(
        periods=periods,
        timezone=draw(st.sampled_from(["Asia/Shanghai", "Asia/Kathmandu", "UTC"])),
        holidays=holidays,
        workdays=draw(st.frozensets(days, max_size=40)) - holidays,
    )


@settings(max_examples=1500, deadline=None)
@given(minutes_of_2024_to_2026, st.integers(0, 4 * 8 * 60), st.sampled_from([CHINA, Calendar()]))
def test_a_limit_in_working_time_is_due_where_stepping_minute_by_minute_ends(start: datetime, minutes: int, calendar: Calendar) -> None:
    due = due_at(start, Decimal(minutes) / 60, "working_hour", calendar)
    assert due == oracle_due(start, minutes, calendar)


@settings(max_examples=500, deadline=None)
@given(minutes_of_2024_to_2026, st.integers(0, 2 * 24 * 60), calendars())
def test_any_calendar_agrees_with_stepping_minute_by_minute(start: datetime, span_minutes: int, calendar: Calendar) -> None:
    end = start + timedelta(minutes=span_minutes)
    worked = oracle_elapsed(start, end, calendar)
    assert elapsed(start, end, "working_hour", calendar) * 60 == pytest.approx(worked)
    assert due_at(start, Decimal(worked) / 60, "working_hour", calendar) <= end


@settings(max_examples=1500, deadline=None)
@given(
    minutes_of_2024_to_2026,
    st.integers(0, 59_999_999),
    st.decimals(0, 60, places=2),
    st.sampled_from(rules.UNITS),
    st.one_of(st.just(CHINA), calendars()),
)
def test_what_is_elapsed_at_the_deadline_is_the_limit(
    start: datetime, microseconds: int, value: Decimal, unit: rules.Unit, calendar: Calendar
) -> None:
    start += timedelta(microseconds=microseconds)
    due = due_at(start, value, unit, calendar)
    assert elapsed(start, due, unit, calendar) == value
    assert due >= start
    assert due.tzinfo is UTC


@settings(max_examples=500, deadline=None)
@given(minutes_of_2024_to_2026, st.decimals(0, 20, places=2), st.decimals(0, 20, places=2), st.sampled_from(rules.UNITS))
def test_a_longer_limit_is_never_due_earlier_and_limits_add_up(start: datetime, one: Decimal, two: Decimal, unit: rules.Unit) -> None:
    together = due_at(start, one + two, unit, CHINA)
    assert due_at(start, one, unit, CHINA) <= together
    assert due_at(due_at(start, one, unit, CHINA), two, unit, CHINA) == (together if two else due_at(start, one, unit, CHINA))


@pytest.mark.parametrize("year", range(2004, 2027))
def test_working_days_of_a_year_are_those_that_were_published(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert CHINA.is_workday(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 22 * 365), st.integers(0, 800))
def test_counting_working_days_by_arithmetic_equals_counting_them_one_by_one(offset: int, length: int) -> None:
    first = date(2004, 1, 1) + timedelta(days=offset)
    counted = CHINA.workdays_before(first.toordinal() + length) - CHINA.workdays_before(first.toordinal())
    assert counted == sum(CHINA.is_workday(first + timedelta(days=n)) for n in range(length))


def test_a_working_day_given_on_tuesday_afternoon_is_due_on_wednesday_at_the_same_hour() -> None:
    assert due_at(local(2026, 11, 17, 15, 0), 1, "working_day", CHINA) == local(2026, 11, 18, 15, 0)


def test_working_hours_skip_the_noon_rest_the_night_and_the_weekend() -> None:
    assert due_at(local(2026, 11, 20, 11, 30), 2, "working_hour", CHINA) == local(2026, 11, 20, 15, 30)
    assert due_at(local(2026, 11, 20, 17, 0), 2, "working_hour", CHINA) == local(2026, 11, 23, 9, 0)


def test_a_limit_that_ends_with_a_period_is_due_at_its_end_and_not_when_the_next_begins() -> None:
    assert due_at(local(2026, 11, 20, 8, 0), 4, "working_hour", CHINA) == local(2026, 11, 20, 12, 0)


def test_national_day_week_and_its_shifted_workday_are_respected() -> None:
    # 1 to 7 October 2026 are off, Saturday 10 October is worked.
    assert due_at(local(2026, 9, 30, 16, 0), 1, "working_day", CHINA) == local(2026, 10, 8, 16, 0)
    assert due_at(local(2026, 10, 9, 16, 0), 1, "working_day", CHINA) == local(2026, 10, 10, 16, 0)


def test_urgent_hours_and_natural_days_run_through_night_and_holiday() -> None:
    assert due_at(local(2026, 10, 1, 23, 0), 2, "urgent_hour", CHINA) == local(2026, 10, 2, 1, 0)
    assert due_at(local(2026, 10, 1, 23, 0), 2, "natural_day", CHINA) == local(2026, 10, 3, 23, 0)


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [("0", 4, "ok"), ("3.19", 4, "ok"), ("3.2", 4, "soon"), ("4", 4, "soon"), ("4.0001", 4, "late")],
)
def test_the_light_turns_at_four_fifths_and_after_the_whole_of_the_limit(used: str, limit: int, expected: str) -> None:
    assert light(Decimal(used), limit) == expected


def test_a_paused_clock_shows_as_paused_however_late_it_is() -> None:
    assert light(Decimal(99), 1, paused=True) == "paused"


@settings(max_examples=300, deadline=None)
@given(minutes_of_2024_to_2026, st.decimals("0.01", 30, places=2), st.sampled_from(rules.UNITS))
def test_the_light_is_soon_from_the_stored_instant_on(start: datetime, value: Decimal, unit: rules.Unit) -> None:
    turn = soon_at(start, value, unit, CHINA)
    assert light(elapsed(start, turn, unit, CHINA), value) == "soon"
    assert light(elapsed(start, turn - timedelta(seconds=1), unit, CHINA), value) == "ok"


def test_an_area_grade_without_a_limit_takes_that_of_ordinary_areas() -> None:
    limits: dict[rules.Grade, Decimal | None] = {"A": None, "B": Decimal(4), "C": Decimal(9)}
    assert [limit_of(limits, grade) for grade in ("A", "B", "C")] == [4, 4, 9]
    with pytest.raises(LimitInvalid):
        limit_of({"A": None}, "B")


@pytest.mark.parametrize(
    "periods", [[], [["12:00", "08:00"]], [["08:00", "12:00"], ["11:00", "18:00"]], [["08:00", "25:00"]], [["8"]], [[8, 12]], None]
)
def test_working_periods_that_make_no_day_are_refused_with_the_field(periods: object) -> None:
    with pytest.raises(CalendarInvalid) as refusal:
        Calendar(periods=parse_periods(periods))  # type: ignore[arg-type]  # the wrong types are the point
    assert refusal.value.field == "working_periods"


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 10**9])
def test_a_limit_that_is_no_length_of_time_is_refused(value: float) -> None:
    with pytest.raises(LimitInvalid):
        due_at(local(2026, 1, 1), value, "working_day", CHINA)


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LimitInvalid, match="fortnight"):
        due_at(local(2026, 1, 1), 1, "fortnight", CHINA)  # type: ignore[arg-type]  # the wrong unit is the point


def test_a_day_cannot_be_holiday_and_working_day_at_once() -> None:
    with pytest.raises(CalendarInvalid):
        Calendar(holidays=frozenset({date(2026, 1, 1)}), workdays=frozenset({date(2026, 1, 1)}))


@pytest.mark.parametrize("unit", rules.UNITS)
def test_a_limit_that_would_end_after_the_last_year_there_is_is_refused(unit: rules.Unit) -> None:
    minute_a_day = Calendar(periods=((0, 1),))
    with pytest.raises(LimitInvalid):
        due_at(local(9990, 1, 1), 100_000, unit, minute_a_day)
