"""Time limits for many cases at once: the rules of `cityops.standards.rules` over arrays of microseconds.

Instants are whole microseconds since 1970-01-01 UTC. A test compares every function with the rule it repeats.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cityops.standards.rules import DAY_US, HOUR_US, Calendar

Instants = NDArray[np.int64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MINUTE_US = 60_000_000


def to_us(at: datetime) -> int:
    """An aware time as microseconds since the epoch."""
    return (at - EPOCH) // timedelta(microseconds=1)


def iso(instants: Instants) -> list[str]:
    """Instants as the texts of the case chain: UTC with six decimals and Z."""
    return [text + "Z" for text in np.datetime_as_string(instants.astype("datetime64[us]"), unit="us").tolist()]


class WorkTime:
    """A calendar between two days, as arrays. The time zone must keep one offset in between, as China's does."""

    def __init__(self, calendar: Calendar, first: date, last: date) -> None:
        offsets = {
            datetime(d.year, d.month, d.day, tzinfo=calendar.zone).utcoffset()
            for d in (first, last, date(first.year, 7, 1), date(first.year, 1, 1))
        }
        if len(offsets) != 1:
            raise ValueError(f"{calendar.timezone} changes its offset between {first} and {last}")
        offset = offsets.pop()
        assert offset is not None
        self.offset_us = offset // timedelta(microseconds=1)
        self.first_day = first.toordinal() - _EPOCH_ORDINAL
        days = [date.fromordinal(ordinal) for ordinal in range(first.toordinal(), last.toordinal() + 1)]
        worked = np.array([calendar.is_workday(day) for day in days])
        self.worked_day = worked
        self.before = np.concatenate(([0], np.cumsum(worked))).astype(np.int64) * calendar.day_us
        self.day_us = calendar.day_us
        self.periods = [(begin * MINUTE_US, end * MINUTE_US) for begin, end in calendar.periods]

    def worked(self, at: Instants) -> Instants:
        """Working microseconds from the first day to each instant."""
        local = at + self.offset_us
        day = local // DAY_US
        of_day = local - day * DAY_US
        index = day - self.first_day
        inside = np.zeros_like(at)
        for begin, end in self.periods:
            inside += np.clip(of_day - begin, 0, end - begin)
        return self.before[index] + np.where(self.worked_day[index], inside, 0)

    def instant(self, target: Instants) -> Instants:
        """The first instant at which so much (above zero) has been worked."""
        index = np.searchsorted(self.before, target, side="left") - 1
        left = target - self.before[index]
        of_day = np.zeros_like(target)
        placed = np.zeros(target.shape, dtype=bool)
        for begin, end in self.periods:
            here = ~placed & (left <= end - begin)
            of_day[here] = begin + left[here]
            placed |= here
            left = left - np.where(placed, 0, end - begin)
        return (index + self.first_day) * DAY_US + of_day - self.offset_us

    def add(self, start: Instants, amount_us: Instants, working: NDArray[np.bool_]) -> Instants:
        """`start` and so many counted microseconds: of working time where `working`, else of plain time; may be negative."""
        out = start + amount_us
        if working.any():
            counted = self.worked(start[working]) + amount_us[working]
            out[working] = np.where(amount_us[working] == 0, start[working], self.instant(np.maximum(counted, 1)))
        return out


def counted_us(value: Decimal, unit: str, day_us: int) -> int:
    """A limit in counted microseconds."""
    each = {"urgent_hour": HOUR_US, "working_hour": HOUR_US, "natural_day": DAY_US, "working_day": day_us}[unit]
    return int((value * each).to_integral_value())


def is_working(unit: str) -> bool:
    """Whether a unit counts working time only."""
    return unit in ("working_hour", "working_day")


class DeskTime:
    """When the desks of the centres are staffed: every day from 8 to 20. Acts happen then; deadlines follow the calendar."""

    OPEN_US, CLOSE_US = 8 * HOUR_US, 20 * HOUR_US

    def __init__(self, offset_us: int) -> None:
        self.offset_us = offset_us

    def later(self, at: Instants, by: Instants) -> Instants:
        """`at` and so many microseconds of staffed time; negative amounts go back. Whole seconds."""
        span = self.CLOSE_US - self.OPEN_US
        local = at + self.offset_us
        day = local // DAY_US
        total = day * span + np.clip(local - day * DAY_US - self.OPEN_US, 0, span) + by
        out_day = total // span
        out = out_day * DAY_US + self.OPEN_US + (total - out_day * span) - self.offset_us
        return out // 1_000_000 * 1_000_000
