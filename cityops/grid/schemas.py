"""Shapes of the grid's questions and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from cityops.grid.rules.lifecycle import ACTS
from cityops.grid.rules.proposal import TARGET_M2
from cityops.identity.schemas import CleanString

Digits = ma.validate.Regexp(r"^[0-9]{6}([0-9]{3}){0,2}$", error="a division has 6, 9 or 12 digits")
CellDigits = ma.validate.Regexp(r"^[0-9]{15}$", error="a cell code has 15 digits")
Text = ma.validate.Length(1, 200)
PageSize = ma.validate.Range(1, 2000)


class ListQuery(ma.Schema):
    """Paging and form, the same for every list."""

    limit = ma.fields.Integer(load_default=500, validate=PageSize)
    cursor = ma.fields.String(metadata={"description": "`next` of the previous page"})
    bbox = ma.fields.String(metadata={"description": "west,south,east,north in degrees", "example": "112.50,32.97,112.56,33.02"})
    format = ma.fields.String(validate=ma.validate.OneOf(["json", "geojson"]), metadata={"description": "or Accept: application/geo+json"})


class DivisionsQuery(ListQuery):
    """Which divisions."""

    level = ma.fields.String(validate=ma.validate.OneOf(["district", "street", "community"]))
    parent = ma.fields.String(validate=Digits)


class CellsQuery(ListQuery):
    """Which cells."""

    division = ma.fields.String(validate=Digits, metadata={"description": "code of 6, 9 or 12 digits the cells lie in"})
    ended = ma.fields.Boolean(load_default=False, metadata={"description": "show the cells that are no more"})


class BeatsQuery(ListQuery):
    """Which beats."""

    division = ma.fields.String(validate=Digits)


class PageSchema(ma.Schema):
    """A page of items, or a GeoJSON FeatureCollection when that was asked for; `next` is null on the last page."""

    items = ma.fields.List(ma.fields.Dict(), metadata={"description": "in the JSON form"})
    type = ma.fields.String(metadata={"description": "FeatureCollection, in the GeoJSON form"})
    features = ma.fields.List(ma.fields.Dict())
    next = ma.fields.String(required=True, allow_none=True)


class DetailSchema(ma.Schema):
    """One thing with its geometry in EPSG:4490."""

    class Meta:
        unknown = ma.INCLUDE

    geometry = ma.fields.Dict(allow_none=True)
    version = ma.fields.Integer(required=True)


class LocateQuery(ma.Schema):
    """A place."""

    lon = ma.fields.Float(required=True, metadata={"description": "longitude, or easting in `crs`"})
    lat = ma.fields.Float(required=True, metadata={"description": "latitude, or northing in `crs`"})
    crs = ma.fields.String(load_default="4490", metadata={"description": "EPSG number, gcj02 or bd09"})


class PlaceSchema(ma.Schema):
    """Where a point lies: cell, beat, community, street, district."""

    cell_code = ma.fields.String(required=True)
    grade = ma.fields.String(required=True)
    beat_id = ma.fields.Integer(required=True, allow_none=True)
    beat_code = ma.fields.String(allow_none=True)
    beat_name_zh = ma.fields.String(allow_none=True)
    beat_name_en = ma.fields.String(allow_none=True)
    community_code = ma.fields.String(required=True)
    community_name_zh = ma.fields.String()
    community_name_en = ma.fields.String(allow_none=True)
    street_code = ma.fields.String(required=True)
    street_name_zh = ma.fields.String()
    street_name_en = ma.fields.String(allow_none=True)
    district_code = ma.fields.String(required=True)
    district_name_zh = ma.fields.String()
    district_name_en = ma.fields.String(allow_none=True)


class PointsSchema(ma.Schema):
    """Many places at once."""

    points = ma.fields.List(
        ma.fields.List(ma.fields.Float(), validate=ma.validate.Length(2, 2)), required=True, validate=ma.validate.Length(1, 200_000),
        metadata={"description": "[longitude, latitude] each"},
    )  # fmt: skip
    crs = ma.fields.String(load_default="4490")


class LocationsSchema(ma.Schema):
    """The cell and beat of each point, in the order asked; null outside the grid."""

    cells = ma.fields.List(ma.fields.String(allow_none=True), required=True)
    beats = ma.fields.List(ma.fields.Integer(allow_none=True), required=True)


class DraftBody(ma.Schema):
    """A new draft."""

    title = CleanString(required=True, validate=Text)
    reason = CleanString(required=True, validate=Text, metadata={"description": "kept with every cell the draft ends"})


class DraftCellSchema(ma.Schema):
    """A drawn cell."""

    geometry = ma.fields.Dict(required=True, metadata={"description": "GeoJSON Polygon in EPSG:4490"})
    community_code = ma.fields.String(
        validate=ma.validate.Regexp(r"^[0-9]{12}$"), metadata={"description": "default: the community it lies in"}
    )
    grade = ma.fields.String(load_default="B", validate=ma.validate.OneOf(["A", "B", "C"]))
    note = CleanString(validate=Text)
    keeps_code = ma.fields.String(validate=CellDigits, metadata={"description": "act reshape: the cell this is the new boundary of"})


class ChangeBody(ma.Schema):
    """One act: create draws cells on free ground; split, merge and redivide end cells and draw new ones; reshape moves boundaries."""

    act = ma.fields.String(required=True, validate=ma.validate.OneOf(ACTS))
    cell_codes = ma.fields.List(ma.fields.String(validate=CellDigits), load_default=list, validate=ma.validate.Length(0, 999))
    cells = ma.fields.List(ma.fields.Nested(DraftCellSchema), required=True, validate=ma.validate.Length(1, 999))


class DraftSchema(ma.Schema):
    """A draft with its changes."""

    id = ma.fields.Integer(required=True)
    title = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(["open", "published", "discarded"]))
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.String()
    closed_at = ma.fields.String(allow_none=True)
    changes = ma.fields.List(ma.fields.Dict())


class DraftsSchema(ma.Schema):
    """Drafts, newest first."""

    items = ma.fields.List(ma.fields.Nested(DraftSchema), required=True)


class DraftsQuery(ma.Schema):
    """Which drafts."""

    state = ma.fields.String(validate=ma.validate.OneOf(["open", "published", "discarded"]))


class CreatedSchema(ma.Schema):
    """The number of what was made."""

    id = ma.fields.Integer(required=True)


class ProposalBody(ma.Schema):
    """How large the cells should be."""

    target_m2 = ma.fields.Float(load_default=TARGET_M2, validate=ma.validate.Range(1_000, 1_000_000))


class ProposalSchema(ma.Schema):
    """The draft that was made; `id` is its number too."""

    id = ma.fields.Integer(required=True)
    draft_id = ma.fields.Integer(required=True)
    cells = ma.fields.Integer(required=True)


class PublicationSchema(ma.Schema):
    """What the publication did."""

    act = ma.fields.String(required=True)
    actor_id = ma.fields.Integer(required=True, allow_none=True)
    reason = ma.fields.String(required=True)
    draft_id = ma.fields.Integer(required=True, allow_none=True)
    on = ma.fields.String(required=True)
    ended = ma.fields.Dict(required=True, metadata={"description": "ended code -> codes that follow it"})
    created = ma.fields.List(ma.fields.String(), required=True)
    reshaped = ma.fields.List(ma.fields.String(), required=True)


class FindingsSchema(ma.Schema):
    """Findings as GeoJSON: properties kind, severity, cells, area_m2, message_zh, message_en."""

    type = ma.fields.String(required=True, validate=ma.validate.Equal("FeatureCollection"))
    features = ma.fields.List(ma.fields.Dict(), required=True)
    faults = ma.fields.Integer(required=True)
    kinds = ma.fields.Dict(required=True)
    checked = ma.fields.Dict(required=True)


class FindingsQuery(ma.Schema):
    """Where to look."""

    division = ma.fields.String(validate=Digits, metadata={"description": "default: all that lies in your scope"})


class BeatBody(ma.Schema):
    """A new beat."""

    code = ma.fields.String(required=True, validate=ma.validate.Regexp(r"^[A-Za-z0-9._-]{1,40}$"))
    name_zh = CleanString(required=True, validate=Text)
    name_en = CleanString(allow_none=True, load_default=None, validate=Text)
    shift = CleanString(allow_none=True, load_default=None, validate=Text)
    cell_codes = ma.fields.List(ma.fields.String(validate=CellDigits), required=True, validate=ma.validate.Length(1, 2000))


class BeatPatch(ma.Schema):
    """What is to change about a beat."""

    name_zh = CleanString(validate=Text)
    name_en = CleanString(validate=Text)
    shift = CleanString(validate=Text)
    cell_codes = ma.fields.List(ma.fields.String(validate=CellDigits), validate=ma.validate.Length(1, 2000))


JsonObject = dict[str, Any]
"""Any: what marshmallow gives is as deep as the schema."""
