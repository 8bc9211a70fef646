"""The one write path of the case file: `report` makes a case, `advance` takes it one step. Nothing else writes one.

Each call writes the event that continues the chain, the row that stands on it, the inspector's task, the link to the
photos, and the outbox message, all in the transaction of the caller. The workflow data says which step exists and who owns
it; `effects.py` says what a step changes beyond the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from cityops.cases import effects, errors, intake, lookups, mirror, policy
from cityops.cases.chain import GENESIS, Event, instant, make_event
from cityops.cases.models import Case
from cityops.cases.reasons import Reason, reason
from cityops.cases.rules import PERSONAL, Clock, state_clock
from cityops.cases.soundness import SYSTEM_POST
from cityops.cases.timeline import as_text, replay
from cityops.cases.workflow import Edge, Limit, case_workflow
from cityops.db import outbox, versions
from cityops.db.sqlfiles import sql
from cityops.grid.events import Publication
from cityops.identity.visibility import Grant, Viewer
from cityops.standards.rules import Calendar

SYSTEM = Viewer(0, "system", "system", frozenset({SYSTEM_POST}), None, (Grant(),))
"""Who signs what happens by itself: user 0, which nobody can be."""


@dataclass(frozen=True)
class CaseWritten:
    """What a write did: the case's id and number, the act, and where the case stands now."""

    id: int
    number: str
    act: str
    state: str
    version: int


def seed(session: Session) -> None:
    """Mirror the workflow file into the tables the triggers read; safe to run again."""
    mirror.write(session, case_workflow())


def report(
    session: Session,
    actor: Viewer,
    now: datetime,
    *,
    source: str,
    kind: str,
    class_code: str,
    edition: str | None = None,
    condition_id: int | None = None,
    component_code: str | None = None,
    lon: float | None = None,
    lat: float | None = None,
    crs: str | None = None,
    cell_code: str | None = None,
    accuracy_m: float | None = None,
    address: str | None = None,
    description: str | None = None,
    photos: Sequence[int] = (),
    made_at: datetime | None = None,
) -> CaseWritten:
    """Make a case from a report and give it its number.

    The place is lon and lat (in `crs`, default EPSG:4490 degrees), else that of the component, else a bare cell. Raises
    ActNotYours, ActIncomplete, and the Invalid errors of `errors.py`.
    """
    flow = case_workflow()
    act = flow.acts["report"]
    if source not in flow.sources:
        raise errors.SourceNotKnown(source=source, field="source", fix="one of " + ", ".join(flow.sources))
    if refused := policy.source_refusal(flow, actor, source):
        raise errors.ActNotYours(refused)
    if flow.sources[source].needs_photo and not photos:
        raise errors.ActIncomplete(reason("photo_missing"), field="photos", fix="upload a photo with POST /api/v1/media and send its id")

    component = intake.find_component(session, component_code) if component_code else None
    place = intake.find_place(session, lon=lon, lat=lat, crs=crs, cell_code=cell_code, component=component)
    calendar = intake.calendar(session)
    of_class = intake.find_class(session, kind, class_code, edition or (component.edition if component and kind == "component" else None))
    if component is not None:
        intake.check_component(session, component, of_class, place)
    condition = intake.find_condition(session, of_class, now.astimezone(calendar.zone).date(), condition_id)
    limit_value, limit_unit = intake.limit_for(condition, place.grade)
    proof = intake.route(
        session,
        of_class=of_class,
        condition=condition,
        component_code=component.code if component else None,
        maintainer_id=component.maintainer_id if component else None,
        cell_code=place.cell_code,
    )
    handed_in = intake.usable_photos(session, actor.user_id, photos, "before")
    state = flow.states[flow.start]
    clock = state_clock(state.limit, now, None, calendar)
    edge = next(edge for edge in act.edges_from(None) if edge.target == state.id)
    post = next(held for held in flow.sources[source].posts if held in actor.posts)
    number = _next_number(session, place.cell_code[:6], now, calendar)
    event = make_event(
        number=number, seq=1, at=now, act=act.id, actor_id=actor.user_id, actor_post=post, from_state=None, to_state=edge.target,
        prev_digest=GENESIS,
        body={
            "source": source, "kind": kind, "edition": of_class.edition, "class_code": of_class.code,
            "condition_id": condition.id if condition else None, "component_code": component.code if component else None,
            "lon": place.lon, "lat": place.lat, "accuracy_m": accuracy_m, "cell_code": place.cell_code, "beat_id": place.beat_id,
            "area_grade": place.grade, "address": address, "description": description,
            "routed": {"rule": proof["rule"], "department_id": proof["department_id"]},
            **_clock_in_body(clock, state.limit),
            "photos": [photo.as_json() for photo in handed_in], "made_at": instant(min(made_at, now)) if made_at else None,
        },
    )  # fmt: skip
    case_id = session.execute(
        text(sql(__package__, "insert_case")),
        {
            "number": number, "state": state.id, "stage": state.stage, "kind": kind, "edition": of_class.edition,
            "class_code": of_class.code, "condition_id": condition.id if condition else None,
            "component_id": component.id if component else None, "component_code": component.code if component else None,
            "source": source, "description": description, "address": address, "lon": place.lon, "lat": place.lat,
            "accuracy_m": accuracy_m, "cell_code": place.cell_code, "beat_id": place.beat_id, "area_grade": place.grade,
            "reporter_id": actor.user_id, "limit_value": limit_value, "limit_unit": limit_unit, "at": event.at,
            "state_due_at": clock.due_at if clock else None, "state_soon_at": clock.soon_at if clock else None,
            "routing": effects.as_json(proof), "digest": event.digest, "act": act.id, "actor_post": post,
            "body": event.body, "prev_digest": event.prev_digest,
        },
    ).scalar_one()  # fmt: skip
    _link_photos(session, case_id, event.seq, handed_in)
    written = CaseWritten(case_id, number, act.id, state.id, 1)
    _announce(session, written, place.lon, place.lat)
    return written


def advance(
    session: Session, actor: Viewer, now: datetime, number: str, act: str, *, expected_version: int | None = None, **inputs: Any
) -> CaseWritten:
    """Take a case one step along the workflow.

    `act` is the id of an act of the workflow; `inputs` are the fields of `effects.Inputs` (Any: each has its own type).
    Raises CaseNotFound (also for a case the actor may not see), CaseChanged, ActNotPossible (409), ActNotYours (403),
    ActIncomplete (422) and the Invalid errors of `errors.py`.
    """
    flow = case_workflow()
    step = flow.acts[act]
    given = effects.Inputs(**inputs)
    case_id = lookups.find_case_id(session, actor, number, lock=True)
    if case_id is None:
        raise errors.CaseNotFound(number=number)
    case = lookups.case_facts(session, actor, case_id)
    if expected_version is not None and case.version != expected_version:
        raise errors.CaseChanged(number=number, version=case.version, field="If-Match", fix="read the case again, then repeat")
    if refused := policy.refusal(flow, actor, lookups.facts_of(flow, actor, case, now), step):
        raise _refusal_error(refused)

    # Two web processes may read their clocks in another order than they get the lock; a chain's times never run back.
    at = max(now, case.updated_at)
    change = effects.Change(session, flow, step, actor, at, case, given, intake.calendar(session))
    edge = effects.apply(change)
    return _write(session, change, edge, policy.post_for(actor, edge))


def _write(session: Session, change: effects.Change, edge: Edge, post: str) -> CaseWritten:
    """Write an act whose effects are known: the event, the row, the task, the photos, the message."""
    case, act, at = change.case, change.act, change.at
    target = change.flow.states[edge.target]
    clock = _clock_of_state(change, edge)
    event = make_event(
        number=case.number, seq=case.event_count + 1, at=at, act=act.id, actor_id=change.actor.user_id, actor_post=post,
        from_state=case.state, to_state=edge.target, prev_digest=bytes(case.head_digest),
        body=change.body | _clock_in_body(clock, None if edge.stays else target.limit),
    )  # fmt: skip
    columns: dict[str, Any] = {  # Any: columns of several types
        "state": target.id, "stage": target.stage, **({} if edge.stays else {"assignee_id": None}),
        "state_due_at": clock.due_at if clock else None, "state_soon_at": clock.soon_at if clock else None, **change.columns,
    }  # fmt: skip
    _append(session, case.id, case.version, event, columns)
    if not edge.stays:
        _keep_tasks(session, change, clock)
    _link_photos(session, case.id, event.seq, change.photos)
    written = CaseWritten(case.id, case.number, act.id, target.id, case.version + 1)
    _announce(session, written, case.lon, case.lat)
    return written


def _clock_of_state(change: effects.Change, edge: Edge) -> Clock | None:
    """The clock of the state after the act. Who stays keeps the clock he has, unless the disposal clock behind it was moved."""
    case, limit = change.case, change.flow.states[edge.target].limit
    if edge.stays and edge.clock is None:
        return Clock(case.state_soon_at, case.state_due_at) if case.state_due_at is not None else None
    entered_at = change.at
    if edge.stays:
        line = replay(change.flow, lookups.records(change.session, case.id), change.calendar)
        entered_at, limit = line.entered_at, line.limit
    return state_clock(limit, entered_at, change.disposal, change.calendar, until=change.columns.get("suspended_until"))


def _clock_in_body(clock: Clock | None, limit: Limit | None) -> dict[str, Any]:
    """What an event says about the deadline of the state: JSON values, hence Any; the limit only when the state is entered."""
    return {"state_due_at": instant(clock.due_at) if clock else None, "state_limit": as_text(limit)}


def resume_due(session: Session, now: datetime, at_most: int = 200) -> int:
    """Resume the suspended cases whose date has come, at most so many; returns how many. For a scheduled watch.

    The pause ends on its own date, however late the watch looks, so the deadline does not depend on when it looked.
    """
    flow = case_workflow()
    step = flow.acts["resume_by_itself"]
    numbers = lookups.suspensions_over(session, now, at_most)
    for number in numbers:
        case_id = lookups.find_case_id(session, SYSTEM, number, lock=True)
        if case_id is None:
            raise errors.CaseNotFound(number=number)
        case = lookups.case_facts(session, SYSTEM, case_id)
        at = max(now, case.updated_at)
        change = effects.Change(session, flow, step, SYSTEM, at, case, effects.Inputs(), intake.calendar(session))
        edge = effects.apply(change)
        _write(session, change, edge, SYSTEM_POST)
    return len(numbers)


def recell(session: Session, publication: Publication) -> int:
    """Give open cases of ended or reshaped cells the live cell at their place and its beat; returns how many changed.

    Subscribed to `grid.events.on_published`, so it happens in the publication's own transaction. The cell of the report
    stays in the chain; finished cases keep what they had. What lies in no live cell any more keeps the old code.
    """
    return follow_grid(session, publication.actor_id, publication.at, publication.affected, publication.reason)


def follow_grid(session: Session, actor_id: int | None, now: datetime, cell_codes: Sequence[str], why: str) -> int:
    """Look up cell and beat again for the open cases in these cells, each change with its event; returns how many changed.

    `actor_id` None is the system itself, which signs as user 0.
    """
    moved = lookups.cases_to_move(session, cell_codes)
    for case in moved:
        event = make_event(
            number=case.number, seq=case.event_count + 1, at=max(now, case.updated_at), act="recell", actor_id=actor_id or 0,
            actor_post=SYSTEM_POST, from_state=case.state, to_state=case.state, prev_digest=bytes(case.head_digest),
            body={"cell_code": case.new_cell_code, "beat_id": case.new_beat_id, "old_cell_code": case.cell_code, "reason": why},
        )  # fmt: skip
        _append(session, case.id, case.version, event, {"cell_code": case.new_cell_code, "beat_id": case.new_beat_id})
        if case.task_id is not None:
            session.execute(text("UPDATE cases.tasks SET beat_id = :beat WHERE id = :id"), {"beat": case.new_beat_id, "id": case.task_id})
        _announce(session, CaseWritten(case.id, case.number, "recell", case.state, case.version + 1), case.lon, case.lat)
    return len(moved)


def _append(session: Session, case_id: int, version: int, event: Event, columns: dict[str, Any]) -> None:
    """Write the next event of a chain and move the row that stands on it (columns of several types, hence Any)."""
    session.execute(
        text(sql(__package__, "insert_event")),
        {
            "case_id": case_id, "seq": event.seq, "at": event.at, "act": event.act, "actor_id": event.actor_id,
            "actor_post": event.actor_post, "from_state": event.from_state, "to_state": event.to_state, "body": event.body,
            "prev_digest": event.prev_digest, "digest": event.digest,
        },
    )  # fmt: skip
    standing = {"version": version + 1, "event_count": event.seq, "head_digest": event.digest, "updated_at": event.at}
    session.execute(update(Case).where(Case.id == case_id).values(standing | columns).execution_options(synchronize_session=False))


def _refusal_error(refused: Reason) -> errors.ActNotPossible | errors.ActNotYours:
    """403 when another person could do it now, 409 when nobody can."""
    return errors.ActNotYours(refused) if refused.code in PERSONAL else errors.ActNotPossible(refused)


def _keep_tasks(session: Session, change: effects.Change, clock: Clock | None) -> None:
    """End the open task of the state that is left, and open the one of the state that is entered."""
    case, act = change.case, change.act
    if case.task_id is not None:
        done = act.closes is not None
        session.execute(
            text("UPDATE cases.tasks SET state = :state, done_at = :at, done_by = :by, result = :result WHERE id = :id"),
            {
                "id": case.task_id, "at": change.at, "by": change.actor.user_id,
                "state": "done" if done else "cancelled", "result": change.given.result if done else None,
            },
        )  # fmt: skip
    if act.opens is not None:
        session.execute(
            text(
                "INSERT INTO cases.tasks (case_id, kind, assignee_id, beat_id, created_at, soon_at, due_at)"
                " VALUES (:case_id, :kind, :assignee_id, :beat_id, :at, :soon_at, :due_at)"
            ),
            {
                "case_id": case.id, "kind": act.opens, "assignee_id": change.columns.get("assignee_id"), "beat_id": case.beat_id,
                "at": change.at, "soon_at": clock.soon_at if clock else None, "due_at": clock.due_at if clock else None,
            },
        )  # fmt: skip


def _link_photos(session: Session, case_id: int, seq: int, photos: Sequence[intake.Photo]) -> None:
    if photos:
        session.execute(
            text("INSERT INTO cases.photos (case_id, photo_id, seq, phase) VALUES (:case_id, :photo_id, :seq, :phase)"),
            [{"case_id": case_id, "photo_id": photo.id, "seq": seq, "phase": photo.phase} for photo in photos],
        )


def _announce(session: Session, written: CaseWritten, lon: float | None, lat: float | None) -> None:
    """Tell the rest of the house, in the same transaction: the stream and the webhooks, and the tiles around the place."""
    payload = {"number": written.number, "act": written.act, "state": written.state, "version": written.version, "lon": lon, "lat": lat}
    outbox.emit(session, "case", written.number, payload)
    if lon is not None and lat is not None:
        versions.touch(session, "cases", lon, lat)


def _next_number(session: Session, district: str, now: datetime, calendar: Calendar) -> str:
    """`district-YYYYMMDD-nnnnn` by the city's own day; raises NumbersUsedUp after 99,999 reports of one day."""
    on = now.astimezone(calendar.zone).date()
    serial = lookups.take_number(session, district, on)
    if serial is None:
        raise errors.NumbersUsedUp(district=district, on=on, fix="report again tomorrow")
    return f"{district}-{on:%Y%m%d}-{serial:05d}"
