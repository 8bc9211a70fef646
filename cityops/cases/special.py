"""What the special acts change: delay, suspension, supervision, forced closing, reopening, appeal, urgency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cityops.cases import errors
from cityops.cases.chain import instant
from cityops.cases.change import Change
from cityops.cases.reasons import reason
from cityops.cases.rules import begins, last_day_of_suspension


def _approved(change: Change) -> bool:
    """Whether the decision is yes; a no needs a word of explanation."""
    if change.given.result == "approved":
        return True
    if not (change.given.reason or change.given.note or "").strip():
        raise errors.ActIncomplete(reason("refusal_without_reason"), field="reason", fix="say why it is refused")
    return False


def _apply_delay(change: Change) -> None:
    change.columns["pending"] = "delay"


def _decide_delay(change: Change) -> None:
    """The deadline itself is moved by the edge's clock; a refusal counts for nothing."""
    change.columns["pending"] = None
    if _approved(change):
        change.columns["delay_count"] = change.case.delay_count + 1


def _apply_suspension(change: Change) -> None:
    """Until a date within one year; it ends when that day begins in the city."""
    until_on = change.given.until_on
    if until_on is None:
        raise errors.ActIncomplete(reason("until_missing"), field="until_on", fix="a date such as 2027-03-01")
    today = change.at.astimezone(change.calendar.zone).date()
    if until_on <= today:
        raise errors.ActIncomplete(reason("until_passed"), field="until_on", fix="a day after today")
    if until_on > (last := last_day_of_suspension(today)):
        raise errors.ActIncomplete(reason("until_too_far"), field="until_on", fix=f"at the latest {last}")
    until = begins(until_on, change.calendar)
    change.columns |= {"pending": "suspension", "asked_until": until}
    change.body |= {"until_on": until_on.isoformat(), "asked_until": instant(until)}


def _decide_suspension(change: Change) -> None:
    """From now until the date that was applied for the clock stands still and nobody handles."""
    until = change.case.asked_until
    change.columns |= {"pending": None, "asked_until": None}
    if not _approved(change):
        return
    if until <= change.at:
        raise errors.ActIncomplete(reason("until_passed"), field="result", fix="refuse it; the department may apply anew")
    change.columns |= {
        "suspended_at": change.at, "suspended_until": until, "suspension_count": change.case.suspension_count + 1,
        "assignee_id": change.case.handler_id,
    }  # fmt: skip
    change.body["suspended_until"] = instant(until)


def _resume(change: Change) -> None:
    change.columns |= resumed_columns(change.case)


def resumed_columns(case: Any) -> dict[str, Any]:
    """The columns of a case that is handled again by the one who handled it (a row of `case_facts.sql`, hence Any)."""
    return {"suspended_at": None, "suspended_until": None, "assignee_id": case.handler_id}


def _supervise(change: Change) -> None:
    """A supervisor's opinion; the department answers before the case is fed back."""
    change.columns |= {
        "supervision": "open", "supervision_kind": change.given.result, "supervision_count": change.case.supervision_count + 1,
    }  # fmt: skip


def _answer_supervision(change: Change) -> None:
    change.columns["supervision"] = "answered"


def _force_close(change: Change) -> None:
    """Closed without the rest of the way. A department that was late by now was late: forcing hides nothing."""
    case = change.case
    running = case.state in ("to_handle", "handling", "suspended")
    late = running and case.due_at is not None and change.at > case.due_at
    change.columns |= {
        "forced": True, "closed_at": change.at, "overdue_count": case.overdue_count + late, "suspended_at": None, "suspended_until": None,
    }  # fmt: skip
    if running:
        change.body["in_time"] = not late


def _reopen(change: Change) -> None:
    """Back to the dispatcher, as if it had just been filed; what it was is in its chain."""
    change.columns |= {
        "closed_at": None, "handled_at": None, "dispatched_at": None, "department_id": None, "handler_id": None, "forced": False,
        "reopen_count": change.case.reopen_count + 1,
    }  # fmt: skip
    change.body["department_id"] = change.case.department_id


def _appeal(change: Change) -> None:
    change.columns["appeal"] = "asked"


def _review_appeal(change: Change) -> None:
    """The dispatcher passes it on, or it ends here."""
    change.columns["appeal"] = "passed" if _approved(change) else "refused"


def _decide_appeal(change: Change) -> None:
    """Approved, the case is left out of the statistics; that it was overdue stays on record."""
    granted = _approved(change)
    change.columns |= {"appeal": "approved" if granted else "refused", "exempt": granted}


def _mark_urgent(change: Change) -> None:
    change.columns["urgent"] = change.given.result == "urgent"


EFFECTS: dict[str, Callable[[Change], None]] = {
    "apply_delay": _apply_delay,
    "decide_delay": _decide_delay,
    "apply_suspension": _apply_suspension,
    "decide_suspension": _decide_suspension,
    "resume": _resume,
    "resume_by_itself": _resume,
    "supervise": _supervise,
    "answer_supervision": _answer_supervision,
    "force_close": _force_close,
    "reopen": _reopen,
    "appeal": _appeal,
    "review_appeal": _review_appeal,
    "decide_appeal": _decide_appeal,
    "mark_urgent": _mark_urgent,
}
