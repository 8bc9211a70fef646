"""From what a reporter hands in to what a case is made of: place, component, class, standard, photos, responsible department."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.cases import errors, lookups, routing
from cityops.components import queries as component_queries
from cityops.components.errors import ClassNotFound
from cityops.components.models import Class
from cityops.components.queries import ComponentRecord
from cityops.geo.crs import to_storage
from cityops.grid import queries as grid_queries
from cityops.media import queries as media_queries
from cityops.standards import queries as standard_queries
from cityops.standards.errors import ConditionNotFound, ConditionNotInForce, NoConditionForClass
from cityops.standards.models import Condition
from cityops.standards.rules import Calendar, Grade

STORAGE = "EPSG:4490"


@dataclass(frozen=True)
class CasePlace:
    """Where a case is: a point in EPSG:4490 (degrees), or only a cell when nobody knows the point."""

    lon: float | None
    lat: float | None
    cell_code: str
    beat_id: int | None
    grade: str


@dataclass(frozen=True)
class Photo:
    """A photo as the chain knows it: `digest` is that of the stored file, in hexadecimal."""

    id: int
    digest: str
    phase: str

    def as_json(self) -> dict[str, Any]:
        """The form in the body of an event (JSON values, hence Any)."""
        return {"id": self.id, "digest": self.digest, "phase": self.phase}


def find_component(session: Session, code: str) -> ComponentRecord:
    """The component with this code, today's or an earlier one; raises ComponentNotKnown."""
    component = component_queries.by_code(session, code)
    if component is None:
        raise errors.ComponentNotKnown(component_code=code, field="component_code", fix="pick a component on the map")
    return component


COMPONENT_REACH_M = 100.0
"""How far a report may lie from the component it names: a phone's worst usable fix and the width of a road. Longer things count from
their nearest point."""


def check_component(session: Session, component: ComponentRecord, of_class: Class, place: CasePlace) -> None:
    """That the report is about this component: in use, of the class that is reported, and near the place.

    An event (refuse beside a bin) may name a component of any class. Raises ComponentRetired, ComponentOfOtherClass, ComponentFarAway.
    """
    code = component.code
    if component.retired_at is not None:
        raise errors.ComponentRetired(component_code=code, field="component_code", fix="pick the component that stands there now")
    check_component_class(component, of_class)
    if place.lon is None or place.lat is None:
        return
    near = text(
        "SELECT ST_DWithin(CAST(c.geom AS geography), CAST(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geography), :reach)"
        " FROM components.components AS c WHERE c.id = :id"
    )
    if not session.execute(near, {"lon": place.lon, "lat": place.lat, "reach": COMPONENT_REACH_M, "id": component.id}).scalar_one():
        raise errors.ComponentFarAway(
            component_code=code,
            reach_m=int(COMPONENT_REACH_M),
            field="component_code",
            fix="pick the component at the place, or leave lon and lat out",
        )


def check_component_class(component: ComponentRecord, of_class: Class) -> None:
    """That a component case is of its component's class; raises ComponentOfOtherClass."""
    if of_class.kind == "component" and (component.edition, component.class_code) != (of_class.edition, of_class.code):
        raise errors.ComponentOfOtherClass(
            component_code=component.code,
            component_class=component.class_code,
            class_code=of_class.code,
            field="class_code",
            fix=f"report class {component.class_code}, pick another component, or leave component_code out",
        )


def find_place(
    session: Session, *, lon: float | None, lat: float | None, crs: str | None, cell_code: str | None, component: ComponentRecord | None
) -> CasePlace:
    """The cell, beat and area grade of a report; raises PlaceMissing, PlaceOutsideGrid or CellNotLive.

    A point wins over the component's own place, and that wins over a bare cell code. `crs` says what system lon and lat are
    given in; without it they are taken as longitude and latitude in EPSG:4490.
    """
    if lon is None or lat is None:
        if component is None:
            return _place_of_cell(session, cell_code)
        lon, lat = component.lon, component.lat
    elif crs is not None and crs.upper() != STORAGE:
        x, y = to_storage(lon, lat, crs)
        lon, lat = float(x), float(y)
    place = grid_queries.locate(session, lon, lat)
    if place is None:
        raise errors.PlaceOutsideGrid(field="lon", fix="choose a place inside the managed area, or say which crs the coordinates are in")
    return CasePlace(lon, lat, place.cell_code, place.beat_id, place.grade)


def _place_of_cell(session: Session, cell_code: str | None) -> CasePlace:
    if not cell_code:
        raise errors.PlaceMissing(field="lon", fix="send lon and lat, a component_code, or at least a cell_code")
    query = text(
        "SELECT c.code, c.grade, b.beat_id FROM grid.cells AS c LEFT JOIN grid.beat_cells AS b ON b.cell_code = c.code AND b.until IS NULL"
        " WHERE c.code = :code AND c.ended_on IS NULL"
    )
    row = session.execute(query, {"code": cell_code}).first()
    if row is None:
        raise errors.CellNotLive(cell_code=cell_code, field="cell_code", fix="use the 15-digit code of a cell that has not ended")
    return CasePlace(None, None, row.code, row.beat_id, row.grade)


def find_class(session: Session, kind: str, class_code: str, edition: str | None) -> Class:
    """The active class; without an edition the first edition in force that has it. Raises ClassNotKnown."""
    if edition is None:
        query = text(
            "SELECT c.edition FROM components.classes AS c JOIN components.editions AS e ON e.id = c.edition"
            " WHERE c.kind = :kind AND c.code = :code AND c.active AND e.in_force ORDER BY c.edition = 'local', c.edition LIMIT 1"
        )
        edition = session.execute(query, {"kind": kind, "code": class_code}).scalar()
    try:
        found = component_queries.class_of(session, edition, kind, class_code) if edition else None
    except ClassNotFound:
        found = None  # said below in the words of a report, for which this is wrong input and not a missing page
    if found is None or not found.active:
        raise errors.ClassNotKnown(
            kind=kind, class_code=class_code, edition=edition or "in force", field="class_code", fix="see GET /api/v1/classes"
        )
    return found


def find_condition(session: Session, of_class: Class, on: date, condition_id: int | None) -> Condition | None:
    """The chosen standard, or the class's first; None when nothing was chosen and the class has none. Raises ConditionNotKnown."""
    try:
        return standard_queries.condition_for(session, of_class.edition, of_class.kind, of_class.code, on, condition_id)
    except NoConditionForClass:
        return None
    except (ConditionNotFound, ConditionNotInForce) as error:
        raise errors.ConditionNotKnown(
            condition_id=condition_id,
            class_code=of_class.code,
            field="condition_id",
            fix="choose one of GET /api/v1/conditions of this class",
        ) from error


def limit_for(condition: Condition | None, grade: str) -> tuple[Decimal | None, str | None]:
    """Value and unit of a standard's limit for an area grade (A, B or C)."""
    if condition is None:
        return None, None
    return standard_queries.limit_for(condition, cast(Grade, grade)), condition.unit


_calendars: dict[tuple[str, int, int], Calendar] = {}


def calendar(session: Session) -> Calendar:
    """The working calendar, read whole only when its version has changed: it is asked for at every step of every case."""
    row = standard_queries.calendar_row(session, standard_queries.DEFAULT_CITY)
    if row is None:
        return standard_queries.calendar_for(session)  # raises, with the fix
    key = (str(session.get_bind().engine.url), row.id, row.version)
    if key not in _calendars:
        _calendars.clear()
        _calendars[key] = standard_queries.calendar_for(session)
    return _calendars[key]


def route(
    session: Session, *, of_class: Class, condition: Condition | None, component_code: str | None, maintainer_id: int | None, cell_code: str
) -> dict[str, Any]:
    """The routing decision with its proof, as JSON (hence Any)."""
    candidates = lookups.routing_candidates(
        session,
        maintainer_id=maintainer_id,
        condition_department=condition.department_code if condition else None,
        class_department=of_class.department_code,
        cell_code=cell_code,
    )
    inputs = {
        "component_code": component_code,
        "maintainer_id": maintainer_id,
        "condition_id": condition.id if condition else None,
        "condition_department": condition.department_code if condition else None,
        "edition": of_class.edition,
        "kind": of_class.kind,
        "class_code": of_class.code,
        "class_department": of_class.department_code,
        "cell_code": cell_code,
        "district": cell_code[:6],
        "street": cell_code[:9],
    }
    return routing.decide(candidates, inputs)


def usable_photos(session: Session, actor_id: int, photo_ids: Sequence[int], phase: str) -> list[Photo]:
    """The photos an act hands in, in the order given; raises PhotoNotUsable for one that is not the actor's own and free."""
    wanted = list(dict.fromkeys(photo_ids))
    if not wanted:
        return []
    found = {photo.id: photo for photo in media_queries.photos_by_id(session, wanted)}
    taken = lookups.photos_in_use(session, wanted)
    for photo_id in wanted:
        if photo_id not in found or found[photo_id].uploader_id != actor_id or photo_id in taken:
            raise errors.PhotoNotUsable(
                photo_id=photo_id, field="photos", fix="upload it with POST /api/v1/media and use the id from there"
            )
    return [Photo(photo_id, found[photo_id].digest.hex(), phase) for photo_id in wanted]
