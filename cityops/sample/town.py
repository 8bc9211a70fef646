"""What stands on a block: land use, buildings in rows, parks with ponds, car parks, school grounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.sample.blocks import Division
from cityops.sample.streets import ARTERIAL, LANE, SECONDARY, WIDTH_M
from cityops.sample.terrain import Floats

SETBACK_M = {LANE: 3.2, SECONDARY: 6.5, ARTERIAL: 9.0}
USES = ("estate", "old", "commercial", "industrial", "school", "park", "lot", "works")
ESTATE, OLD, COMMERCIAL, INDUSTRIAL, SCHOOL, PARK, LOT, WORKS = range(len(USES))

# depth of a house, gap between rows, length of a house, gap between houses, metres; storeys from-to.
PATTERNS = {
    ESTATE: (13.0, 17.0, 46.0, 9.0, 6, 18),
    OLD: (9.0, 5.5, 15.0, 2.5, 1, 3),
    COMMERCIAL: (24.0, 14.0, 38.0, 12.0, 4, 24),
    INDUSTRIAL: (28.0, 13.0, 66.0, 14.0, 1, 3),
    SCHOOL: (14.0, 26.0, 56.0, 16.0, 3, 6),
}


@dataclass
class Town:
    """What stands on the blocks of one superblock; `cell` arrays give the leaf each thing stands in."""

    use: NDArray[np.int64]
    inner: NDArray[np.object_]
    buildings: NDArray[np.object_]
    building_cell: NDArray[np.int64]
    heights_m: Floats
    greens: list[tuple[int, str, shapely.Polygon]] = field(default_factory=list)
    ponds: list[tuple[int, shapely.Polygon]] = field(default_factory=list)
    lots: list[tuple[int, shapely.Polygon]] = field(default_factory=list)


def block_interiors(division: Division) -> NDArray[np.object_]:
    """Each cell without its streets and footways: what can be built on. Empty where nothing is left."""
    inner = np.array([division.polygon(leaf) for leaf in division.leaves], dtype=object)
    edges: dict[int, list[list[tuple[int, int]]]] = {rank: [[] for _ in inner] for rank in SETBACK_M}
    for k, leaf in enumerate(division.leaves):
        for a, b in zip(leaf.ring, [*leaf.ring[1:], leaf.ring[0]], strict=True):
            rank = division.rank_of(a, b)
            if rank:
                edges[rank][k].append((a, b))
    for rank, per_leaf in edges.items():
        touched = np.array([k for k, pairs in enumerate(per_leaf) if pairs], dtype=int)
        if len(touched):
            lines = np.array([shapely.multilinestrings(division.points[np.array(per_leaf[k])]) for k in touched], dtype=object)
            zone = shapely.buffer(lines, WIDTH_M[rank] / 2 + SETBACK_M[rank], quad_segs=2)
            inner[touched] = shapely.difference(inner[touched], zone)
    return _largest(shapely.buffer(inner, -2.0, join_style="mitre", mitre_limit=2.0))


def _largest(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Of each multipolygon its largest part; anything else becomes an empty polygon or stays as it is."""
    out = shapes.copy()
    for k in np.flatnonzero(shapely.get_type_id(shapes) != 3):
        parts = shapely.get_parts(shapes[k])
        out[k] = max(parts, key=lambda part: part.area) if len(parts) else shapely.Polygon()
    return out


def _choose_uses(inner: NDArray[np.object_], on_arterial: NDArray[np.bool_], far: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """A land use per block: shops along arterials, old courtyards in the centre, works at the edge, parks in between."""
    count = len(inner)
    near = max(0.0, 1.0 - far / 0.55)
    weights = np.empty((count, len(USES)))
    weights[:, ESTATE] = 0.66
    weights[:, OLD] = 0.50 * near
    weights[:, COMMERCIAL] = np.where(on_arterial, 0.34, 0.06)
    weights[:, INDUSTRIAL] = 0.55 * max(0.0, far - 0.55)
    weights[:, SCHOOL] = 0.055
    weights[:, PARK] = 0.065
    weights[:, LOT] = 0.02
    weights[:, WORKS] = 0.02 + 0.03 * far
    area = shapely.area(inner)
    weights[:, SCHOOL] *= area > 7_000
    weights[:, PARK] *= area > 4_500
    total = weights.cumsum(axis=1)
    return (rng.random(count)[:, None] * total[:, -1:] > total).sum(axis=1)


def frame_angles(division: Division) -> Floats:
    """The direction, in radians within 45° of east, of the edges of each cell; houses stand along it."""
    angles = np.empty(len(division.leaves))
    for k, leaf in enumerate(division.leaves):
        ring = division.points[leaf.ring]
        step = np.roll(ring, -1, axis=0) - ring
        angles[k] = np.angle(np.sum(np.hypot(*step.T) * np.exp(4j * np.arctan2(step[:, 1], step[:, 0])))) / 4
    return angles


def build_town(division: Division, far: float, rng: np.random.Generator) -> Town:
    """Fill the blocks of a superblock whose distance from the centre is `far` half spans."""
    inner = block_interiors(division)
    on_arterial = np.array(
        [any(division.rank_of(a, b) == ARTERIAL for a, b in zip(f.ring, [*f.ring[1:], f.ring[0]], strict=True)) for f in division.leaves]
    )
    use = _choose_uses(inner, on_arterial, far, rng)
    use[shapely.area(inner) < 900] = LOT
    angles = frame_angles(division)
    town = Town(use, inner, np.empty(0, object), np.empty(0, int), np.empty(0))
    boxes: list[Floats] = []
    owner: list[NDArray[np.int64]] = []
    height: list[Floats] = []
    for k, kind in enumerate(use.tolist()):
        shape = inner[k]
        if shape.is_empty:
            continue
        if kind == PARK:
            _park(town, k, shape)
        elif kind == LOT:
            lot = shapely.buffer(shape, -2.0, join_style="mitre")
            if lot.geom_type == "Polygon" and lot.area > 250:
                town.lots.append((k, lot))
        elif kind != WORKS:
            corners, tall = _rows(shape, float(angles[k]), kind, rng)
            boxes.append(corners)
            owner.append(np.full(len(corners), k))
            height.append(tall)
    if boxes:
        corners, cell, tall = np.concatenate(boxes), np.concatenate(owner), np.concatenate(height)
        shapes = shapely.polygons(corners)
        # A house that reaches over a slanting street line is built along that line instead.
        clipped = shapely.intersection(shapes, inner[cell])
        keep = (shapely.get_type_id(clipped) == 3) & (shapely.area(clipped) > 0.55 * shapely.area(shapes))
        town.buildings, town.building_cell, town.heights_m = clipped[keep], cell[keep], tall[keep]
    for school in np.flatnonzero(use == SCHOOL).tolist():
        _playground(town, school)
    return town


def _rows(shape: shapely.Polygon, angle: float, kind: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Candidate houses (n, 5, 2) in rows along `angle`, and their heights in metres."""
    depth, row_gap, length, gap, low, high = PATTERNS[kind]
    depth, length = depth * rng.uniform(0.9, 1.12), length * rng.uniform(0.8, 1.2)
    cos, sin = np.cos(angle), np.sin(angle)
    ring = shapely.get_coordinates(shape.exterior)
    s, t = cos * ring[:, 0] + sin * ring[:, 1], -sin * ring[:, 0] + cos * ring[:, 1]
    low_s, low_t = s.min() + 1.0, t.min() + 1.0
    wide, tall = s.max() - 1.0 - low_s, t.max() - 1.0 - low_t
    # As many houses as fit when they may shrink a little, then stretched to fill the block evenly.
    columns = int((wide + gap) // (0.74 * length + gap))
    lines = int((tall + row_gap) // (0.92 * depth + 0.86 * row_gap))
    if columns < 1 or lines < 1:
        return np.empty((0, 5, 2)), np.empty(0)
    length = min((wide + gap) / columns - gap, 1.35 * length)
    depth = min(depth, tall)
    places = low_s + (wide - columns * length) * (np.arange(columns) + 0.5) / columns + length * np.arange(columns)
    rows = low_t + (tall - depth) * (np.arange(lines) / (lines - 1) if lines > 1 else np.array([0.5]))
    t0, s0 = (grid.ravel() for grid in np.meshgrid(rows, places, indexing="ij"))
    count = len(t0)
    long = length * rng.choice((0.78, 0.9, 1.0, 1.0, 1.0), count)
    deep = depth * rng.choice((0.88, 1.0, 1.0), count)
    if kind == OLD:
        s0, t0 = s0 + rng.normal(0, 0.8, count), t0 + rng.normal(0, 0.8, count)
    keep = rng.random(count) > (0.10 if kind != OLD else 0.07)
    s0, t0, long, deep = s0[keep], t0[keep], long[keep], deep[keep]
    corner_s = np.stack((s0, s0 + long, s0 + long, s0, s0), axis=1)
    corner_t = np.stack((t0, t0, t0 + deep, t0 + deep, t0), axis=1)
    corners = np.stack((cos * corner_s - sin * corner_t, sin * corner_s + cos * corner_t), axis=2)
    base = int(rng.integers(low, high + 1))
    storeys = np.clip(base + rng.integers(-1, 2, len(corners)), low, high)
    return corners, np.round(storeys * 3.0 + 0.6, 1)


def _park(town: Town, k: int, shape: shapely.Polygon) -> None:
    green = shapely.buffer(shapely.buffer(shape, -8.0), 8.0, quad_segs=4)
    if green.geom_type != "Polygon" or green.is_empty:
        return
    town.greens.append((k, "park", green))
    if green.area > 9_000:
        pond = shapely.buffer(shapely.buffer(shape, -0.26 * np.sqrt(green.area)), 4.0, quad_segs=4)
        if pond.geom_type == "Polygon" and pond.area > 300:
            town.ponds.append((k, pond))


def _playground(town: Town, k: int) -> None:
    """The largest free part of a school block is its sports ground."""
    own = town.buildings[town.building_cell == k]
    free = _largest(
        np.array([shapely.buffer(town.inner[k].difference(shapely.union_all(shapely.buffer(own, 6.0, quad_segs=1))), -6.0)], object)
    )[0]
    ground = shapely.buffer(free, 5.0, quad_segs=3)
    if ground.geom_type == "Polygon" and ground.area > 700:
        town.greens.append((k, "school", ground))
