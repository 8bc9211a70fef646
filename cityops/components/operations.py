"""The verbs of room components. `actor` None is the system itself (an import from the command line, the set-up).

Every verb checks the policy, writes one row of `changes`, lets the database keep the version that was, and tells the tiles
and the outbox. Loading by the million is in `bulk.py`; class tables are in `class_tables.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shapely import from_wkb, to_wkb
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components import events, policy
from cityops.components.bulk import BatchResult, Registrations, register_many
from cityops.components.checks import (
    UNSET,
    Unset,
    check_attributes,
    check_departments,
    check_geometry,
    check_state,
    check_text,
    local_day,
    need_reason,
    place_at,
    usable_class,
)
from cityops.components.class_tables import ClassChange, change_class
from cityops.components.codes import claim_code, next_code
from cityops.components.errors import CodeInvalid, ComponentChanged, ComponentInUse, ComponentRetired, NothingChanges
from cityops.components.queries import ComponentRecord, by_id, class_of, code_format, default_department, known
from cityops.components.rules import DEFAULT_EDITION
from cityops.components.tables import load_classes, seed_editions
from cityops.db.base import SRID
from cityops.db.outbox import emit
from cityops.db.versions import touch_box
from cityops.grid.events import Publication
from cityops.identity.visibility import Viewer

__all__ = [
    "UNSET",
    "BatchResult",
    "ClassChange",
    "ComponentChange",
    "NewComponent",
    "Registrations",
    "change_class",
    "load_classes",
    "recell",
    "recode",
    "register",
    "register_many",
    "reinstate",
    "relocate",
    "retire",
    "seed",
    "update",
]


@dataclass(frozen=True)
class NewComponent:
    """What is registered. `geom` in degrees (EPSG:4490); a department left out is found from the class, a code is given."""

    class_code: str
    geom: BaseGeometry
    edition: str = DEFAULT_EDITION
    code: str | None = None
    name: str | None = None
    managing_id: int | None = None
    owner_id: int | None = None
    maintainer_id: int | None = None
    state: str = "intact"
    started_on: date | None = None
    source: str | None = None
    note: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)  # Any: local attributes are the city's own


@dataclass(frozen=True)
class ComponentChange:
    """What is to change about a component; fields left UNSET stay. `attributes` are merged, a key with None is taken away."""

    name: str | Unset | None = UNSET
    managing_id: int | Unset | None = UNSET
    owner_id: int | Unset | None = UNSET
    maintainer_id: int | Unset | None = UNSET
    state: str | Unset = UNSET
    started_on: date | Unset | None = UNSET
    source: str | Unset | None = UNSET
    note: str | Unset | None = UNSET
    attributes: Mapping[str, Any] | Unset = UNSET  # Any: as above

    def given(self) -> dict[str, Any]:
        """The fields that were sent. Any: each field has its type."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, Unset)}


def seed(session: Session) -> None:
    """Load the class tables a city cannot run without; safe to run again."""
    seed_editions(session)


def register(
    session: Session, actor: Viewer | None, now: datetime, new: NewComponent, *, reason: str | None = None, on: date | None = None
) -> ComponentRecord:
    """Enter a thing into the register and give it a code. `on` is the city's local day.

    Raises ClassNotFound, ClassNotUsable, GeometryInvalid, OutsideTheGrid, DepartmentUnknown, CodeInvalid, CodeTaken,
    CodesExhausted, AttributeInvalid, or a refusal of the policy.
    """
    class_ = usable_class(class_of(session, new.edition, "component", new.class_code))
    check_geometry(new.geom, class_)
    check_state(new.state)
    check_attributes(new.attributes)
    for name in ("name", "source", "note"):
        check_text(getattr(new, name), name)
    place = place_at(session, new.geom)
    cell_code = place.cell_code
    managing_id = new.managing_id if new.managing_id is not None else default_department(session, class_.department_code, cell_code)
    departments = (managing_id, new.owner_id, new.maintainer_id)
    _allow(policy.may_change(actor, "register", cell_code, place.beat_id, departments) if actor else None)
    check_departments(session, departments)
    form = code_format(session)
    prefix = form.prefix(cell_code, new.class_code)
    if new.code is None:
        code = next_code(session, form, prefix)
    else:
        claim_code(session, new.code)
        if not new.code.startswith(prefix):
            raise CodeInvalid(
                code=new.code, reason=f"the place and class ask for {prefix}…", field="code", fix="leave the code out and one will be given"
            )
        code = new.code
    change_id = _change(session, actor, now, "register", reason)
    component_id = session.execute(
        text(
            """
            INSERT INTO components.components (code, edition, class_code, name, geom, cell_code, managing_id, owner_id, maintainer_id,
                state, started_on, changed_on, source, note, attributes, valid_from, change_id)
            VALUES (:code, :edition, :class_code, :name, ST_GeomFromWKB(:geom, :srid), :cell_code, :managing_id, :owner_id, :maintainer_id,
                :state, :started_on, :on, :source, :note, CAST(:attributes AS jsonb), :now, :change_id)
            RETURNING id
            """
        ),
        {
            **{
                name: getattr(new, name)
                for name in ("edition", "class_code", "name", "owner_id", "maintainer_id", "state", "source", "note")
            },
            "code": code,
            "geom": to_wkb(new.geom, output_dimension=2),
            "srid": SRID,
            "cell_code": cell_code,
            "managing_id": managing_id,
            "started_on": new.started_on or local_day(now, on),
            "on": local_day(now, on),
            "attributes": json.dumps(dict(new.attributes), ensure_ascii=False),
            "now": now,
            "change_id": change_id,
        },
    ).scalar_one()
    return _announce(session, "register", component_id)


def update(
    session: Session,
    actor: Viewer | None,
    now: datetime,
    code: str,
    change: ComponentChange,
    *,
    reason: str,
    expected: int | None = None,
    on: date | None = None,
) -> ComponentRecord:
    """Change what is known about a component. `expected` is the version the writer has read.

    Raises ComponentNotFound, ComponentChanged, ComponentRetired, ReasonMissing, NothingChanges, AttributeInvalid, DepartmentUnknown,
    or a refusal.
    """
    reason = need_reason(reason)
    held = _hold(session, actor, "update", code, expected)
    _alive(held)
    values = change.given()
    if "state" in values:
        check_state(values["state"])
    for name in ("name", "source", "note"):
        check_text(values.get(name), name)
    if "attributes" in values:
        merged = {**held.attributes, **values["attributes"]}
        values["attributes"] = {key: value for key, value in merged.items() if value is not None}
        check_attributes(values["attributes"])
    values = {name: value for name, value in values.items() if value != getattr(held, name)}
    if not values:
        raise NothingChanges(fix="send at least one field with another value")
    check_departments(session, [values.get(name) for name in ("managing_id", "owner_id", "maintainer_id")])
    if actor is not None:
        # Whoever gives a component to another department must have both in his scope, or it would leave his sight unseen.
        after = tuple(values.get(name, getattr(held, name)) for name in ("managing_id", "owner_id", "maintainer_id"))
        _allow(policy.may_change(actor, "update", held.cell_code, held.beat_id, after))
    return _write(session, actor, now, "update", held, values, reason, on)


def relocate(
    session: Session,
    actor: Viewer | None,
    now: datetime,
    code: str,
    geom: BaseGeometry,
    *,
    reason: str,
    expected: int | None = None,
    on: date | None = None,
) -> ComponentRecord:
    """Move a component (or draw it anew); its cell is found again, its code stays. Raises as `register` and `update` do."""
    reason = need_reason(reason)
    held = _hold(session, actor, "relocate", code, expected)
    _alive(held)
    check_geometry(geom, class_of(session, held.edition, "component", held.class_code))
    place = place_at(session, geom)
    _allow(policy.may_change(actor, "relocate", place.cell_code, place.beat_id, held.departments) if actor else None)
    return _write(session, actor, now, "relocate", held, {"geom": geom, "cell_code": place.cell_code}, reason, on)


def recode(
    session: Session,
    actor: Viewer | None,
    now: datetime,
    code: str,
    *,
    reason: str,
    class_code: str | None = None,
    edition: str | None = None,
    expected: int | None = None,
    on: date | None = None,
) -> ComponentRecord:
    """Give a component a new code, under another class or the district it lies in now; the old code goes on leading to it.

    Raises as `update` does, and ClassNotFound, ClassNotUsable, GeometryInvalid, CodesExhausted, ReasonMissing.
    """
    reason = need_reason(reason)
    held = _hold(session, actor, "recode", code, expected)
    _alive(held)
    class_ = usable_class(class_of(session, edition or held.edition, "component", class_code or held.class_code))
    shape = session.execute(text("SELECT ST_AsBinary(geom) FROM components.components WHERE id = :id"), {"id": held.id}).scalar_one()
    check_geometry(_from_wkb(shape), class_)
    form = code_format(session)
    new_code = next_code(session, form, form.prefix(held.cell_code, class_.code))
    return _write(session, actor, now, "recode", held, {"code": new_code, "edition": class_.edition, "class_code": class_.code}, reason, on)


def retire(
    session: Session, actor: Viewer | None, now: datetime, code: str, *, reason: str, expected: int | None = None, on: date | None = None
) -> ComponentRecord:
    """Take a component out of use: it leaves maps and lists, its code, history and cases stay. Raises ComponentRetired if it was."""
    reason = need_reason(reason)
    held = _hold(session, actor, "retire", code, expected)
    _alive(held)
    return _write(session, actor, now, "retire", held, {"retired_at": now}, reason, on)


def reinstate(
    session: Session, actor: Viewer | None, now: datetime, code: str, *, reason: str, expected: int | None = None, on: date | None = None
) -> ComponentRecord:
    """Bring a retired component back, in the cell that holds its place now. Raises ComponentInUse when it was not retired."""
    reason = need_reason(reason)
    held = _hold(session, actor, "reinstate", code, expected)
    if held.retired_at is None:
        raise ComponentInUse(code=held.code, fix="nothing is to be done")
    shape = session.execute(text("SELECT ST_AsBinary(geom) FROM components.components WHERE id = :id"), {"id": held.id}).scalar_one()
    cell_code = place_at(session, _from_wkb(shape)).cell_code
    return _write(session, actor, now, "reinstate", held, {"retired_at": None, "cell_code": cell_code}, reason, on)


def recell(session: Session, publication: Publication) -> int:
    """Look up the cell of everything in use that sat in a cell the publication ended or reshaped; returns how many moved.

    Subscribed to `grid.events.on_published`, so it happens in the publication's own transaction. What now lies in no live
    cell keeps the ended cell's code, which still resolves, and is counted in the event.
    """
    affected = list(publication.affected)
    if not affected:
        return 0
    change_id = _change(session, publication.actor_id, publication.at, "recell", publication.reason)
    row = session.execute(text(RECELL), {"affected": affected, "change_id": change_id, "now": publication.at, "on": publication.on}).one()
    if row.moved:
        touch_box(session, policy.LAYER, row.west, row.south, row.east, row.north)
    box = [row.west, row.south, row.east, row.north] if row.moved else None
    payload = {"act": events.RECELLED, "rows": row.moved, "unplaced": row.unplaced, "box": box}
    emit(session, events.BATCH_TOPIC, str(change_id), payload)
    return int(row.moved)


RECELL = """
    WITH held AS (
        SELECT c.id, (SELECT g.code FROM grid.cells AS g
                      WHERE g.ended_on IS NULL AND ST_Intersects(g.geom, ST_PointOnSurface(c.geom)) ORDER BY g.code LIMIT 1) AS cell_code
        FROM components.components AS c
        WHERE c.cell_code = ANY(CAST(:affected AS bpchar[])) AND c.retired_at IS NULL
    ), moved AS (
        UPDATE components.components AS c
        SET cell_code = held.cell_code, changed_on = :on, change_id = :change_id,
            valid_from = greatest(CAST(:now AS timestamptz), c.valid_from), version = c.version + 1
        FROM held WHERE held.id = c.id AND held.cell_code <> c.cell_code
        RETURNING c.geom
    )
    SELECT (SELECT count(*) FROM held WHERE cell_code IS NULL) AS unplaced, count(*) AS moved,
        min(ST_XMin(geom)) AS west, min(ST_YMin(geom)) AS south, max(ST_XMax(geom)) AS east, max(ST_YMax(geom)) AS north
    FROM moved
"""


def _allow(refusal: Exception | None) -> None:
    if refusal is not None:
        raise refusal


def _from_wkb(body: bytes | memoryview) -> BaseGeometry:
    return from_wkb(bytes(body))


def _hold(session: Session, actor: Viewer | None, act: str, code: str, expected: int | None) -> ComponentRecord:
    """The component, locked until the transaction ends, if the actor may do this to it and has read its newest version."""
    held = known(session, code, actor, lock=True)
    if actor is not None:
        _allow(policy.may_change(actor, act, held.cell_code, held.beat_id, held.departments))
    if expected is not None and expected != held.version:
        raise ComponentChanged(code=held.code, field="If-Match", fix="read it again, look at what changed, and repeat")
    return held


def _alive(held: ComponentRecord) -> None:
    if held.retired_at is not None:
        raise ComponentRetired(code=held.code, fix=f"POST /api/v1/components/{held.code}/reinstatement")


def _change(session: Session, actor: Viewer | int | None, now: datetime, act: str, reason: str | None) -> int:
    """Write the row that says who did what, when and why; its id."""
    check_text(reason, "reason")
    actor_id = actor.user_id if isinstance(actor, Viewer) else actor
    return int(
        session.execute(
            text("INSERT INTO components.changes (at, actor_id, act, reason) VALUES (:now, :actor, :act, :reason) RETURNING id"),
            {"now": now, "actor": actor_id, "act": act, "reason": reason},
        ).scalar_one()
    )


def _write(
    session: Session,
    actor: Viewer | None,
    now: datetime,
    act: str,
    held: ComponentRecord,
    values: dict[str, Any],
    reason: str | None,
    on: date | None,
) -> ComponentRecord:
    """Write the new version. Any: each column has its type."""
    change_id = _change(session, actor, now, act, reason)
    casts = {"geom": f"ST_GeomFromWKB(:geom, {SRID})", "attributes": "CAST(:attributes AS jsonb)"}
    params: dict[str, Any] = dict(values)
    if "geom" in params:
        params["geom"] = to_wkb(params["geom"], output_dimension=2)
    if "attributes" in params:
        params["attributes"] = json.dumps(params["attributes"], ensure_ascii=False)
    columns = ", ".join(f"{name} = {casts.get(name, ':' + name)}" for name in values)
    before = session.execute(
        text(
            f"UPDATE components.components AS c SET {columns}, changed_on = :on, change_id = :change_id,"
            " valid_from = greatest(CAST(:now AS timestamptz), c.valid_from), version = c.version + 1"
            " WHERE c.id = :id RETURNING c.version"
        ),
        {**params, "id": held.id, "now": now, "on": local_day(now, on), "change_id": change_id},
    ).scalar_one()
    if before != held.version + 1:
        raise ComponentChanged(code=held.code, field="If-Match", fix="read it again, look at what changed, and repeat")
    return _announce(session, act, held.id)


def _announce(session: Session, act: str, component_id: int) -> ComponentRecord:
    """Tell the tiles (both places of a move) and the outbox; returns the component as it is now."""
    row = session.execute(
        text(
            """
            SELECT ST_XMin(e) AS west, ST_YMin(e) AS south, ST_XMax(e) AS east, ST_YMax(e) AS north
            FROM components.components AS c
            LEFT JOIN components.history AS h ON h.id = c.id AND h.version = c.version - 1,
            LATERAL (SELECT geom FROM (VALUES (c.geom), (h.geom)) AS v (geom) WHERE geom IS NOT NULL) AS g,
            LATERAL (SELECT ST_Envelope(g.geom) AS e) AS b
            WHERE c.id = :id
            """
        ),
        {"id": component_id},
    ).all()
    for box in row:
        touch_box(session, policy.LAYER, box.west, box.south, box.east, box.north)
    record = by_id(session, component_id)
    assert record is not None, "the row was written in this transaction"
    payload = {name: getattr(record, name) for name in ("code", "class_code", "state", "cell_code", "lon", "lat", "version", "change_id")}
    emit(session, events.TOPIC, record.code, {"act": events.OF_ACT[act], **payload})
    return record
