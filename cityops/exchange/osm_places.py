"""Communities for a place that has none of ours: from its own boundaries, from the names of its quarters, or from its streets.

Whatever they come from, communities are made of whole faces of one noded network, so they cover the ground without gap
and overlap. All geometry in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.geo.shapes import Geometries, as_array

COMMUNITY_M2 = 400_000.0
LARGEST_M2 = 2_500_000.0
NODING_M = 0.01
COVERED_SHARE = 0.7
TOO_SMALL_SHARE = 0.06
"""A community smaller than this share of the usual one joins a neighbour."""


@dataclass(frozen=True)
class Seed:
    """A named quarter: the point its name is written at."""

    name: str
    point: shapely.Point


@dataclass(frozen=True)
class Community:
    """A community to be: its name and its ground."""

    name: str
    ground: shapely.MultiPolygon


def communities_of(
    ground: shapely.Polygon, boundaries: Sequence[tuple[str, shapely.Geometry]], seeds: Sequence[Seed], streets: Geometries, name: str
) -> list[Community]:
    """Divide the ground: along given boundaries when they cover most of it, else along the streets around the named quarters."""
    inside = [(label, shapely.intersection(shape, ground)) for label, shape in boundaries if shapely.intersects(shape, ground)]
    inside = [(label, shape) for label, shape in inside if shape.area > TOO_SMALL_SHARE * COMMUNITY_M2]
    if len(inside) >= 2 and shapely.union_all([shape for _, shape in inside]).area >= COVERED_SHARE * ground.area:
        faces = _faces(ground, as_array([shapely.boundary(shape) for _, shape in inside]))
        labels = _label_by_cover(faces, [shape for _, shape in inside])
        names = [label for label, _ in inside]
    else:
        faces = _faces(ground, streets)
        middles = shapely.get_coordinates(shapely.point_on_surface(faces))
        near = [seed for seed in seeds if ground.distance(seed.point) < 0.1 * np.sqrt(ground.area)]
        if len(near) >= 2:
            at = np.array([[seed.point.x, seed.point.y] for seed in near])
            names = [seed.name for seed in near]
        else:
            count = max(1, round(ground.area / COMMUNITY_M2))
            at = _spread(middles, shapely.area(faces), count)
            names = [f"{name} {number + 1}" for number in range(len(at))]
        labels = _nearest(middles, at)
        labels, names = _divide_large(faces, middles, labels, names)
    labels = _mend(faces, labels)
    out = []
    for label in sorted(set(labels.tolist())):
        shape = shapely.union_all(faces[labels == label])
        out.append(Community(names[label], shapely.multipolygons(shapely.get_parts(shape))))
    return out


def _faces(ground: shapely.Polygon, lines: Geometries) -> Geometries:
    """The faces of the ground between lines."""
    cut = shapely.intersection(lines, ground) if len(lines) else lines
    network = shapely.union_all([*cut, shapely.boundary(ground)], grid_size=NODING_M)
    faces = shapely.get_parts(shapely.polygonize([network]))
    return as_array(list(faces[shapely.intersects(shapely.buffer(ground, NODING_M), shapely.point_on_surface(faces))]))


def _label_by_cover(faces: Geometries, shapes: Sequence[shapely.Geometry]) -> NDArray[np.int64]:
    labels = np.full(len(faces), -1)
    face, shape = shapely.STRtree(as_array(list(shapes))).query(shapely.point_on_surface(faces), predicate="intersects")
    labels[face[::-1]] = shape[::-1]
    return labels


def _nearest(points: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.hypot(points[:, None, 0] - at[None, :, 0], points[:, None, 1] - at[None, :, 1]).argmin(axis=1)


def _spread(points: NDArray[np.float64], weight: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """`count` centres spread over weighted points: the farthest point first, then each centre moves to the middle of its own."""
    centres = [points[np.argmin(points.sum(axis=1))]]
    while len(centres) < min(count, len(points)):
        away = np.min([np.hypot(*(points - centre).T) for centre in centres], axis=0)
        centres.append(points[int(np.argmax(away))])
    at = np.array(centres)
    for _ in range(25):
        own = _nearest(points, at)
        at = np.array(
            [np.average(points[own == k], axis=0, weights=weight[own == k]) if (own == k).any() else at[k] for k in range(len(at))]
        )
    return at


def _divide_large(
    faces: Geometries, middles: NDArray[np.float64], labels: NDArray[np.int64], names: list[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """A quarter too large for one community becomes several, numbered after its name."""
    area = shapely.area(faces)
    names = list(names)
    for label in range(len(names)):
        own = np.flatnonzero(labels == label)
        total = float(area[own].sum())
        if total <= LARGEST_M2 or len(own) < 2:
            continue
        at = _spread(middles[own], area[own], max(2, round(total / (2 * COMMUNITY_M2))))
        parts = _nearest(middles[own], at)
        for part in range(1, len(at)):
            labels[own[parts == part]] = len(names)
            names.append(f"{names[label]} {part + 1}")
        names[label] += " 1"
    return labels, names


def _mend(faces: Geometries, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give faces without a community, scattered pieces and crumbs to the neighbour they share the longest border with."""
    labels = labels.copy()
    left, right = shapely.STRtree(faces).query(faces, predicate="touches")
    border = shapely.length(shapely.intersection(shapely.boundary(faces[left]), shapely.boundary(faces[right])))
    beside: dict[int, list[tuple[int, float]]] = {}
    for a, b, length in zip(left.tolist(), right.tolist(), border.tolist(), strict=True):
        if length > NODING_M:
            beside.setdefault(a, []).append((b, length))
    area = shapely.area(faces)
    for _ in range(len(faces)):
        stray = _strays(labels, beside, area)
        if not stray:
            break
        moved = False
        for group in stray:
            rivals: dict[int, float] = {}
            for face in group:
                for other, length in beside.get(face, ()):
                    if other not in group and labels[other] >= 0 and labels[other] != labels[face]:
                        rivals[int(labels[other])] = rivals.get(int(labels[other]), 0.0) + length
            if rivals:
                labels[sorted(group)] = max(rivals, key=lambda label: (rivals[label], -label))
                moved = True
        if not moved:
            break
    return labels


def _strays(labels: NDArray[np.int64], beside: dict[int, list[tuple[int, float]]], area: NDArray[np.float64]) -> list[set[int]]:
    """Connected groups of faces that are not the main piece of a community of sufficient size."""
    seen: set[int] = set()
    groups: dict[int, list[set[int]]] = {}
    for start in range(len(labels)):
        if start in seen:
            continue
        group, queue = {start}, [start]
        while queue:
            face = queue.pop()
            for other, _ in beside.get(face, ()):
                if other not in group and labels[other] == labels[start]:
                    group.add(other)
                    queue.append(other)
        seen |= group
        groups.setdefault(int(labels[start]), []).append(group)
    out = []
    for label, pieces in sorted(groups.items()):
        pieces.sort(key=lambda group: -float(area[sorted(group)].sum()))
        main = [] if label >= 0 and area[sorted(pieces[0])].sum() >= TOO_SMALL_SHARE * COMMUNITY_M2 else [pieces[0]]
        out += main + pieces[1:]
    return out
