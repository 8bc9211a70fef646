"""From tile address and viewer to bytes: which statement, which version, which permission, kept or made.

Nothing here knows HTTP. `TileService.tag` is the cheap half (is the client's copy still right?), `TileService.tile` the
other one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from isal import igzip

from cityops import clock
from cityops.catalog import sqlbuild
from cityops.catalog.errors import LayerNotSynced, TileNotThere
from cityops.catalog.sources import LayerSource
from cityops.catalog.sqlbuild import EXTENT, FEATURE_CAP, MARGIN, Predicate
from cityops.catalog.tilecache import Tile, TileCache
from cityops.catalog.versions import LayerVersions, areas_of_tile

if TYPE_CHECKING:
    from cityops.db.readpool import ReadPool
    from cityops.identity.visibility import ScopedColumns, Viewer

MAX_ZOOM = 24
PACK_LEVEL = 1
PACK_FROM_BYTES = 200
EMPTY = Tile(b"", packed=False, count=0, total=0)

Visible = Callable[["Viewer", "ScopedColumns"], tuple[str, dict[str, Any]]]
"""`identity.visibility.visible`: the one predicate."""


@dataclass(frozen=True, slots=True)
class _View:
    """What one viewer sees of one layer: statements and parameters, and a digest that is equal for equal sights."""

    detail: tuple[str, str, str]
    """The tile, the tile when it is over the cap, how much there would be without a cap."""
    overview: tuple[str, str, str] | None
    params: dict[str, Any]
    digest: str
    seen: bool


def tile_box(z: int, x: int, y: int) -> dict[str, float]:
    """West, south, east and north (degrees) of a tile with its margin."""
    n = 1 << z
    margin = MARGIN / EXTENT

    def lat(row: float) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n))))

    return {
        "west": max((x - margin) / n * 360 - 180, -180.0),
        "east": min((x + 1 + margin) / n * 360 - 180, 180.0),
        "north": lat(max(y - margin, 0.0)),
        "south": lat(min(y + 1 + margin, float(n))),
    }


class TileService:
    """The tiles of one application and process; safe for threads."""

    def __init__(self, pool: ReadPool, versions: LayerVersions, cache: TileCache, visible: Visible) -> None:
        self._pool = pool
        self._versions = versions
        self._cache = cache
        self._visible = visible
        self._views: dict[tuple[str, str], _View] = {}

    def tag(self, viewer: Viewer, source: LayerSource, z: int, x: int, y: int) -> str:
        """What decides the tile's content: meaning of the layer, sight of the viewer, version of its areas, the clock if it matters.

        No database round trip while the version listener is connected. Raises TileNotThere for an impossible address.
        """
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
            raise TileNotThere(z=z, x=x, y=y, field="z" if not 0 <= z <= MAX_ZOOM else "x", fix="0 <= z <= 24 and 0 <= x, y < 2^z")
        view = self._view(viewer, source)
        version = self._versions.version(source.id, areas_of_tile(z, x, y))
        for other in source.depends:
            version += self._versions.version(other)
        turn = f"-{int(clock.now().timestamp()) // source.refresh_s}" if source.refresh_s else ""
        return f"{source.revision}-{view.digest}-{version}{turn}"

    def may_see(self, viewer: Viewer, source: LayerSource) -> bool:
        """Whether the layer can hold anything for the viewer at all."""
        return self._view(viewer, source).seen

    def tile(self, viewer: Viewer, source: LayerSource, z: int, x: int, y: int, tag: str) -> Tile:
        """The tile that `tag` (asked before) stands for, from memory or from the database."""
        if not source.min_zoom <= z <= source.max_zoom:
            return EMPTY
        view = self._view(viewer, source)
        return self._cache.get((source.id, z, x, y, tag), lambda: self._make(view, source, z, x, y))

    def _make(self, view: _View, source: LayerSource, z: int, x: int, y: int) -> Tile:
        plain, spread, counting = view.overview if view.overview and z < source.from_zoom else view.detail
        values = {**view.params, **tile_box(z, x, y), "z": z, "x": x, "y": y}
        with self._pool.connection() as connection, synced(source):
            body, count = _one(connection, plain, values)
            total = count
            if count >= FEATURE_CAP:
                (total,) = _one(connection, counting, values)
                if total > count:
                    body, count = _one(connection, spread, values)
        if not body:
            return EMPTY
        if len(body) < PACK_FROM_BYTES:
            return Tile(body, packed=False, count=count, total=total)
        return Tile(igzip.compress(body, compresslevel=PACK_LEVEL, mtime=0), packed=True, count=count, total=total)

    def _view(self, viewer: Viewer, source: LayerSource) -> _View:
        key = (viewer.signature, source.id)
        view = self._views.get(key)
        if view is None:
            sql, params = self._visible(viewer, source.columns)
            view = _View(
                detail=_statements(source, sql, overview=False),
                overview=_statements(source, sql, overview=True) if source.overview_sql else None,
                params=params,
                digest=sight_digest(Predicate(sql, params)),
                seen=sql != "FALSE",
            )
            if len(self._views) > 5000:
                self._views.clear()
            self._views[key] = view
        return view


def _statements(source: LayerSource, visible_sql: str, *, overview: bool) -> tuple[str, str, str]:
    return (
        sqlbuild.tile_sql(source, visible_sql, overview=overview),
        sqlbuild.tile_sql(source, visible_sql, overview=overview, spread=True),
        sqlbuild.tile_count_sql(source, visible_sql, overview=overview),
    )


def sight_digest(predicate: Predicate) -> str:
    """Equal for viewers who see the same rows by the same rule, so that they share tiles and ETags."""
    text = predicate.sql + repr(sorted(predicate.params.items(), key=lambda pair: pair[0]))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@contextmanager
def synced(source: LayerSource) -> Iterator[None]:
    """Tell a table that is not there yet, or lacks a column, from every other failure; raises LayerNotSynced."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        raise LayerNotSynced(layer=source.id, fix="run `cityops layers sync`") from error


def unpack(tile: Tile) -> bytes:
    """The MVT bytes of a tile, whether it is kept compressed or not."""
    return igzip.decompress(tile.body) if tile.packed else tile.body


def _one(connection: psycopg.Connection, sql: str, values: dict[str, Any]) -> tuple[Any, ...]:
    """The only row of a statement, prepared on the connection, bytes as they come."""
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(sql, values, prepare=True).fetchone()
    assert row is not None
    return row
