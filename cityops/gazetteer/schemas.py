"""The shapes of the gazetteer on the outside. Unknown fields are refused, so a misspelt one is not silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
import shapely
from marshmallow import fields, validate
from shapely.geometry.base import BaseGeometry

from cityops.gazetteer import rules
from cityops.gazetteer.errors import PlaceInvalid
from cityops.gazetteer.operations import NewPlace, PlaceEdit
from cityops.geo.crs import parse_crs
from cityops.geo.errors import CoordinatesOutOfRange, UnknownCrs
from cityops.geo.shapes import into_storage
from cityops.identity.schemas import CSRF, IDEMPOTENCY_KEY, IF_MATCH, LARGEST_ID, CleanString

WRITE = [IDEMPOTENCY_KEY, CSRF]
CHANGE = [IF_MATCH, *WRITE]
ID = f"<int(min=1,max={LARGEST_ID}):place_id>"
BATCH = 1000


class PlaceKinds(fields.String):
    """Kinds separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's, which allows no tuple for a string field.
        parts = tuple(part.strip() for part in super()._deserialize(value, attr, data, **kwargs).split(","))
        if not set(parts) <= set(rules.KINDS):
            raise ma.ValidationError("One or several of " + ", ".join(rules.KINDS) + ", separated by commas.")
        return parts


class PlaceSearchSchema(ma.Schema):
    """What is looked for."""

    q = CleanString(
        required=True,
        validate=validate.Length(1, rules.LONGEST_QUESTION),
        metadata={
            "description": "a name, pinyin or its initials, a house number, a crossing, or metres from something",
            "example": "梅溪路86号",
        },
    )
    kinds = PlaceKinds(load_default=(), metadata={"description": "of " + ", ".join(rules.KINDS)})
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 50))


class ReverseSchema(ma.Schema):
    """A point."""

    lon = fields.Float(required=True, metadata={"description": "longitude, or easting in `crs`"})
    lat = fields.Float(required=True, metadata={"description": "latitude, or northing in `crs`"})
    crs = CleanString(load_default="EPSG:4490", validate=validate.Length(1, 60), metadata={"description": "EPSG:n, GCJ-02 or BD-09"})


class PlaceHitSchema(ma.Schema):
    """One answer, in degrees (EPSG:4490)."""

    level = fields.String(required=True, validate=validate.OneOf(rules.LEVELS))
    score = fields.Float(required=True, metadata={"description": "0 to 1"})
    name = fields.String(required=True)
    name_en = fields.String(required=True, allow_none=True)
    kind = fields.String(
        required=True, allow_none=True, metadata={"description": "null for a point that is no place of the register itself"}
    )
    category = fields.String(required=True, allow_none=True)
    matched = fields.String(
        required=True, allow_none=True, metadata={"description": "the name that fitted, when it is not the standard one"}
    )
    place_id = fields.Integer(required=True, allow_none=True)
    version = fields.Integer(required=True, allow_none=True)
    lon = fields.Float(required=True)
    lat = fields.Float(required=True)
    cell_code = fields.String(required=True, allow_none=True)


class PlaceHitsSchema(ma.Schema):
    """Answers, best first."""

    items = fields.List(fields.Nested(PlaceHitSchema), required=True)


class AddressSchema(ma.Schema):
    """What a point is called."""

    level = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    distance_m = fields.Float(required=True, allow_none=True)
    lon = fields.Float(required=True)
    lat = fields.Float(required=True)
    cell_code = fields.String(required=True, allow_none=True)
    beat_id = fields.Integer(required=True, allow_none=True)
    community_code = fields.String(required=True, allow_none=True)
    places = fields.List(fields.Dict(), required=True, metadata={"description": "all that is near, in the order of preference"})


class PlaceMatchesSchema(ma.Schema):
    """Addresses to be matched in one go."""

    addresses = fields.List(
        CleanString(validate=validate.Length(0, rules.LONGEST_QUESTION)), required=True, validate=validate.Length(1, BATCH)
    )


class PlaceMatchSchema(ma.Schema):
    """The best answer to one address; level `none` and nulls when there is none."""

    address = fields.String(required=True)
    level = fields.String(required=True, validate=validate.OneOf(rules.LEVELS))
    score = fields.Float(required=True)
    name = fields.String(required=True, allow_none=True)
    place_id = fields.Integer(required=True, allow_none=True)
    lon = fields.Float(required=True, allow_none=True)
    lat = fields.Float(required=True, allow_none=True)
    cell_code = fields.String(required=True, allow_none=True)


class PlaceMatchedSchema(ma.Schema):
    """One answer per address, in the order asked."""

    items = fields.List(fields.Nested(PlaceMatchSchema), required=True)


def _name(**kwargs: Any) -> CleanString:  # Any: marshmallow's own keyword arguments
    return CleanString(validate=validate.Length(1, 200), **kwargs)


def _number(**kwargs: Any) -> fields.Integer:  # Any: as above
    return fields.Integer(strict=True, validate=validate.Range(1, rules.MAX_HOUSE_NUMBER), **kwargs)


class _PlaceFields(ma.Schema):
    """What a new place and a change share."""

    name = _name(metadata={"description": "may be left out for a door plate"})
    name_en = _name(allow_none=True)
    category = _name(allow_none=True)
    aliases = fields.List(_name(), validate=validate.Length(max=50))
    house_number = _number()
    house_suffix = fields.String(validate=validate.Regexp(r"^([-][0-9]{1,4}|[a-z])?\Z"))
    note = CleanString(allow_none=True, validate=validate.Length(1, 1000))
    lon = fields.Float(metadata={"description": "longitude or easting of a point"})
    lat = fields.Float(metadata={"description": "latitude or northing of a point"})
    geometry = fields.Dict(metadata={"description": "GeoJSON geometry, instead of lon and lat"})
    crs = CleanString(load_default="EPSG:4490", validate=validate.Length(1, 60), metadata={"description": "EPSG:n, GCJ-02 or BD-09"})


class NewPlaceSchema(_PlaceFields):
    """A place to be registered."""

    kind = fields.String(required=True, validate=validate.OneOf(rules.KINDS))
    street_id = fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID), metadata={"description": "of a door plate"})
    source = _name(metadata={"description": "where the name was found"})

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> NewPlace:  # Any: the signature is marshmallow's
        shape = _shape_of(data)
        if shape is None:
            raise ma.ValidationError("Send lon and lat, or a geometry.", "geometry")
        return NewPlace(geom=shape, **data)


class PlaceEditSchema(_PlaceFields):
    """What to change; what is left out stays."""

    retired = fields.Boolean(metadata={"description": "true takes the place out of every search, false brings it back"})
    reason = CleanString(validate=validate.Length(1, 500), metadata={"description": "kept in the history"})

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> PlaceEdit:  # Any: as above
        shape = _shape_of(data)
        return PlaceEdit(**data) if shape is None else PlaceEdit(geom=shape, **data)


def _shape_of(data: dict[str, Any]) -> BaseGeometry | None:
    """Take the shape out of a body, in EPSG:4490; None when it has none. Raises UnknownCrs, CoordinatesOutOfRange, PlaceInvalid."""
    system = parse_crs(data.pop("crs"))
    lon, lat, geometry = data.pop("lon", None), data.pop("lat", None), data.pop("geometry", None)
    if geometry is None and lon is None and lat is None:
        return None
    if geometry is not None and (lon is not None or lat is not None):
        raise ma.ValidationError("Send lon and lat, or a geometry, not both.", "geometry")
    if geometry is None and (lon is None or lat is None):
        raise ma.ValidationError("Send lon and lat together.", "lat" if lat is None else "lon")
    try:
        shape = shapely.Point(lon, lat) if geometry is None else shapely.geometry.shape(geometry)
        stored: BaseGeometry = into_storage(shape, system)
    except (UnknownCrs, CoordinatesOutOfRange):
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError) as error:
        # shapely raises what its parts raise; whatever it is, the body is no geometry.
        raise PlaceInvalid(reason="it is not GeoJSON", field="geometry", fix="send type and coordinates as in RFC 7946") from error
    return stored


class GazetteerPlaceSchema(ma.Schema):
    """One place of the register with its names and its shape in EPSG:4490."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(rules.KINDS))
    name = fields.String(required=True)
    name_en = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)
    aliases = fields.List(fields.String(), required=True)
    former_names = fields.List(fields.String(), required=True)
    pinyin = fields.String(required=True, allow_none=True)
    street_id = fields.Integer(required=True, allow_none=True)
    house_number = fields.Integer(required=True, allow_none=True)
    house_suffix = fields.String(required=True)
    lon = fields.Float(required=True)
    lat = fields.Float(required=True)
    cell_code = fields.String(required=True, allow_none=True)
    geometry = fields.Dict(required=True)
    source = fields.String(required=True)
    edited = fields.Boolean(required=True)
    note = fields.String(required=True, allow_none=True)
    registered_at = fields.AwareDateTime(required=True)
    changed_at = fields.AwareDateTime(required=True)
    retired_at = fields.AwareDateTime(required=True, allow_none=True)
    version = fields.Integer(required=True)


class PlaceChangeSchema(ma.Schema):
    """One change of a place."""

    version = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    act = fields.String(required=True)
    actor_id = fields.Integer(required=True, allow_none=True)
    actor_name = fields.String(required=True, allow_none=True)
    before = fields.Dict(required=True, allow_none=True)
    after = fields.Dict(required=True)
    reason = fields.String(required=True, allow_none=True)
