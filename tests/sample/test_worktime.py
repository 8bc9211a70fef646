"""Limits over arrays say what the rules of the standards say, instant by instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityops.cases.chain import instant
from cityops.sample.worktime import EPOCH, DeskTime, WorkTime, counted_us, is_working, iso, to_us
from cityops.standards.rules import HOUR_US, UNITS, Calendar, due_at

CALENDAR = Calendar(holidays=frozenset({date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 5)}), workdays=frozenset({date(2026, 10, 10)}))
WORK = WorkTime(CALENDAR, date(2026, 1, 1), date(2027, 12, 31))
MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(MOMENTS, st.sampled_from(UNITS), st.sampled_from([Decimal("0.5"), Decimal(1), Decimal("1.6"), Decimal(2), Decimal(4), Decimal(15)]))
def test_a_deadline_over_arrays_is_the_deadline_of_the_rules(at: datetime, unit: str, value: Decimal) -> None:
    start = np.array([to_us(at)])
    amount = np.array([counted_us(value, unit, WORK.day_us)])
    found = WORK.add(start, amount, np.array([is_working(unit)]))
    assert EPOCH + timedelta(microseconds=int(found[0])) == due_at(at, value, unit, CALENDAR)  # type: ignore[arg-type]  # one of UNITS


@given(MOMENTS, st.integers(1, 40))
def test_going_back_in_working_time_undoes_going_forward(at: datetime, hours: int) -> None:
    start = np.array([to_us(at)])
    amount = np.array([hours * HOUR_US])
    working = np.array([True])
    there = WORK.add(start, amount, working)
    assert WORK.worked(WORK.add(there, -amount, working)) == WORK.worked(start)


@given(MOMENTS, st.integers(0, 3 * 12 * 60))
def test_desks_act_only_between_eight_and_twenty(at: datetime, minutes: int) -> None:
    desk = DeskTime(8 * HOUR_US)
    there = int(desk.later(np.array([to_us(at)]), np.array([minutes * 60_000_000]))[0])
    local = EPOCH + timedelta(microseconds=there) + timedelta(hours=8)
    assert 8 <= local.hour < 20 or (local.hour, local.minute, local.second) == (20, 0, 0)


@given(MOMENTS)
def test_times_are_written_as_the_chain_writes_them(at: datetime) -> None:
    assert iso(np.array([to_us(at)])) == [instant(at)]


def test_a_zone_that_changes_its_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="changes its offset"):
        WorkTime(Calendar(timezone="Europe/Helsinki"), date(2026, 1, 1), date(2026, 12, 31))
