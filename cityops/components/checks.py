"""What every verb of room components checks in the same way: geometry, place, departments, attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from cityops.components.errors import AttributeInvalid, ClassNotUsable, DepartmentUnknown, GeometryInvalid, OutsideTheGrid, ReasonMissing
from cityops.components.models import Class
from cityops.components.queries import missing_departments
from cityops.components.rules import SHAPES, STATES, shape_fits
from cityops.grid.queries import Place, locate

CITY_ZONE = ZoneInfo("Asia/Shanghai")
"""Where a day begins, when the caller does not say which local day it is."""
MAX_VERTICES = 20_000
MAX_ATTRIBUTES = 100
MAX_TEXT = 2000


class Unset:
    """The field was not sent; None would mean: make it empty."""


UNSET: Final = Unset()


def check_geometry(geom: BaseGeometry, class_: Class) -> None:
    """Raises GeometryInvalid when the geometry (degrees) is no valid shape for a component of this class."""
    reason = geometry_fault(geom, class_.geometry)
    if reason:
        raise GeometryInvalid(reason=reason, field="geom", fix=f"a {class_.geometry} or something simpler, in longitude and latitude")


def geometry_fault(geom: BaseGeometry | None, wanted: str) -> str | None:
    """What is wrong with a geometry for a class drawn as `wanted`, or None."""
    if geom is None or geom.is_empty:
        return "it is empty"
    if geom.geom_type not in SHAPES:
        return f"{geom.geom_type} is not a shape of a component"
    if not shape_fits(SHAPES[geom.geom_type], wanted):  # type: ignore[arg-type]  # a check constraint holds the three words
        return f"the class is drawn as a {wanted}, not as a {SHAPES[geom.geom_type]}"
    west, south, east, north = geom.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return "its coordinates are no longitude and latitude"
    if shapely.get_num_coordinates(geom) > MAX_VERTICES:
        return f"it has more than {MAX_VERTICES} vertices"
    if not geom.is_valid:
        return shapely.is_valid_reason(geom)
    return None


def place_at(session: Session, geom: BaseGeometry) -> Place:
    """The live cell (and beat) of a geometry, decided by a point on it (degrees); raises OutsideTheGrid."""
    point = geom if geom.geom_type == "Point" else geom.point_on_surface()
    place = locate(session, point.x, point.y)
    if place is None:
        raise OutsideTheGrid(field="geom", fix="check the place and the reference system; extend the grid when the city grew")
    return place


def usable_class(found: Class) -> Class:
    """Raises ClassNotUsable for an event class or one that is switched off."""
    if found.kind != "component" or not found.active:
        reason = "it is a class of events" if found.kind != "component" else "it is switched off"
        raise ClassNotUsable(
            class_code=found.code, edition=found.edition, reason=reason, field="class_code", fix="see GET /api/v1/classes?kind=component"
        )
    return found


def check_departments(session: Session, ids: Iterable[int | None], field: str = "managing_id") -> None:
    """Raises DepartmentUnknown when one of them is no active department."""
    missing = missing_departments(session, {i for i in ids if i is not None})
    if missing:
        raise DepartmentUnknown(department=min(missing), field=field, fix="see GET /api/v1/departments")


def check_state(state: str) -> None:
    """Raises AttributeInvalid for a state that is none of the standard's."""
    if state not in STATES:
        raise AttributeInvalid(reason=f"{state!r} is not a state", field="state", fix="one of " + ", ".join(STATES))


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raises AttributeInvalid when local attributes are too many or too long, or hold what PostgreSQL cannot keep."""
    written = json.dumps(attributes, ensure_ascii=False)
    if len(attributes) > MAX_ATTRIBUTES or len(written) > 20_000:
        raise AttributeInvalid(
            reason="too many or too long", field="attributes", fix=f"at most {MAX_ATTRIBUTES} attributes and 20,000 characters"
        )
    if "\\u0000" in written or "NaN" in written or "Infinity" in written:
        raise AttributeInvalid(reason="a zero character or a number that is none", field="attributes", fix="leave it out")


def check_text(value: str | None, field: str) -> None:
    """Raises AttributeInvalid for text that is too long or holds control characters PostgreSQL refuses."""
    if value is not None and (len(value) > MAX_TEXT or "\x00" in value):
        raise AttributeInvalid(reason="too long, or it holds a zero character", field=field, fix=f"at most {MAX_TEXT} characters")


def need_reason(reason: str | None) -> str:
    """The reason without outer blanks; raises ReasonMissing."""
    if not reason or not reason.strip():
        raise ReasonMissing(field="reason", fix="say in a few words why")
    check_text(reason, "reason")
    return reason.strip()


def local_day(now: datetime, on: date | None) -> date:
    """The city's local day: the one that was given, or that of `now`."""
    return on or now.astimezone(CITY_ZONE).date()
