"""What a layer is to every surface: one value that says where its rows are, how they are named and who may see them.

A room exports `LAYER_SOURCES: tuple[LayerSource, ...]`; `cityops.app` registers them all, and the catalogue adds one per
manifest. Tiles, GeoJSON, the event stream and (later) WMS and exports are built from the same value, so a row filter is
written once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cityops.identity.visibility import ScopedColumns

GeometryKind = Literal["point", "line", "polygon", "mixed"]
LAYER_ID = re.compile(r"^[a-z][a-z0-9_]{0,30}$")
PROPERTY_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


@dataclass(frozen=True)
class LayerSource:
    """One layer. All `*_sql` are trusted text written by a room, never by a user; `{…}` marks are filled by the catalogue.

    Example (components)::

        LayerSource(
            id="components", title_zh="部件", title_en="Components", geometry="mixed",
            from_sql="components.components AS c", where_sql="c.retired_at IS NULL",
            geom_sql="c.geom", id_sql="c.id", key_sql="c.code",
            properties=(("code", "c.code"), ("class_code", "c.class_code"), ("state", "c.state")),
            columns=ScopedColumns(layer="components", cell="c.cell_code", …),
            min_zoom=8, from_zoom=15,
            overview_sql="SELECT g.code::bigint AS id, ST_PointOnSurface(g.geom) AS geom, n.n FROM grid.cells AS g, "
            "LATERAL (SELECT count(*) AS n FROM components.components AS c WHERE c.cell_code = g.code AND {visible}) AS n "
            "WHERE g.geom && {box} AND n.n > 0",
            topic="component",
        )
    """

    id: str
    """Name in URLs and in MVT: `[a-z][a-z0-9_]*`."""
    title_zh: str
    title_en: str
    geometry: GeometryKind
    from_sql: str
    """Table with alias, and joins: what follows FROM."""
    id_sql: str
    """Whole number that identifies the row; the MVT feature id (bigint, not negative)."""
    properties: tuple[tuple[str, str], ...]
    """(name, SQL expression) of every property, in order. Types MVT cannot carry are cast to text by the writer of the source."""
    columns: ScopedColumns
    """The columns the one visibility predicate looks at, in terms of the aliases of `from_sql`."""
    geom_sql: str = "t.geom"
    """A plain column with a GiST index, SRID 4490; an expression here would lose the index."""
    key_sql: str | None = None
    """The public name of the row (code, number): the `id` of its GeoJSON feature and the `subject` of its events. Default: `id_sql`."""
    key_type: Literal["text", "bpchar", "bigint"] = "text"
    """The type of the `key_sql` column, so that looking up keys uses its index (`bpchar` for a char(n) column)."""
    where_sql: str | None = None
    """A condition that always holds (live rows only)."""
    more_properties: tuple[tuple[str, str], ...] = ()
    """Properties of the GeoJSON features that would only make the tiles heavy."""
    zoom_sql: str | None = None
    """A condition on `{z}` (the tile's zoom) that keeps small zooms light, e.g. `(t.class = 'motorway' OR {z} >= 12)`."""
    min_zoom: int = 0
    """Below it the layer's tiles are empty."""
    from_zoom: int = 0
    """From it on single features; below it `overview_sql`, when there is one."""
    max_zoom: int = 18
    """The last zoom tiles are made for; clients overzoom beyond it."""
    overview_sql: str | None = None
    """A whole SELECT giving `id` (bigint), `geom` (4490) and one column per property, with the marks `{box}` (the tile's box, to be
    compared with `&&`) and `{visible}` (the predicate, on the same aliases as `columns`)."""
    overview_properties: tuple[str, ...] = ("n",)
    """The property columns `overview_sql` gives."""
    depends: tuple[str, ...] = ()
    """Other layers (or names touched in `core.layer_versions`) whose change changes this layer's tiles or their visibility, e.g. beats."""
    topic: str | None = None
    """The outbox topic whose subjects are this layer's keys; the stream then shows an event only to who may see the row."""
    refresh_s: int = 0
    """For properties that change by the clock alone (a deadline's light): tiles are renewed this often. 0 = only when rows change."""
    style: tuple[dict[str, Any], ...] = ()
    """MapLibre layers without `source`, colours as `@token` names of the palette; Any because it is JSON."""
    licence: str = ""
    attribution: str = ""
    source_zh: str = ""
    source_en: str = ""
    revision: str = ""
    """Changes when the meaning of the tile changes (fields, SQL); part of every ETag. Filled by the registry."""

    def __post_init__(self) -> None:
        if not LAYER_ID.match(self.id):
            raise ValueError(f"layer id {self.id!r} must match {LAYER_ID.pattern}")
        for name, _ in self.properties:
            if not PROPERTY_NAME.match(name):
                raise ValueError(f"property {name!r} of layer {self.id} must match {PROPERTY_NAME.pattern}")
        if not 0 <= self.min_zoom <= self.max_zoom <= 24:
            raise ValueError(f"layer {self.id}: zooms must satisfy 0 <= min_zoom <= max_zoom <= 24")

    @property
    def key(self) -> str:
        """SQL of the public name, as text."""
        return f"({self.key_sql or self.id_sql})::text"


def revision_of(source: LayerSource) -> str:
    """A short digest of everything that shapes a tile beside its rows."""
    shape = (
        source.from_sql, source.geom_sql, source.id_sql, source.where_sql, source.zoom_sql, source.overview_sql,
        source.overview_properties, source.properties, source.min_zoom, source.from_zoom, source.max_zoom, source.geometry,
    )  # fmt: skip
    return hashlib.blake2b(repr(shape).encode(), digest_size=5).hexdigest()


@dataclass
class SourceRegistry:
    """The layers of one application, by id, in the order they were registered."""

    _by_id: dict[str, LayerSource] = field(default_factory=dict)

    def register(self, sources: Iterable[LayerSource]) -> None:
        """Add layers; a second layer of the same id is a programming error."""
        for source in sources:
            if source.id in self._by_id:
                raise ValueError(f"two layers are called {source.id!r}")
            self._by_id[source.id] = replace(source, revision=revision_of(source))

    def get(self, layer_id: str) -> LayerSource | None:
        """The layer, or None."""
        return self._by_id.get(layer_id)

    def of_topic(self, topic: str) -> LayerSource | None:
        """The layer whose rows the events of `topic` are about."""
        return next((source for source in self if source.topic == topic), None)

    def __iter__(self) -> Iterator[LayerSource]:
        return iter(tuple(self._by_id.values()))

    def __contains__(self, layer_id: object) -> bool:
        return layer_id in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)
