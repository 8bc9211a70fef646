"""Dividing a large block: straight cuts that look for the gaps between buildings and go around those they meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.shapes import Geometries, convexity, polygons_of

POSITIONS = np.linspace(0.2, 0.8, 11)
"""Where cuts are tried, as shares of the block's extent; cuts nearer to the ends never balance."""
TURNS = (0.0, 90.0)
"""Directions of the cuts against the block's own axis, in degrees."""

UNEVEN_WEIGHT = 2.0
LENGTH_WEIGHT = 0.4
BUILDING_WEIGHT = 1.5
SHAPE_WEIGHT = 1.2
"""A cut through buildings costs most: each one crossed bends the boundary around its walls."""


@dataclass(frozen=True)
class Block:
    """Ground to divide (metres) with the buildings that stand on it."""

    shape: BaseGeometry
    buildings: Geometries

    @property
    def area(self) -> float:
        """Square metres."""
        return float(self.shape.area)

    def narrowed(self, shape: BaseGeometry) -> Block:
        """A part of the block with the buildings that stand in that part."""
        if not len(self.buildings):
            return Block(shape, self.buildings)
        shapely.prepare(shape)
        return Block(shape, self.buildings[shapely.intersects_xy(shape, _points_in(self.buildings))])


def _points_in(buildings: Geometries) -> NDArray[np.float64]:
    return shapely.get_coordinates(shapely.point_on_surface(buildings))


def divide(block: Block, target_m2: float, largest_m2: float) -> list[BaseGeometry]:
    """Cut a block into parts of about the target; what cannot be cut sensibly stays whole."""
    done: list[BaseGeometry] = []
    waiting = [block]
    while waiting:
        current = waiting.pop()
        count = round(current.area / target_m2)
        crooked = current.area > 1.2 * target_m2 and float(convexity([current.shape])[0]) < 0.6
        if (current.area <= largest_m2 and not crooked) or (count < 2 and not crooked):
            done.append(current.shape)
            continue
        parts = _cut(current, max(2, count), target_m2)
        if len(parts) < 2:
            done.append(current.shape)
        elif crooked and current.area <= largest_m2:
            done.extend(parts)
        else:
            waiting.extend(current.narrowed(part) for part in parts)
    return done


def _cut(block: Block, count: int, target_m2: float) -> list[BaseGeometry]:
    """The parts of a block on the two sides of its best cut; a single part when there is no good one."""
    share = (count // 2) / count
    halves, lines = _candidates(block.shape)
    left = shapely.intersection(block.shape, halves)
    portion = shapely.area(left) / block.area
    # Either side may be the smaller one: a third here or a third there.
    uneven = np.minimum(np.abs(portion - share), np.abs(portion - (1 - share)))
    good = (portion * block.area > 0.3 * target_m2) & ((1 - portion) * block.area > 0.3 * target_m2)
    if not good.any():
        return [block.shape]
    halves, lines, left, uneven = halves[good], lines[good], left[good], uneven[good]
    right = shapely.difference(block.shape, halves)
    length = shapely.length(shapely.intersection(block.shape, lines))
    crossed = _length_in_buildings(block, lines)
    size = math.sqrt(block.area)
    shape = 2.0 - convexity(left) - convexity(right)
    score = (
        UNEVEN_WEIGHT * uneven
        + LENGTH_WEIGHT * length / size
        + BUILDING_WEIGHT * crossed / size
        + SHAPE_WEIGHT * shape
        + 0.1 * (crossed > 0.5)
    )
    best = int(np.argmin(score))
    near, far = left[best], right[best]
    if crossed[best] > 0:
        near = _around_buildings(block, near, lines[best])
        far = shapely.difference(block.shape, near)
    return [part for side in (near, far) for part in polygons_of(side)]


def _candidates(shape: BaseGeometry) -> tuple[Geometries, Geometries]:
    """Half planes over a shape and the lines that bound them, in the directions of its own axes."""
    axis = shapely.get_coordinates(shapely.oriented_envelope(shape))
    along = axis[1] - axis[0] if len(axis) > 2 else np.array([1.0, 0.0])
    heading = math.atan2(along[1], along[0])
    corners = shapely.get_coordinates(shape)
    reach = float(np.hypot(*(corners.max(axis=0) - corners.min(axis=0)))) * 2 + 1
    rings, cuts = [], []
    for turn in TURNS:
        direction = np.array([math.cos(heading + math.radians(turn)), math.sin(heading + math.radians(turn))])
        across = np.array([-direction[1], direction[0]])
        extent = corners @ direction
        middle = float((corners @ across).mean())
        for position in extent.min() + POSITIONS * (extent.max() - extent.min()):
            start = direction * position + across * (middle - reach)
            end = direction * position + across * (middle + reach)
            rings.append([start, end, end - direction * reach, start - direction * reach, start])
            cuts.append([start, end])
    return shapely.polygons(rings), shapely.linestrings(cuts)


def _length_in_buildings(block: Block, lines: Geometries) -> NDArray[np.float64]:
    """How many metres of each line lie inside buildings."""
    result = np.zeros(len(lines))
    if len(block.buildings):
        line, building = shapely.STRtree(block.buildings).query(lines, predicate="intersects")
        np.add.at(result, line, shapely.length(shapely.intersection(block.buildings[building], lines[line])))
    return result


def _around_buildings(block: Block, side: BaseGeometry, line: BaseGeometry) -> BaseGeometry:
    """One side of a cut, with each building the cut runs through given whole to the side that holds most of it."""
    met = block.buildings[shapely.intersects(block.buildings, line)]
    held = shapely.area(shapely.intersection(met, side)) > shapely.area(met) / 2
    mine, theirs = met[held], met[~held]
    if len(mine):
        side = shapely.union(side, shapely.intersection(shapely.union_all(mine), block.shape))
    if len(theirs):
        side = shapely.difference(side, shapely.union_all(theirs))
    return side
