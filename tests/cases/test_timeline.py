"""The deadline algebra against an oracle that walks minute by minute, and against the published holiday tables.

`ORACLE_TIMELINES` in the environment asks for a long run (100,000 for a release); the ordinary run takes some thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import chinese_calendar
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.cases.timeline import Disposal, as_text, from_text, replay
from cityops.cases.workflow import Limit, case_workflow
from cityops.standards.rules import Calendar, Unit
from tests.factories.cases import LONG_RUN

CHINA = Calendar(
    holidays=frozenset(chinese_calendar.constants.holidays),
    workdays=frozenset(chinese_calendar.constants.workdays),
    known_years=frozenset(range(2004, 2027)),
)
ZONE = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2024, 12, 31, 16, 0, tzinfo=UTC)
"""Midnight of New Year 2025 in China: the oracle's minute 0."""
DAYS = 730


def worked_minutes(calendar: Calendar) -> np.ndarray:
    """For each minute from FIRST on whether it is worked: drawn day by day, with no formula of ours."""
    days = []
    for n in range(DAYS):
        on = date(2025, 1, 1) + timedelta(days=n)
        works = on in calendar.workdays or (on.isoweekday() <= 5 and on not in calendar.holidays)
        day = np.zeros(1440, dtype=bool)
        for begin, end in calendar.periods:
            day[begin:end] = works
        days.append(day)
    return np.concatenate(days)


MINUTES = {
    "working": worked_minutes(CHINA),
    "wall": np.ones(DAYS * 1440, dtype=bool),
}


@dataclass(frozen=True)
class Story:
    """A random life of a disposal clock, in minutes since FIRST."""

    start: int
    limit_minutes: int
    unit: Unit
    extensions: int
    pauses: tuple[tuple[int, int], ...]

    def disposal(self) -> Disposal:
        run = Disposal(self.at(self.start), Decimal(self.limit_minutes) / self.per_unit, self.unit)
        for begin, end in self.pauses:
            run = run.paused(self.at(begin), self.at(end) + timedelta(days=30)).resumed(self.at(end))
        for _ in range(self.extensions):
            run = run.extended()
        return run

    @property
    def per_unit(self) -> int:
        return {"working_hour": 60, "urgent_hour": 60, "working_day": 480, "natural_day": 1440}[self.unit]

    @staticmethod
    def at(minute: int) -> datetime:
        return FIRST + timedelta(minutes=minute)

    def counted(self) -> np.ndarray:
        """Which minutes count: those of the unit, from the start, outside every pause."""
        counts = MINUTES["working" if self.unit.startswith("working") else "wall"].copy()
        counts[: self.start] = False
        for begin, end in self.pauses:
            counts[begin:end] = False
        return counts

    def oracle_due(self) -> datetime:
        """Step until the last minute that is allowed has been used; what a late pause covers is behind it already."""
        left = self.limit_minutes * (1 + self.extensions)
        at = int(np.flatnonzero(np.cumsum(self.counted()) == left)[0])
        return self.at(at + 1)

    def oracle_used(self, at: int) -> int:
        return int(self.counted()[:at].sum())


def random_story(random: np.random.Generator) -> Story:
    unit: Unit = ("working_hour", "urgent_hour", "working_day", "natural_day")[int(random.integers(4))]
    start = int(random.integers(0, 200 * 1440))
    longest = {"working_hour": 40 * 60, "urgent_hour": 72 * 60, "working_day": 20 * 480, "natural_day": 30 * 1440}[unit]
    marks = sorted(int(m) for m in start + random.integers(0, 120 * 1440, size=2 * int(random.integers(0, 3))))
    pauses = tuple((a, b) for a, b in zip(marks[::2], marks[1::2], strict=True) if a < b)
    return Story(start, int(random.integers(1, longest)), unit, int(random.integers(0, 3)), pauses)


def test_pauses_and_extensions_end_where_stepping_minute_by_minute_ends() -> None:
    random = np.random.default_rng(4113)
    shifted = extended = 0
    for _ in range(LONG_RUN or 3000):
        story = random_story(random)
        run = story.disposal()
        due = run.reaches(1, CHINA)
        assert due == story.oracle_due(), story
        moment = int(random.integers(story.start, story.start + 150 * 1440))
        assert round(run.used(story.at(moment), CHINA) * story.per_unit, 9) == story.oracle_used(moment), story
        shifted += any(story.at(begin) < due for begin, _ in story.pauses)
        extended += story.extensions > 0
    assert min(shifted, extended) > 300, "the stories were too tame to mean anything"


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_case_suspended_over_any_day_of_a_year_gets_that_days_working_time_back(year: int) -> None:
    """Against chinesecalendar itself: a pause from midnight to midnight moves the deadline by that day when it is worked."""
    on = date(year, 1, 1)
    while on.year == year:
        midnight = datetime(on.year, on.month, on.day, tzinfo=ZONE)
        run = Disposal(midnight - timedelta(days=1), Decimal(30), "working_day")
        moved = run.paused(midnight, midnight + timedelta(days=1)).extended()
        days = Decimal(60) + chinese_calendar.is_workday(on) if on + timedelta(days=130) < date(2027, 1, 1) else None
        if days is not None:
            whole = sum(
                chinese_calendar.is_workday(on + timedelta(days=n))
                for n in range(-1, (moved.reaches(1, CHINA).astimezone(ZONE).date() - on).days + 1)
            )
            assert whole == days, on
        assert moved.used(midnight + timedelta(days=1), CHINA) == int(chinese_calendar.is_workday(on - timedelta(days=1)))
        on += timedelta(days=1)


instants = st.integers(0, 300 * 1440 * 60).map(lambda n: FIRST + timedelta(seconds=n))
limits = st.decimals("0.01", 40, places=2)
units = st.sampled_from(["working_hour", "urgent_hour", "working_day", "natural_day"])


@settings(max_examples=500, deadline=None)
@given(instants, limits, units, st.integers(0, 2), st.integers(0, 40 * 86_400), st.integers(1, 40 * 86_400))
def test_what_is_used_at_the_deadline_is_what_is_allowed(
    start: datetime, value: Decimal, unit: Unit, extensions: int, after: int, length: int
) -> None:
    run = Disposal(start, value, unit, extensions).paused(start + timedelta(seconds=after), start + timedelta(seconds=after + length))
    due = run.reaches(1, CHINA)
    assert abs(run.used(due, CHINA) - run.allowed) < Decimal("1e-9")
    assert run.clock(CHINA).soon_at <= due


@settings(max_examples=300, deadline=None)
@given(instants, limits, units, st.integers(1, 40 * 86_400))
def test_a_pause_that_begins_after_the_deadline_saves_nobody(start: datetime, value: Decimal, unit: Unit, length: int) -> None:
    run = Disposal(start, value, unit)
    due = run.reaches(1, CHINA)
    assert run.paused(due + timedelta(seconds=1), due + timedelta(seconds=1 + length)).reaches(1, CHINA) == due


@settings(max_examples=300, deadline=None)
@given(instants, limits, units, st.integers(0, 86_400), st.integers(1, 30 * 86_400), st.integers(0, 30 * 86_400))
def test_who_looks_late_after_the_date_resumes_on_the_date(
    start: datetime, value: Decimal, unit: Unit, after: int, length: int, late: int
) -> None:
    begin = start + timedelta(seconds=after)
    until = begin + timedelta(seconds=length)
    run = Disposal(start, value, unit).paused(begin, until)
    assert run.resumed(until + timedelta(seconds=late)) == run


@pytest.mark.parametrize(
    "limit",
    [
        Limit(2.0, "working_hour"), Limit(0.5, "natural_day", within_disposal=True), Limit(None, None, disposal=True),
        Limit(None, None, until=True),
    ],
)  # fmt: skip
def test_the_limit_of_a_state_survives_in_an_event(limit: Limit) -> None:
    assert from_text(as_text(limit) or "") == limit
    assert as_text(None) is None


def test_old_events_keep_the_limits_they_were_written_with() -> None:
    """A city that edits its workflow changes what comes, not what was."""
    body = {"state_limit": "7 urgent_hour"}
    record = {"at": "2026-11-16T01:00:00.000000Z", "act": "report", "from": None, "to": "to_accept", "body": body}
    assert replay(case_workflow(), [record], CHINA).state_due_at == datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
    body.clear()
    assert replay(case_workflow(), [record], CHINA).state_due_at == datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
