"""A first grid for a community: cells along its streets, about a hectare each, that never cut a building.

The streets and the boundary are noded and polygonized into faces; small faces join the neighbour with which they make the
best shape; large ones are cut through the gaps between buildings; a last noding at a millimetre makes all edges shared
exactly. The result is a seamless partition of the community for a planner to look at, not a decision.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.shapes import Geometries, as_array, polygons_of
from cityops.grid.rules.adjacency import groups
from cityops.grid.rules.mosaic import Mosaic
from cityops.grid.rules.numbering import reading_order
from cityops.grid.rules.splitting import Block, divide

TARGET_M2 = 10_000.0
"""The ten-thousand-square-metre cell that gave the method its name (万米单元网格)."""
SMALLEST, LARGEST = 0.5, 2.0
"""Accepted size as shares of the target."""
NODING_M = 0.001
"""Grid of the last noding: far below any survey, far above the rounding of doubles at city coordinates."""
TOUCH_M2 = 0.01
"""Buildings that overlap by more than this are one building drawn in parts; less is a shared wall."""


def propose_cells(
    community: BaseGeometry, streets: Iterable[BaseGeometry], buildings: Iterable[BaseGeometry], target_m2: float = TARGET_M2
) -> list[shapely.Polygon]:
    """Divide a community (metres, any polygonal geometry) along its streets, in the order the cells are to be numbered.

    Streets and buildings may be messy: lines that cross, double or end anywhere, invalid or overlapping outlines, anything
    outside. A building that crosses the community's own boundary is the only kind that is cut. Islands too small to be a
    cell of their own stay one, since they have no neighbour to join.
    """
    ground = as_array(polygons_of(shapely.make_valid(community)))
    if not len(ground):
        return []
    whole = shapely.union_all(ground)
    solid = whole_buildings(whole, as_array(list(buildings)))
    blocks = Mosaic(street_faces(whole, as_array(list(streets)), solid))
    blocks.merge_small(SMALLEST * target_m2, LARGEST * target_m2, target_m2)
    faces = as_array(blocks.polygons())
    pieces: list[BaseGeometry] = []
    for face, inside in zip(faces, _buildings_by_face(faces, solid), strict=True):
        pieces.extend(divide(Block(face, inside), target_m2, LARGEST * target_m2))
    cells = _noded(whole, as_array(pieces))
    cells.merge_small(SMALLEST * target_m2, LARGEST * target_m2, target_m2)
    result = cells.polygons()
    return [result[position] for position in reading_order(result)]


def whole_buildings(ground: BaseGeometry, buildings: Geometries) -> Geometries:
    """The buildings on the ground as single valid polygons, with those that overlap dissolved into one."""
    if not len(buildings):
        return buildings
    shapely.prepare(ground)
    near = buildings[shapely.intersects(ground, buildings)]
    parts = as_array([part for shape in shapely.make_valid(near) for part in polygons_of(shape)])
    if not len(parts):
        return parts
    left, right = shapely.STRtree(parts).query(parts, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    overlap = shapely.area(shapely.intersection(parts[left], parts[right])) > TOUCH_M2
    together = groups(len(parts), np.column_stack([left[overlap], right[overlap]]))
    solid = [parts[group[0]] if len(group) == 1 else shapely.union_all(parts[group]) for group in together]
    return as_array([part for shape in solid for part in polygons_of(shape)])


def street_faces(ground: BaseGeometry, streets: Geometries, buildings: Geometries) -> Geometries:
    """The faces between the streets, noded exactly and covering the ground; streets do not count inside buildings."""
    lines = as_array(
        [
            line
            for shape in streets
            if shape is not None
            for line in shapely.get_parts(shape)
            if line.geom_type in ("LineString", "LinearRing")
        ]
    )
    if len(lines):
        lines = shapely.intersection(lines[shapely.intersects(ground, lines)], ground)
        lines = lines[~shapely.is_empty(lines)]
    if len(lines) and len(buildings):
        line, building = shapely.STRtree(buildings).query(lines, predicate="crosses")
        line_inside, building_inside = shapely.STRtree(buildings).query(lines, predicate="within")
        met = np.unique(np.concatenate([building, building_inside]))
        if len(met):
            touched = np.unique(np.concatenate([line, line_inside]))
            lines[touched] = shapely.difference(lines[touched], shapely.union_all(buildings[met]))
    network = shapely.union_all(np.concatenate([[shapely.boundary(ground)], lines]))
    faces = as_array(list(shapely.get_parts(shapely.polygonize([network]))))
    return faces[shapely.intersects_xy(ground, shapely.get_coordinates(shapely.point_on_surface(faces)))]


def _buildings_by_face(faces: Geometries, buildings: Geometries) -> list[Geometries]:
    """The buildings that stand in each face."""
    found: list[Geometries] = [buildings[:0]] * len(faces)
    if len(buildings) and len(faces):
        building, face = shapely.STRtree(faces).query(buildings, predicate="intersects")
        order = np.argsort(face, kind="stable")
        starts = np.searchsorted(face[order], np.arange(len(faces) + 1))
        for position in range(len(faces)):
            found[position] = buildings[building[order[starts[position] : starts[position + 1]]]]
    return found


def _noded(ground: BaseGeometry, pieces: Geometries) -> Mosaic:
    """The pieces as a mosaic whose edges are shared exactly; crumbs that noding leaves over are pieces of their own."""
    network = shapely.union_all(np.concatenate([shapely.boundary(pieces), [shapely.boundary(ground)]]), grid_size=NODING_M)
    faces = as_array(list(shapely.get_parts(shapely.polygonize([network]))))
    inner = shapely.point_on_surface(faces)
    kept = shapely.intersects(ground, inner)
    faces, inner = faces[kept], inner[kept]
    labels: NDArray[np.int64] = np.arange(len(faces)) + len(pieces)
    point, piece = shapely.STRtree(pieces).query(inner, predicate="intersects")
    labels[point[::-1]] = piece[::-1]
    return Mosaic(faces, labels)
