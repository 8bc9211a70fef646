"""Gaps, overlaps and slivers: how far a set of polygons is from tiling its parent without a seam.

All functions work in a local frame (metres). Tolerances are named here with their reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.shapes import Geometries, mean_width, parts_thicker_than, polygons_of
from cityops.grid.rules.adjacency import SEAM_M

SLIVER_WIDTH_M = 1.0
"""Narrower than this, a gap or an overlap is a drawing accident and not ground anybody forgot or claimed twice."""
MIN_CELL_WIDTH_M = 1.0
"""A cell narrower than this on average holds no ground one could be responsible for."""


@dataclass(frozen=True)
class Flaw:
    """A piece of ground that is covered by no polygon (`a` and `b` are -1) or by two."""

    shape: BaseGeometry
    a: int = -1
    b: int = -1

    @property
    def width_m(self) -> float:
        """The mean width of the piece."""
        return float(mean_width([self.shape])[0])


def suspicious(cells: Geometries) -> NDArray[np.bool_]:
    """Which cells may overlap another: those with an edge that is not exactly matched from the other side.

    GEOS's coverage validator looks at all cells in one pass and clears the many good ones, so that the exact and costly
    comparison is left to a few. It may suspect a good cell (corners that lie differently on one edge), never clear a bad pair.
    """
    return ~np.asarray(shapely.is_empty(shapely.coverage_invalid_edges(cells)))


def overlaps(cells: Geometries, suspect: NDArray[np.bool_]) -> list[Flaw]:
    """Every piece of ground thicker than the seam that two cells share."""
    positions = np.flatnonzero(suspect)
    if not len(positions):
        return []
    tree = shapely.STRtree(cells)
    asked, other = tree.query(cells[positions])
    left, right = positions[asked], other
    # A pair of suspects is met twice, a suspect and a clean cell once.
    once = (left < right) | (~suspect[right] & (left != right))
    low, high = np.minimum(left[once], right[once]), np.maximum(left[once], right[once])
    shared = shapely.intersection(cells[low], cells[high])
    real = shapely.area(shared) > 0
    return [
        Flaw(part, int(a), int(b))
        for a, b, ground in zip(low[real], high[real], shared[real], strict=True)
        for part in parts_thicker_than(ground, SEAM_M)
    ]


def uncovered(parent: BaseGeometry, cells: Geometries, suspect: NDArray[np.bool_]) -> list[BaseGeometry]:
    """Every piece of the parent thicker than the seam that no cell covers."""
    covered = shapely.union_all(cells) if suspect.any() else shapely.coverage_union_all(cells)
    rest = shapely.difference(parent, covered)
    return [piece for part in polygons_of(rest) for piece in parts_thicker_than(part, SEAM_M)]


def beyond(parent: BaseGeometry, cell: BaseGeometry) -> list[BaseGeometry]:
    """Every piece of a cell thicker than the seam that lies outside the parent."""
    return parts_thicker_than(shapely.difference(cell, parent), SEAM_M)
