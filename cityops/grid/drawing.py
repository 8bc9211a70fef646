"""Drawn shapes as they come over the wire: GeoJSON polygons into checked geometries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from cityops.grid.errors import BoxInvalid, ChangeNotUnderstood
from cityops.grid.queries import Box
from cityops.grid.rules.lifecycle import NewCell

MOST_CORNERS = 20_000
"""More corners than any surveyed cell has; a limit keeps one request from holding the server."""


def read_polygon(value: Any, field: str) -> BaseGeometry:
    """A GeoJSON Polygon in degrees; raises ChangeNotUnderstood naming the field. Any: whatever JSON was sent."""
    try:
        shape = shapely.from_geojson(json.dumps(value))
    except (ShapelyError, ValueError, TypeError) as error:
        raise ChangeNotUnderstood(reason="the geometry is not GeoJSON", field=field, fix="send a GeoJSON Polygon in EPSG:4490") from error
    if shape is None or shape.geom_type != "Polygon" or shape.is_empty:
        raise ChangeNotUnderstood(reason="a cell is one polygon", field=field, fix="send a GeoJSON Polygon in EPSG:4490")
    shape = shapely.force_2d(shape)
    corners = shapely.get_coordinates(shape)
    if len(corners) > MOST_CORNERS:
        raise ChangeNotUnderstood(
            reason=f"the polygon has {len(corners)} corners", field=field, fix=f"simplify it to {MOST_CORNERS} at most"
        )
    if not np.isfinite(corners).all() or (np.abs(corners) > (180, 90)).any():
        raise ChangeNotUnderstood(
            reason="coordinates are no degrees", field=field, fix="longitude within ±180 first, latitude within ±90 second"
        )
    return shape


def read_cells(items: Sequence[dict[str, Any]]) -> list[NewCell]:
    """Drawn cells from checked request bodies. Any: as marshmallow gives them."""
    return [
        NewCell(
            item.get("community_code", ""),
            read_polygon(item["geometry"], f"cells.{number}.geometry"),
            item["grade"],
            item.get("note"),
            item.get("keeps_code"),
        )
        for number, item in enumerate(items)
    ]


def read_box(text: str) -> Box:
    """`west,south,east,north` in degrees; raises BoxInvalid."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BoxInvalid(box=text[:80], field="bbox", fix="four numbers, e.g. 112.50,32.97,112.56,33.02") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BoxInvalid(box=text[:80], field="bbox", fix="west <= east within ±180 and south <= north within ±90")
    return west, south, east, north
