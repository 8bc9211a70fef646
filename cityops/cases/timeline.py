"""The deadline algebra: what a chain of events says about every clock of a case. Pure: events and a calendar in, times out.

The disposal clock has used `used(t)`: the time of its unit counted since it started, without what lies inside a pause. It is
due at the first instant at which one limit, and one more for each approved delay, is used. So a pause moves the deadline by
exactly the counted time inside it, and a pause that begins after the deadline moves nothing. `replay` walks the events and
gives every clock anew; the row of a case always says the same (a test holds that for random walks).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from cityops.cases.rules import Clock, state_clock
from cityops.cases.workflow import Edge, Limit, Workflow
from cityops.standards.rules import SOON_SHARE, Calendar, Unit, due_at, elapsed


@dataclass(frozen=True)
class Pause:
    """A time in which the disposal clock stands still. `end` is the date it was suspended until, or when it was resumed before."""

    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Disposal:
    """One run of the disposal clock, from a dispatch (or a failed check) to the department's feedback."""

    start: datetime
    value: Decimal
    unit: Unit
    extensions: int = 0
    pauses: tuple[Pause, ...] = ()

    @property
    def allowed(self) -> Decimal:
        """The limit, and once more for each approved delay, in `unit`."""
        return self.value * (1 + self.extensions)

    def reaches(self, share: Decimal | int, calendar: Calendar) -> datetime:
        """When `share` of what is allowed has been used."""
        at = due_at(self.start, self.allowed * share, self.unit, calendar)
        for pause in self.pauses:
            if pause.begin >= at:
                break
            at = due_at(at, elapsed(pause.begin, pause.end, self.unit, calendar), self.unit, calendar)
        return at

    def clock(self, calendar: Calendar) -> Clock:
        """When 80 % and when all of what is allowed is used."""
        return Clock(self.reaches(SOON_SHARE, calendar), self.reaches(1, calendar))

    def used(self, at: datetime, calendar: Calendar) -> Decimal:
        """How many units are used at an instant."""
        total = elapsed(self.start, at, self.unit, calendar)
        for pause in self.pauses:
            if pause.begin < at:
                total -= elapsed(pause.begin, min(pause.end, at), self.unit, calendar)
        return total

    def extended(self) -> Disposal:
        """One more limit."""
        return replace(self, extensions=self.extensions + 1)

    def paused(self, begin: datetime, until: datetime) -> Disposal:
        """Standing still from `begin` to `until`."""
        return replace(self, pauses=(*self.pauses, Pause(begin, until)))

    def resumed(self, at: datetime) -> Disposal:
        """The last pause ends now, or on its own date when that has passed, however late somebody looks."""
        *before, last = self.pauses
        return replace(self, pauses=(*before, replace(last, end=min(last.end, at))))


@dataclass
class Span:
    """A stay in a state: its budget is the time from `entered_at` to `due_at`; `left_at` is None for the present one."""

    state: str
    stage: int
    entered_at: datetime
    due_at: datetime | None = None
    soon_at: datetime | None = None
    left_at: datetime | None = None

    @property
    def late(self) -> bool:
        """Whether the state was left after its deadline. A stay that has not ended is nobody's fault yet."""
        return self.left_at is not None and self.due_at is not None and self.left_at > self.due_at


@dataclass
class Timeline:
    """What the events say: the clocks as they stand after the last one, and how they came to stand so."""

    state: str = ""
    disposal: Disposal | None = None
    """The run of the disposal clock that is under way, or None while it does not run."""
    due_at: datetime | None = None
    soon_at: datetime | None = None
    spans: list[Span] = field(default_factory=list)
    runs: list[Disposal] = field(default_factory=list)
    """Every run of the disposal clock, the ended ones too."""
    limit: Limit | None = None
    until: datetime | None = None
    delays: int = 0
    suspensions: int = 0
    reworks: int = 0
    returns: int = 0
    overdue: int = 0

    @property
    def state_due_at(self) -> datetime | None:
        """The deadline of the present state."""
        return self.spans[-1].due_at if self.spans else None

    @property
    def state_soon_at(self) -> datetime | None:
        """When 80 % of the present state's limit are used."""
        return self.spans[-1].soon_at if self.spans else None

    @property
    def entered_at(self) -> datetime:
        """Since when the case is in its present state."""
        return self.spans[-1].entered_at


Record = Mapping[str, Any]  # an event as `offline_verifier.read` gives it: JSON values


def replay(flow: Workflow, records: Iterable[Record], calendar: Calendar) -> Timeline:
    """Every clock of a case from its events, in order, by this calendar."""
    line = Timeline()
    for record in records:
        _follow(line, flow, record, calendar)
    return line


def as_text(limit: Limit | None) -> str | None:
    """The limit of a state as an event keeps it, so that an edited workflow does not change what old events say."""
    if limit is None:
        return None
    if limit.disposal or limit.until:
        return "disposal" if limit.disposal else "until"
    return f"{limit.value} {limit.unit}" + (" within" if limit.within_disposal else "")


def from_text(text: str) -> Limit:
    """The limit that `as_text` wrote."""
    if text in ("disposal", "until"):
        return Limit(None, None, disposal=text == "disposal", until=text == "until")
    value, unit, *more = text.split()
    return Limit(float(value), cast(Unit, unit), within_disposal=bool(more))


def _follow(line: Timeline, flow: Workflow, record: Record, calendar: Calendar) -> None:
    """One event further."""
    at, body = datetime.fromisoformat(record["at"]), record["body"]
    edge = edge_of(flow, record)
    _turn(line, body.get("clock") or (edge.clock if edge else None), at, body, calendar)
    line.delays += record["act"] == "decide_delay" and body.get("result") == "approved"
    line.suspensions += record["act"] == "decide_suspension" and body.get("result") == "approved"
    line.returns += record["act"] == "return_case"
    line.reworks += record["act"] == "check" and body.get("result") == "fail"
    line.state = record["to"]
    if not (edge and edge.stays):
        if line.spans:
            line.spans[-1].left_at = at
        state = flow.states.get(line.state)
        line.limit = from_text(body["state_limit"]) if "state_limit" in body else (state.limit if state else None)
        line.spans.append(Span(line.state, state.stage if state else 0, at))
    running = Clock(line.soon_at, line.due_at) if line.disposal and line.soon_at and line.due_at else None
    clock = state_clock(line.limit, line.entered_at, running, calendar, until=line.until)
    line.spans[-1].due_at, line.spans[-1].soon_at = (clock.due_at, clock.soon_at) if clock else (None, None)


def _turn(line: Timeline, clock: str | None, at: datetime, body: Record, calendar: Calendar) -> None:
    """What the act did to the disposal clock."""
    if clock is None:
        return
    if clock == "start":
        line.disposal = Disposal(at, Decimal(body["limit_value"]), body["limit_unit"])
        line.runs.append(line.disposal)
    elif clock in ("stop", "clear"):
        if clock == "stop" and line.disposal is not None and line.due_at is not None:
            line.overdue += at > line.due_at
        line.disposal, line.until = None, None
        if clock == "clear":
            line.due_at = line.soon_at = None
        return
    elif line.disposal is None:
        raise ValueError(f"the disposal clock does not run, so it cannot {clock}")
    elif clock == "extend":
        line.disposal = line.disposal.extended()
    elif clock == "pause":
        line.until = datetime.fromisoformat(body["suspended_until"])
        line.disposal = line.disposal.paused(at, line.until)
    else:
        line.disposal, line.until = line.disposal.resumed(at), None
    line.runs[-1] = line.disposal
    turned = line.disposal.clock(calendar)
    line.soon_at, line.due_at = turned.soon_at, turned.due_at


def edge_of(flow: Workflow, record: Record) -> Edge | None:
    """The edge of the workflow an event went along; None when today's workflow has it no more."""
    act = flow.acts.get(record["act"])
    if act is None:
        return None
    result = record["body"].get("result")
    edges = [edge for edge in act.edges_from(record["from"]) if edge.target == record["to"]]
    return next((edge for edge in edges if edge.result in (None, result)), edges[0] if edges else None)
