"""Which cells are neighbours: cells that share an edge, not merely a corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.geo.shapes import Geometries, as_array

MIN_SHARED_EDGE_M = 1.0
"""Cells that meet over less than a step are neighbours on paper only: an inspector cannot walk across."""
SEAM_M = 0.05
"""Edges closer than this are the same edge: ten times finer than the survey accuracy of component maps (0.5 m), and
above the centimetres by which converting coordinates may bend a long edge."""

Pairs = NDArray[np.int64]


def edges_of(cells: Geometries) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All edges of polygons as rows (x0, y0, x1, y1), lower end first, and the position of the polygon each belongs to."""
    rings, ring_owner = shapely.get_rings(cells, return_index=True)
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    same = ring_of[1:] == ring_of[:-1]
    a, b = coordinates[:-1][same], coordinates[1:][same]
    owner = ring_owner[ring_of[:-1][same]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    return np.hstack([low, high]), owner


def noded_neighbours(cells: Geometries) -> tuple[Pairs, NDArray[np.float64]]:
    """Pairs (i < j) that share an identical edge, with the length shared. Exact and fast; misses edges noded differently."""
    edges, owner = edges_of(cells)
    if not len(edges):
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    order = np.lexsort((edges[:, 3], edges[:, 2], edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    twin = (edges[1:] == edges[:-1]).all(axis=1) & (owner[1:] != owner[:-1])
    pair = np.sort(np.column_stack([owner[:-1][twin], owner[1:][twin]]), axis=1)
    length = np.hypot(*(edges[:-1][twin][:, 2:] - edges[:-1][twin][:, :2]).T)
    if not len(pair):
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    unique, inverse = np.unique(pair, axis=0, return_inverse=True)
    total = np.bincount(inverse.ravel(), weights=length, minlength=len(unique)).astype(np.float64)
    return unique, total


def near_neighbours(cells: Geometries) -> Pairs:
    """Pairs that run along each other within the seam for at least the minimal edge, however their corners lie. Slow."""
    tree = shapely.STRtree(cells)
    left, right = tree.query(cells, predicate="dwithin", distance=SEAM_M)
    once = left < right
    left, right = left[once], right[once]
    thick = shapely.buffer(cells[left], SEAM_M, quad_segs=2)
    shared = shapely.length(shapely.intersection(shapely.boundary(cells[right]), thick))
    # The thick cell swallows up to a seam's width of edge on each side even where cells meet in a corner only.
    close = shared >= MIN_SHARED_EDGE_M + 4 * SEAM_M
    return np.column_stack([left[close], right[close]])


def groups(count: int, pairs: Iterable[Sequence[int]]) -> list[list[int]]:
    """The connected groups of `count` items under `pairs`, the largest first, each in ascending order."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for a, b in pairs:
        parent[root(int(a))] = root(int(b))
    found: dict[int, list[int]] = {}
    for item in range(count):
        found.setdefault(root(item), []).append(item)
    return sorted(found.values(), key=lambda group: (-len(group), group[0]))


def pieces(cells: Sequence[shapely.Polygon]) -> list[list[int]]:
    """How a set of cells (metres) hangs together: the positions of each connected piece, the largest first."""
    shapes = as_array(cells)
    pairs, shared = noded_neighbours(shapes)
    whole = groups(len(shapes), pairs[shared >= MIN_SHARED_EDGE_M])
    # Edges may match without having the same corners; only a set that looks torn pays for the slow look.
    return whole if len(whole) <= 1 else groups(len(shapes), near_neighbours(shapes))
