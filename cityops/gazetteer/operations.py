"""The verbs of the gazetteer: add a place, change it, retire it and bring it back. `actor` None is the system itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import shapely
import shapely.ops
from geoalchemy2.shape import from_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.db import outbox
from cityops.db.base import SRID
from cityops.gazetteer import naming, policy, rules
from cityops.gazetteer.errors import PlaceChanged, PlaceInvalid, PlaceNotFound, PlateTaken
from cityops.gazetteer.gathering import Gathered, gather
from cityops.gazetteer.models import Place
from cityops.gazetteer.plates import number_streets
from cityops.identity.visibility import Viewer

__all__ = ["Gathered", "NewPlace", "PlaceEdit", "change_place", "gather", "number_streets", "register_place"]

GEOMETRIES = {
    "region": ("Polygon", "MultiPolygon"),
    "tract": ("Polygon", "MultiPolygon", "Point"),
    "block": ("Polygon", "MultiPolygon", "Point"),
    "street": ("LineString", "MultiLineString"),
    "plate": ("Point",),
    "poi": ("Point", "Polygon", "MultiPolygon"),
}
UNIQUE_PLATE = "uq_places_street_id_house_number_house_suffix"


@dataclass(frozen=True)
class NewPlace:
    """What a place is registered with; `geom` in EPSG:4490. A plate has a street and a number, and may leave its name out."""

    kind: str
    geom: BaseGeometry
    name: str | None = None
    name_en: str | None = None
    category: str | None = None
    aliases: Sequence[str] = ()
    street_id: int | None = None
    house_number: int | None = None
    house_suffix: str = ""
    note: str | None = None
    source: str = "entered by hand"


class _Kept:
    """Stands for what is not to be changed."""


KEPT: Any = _Kept()  # Any: the default of fields of several types


@dataclass(frozen=True)
class PlaceEdit:
    """What to change; what is left out stays."""

    name: str = KEPT
    name_en: str | None = KEPT
    category: str | None = KEPT
    aliases: Sequence[str] = KEPT
    geom: BaseGeometry = KEPT
    house_number: int = KEPT
    house_suffix: str = KEPT
    note: str | None = KEPT
    retired: bool = KEPT
    reason: str | None = None

    def given(self) -> set[str]:
        """The names of the fields that are to be changed."""
        return {field.name for field in fields(self) if field.name != "reason" and getattr(self, field.name) is not KEPT}


def register_place(session: Session, actor: Viewer | None, now: datetime, new: NewPlace) -> Place:
    """Add a place; raises PlaceEditRefused, PlaceInvalid and PlateTaken."""
    if refused := policy.may_edit(actor):
        raise refused
    name = (new.name or "").strip()
    if new.kind == "plate":
        street = session.get(Place, new.street_id) if new.street_id is not None else None
        if street is None or street.kind != "street" or street.retired_at is not None:
            raise PlaceInvalid(reason="a door plate belongs to a street", field="street_id", fix="the id of a place of kind street")
        if new.house_number is None:
            raise PlaceInvalid(reason="a door plate has a number", field="house_number", fix="send house_number")
        name = name or rules.plate_name(street.name, new.house_number, new.house_suffix)
    elif new.street_id is not None or new.house_number is not None:
        raise PlaceInvalid(reason=f"a {new.kind} has no house number", field="house_number", fix="leave street_id and house_number out")
    _check_name(name)
    _check_geometry(new.kind, new.geom)
    place = Place(
        kind=new.kind, name=name, name_en=new.name_en, category=new.category, street_id=new.street_id, house_number=new.house_number,
        house_suffix=new.house_suffix, geom=from_shape(new.geom, SRID), point=from_shape(_label_point(new.geom), SRID),
        source=new.source, edited=True, note=new.note, registered_at=now, changed_at=now,
    )  # fmt: skip
    session.add(place)
    _flush(session, name)
    if new.kind != "plate":
        naming.write_names(session, [place.id])
        naming.set_aliases(session, place.id, _further_names(new.aliases, new.name_en))
    _keep(session, actor, now, place.id, "register", None, None)
    return place


def change_place(session: Session, actor: Viewer | None, now: datetime, place_id: int, edit: PlaceEdit, *, expected: int) -> Place:
    """Change a place that is at version `expected`; raises PlaceEditRefused, PlaceNotFound, PlaceChanged, PlaceInvalid, PlateTaken."""
    if refused := policy.may_edit(actor):
        raise refused
    place = session.get(Place, place_id, with_for_update=True, populate_existing=True)
    if place is None:
        raise PlaceNotFound(place_id=place_id, field="place_id", fix="search with GET /api/v1/places")
    if place.version != expected:
        raise PlaceChanged(place_id=place_id, field="If-Match", fix="read the place again, then repeat")
    given = edit.given()
    if not given:
        raise PlaceInvalid(reason="nothing is to be changed", field="name", fix="send at least one field")
    if place.kind != "plate" and given & {"house_number", "house_suffix"}:
        raise PlaceInvalid(reason=f"a {place.kind} has no house number", field="house_number", fix="leave it out")
    before = _snapshot(session, place_id)
    act = "change"
    for name in given & {"name_en", "category", "house_number", "house_suffix", "note"}:
        setattr(place, name, getattr(edit, name))
    if "name" in given:
        _check_name(edit.name)
        place.name = edit.name
    elif given & {"house_number", "house_suffix"} and place.house_number is not None:
        place.name = rules.plate_name(session.get_one(Place, place.street_id).name, place.house_number, place.house_suffix)
    if "geom" in given:
        _check_geometry(place.kind, edit.geom)
        place.geom, place.point = from_shape(edit.geom, SRID), from_shape(_label_point(edit.geom), SRID)
    if "retired" in given and edit.retired != (place.retired_at is not None):
        act = "retire" if edit.retired else "reinstate"
        place.retired_at = now if edit.retired else None
    place.edited, place.changed_at, place.version = True, now, place.version + 1
    _flush(session, place.name)
    if place.kind != "plate" and given & {"name", "name_en", "aliases"}:
        aliases = list(edit.aliases) if "aliases" in given else _aliases(session, place_id)
        naming.write_names(session, [place_id])
        naming.set_aliases(session, place_id, _further_names([one for one in aliases if one != place.name], place.name_en))
    _keep(session, actor, now, place_id, act, before, edit.reason)
    return place


def _check_name(name: str) -> None:
    if not rules.fold(name):
        raise PlaceInvalid(reason="a name has at least one letter or character", field="name", fix="send the name as the sign shows it")


def _check_geometry(kind: str, geom: BaseGeometry) -> None:
    if geom.geom_type not in GEOMETRIES[kind] or geom.is_empty:
        wanted = " or ".join(GEOMETRIES[kind])
        raise PlaceInvalid(reason=f"a {kind} is drawn as a {wanted}, not as a {geom.geom_type}", field="geometry", fix=f"send a {wanted}")
    if not geom.is_valid:
        raise PlaceInvalid(reason="the shape crosses itself", field="geometry", fix="draw it again without crossing lines")
    west, south, east, north = geom.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise PlaceInvalid(reason="coordinates are longitude and latitude in degrees", field="geometry", fix="longitude first")


def _label_point(geom: BaseGeometry) -> shapely.Point:
    if geom.geom_type in ("LineString", "MultiLineString"):
        nearest: shapely.Point = shapely.ops.nearest_points(geom, geom.centroid)[0]
        return nearest
    point: shapely.Point = geom.representative_point()
    return point


def _further_names(aliases: Sequence[str], name_en: str | None) -> list[str]:
    return [*aliases, *([name_en] if name_en else [])]


def _aliases(session: Session, place_id: int) -> list[str]:
    return list(
        session.execute(text("SELECT name FROM gazetteer.names WHERE place_id = :id AND status = 'alias'"), {"id": place_id}).scalars()
    )


def _flush(session: Session, name: str) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError as error:
        if UNIQUE_PLATE in str(error.orig):
            raise PlateTaken(name=name, field="house_number", fix="look the plate up and change it instead") from error
        raise


def _snapshot(session: Session, place_id: int) -> Any:
    """The place as JSON (hence Any)."""
    return session.execute(
        text("SELECT gazetteer.snapshot(p)::text FROM gazetteer.places AS p WHERE p.id = :id"), {"id": place_id}
    ).scalar_one()


def _keep(session: Session, actor: Viewer | None, now: datetime, place_id: int, act: str, before: str | None, reason: str | None) -> None:
    """Write the history and tell the rest of the house."""
    session.execute(
        text(
            "INSERT INTO gazetteer.changes (place_id, version, at, actor_id, act, before, after, reason)"
            " SELECT p.id, p.version, :now, :actor, :act, CAST(:before AS jsonb), gazetteer.snapshot(p), :reason"
            " FROM gazetteer.places AS p WHERE p.id = :id"
        ),
        {"id": place_id, "now": now, "actor": actor.user_id if actor else None, "act": act, "before": before, "reason": reason},
    )
    outbox.emit(session, "place", str(place_id), {"act": act})
