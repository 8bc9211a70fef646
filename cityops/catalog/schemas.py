"""Shapes of the catalogue's answers and questions."""

from __future__ import annotations

import marshmallow as ma


class BilingualSchema(ma.Schema):
    """A text in both languages."""

    zh = ma.fields.String(required=True)
    en = ma.fields.String(required=True)


class PropertySchema(ma.Schema):
    """One property of a layer's features."""

    name = ma.fields.String(required=True)
    type = ma.fields.String(metadata={"description": "text, integer, number, boolean, date, timestamp; absent where not known"})
    title = ma.fields.Nested(BilingualSchema)
    unit = ma.fields.String()
    choices = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(BilingualSchema))


class LayerSchema(ma.Schema):
    """One entry of the catalogue."""

    id = ma.fields.String(required=True)
    title = ma.fields.Nested(BilingualSchema, required=True)
    abstract = ma.fields.Nested(BilingualSchema, allow_none=True)
    geometry = ma.fields.String(required=True, validate=ma.validate.OneOf(["point", "line", "polygon", "mixed"]))
    role = ma.fields.String(required=True, validate=ma.validate.OneOf(["core", "base", "theme"]))
    min_zoom = ma.fields.Integer(required=True)
    from_zoom = ma.fields.Integer(required=True, metadata={"description": "single features from this zoom on, counts per cell below"})
    max_zoom = ma.fields.Integer(required=True)
    properties = ma.fields.List(ma.fields.Nested(PropertySchema), required=True)
    style = ma.fields.List(ma.fields.Dict(), required=True, metadata={"description": "MapLibre layers; a colour is a palette token with @"})
    tiles = ma.fields.String(required=True)
    items = ma.fields.String(required=True)
    source = ma.fields.Nested(BilingualSchema, required=True)
    licence = ma.fields.String(required=True)
    attribution = ma.fields.String(required=True)
    live = ma.fields.String(allow_none=True, metadata={"description": "topic of its events in /api/v1/events"})


class LayersSchema(ma.Schema):
    """The catalogue."""

    items = ma.fields.List(ma.fields.Nested(LayerSchema), required=True)


class ItemsQuerySchema(ma.Schema):
    """Which features of a layer."""

    bbox = ma.fields.String(metadata={"description": "west,south,east,north in degrees", "example": "112.50,32.97,112.56,33.02"})
    limit = ma.fields.Integer(load_default=1000, validate=ma.validate.Range(1, 10_000))
    cursor = ma.fields.String(metadata={"description": "`next` of the previous page"})


class FeatureCollectionSchema(ma.Schema):
    """GeoJSON (RFC 7946) with `next`, the cursor of the following page or null."""

    type = ma.fields.String(required=True, validate=ma.validate.Equal("FeatureCollection"))
    features = ma.fields.List(ma.fields.Dict(), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class StyleFragmentSchema(ma.Schema):
    """Part of a MapLibre style."""

    sources = ma.fields.Dict(required=True)
    layers = ma.fields.List(ma.fields.Dict(), required=True)


class CitySchema(ma.Schema):
    """The city as a whole."""

    class Meta:
        unknown = ma.INCLUDE

    name_zh = ma.fields.String()
    name_en = ma.fields.String()
    bounds = ma.fields.List(ma.fields.Float(), metadata={"description": "west, south, east, north in degrees"})
    attribution = ma.fields.String()
    licence = ma.fields.String()
    origin = ma.fields.String(metadata={"description": "where the city's data comes from: sample (synthetic), osm, …"})


class BasemapSchema(ma.Schema):
    """Our own basemap for both themes, and the outside source the settings name."""

    timezone = ma.fields.String(required=True, metadata={"description": "the city's own, for showing times", "example": "Asia/Shanghai"})
    city = ma.fields.Nested(CitySchema, required=True, allow_none=True, metadata={"description": "null before a city was loaded"})

    light = ma.fields.Nested(StyleFragmentSchema, required=True)
    dark = ma.fields.Nested(StyleFragmentSchema, required=True)
    outside = ma.fields.Dict(required=True, allow_none=True)
