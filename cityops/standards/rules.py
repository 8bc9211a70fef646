"""Time limits: what four units mean, when a limit is due, how much of it is used. Pure, without a database or a clock.

Units. `urgent_hour` and `natural_day` run without a pause, at night and on holidays. `working_hour` runs only inside the
working periods of working days. `working_day` is one day's worth of those periods, so a limit of one working day given on
Tuesday at 15:00 is due on Wednesday at 15:00, and one given on a Sunday is due when Monday's last period ends.

All times going in and out are aware. Counting is exact: whole microseconds inside, `Decimal` outside, so that
`elapsed(start, due_at(start, v, unit, c), unit, c) == v` for every limit of up to six decimals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from cityops.standards.errors import CalendarInvalid, LimitInvalid

Unit = Literal["urgent_hour", "working_hour", "working_day", "natural_day"]
UNITS: tuple[Unit, ...] = ("urgent_hour", "working_hour", "working_day", "natural_day")

Light = Literal["ok", "soon", "late", "paused"]
SOON_SHARE = Decimal("0.8")
"""The share of its limit after which a case is shown as soon due."""

Grade = Literal["A", "B", "C"]

MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MAX_LIMIT = Decimal(100_000)


@dataclass(frozen=True)
class Calendar:
    """The working time of a city: daily periods, and the days that differ from the ordinary week (Monday to Friday).

    `periods` are (from, to) in minutes after local midnight, in order and apart. `holidays` are days off, `workdays` are
    days worked (a Saturday that makes up for a holiday); a day in neither follows the week. `known_years` are the years
    whose holidays are known: outside them only weekends are days off, and whoever shows a deadline there should say so.
    """

    periods: tuple[tuple[int, int], ...] = ((8 * 60, 12 * 60), (14 * 60, 18 * 60))
    timezone: str = "Asia/Shanghai"
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    known_years: frozenset[int] = field(default=frozenset())

    def __post_init__(self) -> None:
        ends = [0]
        for begin, end in self.periods:
            if not ends[-1] <= begin < end <= 24 * 60:
                raise CalendarInvalid(
                    field="working_periods",
                    reason="periods must follow one another within one day",
                    fix='for example [["08:00","12:00"],["14:00","18:00"]]',
                )
            ends.append(end)
        if not self.periods:
            raise CalendarInvalid(
                field="working_periods", reason="there is no working period", fix='for example [["08:00","12:00"],["14:00","18:00"]]'
            )
        if both := self.holidays & self.workdays:
            raise CalendarInvalid(field="days", reason=f"{min(both)} is both a holiday and a working day", fix="keep one of the two")

    @cached_property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def day_us(self) -> int:
        """Microseconds of working time in one working day."""
        return sum(end - begin for begin, end in self.periods) * 60_000_000

    @cached_property
    def _off_weekdays(self) -> list[int]:
        """Ordinals of the Mondays to Fridays that are holidays."""
        return sorted(day.toordinal() for day in self.holidays if day.weekday() < 5)

    @cached_property
    def _on_weekends(self) -> list[int]:
        """Ordinals of the Saturdays and Sundays that are worked."""
        return sorted(day.toordinal() for day in self.workdays if day.weekday() >= 5)

    def is_workday(self, on: date) -> bool:
        """Whether the city works on that day."""
        return on in self.workdays or (on.weekday() < 5 and on not in self.holidays)

    def workdays_before(self, ordinal: int) -> int:
        """How many working days lie before the day of this ordinal, counted from the first day of year 1 (a Monday)."""
        weeks, rest = divmod(ordinal - 1, 7)
        return weeks * 5 + min(rest, 5) - bisect_left(self._off_weekdays, ordinal) + bisect_left(self._on_weekends, ordinal)

    def _worked_us(self, at: datetime) -> int:
        """Working microseconds from the beginning of time to `at`: a line that is flat outside working periods."""
        local = at.astimezone(self.zone)
        ordinal = local.toordinal()
        total = self.workdays_before(ordinal) * self.day_us
        if self.is_workday(local.date()):
            of_day = (local.hour * 3600 + local.minute * 60 + local.second) * 1_000_000 + local.microsecond
            total += sum(min(max(of_day - begin * 60_000_000, 0), (end - begin) * 60_000_000) for begin, end in self.periods)
        return total

    def _instant_us(self, target: int) -> datetime:
        """The first instant at which `target` (above zero) working microseconds have been worked."""
        # The day is the last one before which less than `target` was worked; the count never falls, so halving finds it.
        wanted_days = -(-target // self.day_us) - 1
        low, high = 1, date.max.toordinal() - 1
        if self.workdays_before(high) <= wanted_days:
            raise OverflowError("beyond the calendar")
        while low < high:
            middle = (low + high + 1) // 2
            if self.workdays_before(middle) <= wanted_days:
                low = middle
            else:
                high = middle - 1
        left = target - wanted_days * self.day_us
        midnight = datetime.combine(date.fromordinal(low), time(), tzinfo=self.zone)
        for begin, end in self.periods:
            length = (end - begin) * 60_000_000
            if left <= length:
                return (midnight + timedelta(minutes=begin, microseconds=left)).astimezone(UTC)
            left -= length
        raise AssertionError("a working day holds at most its own working time")


def _unit_us(unit: Unit, calendar: Calendar) -> int:
    """Counted microseconds in one unit."""
    return {"urgent_hour": HOUR_US, "working_hour": HOUR_US, "natural_day": DAY_US, "working_day": calendar.day_us}[unit]


def _counted_us(value: Decimal | int | float, unit: Unit, calendar: Calendar) -> int:
    if unit not in UNITS:
        raise LimitInvalid(field="unit", reason=f"{unit!r} is not a unit of time limits", fix="one of " + ", ".join(UNITS))
    exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or not 0 <= exact <= MAX_LIMIT:
        raise LimitInvalid(field="limit", reason=f"{value} is not a time limit", fix=f"a number from 0 to {MAX_LIMIT}")
    return int((exact * _unit_us(unit, calendar)).to_integral_value())


def due_at(start: datetime, value: Decimal | int | float, unit: Unit, calendar: Calendar) -> datetime:
    """When a limit of `value` units that begins at `start` (aware) is used up; aware UTC. Raises LimitInvalid."""
    counted = _counted_us(value, unit, calendar)
    try:
        if unit in ("urgent_hour", "natural_day") or counted == 0:
            return start.astimezone(UTC) + timedelta(microseconds=counted)
        return calendar._instant_us(calendar._worked_us(start) + counted)
    except OverflowError as error:
        raise LimitInvalid(field="limit", reason="it would end after the year 9999", fix="give a shorter limit") from error


def elapsed(start: datetime, end: datetime, unit: Unit, calendar: Calendar) -> Decimal:
    """How many units were counted between two aware instants; negative when `end` lies before `start`."""
    if unit in ("urgent_hour", "natural_day"):
        counted = (end - start) // MICROSECOND
    else:
        counted = calendar._worked_us(end) - calendar._worked_us(start)
    return Decimal(counted) / _unit_us(unit, calendar)


def light(used: Decimal, limit: Decimal | int | float, *, paused: bool = False) -> Light:
    """The traffic light of a deadline: under 80 % of the limit ok, up to and with 100 % soon, beyond it late."""
    if paused:
        return "paused"
    exact = Decimal(str(limit)) if isinstance(limit, float) else Decimal(limit)
    if used > exact:
        return "late"
    return "ok" if used < exact * SOON_SHARE else "soon"


def soon_at(start: datetime, value: Decimal | int | float, unit: Unit, calendar: Calendar) -> datetime:
    """When the light turns from ok to soon: stored beside the deadline, it lets SQL draw the light without a calendar."""
    exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return due_at(start, exact * SOON_SHARE, unit, calendar)


def limit_of(limits: dict[Grade, Decimal | None], grade: Grade) -> Decimal:
    """The limit for an area grade; where the standard gives none for it, the one for ordinary areas (B), then A, then C."""
    for candidate in (grade, "B", "A", "C"):
        value = limits.get(candidate)
        if value is not None:
            return Decimal(value)
    raise LimitInvalid(field="limit", reason="no grade has a limit", fix="give at least limit_b")


def parse_periods(periods: Iterable[Iterable[str]]) -> tuple[tuple[int, int], ...]:
    """`[["08:00","12:00"], …]` as stored, in minutes after midnight; "24:00" is the end of the day."""
    parsed = []
    try:
        for begin, end in periods:
            parsed.append((_minutes(begin), _minutes(end)))
    except (ValueError, TypeError, AttributeError) as error:
        raise CalendarInvalid(
            field="working_periods", reason=f"{periods!r} is not a list of times", fix='for example [["08:00","12:00"],["14:00","18:00"]]'
        ) from error
    return tuple(parsed)


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    value = int(hour) * 60 + int(minute)
    if not (0 <= int(minute) < 60 and 0 <= value <= 24 * 60):
        raise ValueError(text)
    return value
