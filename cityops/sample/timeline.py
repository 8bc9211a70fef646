"""The lives of cases as arrays of times: forward from the report, or backward from the desk a case is to lie on.

A pattern is the sequence of acts a case goes through. All times are microseconds since the epoch, whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cityops.cases.workflow import Limit, Workflow
from cityops.sample.terrain import Floats
from cityops.sample.worktime import DeskTime, Instants, WorkTime, counted_us, is_working

SECOND = 1_000_000
MINUTE = 60 * SECOND
NONE = np.iinfo(np.int64).max
"""No deadline."""


@dataclass(frozen=True)
class Step:
    """One act of a pattern: where it leads from and to, who does it, with what result, and how long it usually waits for its turn."""

    act: str
    source: str | None
    target: str
    post: str
    minutes: float
    result: str | None = None


_REPORT = Step("report", None, "to_accept", "inspector", 0)
_CALL = Step("report", None, "to_accept", "acceptor", 0)
_OPENING = (Step("accept", "to_accept", "to_file", "acceptor", 9), Step("file", "to_file", "to_dispatch", "shift_leader", 8))
_SEND = Step("dispatch", "to_dispatch", "to_handle", "dispatcher", 7)
_RECEIVE = Step("receive", "to_handle", "handling", "handler", 0)
_HANDLE = Step("handle", "handling", "handled", "handler", 0)
_BACK = (Step("feed_back", "handled", "to_check", "dispatcher", 12), Step("send_check", "to_check", "checking", "acceptor", 9))
_PASS = Step("check", "checking", "to_close", "inspector", 32, "pass")
_FAIL = Step("check", "checking", "to_handle", "inspector", 32, "fail")
_CLOSE = Step("close", "to_close", "closed", "shift_leader", 22)
_ASK = Step("send_verification", "to_accept", "verifying", "acceptor", 7)
_WORK = (_SEND, _RECEIVE, _HANDLE, *_BACK)

PATTERNS: dict[str, tuple[Step, ...]] = {
    "plain": (_REPORT, *_OPENING, *_WORK, _PASS, _CLOSE),
    "called": (_CALL, *_OPENING, *_WORK, _PASS, _CLOSE),
    "verified": (_CALL, _ASK, Step("verify", "verifying", "to_accept", "inspector", 85, "exists"), *_OPENING, *_WORK, _PASS, _CLOSE),
    "absent": (
        _CALL,
        _ASK,
        Step("verify", "verifying", "to_accept", "inspector", 85, "absent"),
        Step("void", "to_accept", "voided", "shift_leader", 25),
    ),
    "refused": (_REPORT, Step("void", "to_accept", "voided", "shift_leader", 35)),
    "unfiled": (_REPORT, _OPENING[0], Step("void", "to_file", "voided", "shift_leader", 30)),
    "returned": (_REPORT, *_OPENING, _SEND, _RECEIVE, Step("return_case", "handling", "to_dispatch", "handler", 55), *_WORK, _PASS, _CLOSE),
    "rework": (_REPORT, *_OPENING, *_WORK, _FAIL, _RECEIVE, _HANDLE, *_BACK, _PASS, _CLOSE),
}


@dataclass(frozen=True)
class Limits:
    """The disposal limit of each case: counted microseconds, and whether they are working time."""

    amount_us: Instants
    working: NDArray[np.bool_]

    def take(self, which: NDArray[np.int64]) -> Limits:
        return Limits(self.amount_us[which], self.working[which])


class Timekeeper:
    """Turns patterns into times with the calendar of deadlines and the hours of the desks."""

    def __init__(self, flow: Workflow, work: WorkTime, desk: DeskTime, rng: np.random.Generator) -> None:
        self.flow = flow
        self.work = work
        self.desk = desk
        self.rng = rng

    def _wait(self, step: Step, count: int) -> Instants:
        minutes = np.minimum(step.minutes * self.rng.lognormal(0.0, 0.55, count), 6 * step.minutes)
        return (minutes * MINUTE).astype(np.int64)

    def forward(self, pattern: tuple[Step, ...], reported: Instants, limits: Limits, share: Floats) -> Instants:
        """Times (n, steps) from the report on; `share` of the disposal limit is used up by the (last) handling."""
        times = np.empty((len(reported), len(pattern)), dtype=np.int64)
        times[:, 0] = reported
        started = reported
        for k, step in enumerate(pattern[1:], start=1):
            before = times[:, k - 1]
            if step.act == "receive":
                done = self._disposed(started, limits, share)
                times[:, k] = _whole(before + (done - before) * self.rng.uniform(0.02, 0.22, len(reported)))
            elif step.act == "handle":
                times[:, k] = np.maximum(self._disposed(started, limits, share), before)
            else:
                times[:, k] = np.maximum(self.desk.later(before, self._wait(step, len(reported))), before)
            if step.act == "dispatch" or step.result == "fail":
                started = times[:, k]
        return times

    def _disposed(self, started: Instants, limits: Limits, share: Floats) -> Instants:
        return _whole(self.work.add(started, (limits.amount_us * share).astype(np.int64), limits.working))

    def backward(self, pattern: tuple[Step, ...], last: int, until: int, limits: Limits, used: Floats) -> Instants:
        """Times (n, last + 1) of cases that now lie in the state after step `last`, `used` of whose limit is gone at `until`."""
        count = len(used)
        times = np.empty((count, last + 1), dtype=np.int64)
        now = np.full(count, until, dtype=np.int64)
        limit = self.flow.states[pattern[last].target].limit
        if limit is None:
            raise ValueError("a finished case lies on no desk")
        if limit.disposal:
            started = self._began(now, limits.amount_us, limits.working, used)
            at = now - (now - started) * 0.85
            times[:, last], times[:, last - 1] = _whole(np.maximum(at, started)), started
            reach = last - 1
        else:
            own = self._own_us(limit)
            at = self._began(now, np.full(count, own), np.full(count, is_working(str(limit.unit))), used)
            if limit.within_disposal:
                at = np.maximum(at, self._began(now, limits.amount_us, limits.working, used))
            times[:, last] = at
            reach = last
        k = reach
        while k > 0:
            step = pattern[k]
            if step.act == "handle":
                # Dispatch, receipt and handling hang together by the disposal limit.
                start = self._began(times[:, k], limits.amount_us, limits.working, self.rng.uniform(0.15, 0.9, count))
                times[:, k - 1] = _whole(start + (times[:, k] - start) * 0.15)
                times[:, k - 2] = start
                k -= 2
            else:
                times[:, k - 1] = np.minimum(self.desk.later(times[:, k], -self._wait(step, count)), times[:, k])
                k -= 1
        return times

    def _own_us(self, limit: Limit) -> int:
        return counted_us(Decimal(str(limit.value)), str(limit.unit), self.work.day_us)

    def _began(self, end: Instants, amount_us: Instants, working: NDArray[np.bool_], used: Floats) -> Instants:
        """When a limit began of which `used` is gone at `end`."""
        return np.minimum(_whole(self.work.add(end, -(amount_us * used).astype(np.int64), working)), end)

    def state_clocks(
        self, pattern: tuple[Step, ...], times: Instants, limits: Limits
    ) -> tuple[list[Instants], list[Instants], list[Instants], list[Instants]]:
        """After each step: when the state is due and soon due, and when disposal is due and soon due (NONE without a clock)."""
        count = len(times)
        none = np.full(count, NONE)
        due, soon, disposal, disposal_soon = [], [], [], []
        by, by_soon = none, none
        for k in range(times.shape[1]):
            step, at = pattern[k], times[:, k]
            if step.act == "dispatch" or step.result == "fail":
                by = self.work.add(at, limits.amount_us, limits.working)
                by_soon = self.work.add(at, limits.amount_us * 8 // 10, limits.working)
            elif step.act == "return_case":
                by, by_soon = none, none
            limit = self.flow.states[step.target].limit
            if limit is None:
                own, own_soon = none, none
            elif limit.disposal:
                own, own_soon = by, by_soon
            else:
                amount = np.full(count, self._own_us(limit))
                working = np.full(count, is_working(str(limit.unit)))
                own, own_soon = self.work.add(at, amount, working), self.work.add(at, amount * 8 // 10, working)
                if limit.within_disposal:
                    earlier = by < own
                    own, own_soon = np.where(earlier, by, own), np.where(earlier, by_soon, own_soon)
            due.append(own)
            soon.append(np.minimum(own_soon, own))
            disposal.append(by)
            disposal_soon.append(np.minimum(by_soon, by))
        return due, soon, disposal, disposal_soon


def _whole(instants: Floats | Instants) -> Instants:
    """Down to the full second."""
    return np.asarray(instants).astype(np.int64) // SECOND * SECOND
