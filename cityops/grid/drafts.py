"""Drafts: the one way cells change. A draft collects changes, is validated as often as wanted, and is published as one.

Publication is a single transaction: old cells end with their successors, new ones begin, beats pass on, history is kept,
subscribers re-attribute what sat in the changed cells, and the event is written. A draft that would leave a fault that was
not there before is not published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.db.outbox import emit
from cityops.db.sqlfiles import sql
from cityops.db.versions import touch_box
from cityops.geo.shapes import area_m2, as_array, metric_srid_of, project
from cityops.grid import events, policy, queries
from cityops.grid.errors import CellHasEnded, ChangeNotUnderstood, DraftClosed, DraftEmpty, GridFaulty, UnknownCell, UnknownDraft
from cityops.grid.rules.findings import Finding, Report
from cityops.grid.rules.lifecycle import Change, NewCell, OldCell, Plan, check_change, make_plan
from cityops.grid.rules.numbering import COMMUNITY_DIGITS
from cityops.grid.rules.validation import Cells, validate, validate_beats
from cityops.identity.visibility import Viewer


@dataclass(frozen=True)
class DraftRow:
    """A draft as it stands."""

    id: int
    title: str
    reason: str
    state: str
    version: int


def open_draft(session: Session, actor: Viewer | None, now: datetime, *, title: str, reason: str) -> int:
    """Begin a draft; gives its number."""
    if refusal := policy.may_draw(actor):
        raise refusal
    return int(
        session.execute(
            text("INSERT INTO grid.drafts (title, reason, created_by, created_at) VALUES (:title, :reason, :by, :at) RETURNING id"),
            {"title": title, "reason": reason, "by": actor.user_id if actor else None, "at": now},
        ).scalar_one()
    )


def get_draft(session: Session, draft_id: int, *, lock: bool = False) -> DraftRow:
    """The draft; raises UnknownDraft. With `lock` nobody else changes it until we commit."""
    row = session.execute(
        text("SELECT id, title, reason, state, version FROM grid.drafts WHERE id = :id" + (" FOR UPDATE" if lock else "")), {"id": draft_id}
    ).first()
    if row is None:
        raise UnknownDraft(draft=draft_id)
    return DraftRow(row.id, row.title, row.reason, row.state, row.version)


def _open(session: Session, draft_id: int) -> DraftRow:
    draft = get_draft(session, draft_id, lock=True)
    if draft.state != "open":
        raise DraftClosed(state=draft.state, fix="begin a new draft")
    return draft


def _touched(session: Session, draft_id: int) -> None:
    session.execute(text("UPDATE grid.drafts SET version = version + 1 WHERE id = :id"), {"id": draft_id})


def add_change(
    session: Session, actor: Viewer | None, now: datetime, draft_id: int, *, act: str, ends: Sequence[str], cells: Sequence[NewCell]
) -> int:
    """Add one act to an open draft; gives the number of the change.

    The cells named must be live. A drawn cell without a community takes the one it lies in. Raises ChangeNotUnderstood,
    CellHasEnded, UnknownCell, DraftClosed, NotYourGrid.
    """
    draft = _open(session, draft_id)
    check_change(act, ends, cells)
    _live(session, ends)
    cells = _with_communities(session, cells)
    if refusal := policy.may_draw(actor, {*(code[:COMMUNITY_DIGITS] for code in ends), *(cell.community for cell in cells)}):
        raise refusal
    change_id = session.execute(
        text(
            "INSERT INTO grid.draft_changes (draft_id, act, cell_codes, added_by, added_at)"
            " VALUES (:draft, :act, CAST(:codes AS text[]), :by, :at) RETURNING id"
        ),
        {"draft": draft.id, "act": act, "codes": list(ends), "by": actor.user_id if actor else None, "at": now},
    ).scalar_one()
    session.execute(
        text(
            "INSERT INTO grid.draft_cells (change_id, community_code, geom, grade, note, keeps_code, code)"
            " SELECT :change, community, ST_GeomFromWKB(geom, 4490), grade, note, keeps, code FROM unnest(CAST(:communities AS text[]),"
            " CAST(:geoms AS bytea[]), CAST(:grades AS text[]), CAST(:notes AS text[]), CAST(:keeps AS text[]), CAST(:codes AS text[]))"
            " AS t (community, geom, grade, note, keeps, code)"
        ),
        {
            "change": change_id,
            "communities": [cell.community for cell in cells],
            "geoms": [shapely.to_wkb(shapely.force_2d(cell.shape)) for cell in cells],
            "grades": [cell.grade for cell in cells],
            "notes": [cell.note for cell in cells],
            "keeps": [cell.keeps_code for cell in cells],
            "codes": [cell.code for cell in cells],
        },
    )
    _touched(session, draft_id)
    return int(change_id)


def _live(session: Session, codes: Sequence[str]) -> dict[str, queries.LiveCell]:
    """The named cells, all live; raises UnknownCell or CellHasEnded."""
    found = queries.live_cells(session, codes=codes) if codes else {}
    for code in codes:
        if code not in found:
            ended_on = session.execute(
                text("SELECT ended_on FROM grid.cells WHERE code = CAST(:code AS bpchar)"), {"code": code}
            ).scalar_one_or_none()
            if ended_on is None:
                raise UnknownCell(cell=code, field="cell_codes", fix="see GET /cells for those there are")
            raise CellHasEnded(cell=code, ended_on=ended_on, field="cell_codes", fix="name its successors")
    return found


def _with_communities(session: Session, cells: Sequence[NewCell]) -> list[NewCell]:
    """Each cell with its community: the one given, which must exist, or the one its inside lies in."""
    known = {cell.community for cell in cells if cell.community}
    exist = set(
        session.execute(
            text("SELECT code FROM grid.divisions WHERE level = 'community' AND code = ANY(CAST(:codes AS text[]))"),
            {"codes": sorted(known)},
        ).scalars()
    )
    if missing := sorted(known - exist):
        raise ChangeNotUnderstood(
            reason=f"there is no community {missing[0]}", field="cells.community_code", fix="see GET /divisions?level=community"
        )
    result = []
    for cell in cells:
        community: str | None = cell.community or (cell.keeps_code or "")[:COMMUNITY_DIGITS]
        if not community:
            if not cell.shape.is_valid or cell.shape.is_empty:
                raise ChangeNotUnderstood(reason="the polygon crosses itself or is empty", field="cells.geometry", fix="mend the boundary")
            inside = cell.shape.representative_point()
            community = session.execute(
                text(
                    "SELECT code FROM grid.divisions WHERE level = 'community'"
                    " AND ST_Intersects(geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))"
                    " ORDER BY code LIMIT 1"
                ),
                {"lon": inside.x, "lat": inside.y},
            ).scalar_one_or_none()
        if community is None:
            raise ChangeNotUnderstood(
                reason="a drawn cell lies in no community", field="cells.geometry", fix="name its community_code, or draw it inside one"
            )
        result.append(NewCell(community, cell.shape, cell.grade, cell.note, cell.keeps_code, cell.code))
    return result


def remove_change(session: Session, actor: Viewer | None, draft_id: int, change_id: int) -> None:
    """Take one act back out of an open draft."""
    _open(session, draft_id)
    if refusal := policy.may_draw(actor):
        raise refusal
    gone = session.execute(
        text("DELETE FROM grid.draft_changes WHERE id = :id AND draft_id = :draft RETURNING 1"), {"id": change_id, "draft": draft_id}
    ).first()
    if gone is None:
        raise UnknownDraft(draft=f"{draft_id}, change {change_id}")
    _touched(session, draft_id)


def discard_draft(session: Session, actor: Viewer | None, now: datetime, draft_id: int) -> None:
    """Close an open draft without effect; it stays readable."""
    _open(session, draft_id)
    if refusal := policy.may_draw(actor):
        raise refusal
    _close(session, actor, now, draft_id, "discarded")


def _close(session: Session, actor: Viewer | None, now: datetime, draft_id: int, state: str) -> None:
    session.execute(
        text("UPDATE grid.drafts SET state = :state, closed_by = :by, closed_at = :at, version = version + 1 WHERE id = :id"),
        {"state": state, "by": actor.user_id if actor else None, "at": now, "id": draft_id},
    )


@dataclass(frozen=True)
class _Outcome:
    """A draft worked out against the present grid."""

    plan: Plan
    old: dict[str, queries.LiveCell]
    """Every live cell of the communities concerned."""
    srid: int


def _changes(session: Session, draft_id: int) -> list[Change]:
    rows = session.execute(
        text(sql(__package__, "read_changes")),
        {"draft": draft_id},
    ).all()
    shapes = shapely.from_wkb([bytes(row.geom) for row in rows])
    cells: dict[int, list[NewCell]] = defaultdict(list)
    heads: dict[int, Any] = {}  # rows of the query above
    for row, shape in zip(rows, shapes, strict=True):
        heads[row.id] = row
        cells[row.id].append(NewCell(row.community_code, shape, row.grade, row.note, row.keeps_code, row.code, row.cell_id))
    return [Change(head.act, tuple(head.cell_codes), tuple(cells[change_id])) for change_id, head in heads.items()]


def _work_out(session: Session, draft_id: int, srid: int) -> _Outcome:
    changes = _changes(session, draft_id)
    if not changes:
        raise DraftEmpty(fix="add a change first")
    named = [code for change in changes for code in change.ends]
    _live(session, named)
    communities = sorted({*(code[:COMMUNITY_DIGITS] for code in named), *(cell.community for change in changes for cell in change.cells)})
    old = queries.live_cells(session, communities=communities)
    here = metric_srid_of(as_array([cell.shape for change in changes for cell in change.cells]), srid)
    plan = make_plan(
        changes,
        {code: OldCell(code, cell.shape, cell.beat_id) for code, cell in old.items()},
        queries.codes_ever_used(session, communities),
        lambda shape: project(shapely.make_valid(shape), here),  # a broken boundary is for validation to report, not for the overlay
    )
    return _Outcome(plan, old, here)


def _state(session: Session, outcome: _Outcome, *, after: bool) -> Report:
    """The faults of the communities concerned, and of the beats, before or after the draft."""
    plan, old = outcome.plan, outcome.old
    shapes = {code: cell.shape for code, cell in old.items()}
    beat_of = {code: cell.beat_id for code, cell in old.items()}
    if after:
        for code in plan.ended:
            del shapes[code], beat_of[code]
        for code, cell in {**plan.created, **plan.reshaped}.items():
            shapes[code] = cell.shape
            beat_of[code] = plan.beats.get(code, beat_of.get(code))
    report = validate(queries.community_shapes(session, plan.communities), Cells.of(list(shapes), list(shapes.values())), srid=outcome.srid)
    touched = {old[code].beat_id for code in (*plan.ended, *plan.reshaped)} | set(plan.beats.values())
    return Report.of(
        [*report, *_torn(session, shapes, beat_of, {beat for beat in touched if beat is not None}, outcome.srid)], **report.checked
    )


def _torn(
    session: Session, shapes: dict[str, BaseGeometry], beat_of: dict[str, int | None], beat_ids: set[int], srid: int
) -> list[Finding]:
    """The beats among `beat_ids` that would not hang together; their cells in other communities are looked up."""
    if not beat_ids:
        return []
    rows = session.execute(
        text("SELECT cell_code, beat_id FROM grid.beat_cells WHERE until IS NULL AND beat_id = ANY(CAST(:ids AS integer[]))"),
        {"ids": sorted(beat_ids)},
    ).all()
    here = {code[:COMMUNITY_DIGITS] for code in shapes}
    elsewhere = {row.cell_code: row.beat_id for row in rows if row.cell_code[:COMMUNITY_DIGITS] not in here}
    more = queries.live_cells(session, codes=sorted(elsewhere)) if elsewhere else {}
    every = {**shapes, **{code: cell.shape for code, cell in more.items()}}
    names = queries.beat_codes(session, beat_ids)
    members: dict[str, list[str]] = defaultdict(list)
    for code, beat in {**beat_of, **elsewhere}.items():
        if beat in names:
            members[names[beat]].append(code)
    return validate_beats(Cells.of(list(every), list(every.values())), members, srid=srid)


def validate_draft(session: Session, actor: Viewer | None, draft_id: int, *, srid: int) -> Report:
    """What would be wrong in the communities concerned if the draft were published; faults that are there already are left out."""
    if refusal := policy.may_check(actor):
        raise refusal
    get_draft(session, draft_id)
    return _new_faults(session, _work_out(session, draft_id, srid))


def _new_faults(session: Session, outcome: _Outcome) -> Report:
    report = _state(session, outcome, after=True)
    if not report.findings:
        return report
    known = {_likeness(finding) for finding in _state(session, outcome, after=False)}
    return Report.of([finding for finding in report if _likeness(finding) not in known], **report.checked)


def _likeness(finding: Finding) -> tuple[object, ...]:
    return finding.kind, finding.cells, round(finding.area_m2, 1), finding.details.get("beat")


def publish_draft(
    session: Session, actor: Viewer | None, now: datetime, draft_id: int, *, srid: int, timezone: str = "Asia/Shanghai"
) -> events.Publication:
    """Make the draft the grid, in the transaction of `session`.

    `srid` is the city's system for metres, `timezone` decides which local day it is. Raises GridFaulty with all findings
    when the grid would get worse, CellHasEnded when another publication came first, DraftClosed, DraftEmpty, NotYourGrid.
    """
    # Publications go one after another: two drafts could each be sound and wrong together.
    session.execute(text("SELECT pg_advisory_xact_lock(1735551332)"))
    draft = _open(session, draft_id)
    outcome = _work_out(session, draft_id, srid)
    plan = outcome.plan
    if refusal := policy.may_draw(actor, plan.communities):
        raise refusal
    report = _new_faults(session, outcome)
    if report.faults:
        raise GridFaulty(count=len(report.faults), findings=report.as_geojson(), fix="look at the findings, mend the draft, publish again")
    publication = events.Publication(
        draft_id=draft.id, actor_id=actor.user_id if actor else None, at=now, on=now.astimezone(ZoneInfo(timezone)).date(),
        reason=draft.reason, ended=plan.ended, created=tuple(sorted(plan.created)), reshaped=tuple(sorted(plan.reshaped)),
    )  # fmt: skip
    _write(session, outcome, publication)
    _close(session, actor, now, draft_id, "published")
    everything = as_array(
        [cell.shape for cell in (*plan.created.values(), *plan.reshaped.values())] + [outcome.old[code].shape for code in plan.ended]
    )
    for layer in ("cells", "beats"):
        touch_box(session, layer, *(float(v) for v in shapely.total_bounds(everything)))
    emit(session, events.TOPIC, str(draft.id), publication.payload())
    events.announce(session, publication)
    return publication


def _write(session: Session, outcome: _Outcome, publication: events.Publication) -> None:
    """Write a plan down: history, ends, boundaries, new cells, beats."""
    plan, on = outcome.plan, publication.on
    acts = dict.fromkeys(plan.ended, "end") | dict.fromkeys(plan.reshaped, "reshape")
    session.execute(
        text(sql(__package__, "keep_history")),
        {
            "codes": list(acts),
            "acts": list(acts.values()),
            "reason": publication.reason,
            "draft": publication.draft_id,
            "actor": publication.actor_id,
            "at": publication.at,
        },
    )
    for code, successors in plan.ended.items():
        session.execute(
            text(
                "UPDATE grid.cells SET ended_on = :on, end_reason = :reason, successor_codes = CAST(:next AS text[]), version = version + 1"
                " WHERE code = CAST(:code AS bpchar)"
            ),
            {"on": on, "reason": publication.reason, "next": list(successors), "code": code},
        )
    _write_shapes(session, plan, outcome.srid, on)
    session.execute(
        text("UPDATE grid.beat_cells SET until = :on WHERE until IS NULL AND cell_code = ANY(CAST(:codes AS bpchar[]))"),
        {"on": on, "codes": list(plan.ended)},
    )
    session.execute(
        text(
            "INSERT INTO grid.beat_cells (beat_id, cell_code, since) SELECT beat, code, :on"
            " FROM unnest(CAST(:beats AS integer[]), CAST(:codes AS bpchar[])) AS t (beat, code)"
        ),
        {"beats": list(plan.beats.values()), "codes": list(plan.beats), "on": on},
    )
    redraw = sorted({outcome.old[code].beat_id for code in plan.reshaped} - {None})  # type: ignore[type-var]  # None is taken out
    session.execute(text("SELECT grid.redraw_beats(CAST(:ids AS integer[]))"), {"ids": redraw})


def _write_shapes(session: Session, plan: Plan, srid: int, on: object) -> None:
    """Insert new cells and give reshaped ones their boundary, in one statement each."""
    for cells, statement in (
        (
            plan.created,
            "INSERT INTO grid.cells (code, community_code, geom, area_m2, grade, started_on, note)"
            " SELECT code, left(code, 12), ST_GeomFromWKB(geom, 4490), area, grade, :on, note FROM {new}",
        ),
        (
            plan.reshaped,
            "UPDATE grid.cells AS c SET geom = ST_GeomFromWKB(new.geom, 4490), area_m2 = new.area, version = c.version + 1"
            " FROM {new} WHERE c.code = CAST(new.code AS bpchar)",
        ),
    ):
        if not cells:
            continue
        shapes = as_array([cell.shape for cell in cells.values()])
        params: dict[str, object] = {
            "codes": list(cells),
            "geoms": list(shapely.to_wkb(shapes)),
            "areas": [float(area) for area in area_m2(shapes, srid)],
            "grades": [cell.grade for cell in cells.values()],
            "notes": [cell.note for cell in cells.values()],
        }
        new = (
            "unnest(CAST(:codes AS text[]), CAST(:geoms AS bytea[]), CAST(:areas AS float8[]),"
            " CAST(:grades AS text[]), CAST(:notes AS text[]))"
            " AS new (code, geom, area, grade, note)"
        )
        session.execute(text(statement.replace("{new}", new)), params | ({"on": on} if ":on" in statement else {}))
    drafted = {code: cell.draft_cell_id for code, cell in plan.created.items() if cell.draft_cell_id is not None}
    session.execute(
        text(
            "UPDATE grid.draft_cells AS d SET code = t.code"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS bpchar[])) AS t (id, code) WHERE d.id = t.id"
        ),
        {"ids": list(drafted.values()), "codes": list(drafted)},
    )
