"""The catalogue over HTTP: what layers there are, their features as GeoJSON, the basemap, and the tiles.

The tile view is a plain Flask view without argument machinery, written into the OpenAPI document by hand; most tiles are
answered before it, by `door.py`, with the same words.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, current_app, request
from flask_smorest import Blueprint

from cityops.catalog import basemap, door, items, queries
from cityops.catalog.registry import Catalog, open_catalog
from cityops.catalog.schemas import BasemapSchema, FeatureCollectionSchema, ItemsQuerySchema, LayerSchema, LayersSchema
from cityops.catalog.sources import LayerSource
from cityops.catalog.sqlbuild import FEATURE_CAP
from cityops.config import Settings
from cityops.errors import Unavailable
from cityops.http.answers import GEOJSON
from cityops.http.auth import SESSION_COOKIE, viewer
from cityops.http.paging import decode_cursor, encode_cursor
from cityops.http.unit import reads, session

blp = Blueprint("catalog", __name__, url_prefix="/api/v1", description="The catalogue of layers: entries, features, basemap.")


def catalog() -> Catalog:
    """The catalogue of this application."""
    found: Catalog | None = current_app.extensions.get("cityops_catalog")
    if found is None:
        raise Unavailable(fix="the server was started without a database")
    return found


def _describe(source: LayerSource) -> dict[str, Any]:
    """A layer as the API shows it. Any: JSON."""
    manifest = catalog().manifests.get(source.id)
    root = request.url_root.rstrip("/")
    fields = {field.name: field for field in manifest.live_fields} if manifest else {}
    properties: list[dict[str, Any]] = []
    for name in [*fields, *(name for name, _ in source.properties if name not in fields)]:
        field = fields.get(name)
        entry: dict[str, Any] = {"name": name}
        if field:
            entry |= {"type": field.type, "title": {"zh": field.title.zh, "en": field.title.en}}
            if field.unit:
                entry["unit"] = field.unit
            if field.choices:
                entry["choices"] = {code: {"zh": title.zh, "en": title.en} for code, title in field.choices}
        properties.append(entry)
    return {
        "id": source.id,
        "title": {"zh": source.title_zh, "en": source.title_en},
        "abstract": {"zh": manifest.abstract.zh, "en": manifest.abstract.en} if manifest and manifest.abstract else None,
        "geometry": source.geometry,
        "role": manifest.role if manifest else "core",
        "min_zoom": source.min_zoom,
        "from_zoom": source.from_zoom,
        "max_zoom": source.max_zoom,
        "properties": properties,
        "style": list(basemap.style_of(source, manifest)),
        "tiles": basemap.tile_url(root, source.id),
        "items": f"{root}/api/v1/layers/{source.id}/items",
        "source": {"zh": source.source_zh, "en": source.source_en},
        "licence": source.licence,
        "attribution": source.attribution,
        "live": source.topic,
    }


@blp.route("/layers")
@blp.response(200, LayersSchema)
def list_layers() -> dict[str, Any]:
    """The layers you may see something of."""
    return {"items": [_describe(source) for source in catalog().layers(viewer())]}


@blp.route("/layers/<layer_id>")
@blp.response(200, LayerSchema)
@blp.alt_response(404, description="there is no such layer for you")
def get_layer(layer_id: str) -> dict[str, Any]:
    """One layer."""
    return _describe(catalog().layer(viewer(), layer_id))


@blp.route("/layers/<layer_id>/items")
@blp.arguments(ItemsQuerySchema, location="query")
@blp.response(200, FeatureCollectionSchema, content_type=GEOJSON)
@blp.alt_response(404, description="there is no such layer for you")
def layer_items(query: dict[str, Any], layer_id: str) -> Response:
    """The features you may see, as GeoJSON in EPSG:4490, ordered by id."""
    source = catalog().layer(viewer(), layer_id)
    after = decode_cursor(query["cursor"], (int,))[0] if "cursor" in query else None
    box = items.parse_box(query["bbox"]) if "bbox" in query else None
    page = items.page(catalog(), viewer(), source, box=box, limit=query["limit"], after=after)
    following = f'"{encode_cursor(page.last_id)}"' if page.more else "null"
    body = b'{"type":"FeatureCollection","features":[' + page.features + b'],"next":' + following.encode() + b"}"
    return Response(body, mimetype=GEOJSON, headers={"Cache-Control": "private, no-cache"})


@blp.route("/basemap")
@blp.response(200, BasemapSchema)
@reads
def get_basemap() -> dict[str, Any]:
    """MapLibre layers of our own basemap, light and dark, and the outside source of the settings."""
    root = request.url_root.rstrip("/")
    settings: Settings = current_app.extensions["cityops_settings"]
    facts = queries.city_facts(session())
    named = ("name_zh", "name_en", "bounds", "attribution", "licence", "origin")
    chosen = [(source, catalog().manifests.get(source.id)) for source in catalog().layers(viewer())]
    return {
        "timezone": settings.timezone,
        "city": {name: facts[name] for name in named if facts.get(name) is not None} or None,
        "light": basemap.own_basemap(root, chosen, "light", facts.get("attribution") or ""),
        "dark": basemap.own_basemap(root, chosen, "dark", facts.get("attribution") or ""),
        "outside": basemap.outside_basemap(settings.basemap),
    }


def tile(layer_id: str, z: int, x: int, y: int) -> Response:
    """One vector tile; 304 without touching a table when the client's copy is still right, 204 when nothing is there."""
    who = viewer()
    found = catalog()
    source = found.layer(who, layer_id)
    known = request.headers.get("If-None-Match", "")
    made = door.answer(found, who, source, (z, x, y), known, takes_gzip="gzip" in request.headers.get("Accept-Encoding", ""))
    response = Response(made.body, status=made.status, headers=made.headers)
    if made.status == 204:
        del response.headers["Content-Type"]
    return response


def tile_json(layer_id: str) -> dict[str, Any]:
    """TileJSON 3.0 of a layer."""
    source = catalog().layer(viewer(), layer_id)
    manifest = catalog().manifests.get(source.id)
    kinds = {field.name: field.type for field in manifest.live_fields} if manifest else {}
    words = {"integer": "Number", "number": "Number", "boolean": "Boolean"}
    names = dict.fromkeys([*(name for name, _ in source.properties), *(source.overview_properties if source.overview_sql else ())])
    return {
        "tilejson": "3.0.0",
        "id": source.id,
        "name": source.title_zh,
        "description": source.title_en,
        "attribution": source.attribution,
        "scheme": "xyz",
        "tiles": [basemap.tile_url(request.url_root.rstrip("/"), source.id)],
        "minzoom": source.min_zoom,
        "maxzoom": source.max_zoom,
        "vector_layers": [
            {
                "id": source.id,
                "description": source.title_en,
                "minzoom": source.min_zoom,
                "maxzoom": source.max_zoom,
                "fields": {name: words.get(kinds.get(name, "text"), "String") for name in names},
            }
        ],
        "cityops": {
            "feature_cap": FEATURE_CAP,
            "capped": "a fuller tile holds an even sample of points, or the largest areas and longest lines;"
            " the header Cityops-Features says shown/there are",
            "single_features_from_zoom": source.from_zoom,
        },
    }


def _document_tiles(app: Flask) -> None:
    """Write the two plain views into the OpenAPI document."""
    spec = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec
    rules = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    problem = {"$ref": "#/components/responses/DEFAULT_ERROR"}
    spec.path(
        rule=rules["tile"],
        operations={
            "get": {
                "tags": ["catalog"],
                "summary": "One vector tile",
                "description": "Carries a weak ETag that changes when something in the tile's area changes for you.",
                "parameters": [{"in": "header", "name": "If-None-Match", "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "Mapbox Vector Tile",
                        "headers": {"Cityops-Features": {"schema": {"type": "string"}, "description": "features shown / there are"}},
                        "content": {door.MVT: {"schema": {"type": "string", "format": "binary"}}},
                    },
                    "204": {"description": "nothing is there"},
                    "304": {"description": "your copy is still right"},
                    "default": problem,
                },
            }
        },
    )
    spec.path(
        rule=rules["tile_json"],
        operations={
            "get": {
                "tags": ["catalog"],
                "summary": "TileJSON of a layer",
                "responses": {
                    "200": {"description": "TileJSON 3.0", "content": {"application/json": {"schema": {"type": "object"}}}},
                    "default": problem,
                },
            }
        },
    )


def register(app: Flask) -> None:
    """Open the catalogue of the application; rooms add their layers to it in `cityops.app`."""
    settings, engine = app.extensions["cityops_settings"], app.extensions["cityops_engine"]
    app.add_url_rule("/tiles/<layer_id>/<int:z>/<int:x>/<int:y>.mvt", "tile", tile, methods=["GET"], defaults={})
    app.add_url_rule("/tiles/<layer_id>.json", "tile_json", tile_json, methods=["GET"], defaults={})
    _document_tiles(app)
    basemap.outside_basemap(settings.basemap)  # a wrong setting is told at the start, not at the first map
    if engine is not None:
        opened = app.extensions["cityops_catalog"] = open_catalog(settings, engine)
        app.wsgi_app = door.TileDoor(  # type: ignore[method-assign]  # the way Flask documents for middleware
            app.wsgi_app, opened, app.extensions["cityops_viewers"], SESSION_COOKIE
        )
