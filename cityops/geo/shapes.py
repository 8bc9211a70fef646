"""Shapes: moving geometries between systems and measuring them, as functions of shapely arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.crs import STORAGE_SRID, Crs, metric_srid, to_storage, transformer

Geometries = NDArray[np.object_]

METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude, rounded: good for scaling a tolerance, never for measuring."""


def as_array(geometries: Iterable[BaseGeometry | None] | Geometries) -> Geometries:
    """Geometries as a one-dimensional object array (numpy would otherwise take a multi-part geometry apart)."""
    if isinstance(geometries, np.ndarray):
        return geometries
    items = list(geometries)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def project(geometries: Any, srid: int) -> Any:  # Any: an array gives an array, a geometry a geometry, as shapely's ufuncs do
    """Geometries in degrees (4490) projected to metres in EPSG `srid`."""
    return shapely.transform(geometries, transformer(STORAGE_SRID, srid).transform, interleaved=False)


def unproject(geometries: Any, srid: int) -> Any:  # Any: as `project`
    """Geometries in EPSG `srid` back to degrees (4490)."""
    return shapely.transform(geometries, transformer(srid, STORAGE_SRID).transform, interleaved=False)


def into_storage(geometries: Any, crs: Crs | str | int) -> Any:  # Any: as `project`
    """Geometries given in `crs` as degrees in EPSG:4490, without heights; raises UnknownCrs or CoordinatesOutOfRange."""
    return shapely.transform(shapely.force_2d(geometries), lambda x, y: to_storage(x, y, crs), interleaved=False)


def metric_srid_of(geometries: Iterable[BaseGeometry | None] | Geometries, preferred: int) -> int:
    """The projected system to measure these geometries (degrees) in; see `crs.metric_srid`."""
    middle = middle_of(geometries)
    return preferred if middle is None else metric_srid(round(middle[0], 1), round(middle[1], 1), preferred)


def middle_of(geometries: Iterable[BaseGeometry | None] | Geometries) -> tuple[float, float] | None:
    """The middle of the box around geometries; None when there is nothing with a place."""
    shapes = as_array(geometries)
    if not len(shapes):
        return None
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    if not np.isfinite([west, south, east, north]).all():
        return None
    return (west + east) / 2, (south + north) / 2


def area_m2(geometries: ArrayLike, srid: int) -> NDArray[np.float64]:
    """Areas in square metres of geometries in degrees, measured in EPSG `srid`."""
    return np.asarray(shapely.area(project(geometries, srid)))


def polygons_of(geometry: BaseGeometry | None) -> list[Any]:
    """The polygons inside any geometry; lines and points left over by an overlay are dropped."""
    if geometry is None or geometry.is_empty:
        return []
    parts = shapely.get_parts(shapely.get_parts(np.array([geometry], dtype=object)))
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def mean_width(geometries: ArrayLike) -> NDArray[np.float64]:
    """Twice the area over the perimeter, in the unit of the coordinates: the width of a strip, half the side of a square."""
    perimeter = np.asarray(shapely.length(geometries))
    return np.divide(2.0 * np.asarray(shapely.area(geometries)), perimeter, out=np.zeros_like(perimeter), where=perimeter > 0)


def parts_thicker_than(geometry: BaseGeometry, width: float) -> list[Any]:
    """The polygons that remain of a geometry when everything thinner than `width` (same unit) is worn away.

    An opening: erode by half the width, grow back, and keep what was there before. Hairs and cracks vanish, bodies keep
    their outline up to rounded tips, and a body that hangs on a long hair is found although its mean width is small.
    """
    found: list[Any] = []
    for part in polygons_of(geometry):
        core = shapely.buffer(part, -width / 2.0, quad_segs=2, join_style="mitre")
        for body in polygons_of(core):
            grown = shapely.buffer(body, width / 2.0 * 1.01, quad_segs=2, join_style="mitre")
            found.extend(piece for piece in polygons_of(shapely.intersection(part, grown)) if piece.area > width * width / 4.0)
    return found


def convexity(geometries: ArrayLike) -> NDArray[np.float64]:
    """Area over the area of the convex hull: 1 for a convex shape."""
    hull = np.asarray(shapely.area(shapely.convex_hull(geometries)))
    return np.divide(np.asarray(shapely.area(geometries)), hull, out=np.ones_like(hull), where=hull > 0)
