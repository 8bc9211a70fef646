"""Pure decisions about a case: guards of acts, and the clocks. No database, no wall clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from cityops.cases.reasons import Reason, reason
from cityops.cases.workflow import Limit
from cityops.standards.rules import Calendar, Unit, due_at, soon_at

MAX_DELAYS = 2
"""Approved delays a case may have; refused ones do not count. The database holds the same number."""
MAX_SUSPENSIONS = 1


@dataclass(frozen=True)
class Facts:
    """What the guards look at: the case, and how the asking person stands to it."""

    state: str
    needs_verification: bool
    verified: str | None
    condition_id: int | None
    department_id: int | None
    in_department: bool
    """The person's department is the responsible one or lies below it."""
    may_answer_task: bool
    """The person holds the open task, or is an inspector of its beat."""
    has_handled: bool
    """The person received or handled this case at some time."""
    now: datetime
    posts: frozenset[str] = frozenset()
    """The posts of the person."""
    due_at: datetime | None = None
    closed_at: datetime | None = None
    pending: str | None = None
    """What the department has applied for and nobody has decided yet: delay or suspension."""
    asked_until: datetime | None = None
    delay_count: int = 0
    suspension_count: int = 0
    supervision: str | None = None
    overdue_count: int = 0
    appeal: str | None = None


Guard = Callable[[Facts], Reason | None]


def not_yet_verified(facts: Facts) -> Reason | None:
    """Verification is for reports that need it and have not been found true."""
    if not facts.needs_verification:
        return reason("needs_no_verification")
    return reason("already_verified") if facts.verified == "exists" else None


def known_to_exist(facts: Facts) -> Reason | None:
    """A report from the public is accepted only after an inspector has seen the problem."""
    if not facts.needs_verification or facts.verified == "exists":
        return None
    return reason({"absent": "found_absent", "unverifiable": "found_unverifiable"}.get(facts.verified or "", "not_verified"))


def standard_chosen(facts: Facts) -> Reason | None:
    """Neither filing nor closing is possible without a chosen standard."""
    return reason("no_standard") if facts.condition_id is None else None


def own_department(facts: Facts) -> Reason | None:
    """A handler works on the cases of the own department."""
    return None if facts.in_department else reason("not_your_department")


def own_task(facts: Facts) -> Reason | None:
    """A task is answered by its holder or a colleague of the same beat."""
    return None if facts.may_answer_task else reason("not_your_task")


def checker_is_not_handler(facts: Facts) -> Reason | None:
    """Nobody checks the own work."""
    return reason("checker_is_handler") if facts.has_handled else None


def own_department_or_dispatcher(facts: Facts) -> Reason | None:
    """The department for its own cases, the dispatcher for all."""
    return None if "dispatcher" in facts.posts else own_department(facts)


def nothing_pending(facts: Facts) -> Reason | None:
    """One application at a time."""
    return reason("already_applied") if facts.pending is not None else None


def not_overdue(facts: Facts) -> Reason | None:
    """A delay is asked for before the deadline, not after it."""
    return reason("overdue_already") if facts.due_at is not None and facts.now > facts.due_at else None


def delays_left(facts: Facts) -> Reason | None:
    """Two approved delays are all there are."""
    return reason("delays_used_up") if facts.delay_count >= MAX_DELAYS else None


def delay_pending(facts: Facts) -> Reason | None:
    """Somebody has applied for a delay."""
    return None if facts.pending == "delay" else reason("no_delay_pending")


def never_suspended(facts: Facts) -> Reason | None:
    """A case is suspended once."""
    return reason("suspended_before") if facts.suspension_count >= MAX_SUSPENSIONS else None


def suspension_pending(facts: Facts) -> Reason | None:
    """Somebody has applied for a suspension."""
    return None if facts.pending == "suspension" else reason("no_suspension_pending")


def supervision_open(facts: Facts) -> Reason | None:
    """A supervisor waits for an answer."""
    return None if facts.supervision == "open" else reason("no_supervision_open")


def supervision_answered(facts: Facts) -> Reason | None:
    """No feedback before the supervisor has his answer."""
    return reason("supervision_unanswered") if facts.supervision == "open" else None


def was_overdue(facts: Facts) -> Reason | None:
    """An appeal is about having been overdue."""
    return None if facts.overdue_count else reason("never_overdue")


def never_appealed(facts: Facts) -> Reason | None:
    """One appeal per case."""
    return None if facts.appeal is None else reason("appealed_before")


def appeal_at_dispatcher(facts: Facts) -> Reason | None:
    """The appeal waits for the dispatcher."""
    return None if facts.appeal == "asked" else reason("no_appeal_to_review")


def appeal_at_acceptor(facts: Facts) -> Reason | None:
    """The dispatcher has passed the appeal on."""
    return None if facts.appeal == "passed" else reason("no_appeal_to_decide")


GUARDS: dict[str, Guard] = {
    guard.__name__: guard
    for guard in (
        not_yet_verified, known_to_exist, standard_chosen, own_department, own_task, checker_is_not_handler, own_department_or_dispatcher,
        nothing_pending, not_overdue, delays_left, delay_pending, never_suspended, suspension_pending, supervision_open,
        supervision_answered, was_overdue, never_appealed, appeal_at_dispatcher, appeal_at_acceptor,
    )
}  # fmt: skip
"""The guards a workflow file may name."""

PERSONAL = frozenset({"wrong_post", "wrong_post_for_source", "not_your_department", "not_your_task", "checker_is_handler"})
"""Reasons that are about the person and not about the case: another person could do it now."""


@dataclass(frozen=True)
class Clock:
    """A running limit: `soon_at` when 80 % of it are used, `due_at` when all of it is."""

    soon_at: datetime
    due_at: datetime


def start_clock(start: datetime, value: Decimal | float, unit: Unit, calendar: Calendar) -> Clock:
    """A limit of `value` units that starts at `start`; both ends are counted by the calendar, so 80 % mean working time too."""
    return Clock(soon_at(start, value, unit, calendar), due_at(start, value, unit, calendar))


def state_clock(
    limit: Limit | None, entered_at: datetime, disposal: Clock | None, calendar: Calendar, until: datetime | None = None
) -> Clock | None:
    """The clock of a state entered now; None for a state without limit (the case is finished).

    A state bound to the disposal clock needs one that runs, and a suspended one its date (`until`); the workflow check has
    proved that there is one.
    """
    if limit is None:
        return None
    if limit.until:
        if until is None:
            raise ValueError("a state lives until a date, and there is none")
        return Clock(until, until)
    if limit.disposal:
        if disposal is None:
            raise ValueError("a state lives by the disposal clock, and that clock does not run")
        return disposal
    if limit.value is None or limit.unit is None:
        raise ValueError("a checked workflow has a value and a unit for each limit")
    own = start_clock(entered_at, limit.value, limit.unit, calendar)
    if limit.within_disposal and disposal is not None and disposal.due_at < own.due_at:
        return disposal
    return own


def window_ends(closed_at: datetime, within: Limit) -> datetime:
    """Until when a finished case can still be reopened or appealed; the limit counts days or hours of the clock on the wall."""
    value = within.value or 0.0
    return closed_at + (timedelta(days=value) if within.unit == "natural_day" else timedelta(hours=value))


def last_day_of_suspension(on: date) -> date:
    """The latest date a suspension applied for on this day may last until: one year later."""
    try:
        return on.replace(year=on.year + 1)
    except ValueError:  # 29 February
        return date(on.year + 1, 2, 28)


def begins(on: date, calendar: Calendar) -> datetime:
    """The first instant of a day in the city, as aware time."""
    return datetime.combine(on, time(), tzinfo=calendar.zone)


def light(now: datetime, soon: datetime | None, due: datetime | None, *, suspended: bool = False) -> str:
    """ok, soon or late for a running clock; paused when none runs. `filters.LIGHT` says the same in SQL."""
    if due is None or suspended:
        return "paused"
    if now > due:
        return "late"
    return "soon" if soon is not None and now >= soon else "ok"
