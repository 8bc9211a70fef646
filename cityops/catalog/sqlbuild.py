"""SQL text from a layer source and a visibility predicate: one builder for tiles, GeoJSON and the stream.

Texts use psycopg's named parameters and depend only on the layer and the shape of the predicate, never on the place asked
for, so that PostgreSQL prepares each of them once per connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cityops.catalog.sources import LayerSource
from cityops.db.base import SRID

FEATURE_CAP = 10_000
"""The most features one tile holds; a fuller tile says so and shows an even sample or the largest."""
EXTENT = 4096
MARGIN = 64
MERCATOR = 3857

_NAMED = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
BOX = f"ST_MakeEnvelope(%(west)s::float8, %(south)s::float8, %(east)s::float8, %(north)s::float8, {SRID})"


@dataclass(frozen=True)
class Predicate:
    """Who may see which rows: SQL with `:named` parameters, and their values."""

    sql: str
    params: dict[str, Any]  # Any: whatever psycopg can send


def for_psycopg(sql: str) -> str:
    """`:name` parameters, as `sqlalchemy.text` writes them, turned into psycopg's; `::casts` and `%` keep their meaning."""
    return _NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))


def _literal(text: str) -> str:
    """Trusted SQL of a source, with `%` doubled for psycopg."""
    return text.replace("%", "%%")


def conditions(source: LayerSource, visible: str, *, zoom: bool = False) -> str:
    """The part of WHERE that always holds: live rows, visible rows, rows worth drawing at this zoom."""
    parts = [f"({for_psycopg(visible)})"]
    if source.where_sql:
        parts.append(f"({_literal(source.where_sql)})")
    if zoom and source.zoom_sql:
        parts.append(f"({_literal(source.zoom_sql).replace('{z}', '%(z)s::int')})")
    return " AND ".join(parts)


def _rows(source: LayerSource, visible: str, *, overview: bool) -> tuple[str, tuple[str, ...]]:
    """SELECT of the rows of a tile before clipping: columns id, geom and the properties."""
    if overview:
        assert source.overview_sql is not None
        text = _literal(source.overview_sql).replace("{box}", BOX).replace("{visible}", f"({for_psycopg(visible)})")
        return text.replace("{z}", "%(z)s::int"), source.overview_properties
    columns = "".join(f', {_literal(sql)} AS "{name}"' for name, sql in source.properties)
    text = (
        f"SELECT ({_literal(source.id_sql)})::bigint AS id, {source.geom_sql} AS geom{columns} FROM {_literal(source.from_sql)}"
        f" WHERE {source.geom_sql} && {BOX} AND {conditions(source, visible, zoom=True)}"
    )
    return text, tuple(name for name, _ in source.properties)


def is_overview(source: LayerSource, z: int) -> bool:
    """Whether a tile of this zoom shows aggregates instead of single features."""
    return source.overview_sql is not None and z < source.from_zoom


def tile_sql(source: LayerSource, visible: str, *, overview: bool, spread: bool = False) -> str:
    """One row: the tile, and how many features are in it (before those too small to see fall away).

    With `spread`, used when a tile is over the cap, the features are chosen: the largest areas and longest lines, or an
    even sample of points. Without it the first ones the index gives are taken, which costs nothing.
    """
    rows, names = _rows(source, visible, overview=overview)
    first, chosen = f" LIMIT {FEATURE_CAP}", ""
    if spread:
        by_size = {"polygon": "ST_Area(r.geom) DESC", "line": "ST_Length(r.geom) DESC"}
        order = "hashint8(r.id)" if overview else by_size.get(source.geometry, "hashint8(r.id)")
        first, chosen = "", f" ORDER BY {order} LIMIT {FEATURE_CAP}"
    columns = "".join(f', r."{name}"' for name in names)
    return (
        f"SELECT ST_AsMVT(m, '{source.id}', {EXTENT}, 'geom', 'id'), count(*) FROM ("
        f"SELECT r.id, ST_AsMVTGeom(ST_Transform(r.geom, {MERCATOR}), ST_TileEnvelope(%(z)s::int, %(x)s::int, %(y)s::int),"
        f" {EXTENT}, {MARGIN}, true) AS geom{columns} FROM ({rows}{first}) AS r{chosen}) AS m"
    )


def tile_count_sql(source: LayerSource, visible: str, *, overview: bool) -> str:
    """How many features a tile would hold without the cap."""
    rows, _ = _rows(source, visible, overview=overview)
    return f"SELECT count(*) FROM ({rows}) AS r"


def _feature(source: LayerSource) -> str:
    """One GeoJSON feature as text."""
    pairs = [f"'{name}', {_literal(sql)}" for name, sql in (*source.properties, *source.more_properties)]
    # A function takes 100 arguments at most; a layer of more than 45 fields is joined from several objects.
    chunks = [", ".join(pairs[i : i + 45]) for i in range(0, len(pairs), 45)]
    if len(chunks) > 1:
        properties = " || ".join(f"jsonb_build_object({chunk})" for chunk in chunks)
    else:
        properties = f"json_build_object({''.join(chunks)})"
    return (
        f'\'{{"type":"Feature","id":\' || to_json({_literal(source.key)})'
        f" || ',\"geometry\":' || coalesce(ST_AsGeoJSON({source.geom_sql}, 7, 0), 'null')"
        f" || ',\"properties\":' || ({properties})::text || '}}'"
    )


def items_sql(source: LayerSource, visible: str, *, boxed: bool) -> str:
    """One row: features as UTF-8 bytes joined by commas, the last id among them, and whether there are more.

    Parameters: `after` (an id; -1 for the first page), `limit`, and the box when `boxed`. The order is by id, so paging stays right while
    rows come and go.
    """
    box = f"{source.geom_sql} && {BOX} AND " if boxed else ""
    return (
        "SELECT convert_to(coalesce(string_agg(f, ',' ORDER BY id) FILTER (WHERE n <= %(limit)s), ''), 'UTF8'),"
        " max(id) FILTER (WHERE n <= %(limit)s), count(*) > %(limit)s FROM ("
        f"SELECT ({_literal(source.id_sql)})::bigint AS id, row_number() OVER (ORDER BY {_literal(source.id_sql)}) AS n,"
        f" {_feature(source)} AS f FROM {_literal(source.from_sql)} WHERE {box}{conditions(source, visible)}"
        f" AND ({_literal(source.id_sql)}) > %(after)s::bigint"
        f" ORDER BY {_literal(source.id_sql)} LIMIT %(limit)s::int + 1) AS page"
    )


def visible_keys_sql(source: LayerSource, visible: str) -> str:
    """Which of the given keys (`keys`, text array) the viewer may see now. Live or not: an event may tell of an end."""
    key = source.key_sql or source.id_sql
    return (
        f"SELECT {_literal(source.key)} FROM {_literal(source.from_sql)}"
        f" WHERE {_literal(key)} = ANY(%(keys)s::{source.key_type}[]) AND ({for_psycopg(visible)})"
    )
