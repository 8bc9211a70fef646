"""The shapes of room components on the outside. Unknown fields are refused, so a misspelt one is not silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
import shapely
from marshmallow import fields, validate
from shapely.geometry.base import BaseGeometry

from cityops.components.checks import MAX_TEXT
from cityops.components.errors import GeometryInvalid
from cityops.components.operations import ComponentChange
from cityops.components.rules import DEFAULT_EDITION, GEOMETRIES, STATES
from cityops.components.search import MAX_LIMIT, MAX_WITHIN_M, Search
from cityops.geo.crs import parse_crs
from cityops.geo.errors import CoordinatesOutOfRange, UnknownCrs
from cityops.geo.shapes import into_storage
from cityops.http.fields import Instant
from cityops.identity.schemas import CSRF, IDEMPOTENCY_KEY, IF_MATCH, LARGEST_ID, CleanString

WRITE = [IDEMPOTENCY_KEY, CSRF]
CHANGE = [IF_MATCH, *WRITE]
KINDS = ("component", "event")
EDITION = r"^[a-z0-9][a-z0-9.-]{1,40}\Z"


class Words(fields.String):
    """Text of several lines that PostgreSQL can store: no control characters but line breaks and tabs."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        # Any: the signature is marshmallow's.
        written: str = super()._deserialize(value, attr, data, **kwargs)
        plain = written.replace("\r\n", "\n").strip()
        if not all(c.isprintable() or c in "\n\t" for c in plain):
            raise ma.ValidationError("Contains characters that cannot be printed.")
        return plain


class Listed(fields.String):
    """Values separated by commas: `a,b`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's, which allows no tuple for a string field.
        parts = tuple(part.strip() for part in super()._deserialize(value, attr, data, **kwargs).split(",") if part.strip())
        if not parts or len(parts) > 200 or not all(part.isascii() and part.isprintable() for part in parts):
            raise ma.ValidationError("Give one to 200 values, separated by commas.")
        return parts


class Box(fields.String):
    """`west,south,east,north` in degrees."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: as in Listed.
        try:
            west, south, east, north = (float(part) for part in super()._deserialize(value, attr, data, **kwargs).split(","))
        except ValueError as error:
            raise ma.ValidationError("Give west,south,east,north in degrees.") from error
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ma.ValidationError("Give west,south,east,north in degrees, west below east and south below north.")
        return west, south, east, north


def _department(**kwargs: Any) -> fields.Integer:  # Any: marshmallow's own keyword arguments
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, LARGEST_ID), **kwargs)


def _state(**kwargs: Any) -> fields.String:  # Any: as above
    return fields.String(validate=validate.OneOf(STATES), **kwargs)


def _reason() -> Words:
    """Why a component is changed: every version keeps it beside who and when."""
    why = "This change needs a reason; say in a few words why."
    return Words(
        required=True,
        validate=[validate.Length(1, error=why), validate.Length(max=MAX_TEXT)],
        error_messages={"required": why, "null": why},
    )


def _class_code(**kwargs: Any) -> fields.String:  # Any: as above
    return fields.String(validate=validate.Regexp(r"^[0-9]{4,8}\Z"), **kwargs)


class PlaceSchema(ma.Schema):
    """Where something is: `lon` and `lat` of a point, or a GeoJSON `geometry`; in `crs` (EPSG:4490 when left out)."""

    lon = fields.Float(metadata={"description": "longitude or easting"})
    lat = fields.Float(metadata={"description": "latitude or northing"})
    geometry = fields.Dict(metadata={"description": "GeoJSON geometry: point, line or polygon, single or multi"})
    crs = CleanString(load_default="EPSG:4490", validate=validate.Length(1, 60), metadata={"description": "EPSG:n, GCJ-02 or BD-09"})

    @ma.validates_schema
    def _one_place(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if ("lon" in data) != ("lat" in data) or ("lon" in data) == ("geometry" in data):
            raise ma.ValidationError("Send lon and lat, or a geometry.", "geometry" if "geometry" in data else "lon")


def place_of(data: dict[str, Any]) -> BaseGeometry:
    """Take the place out of a validated body, as a geometry in degrees (EPSG:4490).

    Raises GeometryInvalid, UnknownCrs, CoordinatesOutOfRange.
    """
    crs, geometry = data.pop("crs"), data.pop("geometry", None)
    try:
        system = parse_crs(crs)
        if geometry is None:
            shape = shapely.Point(data.pop("lon"), data.pop("lat"))
        else:
            shape = shapely.geometry.shape(geometry)
        return into_storage(shape, system)
    except (UnknownCrs, CoordinatesOutOfRange):
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        # shapely raises what its parts raise; whatever it is, the body is no geometry.
        raise GeometryInvalid(reason="it is not GeoJSON", field="geometry", fix="send type and coordinates as in RFC 7946") from error


class NewComponentSchema(PlaceSchema):
    """A component to be registered."""

    class_code = _class_code(required=True)
    edition = CleanString(load_default=DEFAULT_EDITION, validate=validate.Regexp(EDITION))
    code = fields.String(
        validate=validate.Regexp(r"^[0-9]{8,24}\Z"), metadata={"description": "only when it has one already; else one is given"}
    )
    name = CleanString(allow_none=True, validate=validate.Length(max=200))
    managing_id = _department(metadata={"description": "the class's default department when left out"})
    owner_id = _department()
    maintainer_id = _department()
    state = _state()
    started_on = fields.Date(allow_none=True)
    source = CleanString(allow_none=True, validate=validate.Length(max=200))
    note = Words(allow_none=True, validate=validate.Length(max=MAX_TEXT))
    attributes = fields.Dict(keys=CleanString(validate=validate.Length(1, 60)))
    reason = Words(validate=validate.Length(max=MAX_TEXT))


class ComponentChangeSchema(ma.Schema):
    """What to change; what is left out stays. `attributes` are merged, a key with null is taken away."""

    name = CleanString(allow_none=True, validate=validate.Length(max=200))
    managing_id = _department()
    owner_id = _department()
    maintainer_id = _department()
    state = _state()
    started_on = fields.Date(allow_none=True)
    source = CleanString(allow_none=True, validate=validate.Length(max=200))
    note = Words(allow_none=True, validate=validate.Length(max=MAX_TEXT))
    attributes = fields.Dict(keys=CleanString(validate=validate.Length(1, 60)))
    reason = _reason()

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> tuple[ComponentChange, str]:  # Any: the signature is marshmallow's
        reason = data.pop("reason")
        return ComponentChange(**data), reason


class RelocationSchema(PlaceSchema):
    """Where the component is now."""

    reason = _reason()


class RecodingSchema(ma.Schema):
    """Under which class the component is to be coded; left out, under its own (and the district it lies in now)."""

    class_code = _class_code()
    edition = CleanString(validate=validate.Regexp(EDITION))
    reason = _reason()


class ReasonSchema(ma.Schema):
    """Why."""

    reason = _reason()


class AsOfSchema(ma.Schema):
    """At which instant."""

    as_of = Instant(metadata={"description": "as it was then; now when left out"})
    format = fields.String(validate=validate.OneOf(["json", "geojson"]))


class SearchSchema(ma.Schema):
    """Which components. All conditions must hold; the order is by code, or by distance with `near`."""

    class_ = Listed(data_key="class", metadata={"description": "class codes, separated by commas"})
    edition = CleanString(validate=validate.Regexp(EDITION))
    department = fields.Integer(
        validate=validate.Range(1, LARGEST_ID), metadata={"description": "in any of the three roles, with what is below it"}
    )
    state = Listed(metadata={"description": "states, separated by commas"})
    division = fields.String(
        validate=validate.Regexp(r"^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})\Z"), metadata={"description": "division or cell code"}
    )
    code = fields.String(validate=validate.Regexp(r"^[0-9]{1,24}\Z"), metadata={"description": "the beginning of a code"})
    q = CleanString(validate=validate.Length(1, 100), metadata={"description": "part of a name or class name, or the beginning of a code"})
    bbox = Box(metadata={"description": "west,south,east,north in degrees"})
    near = fields.String(
        validate=validate.Regexp(r"^-?[0-9]+(\.[0-9]+)?,-?[0-9]+(\.[0-9]+)?\Z"), metadata={"description": "lon,lat in `crs`: nearest first"}
    )
    crs = CleanString(load_default="EPSG:4490", validate=validate.Length(1, 60), metadata={"description": "of `near`"})
    within_m = fields.Float(validate=validate.Range(1, MAX_WITHIN_M), metadata={"description": "farthest distance for `near`, metres"})
    retired = fields.String(load_default="no", validate=validate.OneOf(["no", "only", "all"]))
    as_of = Instant(metadata={"description": "as the register was then"})
    format = fields.String(validate=validate.OneOf(["json", "geojson"]))
    count = fields.Boolean(load_default=False, metadata={"description": "whether `total` is wanted"})
    cursor = fields.String()
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_LIMIT))

    @ma.validates("state")
    def _states(self, value: Any, **_: Any) -> None:  # Any: the signature is marshmallow's
        if set(value) - set(STATES):
            raise ma.ValidationError("Must be of: " + ", ".join(STATES) + ".")

    @ma.validates_schema
    def _no_pages_of_distance(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if "near" in data and "cursor" in data:
            raise ma.ValidationError("The nearest come in one answer; leave the cursor out.", "cursor")


def search_of(query: Mapping[str, Any]) -> Search:
    """The search a validated query string asks for. Raises UnknownCrs, CoordinatesOutOfRange."""
    near = None
    if "near" in query:
        point = into_storage(shapely.Point(*(float(part) for part in query["near"].split(","))), parse_crs(query["crs"]))
        near = (point.x, point.y)
    names = {"class_": "class_codes", "state": "states", "department": "department_id", "q": "text"}
    taken = ("class_", "edition", "department", "state", "division", "code", "q", "bbox", "within_m", "retired", "as_of")
    return Search(near=near, **{names.get(name, name): query[name] for name in taken if name in query})


class ComponentSchema(ma.Schema):
    """A component. Departments: managing 主管部门, owner 权属单位, maintainer 养护单位."""

    code = fields.String(required=True)
    edition = fields.String(required=True)
    class_code = fields.String(required=True)
    class_name_zh = fields.String(required=True)
    class_name_en = fields.String(required=True)
    icon = fields.String(required=True)
    mark = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    state = _state(required=True)
    cell_code = fields.String(required=True)
    lon = fields.Float(required=True)
    lat = fields.Float(required=True)
    distance_m = fields.Float(required=True, allow_none=True, metadata={"description": "from `near`"})
    managing_id = fields.Integer(required=True, allow_none=True)
    managing_name_zh = fields.String(required=True, allow_none=True)
    managing_name_en = fields.String(required=True, allow_none=True)
    owner_id = fields.Integer(required=True, allow_none=True)
    owner_name_zh = fields.String(required=True, allow_none=True)
    owner_name_en = fields.String(required=True, allow_none=True)
    maintainer_id = fields.Integer(required=True, allow_none=True)
    maintainer_name_zh = fields.String(required=True, allow_none=True)
    maintainer_name_en = fields.String(required=True, allow_none=True)
    started_on = fields.Date(required=True, allow_none=True)
    changed_on = fields.Date(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    attributes = fields.Dict(required=True)
    retired_at = fields.AwareDateTime(required=True, allow_none=True)
    valid_from = fields.AwareDateTime(required=True)
    version = fields.Integer(required=True)


class ChangeSchema(ma.Schema):
    """The act that made a version."""

    at = fields.AwareDateTime(required=True)
    act = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    actor_id = fields.Integer(required=True, allow_none=True)
    actor_name = fields.String(required=True, allow_none=True)


class ComponentDetailSchema(ComponentSchema):
    """A component in full."""

    geometry = fields.Dict(required=True)
    aliases = fields.List(fields.String(), required=True, metadata={"description": "codes it had before; they still lead here"})
    change = fields.Nested(ChangeSchema, required=True)


class ComponentsSchema(ma.Schema):
    """A page of components. As GeoJSON (Accept: application/geo+json or ?format=geojson) it is a FeatureCollection with `next`."""

    items = fields.List(fields.Nested(ComponentSchema), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(metadata={"description": "only with count=true"})


class FeatureSchema(ma.Schema):
    """A GeoJSON feature in EPSG:4490 degrees; `id` is the code."""

    type = fields.String(required=True, validate=validate.Equal("Feature"))
    id = fields.String(required=True)
    geometry = fields.Dict(required=True)
    properties = fields.Nested(ComponentSchema, required=True)


class DetailFeatureSchema(ma.Schema):
    """One component as a GeoJSON feature; its properties also name the codes it had before."""

    type = fields.String(required=True, validate=validate.Equal("Feature"))
    id = fields.String(required=True)
    geometry = fields.Dict(required=True)
    properties = fields.Dict(required=True)


class FeaturesSchema(ma.Schema):
    """A page of components as GeoJSON (RFC 7946) with `next`, the cursor of the following page or null."""

    type = fields.String(required=True, validate=validate.Equal("FeatureCollection"))
    features = fields.List(fields.Nested(FeatureSchema), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(metadata={"description": "only with count=true"})


class VersionSchema(ma.Schema):
    """One version of a component."""

    version = fields.Integer(required=True)
    code = fields.String(required=True)
    valid_from = fields.AwareDateTime(required=True)
    valid_to = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "null: it still holds"})
    act = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    actor_id = fields.Integer(required=True, allow_none=True)
    actor_name = fields.String(required=True, allow_none=True)
    batch_id = fields.String(required=True, allow_none=True)
    changed = fields.List(fields.String(), required=True, metadata={"description": "fields that differ from the version before"})
    values = fields.Dict(required=True)


class HistorySchema(ma.Schema):
    """All versions, newest first."""

    items = fields.List(fields.Nested(VersionSchema), required=True)


class ClassSchema(ma.Schema):
    """A class of components or events."""

    edition = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    code = fields.String(required=True)
    major = fields.String(required=True, allow_none=True)
    major_name_zh = fields.String(required=True, allow_none=True)
    major_name_en = fields.String(required=True, allow_none=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)
    geometry = fields.String(required=True, validate=validate.OneOf(GEOMETRIES))
    department_code = fields.String(required=True, allow_none=True)
    icon = fields.String(required=True, metadata={"description": "temaki-… or maki-…"})
    mark = fields.String(required=True)
    source_mark = fields.String(required=True, metadata={"description": "S seen in a source, K known, ? unsure, L set by the city"})
    note = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)
    version = fields.Integer(required=True)


class ClassesSchema(ma.Schema):
    """Class tables."""

    items = fields.List(fields.Nested(ClassSchema), required=True)


class ClassesQuerySchema(ma.Schema):
    """Which classes."""

    edition = CleanString(validate=validate.Regexp(EDITION))
    kind = fields.String(validate=validate.OneOf(KINDS))
    active = fields.Boolean()
    q = CleanString(validate=validate.Length(1, 100), metadata={"description": "part of a name or code"})


class ClassChangeSchema(ma.Schema):
    """What to change about a class; what is left out stays."""

    name_zh = CleanString(validate=validate.Length(1, 60))
    name_en = CleanString(validate=validate.Length(1, 120))
    geometry = fields.String(validate=validate.OneOf(GEOMETRIES))
    department_code = CleanString(allow_none=True, validate=validate.Length(1, 30))
    icon = CleanString(validate=validate.Regexp(r"^(temaki|maki)-[a-zA-Z0-9_-]{1,60}\Z"))
    mark = CleanString(validate=validate.Length(1, 2))
    note = Words(allow_none=True, validate=validate.Length(max=MAX_TEXT))
    active = fields.Boolean()


class MajorSchema(ma.Schema):
    """A major class."""

    kind = fields.String(required=True)
    code = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)


class EditionSchema(ma.Schema):
    """An edition of the class standard."""

    id = fields.String(required=True)
    title_zh = fields.String(required=True)
    title_en = fields.String(required=True)
    in_force = fields.Boolean(required=True)
    note = fields.String(required=True, allow_none=True)
    classes = fields.Integer(required=True)
    majors = fields.List(fields.Nested(MajorSchema), required=True)


class EditionsSchema(ma.Schema):
    """All editions."""

    items = fields.List(fields.Nested(EditionSchema), required=True)
