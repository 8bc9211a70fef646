"""The sea in an extract: OpenStreetMap draws only the coast, with the land on its left, so the sea lies on its right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from cityops.geo.shapes import as_array

BESIDE = 1e-6
"""A tenth of a metre beside the line, in degrees."""


def sea_areas(box: shapely.Polygon, coast: list[shapely.Geometry]) -> list[shapely.Geometry]:
    """The parts of the box (degrees) on the right of the coast.

    An extract cuts the coast at its last node inside; such an end is taken straight on to the edge of the box. A face that
    has land beside one of its coasts is left out: better no sea than a flooded town.
    """
    lines = list(_lines(shapely.line_merge(shapely.union_all(as_array(coast))) if coast else shapely.MultiLineString()))
    if not lines:
        return []
    ends = [end for line in lines for end in (line.coords[0], line.coords[-1])]
    extended = [_to_the_edge(line, box, ends) for line in lines]
    inside = shapely.intersection(as_array(extended), box)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all([*inside, box.exterior])]))
    if not len(faces):
        return []
    tree = shapely.STRtree(faces)
    sides = [_beside(line) for shape in inside for line in _lines(shape)]
    wet = set(tree.query([right for right, _ in sides], predicate="within")[1].tolist()) if sides else set()
    dry = set(tree.query([left for _, left in sides], predicate="within")[1].tolist()) if sides else set()
    return [faces[k] for k in sorted(wet - dry)]


def _lines(shape: shapely.Geometry) -> Iterator[shapely.LineString]:
    for part in shapely.get_parts(shape):
        if part.geom_type == "LineString" and part.length > 0:
            yield part


def _to_the_edge(line: shapely.LineString, box: shapely.Polygon, ends: list[tuple[float, ...]]) -> shapely.LineString:
    """The line with both loose ends inside the box taken on in their own direction until they leave it."""
    coords = [tuple(c[:2]) for c in line.coords]
    if line.is_closed:
        return line
    reach = np.hypot(box.bounds[2] - box.bounds[0], box.bounds[3] - box.bounds[1])
    for backwards in (False, True):
        path = coords[::-1] if backwards else coords
        end, before = np.array(path[-1]), np.array(path[-2])
        if ends.count(tuple(path[-1])) == 1 and box.contains(shapely.Point(end)):
            way = (end - before) / np.hypot(*(end - before))
            path = [*path, tuple(end + way * reach)]
        coords = path[::-1] if backwards else path
    return shapely.LineString(coords)


def _beside(line: shapely.LineString) -> tuple[shapely.Point, shapely.Point]:
    """A point just right and a point just left of the longest segment."""
    coords = np.asarray(line.coords)[:, :2]
    step = np.diff(coords, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    k = int(np.argmax(length))
    normal = np.array([-step[k, 1], step[k, 0]]) / length[k] * BESIDE
    middle = (coords[k] + coords[k + 1]) / 2
    return shapely.Point(middle - normal), shapely.Point(middle + normal)
