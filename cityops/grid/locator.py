"""Point to cell in memory, for a million points at once.

The ground is laid out in pixels. A pixel that no cell boundary passes through lies wholly inside one cell (or in none), so
its answer is a table look-up by numpy indexing; only points in boundary pixels are compared exactly, and only with the cells
whose boundary passes through that pixel. The grid is taken to be free of overlaps, as every published grid is.

A point on a shared edge belongs to the cell with the lowest code, here as in the SQL function `grid.cell_at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.shapes import Geometries, as_array
from cityops.grid.rules.adjacency import edges_of

PIXELS_PER_SIDE = 12
"""Pixels along the side of a typical cell: a fifth of the ground is then boundary pixels, and the index is quickly built."""
MAX_PIXELS = 12_000_000
"""48 MB of table at most; a larger city gets coarser pixels and a few more exact comparisons."""
HAIR = 1e-6
"""In pixels: some micrometres, far above rounding and far below anything drawn."""
OUTSIDE = -1
BOUNDARY = -2
_UNKNOWN = -3

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Raster:
    """The pixel frame: origin and pixel size in degrees, columns and rows."""

    west: float
    south: float
    size_x: float
    size_y: float
    columns: int
    rows: int

    @classmethod
    def over(cls, shapes: Geometries) -> _Raster:
        west, south, east, north = shapely.total_bounds(shapes)
        box = shapely.bounds(shapes)
        side_x, side_y = np.median(box[:, 2] - box[:, 0]), np.median(box[:, 3] - box[:, 1])
        size_x, size_y = side_x / PIXELS_PER_SIDE, side_y / PIXELS_PER_SIDE
        coarser = max(1.0, np.sqrt((east - west) / size_x * (north - south) / size_y / MAX_PIXELS))
        size_x, size_y = size_x * coarser, size_y * coarser
        # The origin lies off any round coordinate, so that boundaries drawn on round numbers do not run along pixel edges.
        west, south = west - size_x * 1.3719, south - size_y * 1.6171
        return cls(west, south, size_x, size_y, int((east - west) / size_x) + 3, int((north - south) / size_y) + 3)

    def to_pixels(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates in units of pixels."""
        return (x - self.west) / self.size_x, (y - self.south) / self.size_y


class Locator:
    """An index of cells (degrees) that answers with positions, built once per state of the grid."""

    def __init__(self, codes: Sequence[str], shapes: Sequence[BaseGeometry]) -> None:
        order = np.argsort(np.asarray(codes, dtype=str), kind="stable")
        self.codes: NDArray[np.str_] = np.asarray(codes, dtype="U15")[order]
        self._shapes = as_array(shapes)[order]
        self.empty = len(self.codes) == 0
        if self.empty:
            return
        shapely.prepare(self._shapes)
        self._raster = _Raster.over(self._shapes)
        pixel, cell = self._boundary_pixels()
        self._starts, self._candidates, boundary = self._by_pixel(pixel, cell)
        self._table = self._fill(boundary)
        # A boundary pixel's entry says where its list of candidates is: BOUNDARY - number of the list.
        self._table.ravel()[boundary] = BOUNDARY - np.arange(len(boundary), dtype=np.int32)

    def _boundary_pixels(self) -> tuple[Ints, Ints]:
        """Every (pixel, cell) such that the cell's boundary passes through the pixel."""
        edges, starts, cell_of = _distinct_edges(self._shapes)
        ax, ay = self._raster.to_pixels(edges[:, 0], edges[:, 1])
        bx, by = self._raster.to_pixels(edges[:, 2], edges[:, 3])
        across_at, across_of = _crossings(ax, bx)
        up_at, up_of = _crossings(ay, by)
        ends = np.arange(len(edges))
        of = np.concatenate([across_of, up_of, ends, ends])
        at = np.concatenate([across_at, up_at, np.zeros(len(edges)), np.ones(len(edges))])
        order = np.argsort(of + at * 0.5, kind="stable")
        of, at = of[order], at[order]
        x, y = ax[of] + (bx - ax)[of] * at, ay[of] + (by - ay)[of] * at
        # Between two crossings an edge stays in one pixel, the one its middle lies in.
        same = of[1:] == of[:-1]
        pixel = [self._pixel((x[1:][same] + x[:-1][same]) / 2, (y[1:][same] + y[:-1][same]) / 2)]
        edge = [of[1:][same]]
        # Where rounding decides on which side of a pixel's border a point falls (an edge through a pixel's corner, an end on a
        # border), the pixels on all sides are marked. A crossing lies on one border by nature, so only a second one counts.
        close_x, close_y = np.abs(x - np.rint(x)) < HAIR, np.abs(y - np.rint(y)) < HAIR
        is_end = (at == 0.0) | (at == 1.0)
        near = np.flatnonzero((close_x & close_y) | (is_end & (close_x | close_y)))
        for dx in (-HAIR, HAIR):
            for dy in (-HAIR, HAIR):
                pixel.append(self._pixel(x[near] + dx, y[near] + dy))
                edge.append(of[near])
        pixels, marked = np.concatenate(pixel), np.concatenate(edge)
        begin, end = starts[marked], starts[marked + 1]
        marks = [pixels * len(self._shapes) + cell_of[begin]]
        # An edge between two cells bounds both of them; more than two share one only where cells overlap.
        left = np.flatnonzero(end - begin > 1)
        step = 1
        while len(left):
            marks.append(pixels[left] * len(self._shapes) + cell_of[begin[left] + step])
            step += 1
            left = left[begin[left] + step < end[left]]
        both = _distinct(np.concatenate(marks))
        return both // len(self._shapes), both % len(self._shapes)

    def _pixel(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Ints:
        """The number of the pixel at these places."""
        return y.astype(np.int64) * self._raster.columns + x.astype(np.int64)

    @staticmethod
    def _by_pixel(pixel: Ints, cell: Ints) -> tuple[Ints, Ints, Ints]:
        """The candidates of each boundary pixel as slices of one array, lowest code first; and the boundary pixels."""
        starts = np.flatnonzero(np.concatenate([[True], pixel[1:] != pixel[:-1]]))
        return np.append(starts, len(pixel)), cell, pixel[starts]

    def _fill(self, boundary: Ints) -> NDArray[np.int32]:
        """The answer of every pixel without boundary: taken over from the row below, or asked once per stretch."""
        raster = self._raster
        table = np.full((raster.rows, raster.columns), _UNKNOWN, dtype=np.int32)
        table.ravel()[boundary] = BOUNDARY
        stretches: list[NDArray[np.float64]] = []
        count = 0
        columns = np.arange(raster.columns)
        below = np.full(raster.columns, BOUNDARY, dtype=np.int32)
        for number in range(raster.rows):
            row = table[number]
            free = row != BOUNDARY
            first = free & ~np.concatenate([[False], free[:-1]])
            run = np.cumsum(first) - 1
            # Any free pixel of a run with a free pixel below it has that pixel's answer: no boundary lies between.
            known = free & (below != BOUNDARY)
            answer = np.full(int(run[-1]) + 1, _UNKNOWN, dtype=np.int32)
            answer[run[known]] = below[known]
            new = np.flatnonzero(answer == _UNKNOWN)
            if len(new):
                starts = columns[first][new]
                stretches.append(np.column_stack([starts + 0.5, np.full(len(starts), number + 0.5)]))
                answer[new] = count + np.arange(len(new), dtype=np.int32)
                count += len(new)
            row[free] = answer[run[free]]
            below = row
        if count:
            at = np.concatenate(stretches)
            x, y = raster.west + at[:, 0] * raster.size_x, raster.south + at[:, 1] * raster.size_y
            found = self._ask_tree(x, y)
            free = table >= 0
            table[free] = found[table[free]]
        return table

    def _ask_tree(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        """The cell of each point by exact search, lowest code first."""
        point, cell = shapely.STRtree(self._shapes).query(shapely.points(x, y), predicate="intersects")
        found = np.full(len(x), len(self._shapes), dtype=np.int64)
        np.minimum.at(found, point, cell)
        return np.where(found == len(self._shapes), OUTSIDE, found).astype(np.int32)

    def positions(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int64]:
        """The position in `codes` of the cell of each point (degrees), -1 where there is none; arrays of one dimension."""
        x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        if self.empty:
            return np.full(x.shape, OUTSIDE, dtype=np.int64)
        raster = self._raster
        px, py = raster.to_pixels(x, y)
        with np.errstate(invalid="ignore"):
            inside = (px >= 0) & (px < raster.columns) & (py >= 0) & (py < raster.rows)
        if not inside.all():
            px, py = np.where(inside, px, 0.0), np.where(inside, py, 0.0)
        pixel = py.astype(np.int64)
        pixel *= raster.columns
        pixel += px.astype(np.int64)
        found = self._table.ravel()[pixel].astype(np.int64)
        found[~inside] = OUTSIDE
        unsure = np.flatnonzero(found <= BOUNDARY)
        if len(unsure):
            found[unsure] = self._exact(x[unsure], y[unsure], BOUNDARY - found[unsure])
        return found

    def _exact(self, x: NDArray[np.float64], y: NDArray[np.float64], listed: Ints) -> NDArray[np.int64]:
        """The first candidate of each point that covers it, trying the candidates in order of their codes."""
        found = np.full(len(x), OUTSIDE, dtype=np.int64)
        begin, end = self._starts[listed], self._starts[listed + 1]
        open_points = np.arange(len(x))
        step = 0
        while len(open_points):
            candidate = self._candidates[begin[open_points] + step]
            # Points of one cell together: the prepared cell stays warm in the processor's cache.
            order = np.argsort(candidate, kind="stable")
            points, candidate = open_points[order], candidate[order]
            hit = shapely.intersects_xy(self._shapes[candidate], x[points], y[points])
            found[points[hit]] = candidate[hit]
            step += 1
            left = points[~hit]
            open_points = left[begin[left] + step < end[left]]
        return found

    def locate_many(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.str_]:
        """The cell code of each point (degrees), '' where there is none."""
        positions = self.positions(np.ravel(np.asarray(lon, dtype=np.float64)), np.ravel(np.asarray(lat, dtype=np.float64)))
        return np.append(self.codes, "")[positions] if not self.empty else np.full(positions.shape, "", dtype="U15")

    def locate(self, lon: float, lat: float) -> str | None:
        """The cell code of one point (degrees), or None."""
        position = int(self.positions(np.array([lon]), np.array([lat]))[0])
        return str(self.codes[position]) if position >= 0 else None


def _distinct_edges(shapes: Geometries) -> tuple[NDArray[np.float64], Ints, Ints]:
    """Each edge once, and the cells of edge `e` as the slice [starts[e], starts[e + 1]): an edge between two is drawn in both."""
    edges, owner = edges_of(shapes)
    order = np.lexsort((edges[:, 3], edges[:, 2], edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    first = np.concatenate([[True], (edges[1:] != edges[:-1]).any(axis=1)])
    return edges[first], np.append(np.flatnonzero(first), len(edges)), owner


def _distinct(values: Ints) -> Ints:
    """Each value once, ascending; sorting beats numpy's hash table many times over at this size."""
    # Marks come along the edges, so most repetitions stand next to each other and fall before the sorting.
    values = np.sort(values[np.concatenate([[True], values[1:] != values[:-1]])])
    return values[np.concatenate([[True], values[1:] != values[:-1]])]


def _crossings(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], Ints]:
    """Where edges from `a` to `b` (pixels, one axis) cross whole numbers: the share of the way, and the edge."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    first = np.floor(low) + 1
    count = np.maximum(np.ceil(high) - first, 0).astype(np.int64)
    edge = np.repeat(np.arange(len(a)), count)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    line = first[edge] + nth
    return (line - a[edge]) / (b - a)[edge], edge
