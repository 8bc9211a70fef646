"""Features of a layer as GeoJSON bytes, built in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cityops.catalog import sqlbuild
from cityops.catalog.errors import BoxInvalid
from cityops.catalog.sources import LayerSource
from cityops.catalog.tiles import synced
from cityops.identity.visibility import Viewer, visible

if TYPE_CHECKING:
    from cityops.catalog.registry import Catalog

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True)
class Page:
    """`features` are GeoJSON features joined by commas; `last_id` is where the next page begins when there are `more`."""

    features: bytes
    last_id: int
    more: bool


def parse_box(text: str) -> Box:
    """`west,south,east,north`; raises BoxInvalid."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BoxInvalid(field="bbox", fix="four numbers, e.g. 112.50,32.97,112.56,33.02") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BoxInvalid(field="bbox", fix="west <= east within ±180 and south <= north within ±90")
    return west, south, east, north


def page(catalog: Catalog, viewer: Viewer, source: LayerSource, *, box: Box | None, limit: int, after: int | None) -> Page:
    """One page of the features the viewer may see, ordered by id."""
    predicate, params = visible(viewer, source.columns)
    values = {**params, "limit": limit, "after": -1 if after is None else after}
    if box:
        values |= dict(zip(("west", "south", "east", "north"), box, strict=True))
    with catalog.pool.connection() as connection, connection.cursor(binary=True) as cursor, synced(source):
        row = cursor.execute(sqlbuild.items_sql(source, predicate, boxed=box is not None), values, prepare=True).fetchone()
    assert row is not None
    return Page(features=bytes(row[0]), last_id=row[1] or -1, more=row[2])
