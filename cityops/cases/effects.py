"""What each act changes beyond the state: small functions, one per act that changes anything, over one value being filled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cityops.cases import errors, intake, lookups, routing, special
from cityops.cases.chain import instant
from cityops.cases.change import Change, Inputs
from cityops.cases.reasons import reason
from cityops.cases.rules import Clock, start_clock
from cityops.cases.timeline import replay
from cityops.cases.workflow import Edge
from cityops.standards.models import Condition

__all__ = ["Change", "Inputs", "apply"]

PHASES = {"verify": "verify", "handle": "after", "check": "check"}
"""What a photo shows when it is handed in with an act; with any other act it depends on whether the case was handled."""


def apply(change: Change) -> Edge:
    """Fill the change and return the edge that is taken; raises ActIncomplete and the Invalid errors when inputs are missing or wrong."""
    given, act = change.given, change.act
    _require(change)
    change.body |= {"reason": given.reason, "note": given.note, "result": given.result}
    change.photos = intake.usable_photos(
        change.session, change.actor.user_id, given.photos, PHASES.get(act.id, "after" if change.case.handled_at else "before")
    )
    if change.photos:
        change.body["photos"] = [photo.as_json() for photo in change.photos]
    if given.made_at:
        change.body["made_at"] = instant(min(given.made_at, change.at))
    edge = _edge(change)
    effect = EFFECTS.get(act.id)
    if effect is not None:
        effect(change)
    if act.opens is not None:
        _assign_inspector(change)
    if change.case.pending is not None and not edge.stays and edge.target != "handling":
        # An application is about the work of this department; it ends when the department's turn does.
        change.columns |= {"pending": None, "asked_until": None}
    _turn_clock(change, edge)
    return edge


def _require(change: Change) -> None:
    """The inputs that every act asks for in the same way."""
    given, act = change.given, change.act
    if "reason" in act.requires and not (given.reason or "").strip():
        raise errors.ActIncomplete(reason("reason_missing"), field="reason", fix="say why in a sentence")
    if "result" in act.requires:
        if given.result is None:
            raise errors.ActIncomplete(reason("result_missing"), field="result", fix="one of " + ", ".join(act.results))
        if given.result not in act.results:
            raise errors.ResultNotKnown(result=given.result, field="result", fix="one of " + ", ".join(act.results))
    if "note" in act.requires and not (given.note or "").strip():
        raise errors.ActIncomplete(reason("note_missing"), field="note", fix="say it in a sentence")
    if "until" in act.requires and given.until_on is None:
        raise errors.ActIncomplete(reason("until_missing"), field="until_on", fix="a date such as 2027-03-01")
    if "photo" in act.requires and not given.photos:
        raise errors.ActIncomplete(reason("photo_missing"), field="photos", fix="upload a photo with POST /api/v1/media and send its id")


def _edge(change: Change) -> Edge:
    """The edge of the act from here; where the result decides, the one of this result, and only one the actor's posts own."""
    edges = change.act.edges_from(change.case.state)
    return next(edge for edge in edges if (edge.result is None or edge.result == change.given.result) and change.actor.has(*edge.posts))


def _turn_clock(change: Change, edge: Edge) -> None:
    """Do to the disposal clock what the edge says."""
    case = change.case
    if edge.clock is not None:
        change.body["clock"] = edge.clock
    if edge.clock == "start":
        value = change.columns.get("limit_value", case.limit_value)
        unit = change.columns.get("limit_unit", case.limit_unit)
        change.disposal = start_clock(change.at, value, unit, change.calendar)
        change.columns |= {"due_at": change.disposal.due_at, "soon_at": change.disposal.soon_at}
        change.body |= {"limit_value": str(value), "limit_unit": unit, "due_at": instant(change.disposal.due_at)}
    elif edge.clock == "clear":
        change.columns |= {"due_at": None, "soon_at": None}
    elif edge.clock in ("extend", "pause", "resume"):
        turn_running_clock(change, edge.clock)
    elif edge.clock is None and case.due_at is not None:
        change.disposal = Clock(case.soon_at, case.due_at)


def turn_running_clock(change: Change, clock: str) -> None:
    """Extend, pause or resume the run that is under way, which the events tell."""
    run = replay(change.flow, lookups.records(change.session, change.case.id), change.calendar).disposal
    if run is None:
        raise ValueError(f"case {change.case.number} has no running disposal clock to {clock}")
    if clock == "extend":
        run = run.extended()
    elif clock == "pause":
        run = run.paused(change.at, change.columns["suspended_until"])
    else:
        run = run.resumed(change.at)
    change.disposal = run.clock(change.calendar)
    change.columns |= {"due_at": change.disposal.due_at, "soon_at": change.disposal.soon_at}
    change.body["due_at"] = instant(change.disposal.due_at)


def _assign_inspector(change: Change) -> None:
    """Give the task to the inspector who was named, or to one of the beat."""
    chosen = change.given.assignee_id
    if chosen is None:
        chosen = lookups.choose_inspector(change.session, change.case.id, change.case.beat_id)
    elif not lookups.is_active_inspector(change.session, chosen):
        raise errors.InspectorNotUsable(user_id=chosen, field="assignee_id", fix="name an active inspector, or leave it out")
    change.columns["assignee_id"] = chosen
    change.body["assignee_id"] = chosen


def _verify(change: Change) -> None:
    change.columns["verified"] = change.given.result


def _accept(change: Change) -> None:
    """Fix class and standard; both decide the limit and the department, so these are found anew."""
    case, given = change.case, change.given
    same_class = given.class_code is None and given.kind is None and given.edition is None
    of_class = intake.find_class(
        change.session, given.kind or case.kind, given.class_code or case.class_code, case.edition if same_class else given.edition
    )
    condition: Condition | None
    if given.condition_id is None and same_class and case.condition_id is not None:
        condition = change.session.get_one(Condition, case.condition_id)
    else:
        condition = intake.find_condition(change.session, of_class, change.at.astimezone(change.calendar.zone).date(), given.condition_id)
    if condition is None:
        raise errors.ActIncomplete(reason("condition_missing"), field="condition_id", fix="see GET /api/v1/conditions")
    component = intake.find_component(change.session, case.component_code) if case.component_code else None
    if component is not None:
        intake.check_component_class(component, of_class)
    limit_value, limit_unit = intake.limit_for(condition, case.area_grade)
    proof = intake.route(
        change.session,
        of_class=of_class,
        condition=condition,
        component_code=case.component_code,
        maintainer_id=component.maintainer_id if component else None,
        cell_code=case.cell_code,
    )
    chosen = {"kind": of_class.kind, "edition": of_class.edition, "class_code": of_class.code, "condition_id": condition.id}
    change.columns |= chosen | {"limit_value": limit_value, "limit_unit": limit_unit, "routing": proof}
    change.body |= chosen | {
        "limit_value": str(limit_value),
        "limit_unit": limit_unit,
        "routed": {"rule": proof["rule"], "department_id": proof["department_id"]},
    }


def _file(change: Change) -> None:
    change.columns["filed_at"] = change.at


def _file_simply(change: Change) -> None:
    """A simple case is accepted and filed in one step."""
    _accept(change)
    _file(change)
    change.columns["simplified"] = True


def _send_back(change: Change) -> None:
    change.columns["simplified"] = False


def _redispatch(change: Change) -> None:
    """The dispatcher corrects himself before the department has received; the clock starts anew for the right one."""
    if change.given.department_id is None:
        raise errors.ActIncomplete(reason("department_missing"), field="department_id", fix="name the department")
    if change.given.department_id == change.case.department_id:
        raise errors.ActIncomplete(reason("same_department"), field="department_id", fix="name another department")
    change.body["old_department_id"] = change.case.department_id
    _dispatch(change)
    change.columns["redispatch_count"] = change.case.redispatch_count + 1


def _dispatch(change: Change) -> None:
    """To the department the rules found, unless the dispatcher names another; after a return he has to choose anew."""
    case, wanted = change.case, change.given.department_id
    proof: Mapping[str, Any] = case.routing or {}
    if wanted is None:
        if case.return_count:
            raise errors.ActIncomplete(reason("department_returned"), field="department_id", fix="name the department")
        wanted = proof.get("department_id")
    if wanted is None:
        raise errors.ActIncomplete(reason("department_missing"), field="department_id", fix="name the department")
    department = lookups.active_department(change.session, wanted)
    if department is None:
        raise errors.DepartmentNotKnown(department_id=wanted, field="department_id", fix="see GET /api/v1/departments")
    if wanted != proof.get("department_id"):
        proof = routing.override(proof, department.id, department.name_zh, department.name_en)
        change.columns["routing"] = proof
    change.columns |= {"department_id": department.id, "dispatched_at": change.at, "handler_id": None, "handled_at": None}
    change.body |= {"department_id": department.id, "routed": {"rule": proof.get("rule"), "department_id": proof.get("department_id")}}


def _receive(change: Change) -> None:
    change.columns |= {"handler_id": change.actor.user_id, "assignee_id": change.actor.user_id}


def _handle(change: Change) -> None:
    """The department hands back: here it is settled whether it was in time."""
    late = change.case.due_at is not None and change.at > change.case.due_at
    change.columns |= {"handled_at": change.at, "overdue_count": change.case.overdue_count + late}
    change.body["in_time"] = not late


def _return_case(change: Change) -> None:
    case = change.case
    change.columns |= {"department_id": None, "handler_id": None, "dispatched_at": None, "return_count": case.return_count + 1}
    change.body["department_id"] = case.department_id


def _check(change: Change) -> None:
    if change.given.result == "fail":
        change.columns |= {"rework_count": change.case.rework_count + 1, "handler_id": None, "handled_at": None}


def _close(change: Change) -> None:
    change.columns["closed_at"] = change.at


EFFECTS: dict[str, Callable[[Change], None]] = {
    "verify": _verify,
    "accept": _accept,
    "file": _file,
    "dispatch": _dispatch,
    "receive": _receive,
    "handle": _handle,
    "return_case": _return_case,
    "check": _check,
    "close": _close,
    "file_simply": _file_simply,
    "send_back": _send_back,
    "redispatch": _redispatch,
    **special.EFFECTS,
}


def as_json(value: Any) -> str:
    """JSON text for a jsonb parameter (any JSON value, hence Any)."""
    return json.dumps(value, ensure_ascii=False)
