"""Pure decisions about a case: guards of acts, and the clocks. No database, no wall clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cityops.cases.reasons import Reason, reason
from cityops.cases.workflow import Limit
from cityops.standards.rules import Calendar, Unit, due_at, soon_at


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


GUARDS: dict[str, Guard] = {
    guard.__name__: guard for guard in (not_yet_verified, known_to_exist, standard_chosen, own_department, own_task, checker_is_not_handler)
}
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


def state_clock(limit: Limit | None, entered_at: datetime, disposal: Clock | None, calendar: Calendar) -> Clock | None:
    """The clock of a state entered now; None for a state without limit (the case is finished).

    A state bound to the disposal clock needs one that runs; the workflow check has proved that it does.
    """
    if limit is None:
        return None
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


def light(now: datetime, soon: datetime | None, due: datetime | None) -> str:
    """ok, soon or late for a running clock; paused when none runs. `queries.LIGHT` says the same in SQL."""
    if due is None:
        return "paused"
    if now > due:
        return "late"
    return "soon" if soon is not None and now >= soon else "ok"
