"""Street furniture: where the coded components of a superblock stand.

Every street is a run with two sides; a table (`data/sample/furniture.csv`) says what stands along it, how far apart and
how far from the kerb. Whatever would stand in the mouth of another street is left out. Parks, car parks, works sites and
the river have furniture of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.sample import names
from cityops.sample.blocks import Division
from cityops.sample.streets import ARTERIAL, CLASS_NAMES, WALL, WIDTH_M, Face
from cityops.sample.terrain import Floats
from cityops.sample.town import ESTATE, WORKS, Town

BAY_M = (12.0, 1.9)
TREE = "0402"


@dataclass(frozen=True)
class Rule:
    """One line of the furniture table."""

    class_code: str
    placement: str
    spacing_m: float
    kerb_m: float
    share: float
    attributes: str


@cache
def rules(rank: int) -> tuple[Rule, ...]:
    """The rules for streets of a class."""
    return tuple(
        Rule(row["class_code"], row["placement"], float(row["spacing_m"]), float(row["kerb_m"]), float(row["share"]), row["attributes"])
        for row in names.rows("furniture")
        if row["street"] == CLASS_NAMES[rank]
    )


@dataclass
class Run:
    """One street as it is walked: `sides` are +1 left, -1 right; `street` is its number in the tile's list of streets."""

    rank: int
    path: Floats
    sides: tuple[int, ...]
    street: int


@dataclass
class Furniture:
    """Components as parallel arrays; `geom` holds a line or polygon, or None for a point at x, y. Metres."""

    class_code: NDArray[np.str_]
    x: Floats
    y: Floats
    geom: NDArray[np.object_]
    cell: NDArray[np.int64]
    street: NDArray[np.int64]
    attributes: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: NDArray[np.int64]) -> Furniture:
        return Furniture(
            self.class_code[which],
            self.x[which],
            self.y[which],
            self.geom[which],
            self.cell[which],
            self.street[which],
            self.attributes[which],
        )


class Collector:
    """Gathers components of one superblock; `rank` orders them when there are more than the city is to have."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.parts: list[tuple[str, Floats, Floats, float, int, str, bool]] = []
        self.shapes: list[tuple[str, shapely.Geometry, float, int, str, int]] = []

    def points(self, code: str, xy: Floats, order: float, street: int, attributes: str = "", on_foot: bool = True) -> None:
        if len(xy):
            self.parts.append((code, xy[:, 0], xy[:, 1], order, street, attributes, on_foot))

    def shape(self, code: str, geom: shapely.Geometry, order: float, street: int, attributes: str = "", cell: int = -1) -> None:
        self.shapes.append((code, geom, order, street, attributes, cell))


class Way:
    """A path that is measured once and then asked for many places along it."""

    def __init__(self, path: Floats) -> None:
        step = np.diff(path, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        self._path = path
        self._total = np.concatenate(([0.0], np.cumsum(length)))
        self._heading = step / length[:, None]
        self._normal = np.column_stack((-self._heading[:, 1], self._heading[:, 0]))
        self.length = float(self._total[-1])

    def at(self, distance: Floats, offset: Floats) -> tuple[Floats, Floats]:
        """Points (n, 2) at `distance` along the path and `offset` to its left, and the directions (n, 2) there."""
        k = np.searchsorted(self._total, distance, side="right") - 1
        k = np.minimum(np.maximum(k, 0), len(self._heading) - 1)
        heading = self._heading[k]
        return self._path[k] + (distance - self._total[k])[:, None] * heading + offset[:, None] * self._normal[k], heading


def runs_of(face: Face, division: Division) -> list[Run]:
    """The inner sides of the arterials around a superblock, then its own streets with both sides."""
    runs = []
    breaks = np.flatnonzero(face.lines != np.roll(face.lines, 1))
    ring = face.ring
    if len(breaks) == 0:
        breaks = np.array([0])
    for k, start in enumerate(breaks.tolist()):
        stop = int(breaks[(k + 1) % len(breaks)])
        index = np.arange(start, stop + 1 if stop > start else stop + len(ring) + 1) % len(ring)
        runs.append(Run(ARTERIAL, ring[index], (1,), -1 - int(face.lines[start])))
    for number, street in enumerate(division.streets):
        if street.rank != WALL:
            runs.append(Run(street.rank, division.points[street.path], (1, -1), number))
    return runs


def furnish(face: Face, division: Division, town: Town, cells: NDArray[np.object_], quota: int, rng: np.random.Generator) -> Furniture:
    """Place the components of a superblock, at most `quota` of them, and find the cell of each."""
    collect = Collector(rng)
    runs = runs_of(face, division)
    for run in runs:
        _street_side(collect, run)
    _crossings(collect, face)
    _blocks(collect, division, town)
    return _settle(collect, runs, cells, quota)


def _street_side(collect: Collector, run: Run) -> None:
    rng = collect.rng
    way = Way(run.path)
    length = way.length
    half = WIDTH_M[run.rank] / 2
    preferred = int(rng.integers(0, 2))
    for number, rule in enumerate(rules(run.rank)):
        if rng.random() > rule.share:
            continue
        order = (3 - run.rank) + rng.random() * 0.999
        if rule.class_code == TREE and run.rank != ARTERIAL:
            # Trees are many: in a city with fewer things than streets could hold, lamps and covers of the lanes come first.
            order = 2.15 + rng.random() * 0.84
        if rule.placement == "end":
            place, _ = way.at(np.array([half + 9.0]), np.array([(half + rule.kerb_m) * run.sides[0]]))
            collect.points(rule.class_code, place, order, run.street)
            continue
        if rule.placement == "crossing" or rule.placement == "crossing_one":
            continue
        # "one" side of an inner street is a fixed side per kind of thing; along arterials each superblock sees one side only.
        sides = run.sides
        if rule.placement in ("one", "run") and len(sides) == 2:
            sides = (sides[(number + preferred) % 2],)
        elif rule.placement == "one" and rng.random() < 0.5:
            continue
        for side in sides:
            first = rng.uniform(0.25, 0.75) * min(rule.spacing_m, length)
            if rule.placement == "stop":
                first = rng.uniform(60.0, 0.7 * rule.spacing_m)
            distance = np.arange(first, length - 3.0, rule.spacing_m)
            if not len(distance):
                continue
            distance = np.minimum(distance + rng.normal(0.0, 0.012 * rule.spacing_m, len(distance)), length)
            offset = np.full(len(distance), side * (half + rule.kerb_m))
            if rule.placement in ("run", "bay"):
                _long_things(collect, rule, run, way, distance, offset, order)
            else:
                place, _ = way.at(distance, offset)
                collect.points(rule.class_code, place, order, run.street, rule.attributes, rule.kerb_m > 0)


def _long_things(collect: Collector, rule: Rule, run: Run, way: Way, distance: Floats, offset: Floats, order: float) -> None:
    place, heading = way.at(distance, offset)
    if rule.placement == "run":
        reach = rule.spacing_m * 0.42
        for middle, off in zip(distance, offset, strict=True):
            at = np.linspace(middle - reach, middle + reach, 6)
            line, _ = way.at(np.clip(at, 4.0, max(5.0, way.length - 4.0)), np.full(6, off))
            collect.shape(rule.class_code, shapely.LineString(line), order, run.street, rule.attributes)
        return
    long, deep = BAY_M[0] / 2, BAY_M[1] / 2
    normal = np.column_stack((-heading[:, 1], heading[:, 0]))
    for middle, a, b in zip(place, heading * long, normal * deep, strict=True):
        ring = [middle - a - b, middle + a - b, middle + a + b, middle - a + b]
        collect.shape(rule.class_code, shapely.Polygon(ring), order, run.street, rule.attributes)


def _crossings(collect: Collector, face: Face) -> None:
    """Signals at the corners of the superblock; the controller stands on the corner south-west of a crossing."""
    ring, half = face.ring, WIDTH_M[ARTERIAL] / 2
    for k in np.flatnonzero(face.lines != np.roll(face.lines, 1)).tolist():
        before, after = ring[k - 1] - ring[k], ring[(k + 1) % len(ring)] - ring[k]
        before, after = before / np.hypot(*before), after / np.hypot(*after)
        if before @ after < -0.7 or before @ after > 0.7:
            continue
        for rule in rules(ARTERIAL):
            if not rule.placement.startswith("crossing"):
                continue
            inward = (before + after) * (half + rule.kerb_m)
            if rule.placement == "crossing_one" and not (inward[0] < 0 and inward[1] < 0):
                continue
            collect.points(rule.class_code, (ring[k] + inward)[None, :], 0.0, -1 - int(face.lines[k]))
        for reach in ((0.0, 11.0), (11.0, 0.0)):
            spot = ring[k] + before * (half + 1.0 + reach[0]) + after * (half + 1.0 + reach[1])
            collect.points("0150" if reach[0] else "0220", spot[None, :], 0.4, -1 - int(face.lines[k]))


def ring_points(shape: shapely.Polygon, inset_m: float, spacing_m: float) -> Floats:
    """Points (n, 2) along the outline of a shape, `inset_m` inside it."""
    inner = shapely.buffer(shape, -inset_m)
    if inner.is_empty:
        return np.empty((0, 2))
    line = max(shapely.get_parts(inner), key=lambda part: part.area).exterior
    count = max(1, round(line.length / spacing_m))
    return shapely.get_coordinates(shapely.line_interpolate_point(line, np.arange(count) * line.length / count))


def box_at(spot: Floats, angle: float, long_m: float, deep_m: float) -> shapely.Polygon:
    """A rectangle around a spot."""
    a = np.array([np.cos(angle), np.sin(angle)]) * long_m / 2
    b = np.array([-np.sin(angle), np.cos(angle)]) * deep_m / 2
    return shapely.Polygon([spot - a - b, spot + a - b, spot + a + b, spot - a + b])


def _blocks(collect: Collector, division: Division, town: Town) -> None:
    rng = collect.rng
    for k, kind, shape in town.greens:
        if kind != "park":
            continue
        collect.shape("0411", shape, 0.1, -1_000_000, "", k)
        collect.points("0407", ring_points(shape, 5.0, 26.0), 0.5, -1_000_000)
        collect.points("0139", ring_points(shape, 3.0, 22.0), 0.6, -1_000_000, "height_m=4")
        trees = np.concatenate([ring_points(shape, inset, 9.0) for inset in (1.2, 9.0, 16.0)])
        collect.points("0403", trees + rng.normal(0, 0.7, trees.shape), 1.2, -1_000_000, "species=银杏")
        inside = ring_points(shape, 12.0, 90.0)
        for code, spot in zip(("0152", "0406", "0146", "0498", "0410"), inside, strict=False):
            collect.points(code, spot[None, :], 0.7, -1_000_000)
        if shape.area > 6_000 and len(inside):
            collect.shape("0301", box_at(inside[-1] + 6.0, 0.1, 11.0, 6.5), 0.2, -1_000_000, "", k)
    for k, lot in town.lots:
        collect.shape("0201", lot, 0.2, -1_000_000, f"spaces={int(lot.area / 28)}", k)
        collect.points("0154", ring_points(lot, 2.0, 14.0)[:6], 0.8, -1_000_000, "power_kw=60")
    for k in np.flatnonzero(town.use == WORKS).tolist():
        site = shapely.buffer(town.inner[k], -3.0, join_style="mitre")
        if site.geom_type == "Polygon" and site.area > 400:
            collect.shape("0502", site, 0.2, -1_000_000, "", k)
            collect.points("0396", ring_points(town.inner[k], 1.0, 400.0)[:1], 0.9, -1_000_000)
    for k in np.flatnonzero(town.use == ESTATE).tolist():
        if rng.random() < 0.45 and not town.inner[k].is_empty:
            collect.points("0146", ring_points(town.inner[k], 4.0, 500.0)[:1], 1.4, -1_000_000)
        if rng.random() < 0.05 and not town.inner[k].is_empty:
            spot = ring_points(town.inner[k], 4.5, 300.0)[0]
            collect.shape("0304", box_at(spot, 0.05, 7.0, 5.0), 0.3, -1_000_000, "", k)
    # A septic tank cover before every second residential house.
    homes = np.flatnonzero(town.use[town.building_cell] == ESTATE)[::2]
    if len(homes):
        west, south, east, _ = shapely.bounds(town.buildings[homes]).T
        collect.points("0118", np.column_stack(((west + east) / 2, south - 2.0)), 2.9, -1_000_000)


def _settle(collect: Collector, runs: list[Run], cells: NDArray[np.object_], quota: int) -> Furniture:
    """Drop what stands in a street mouth, find the cells, and keep the first `quota` in order of importance."""
    lengths = [len(part[1]) for part in collect.parts]
    x = np.concatenate([part[1] for part in collect.parts] or [np.empty(0)])
    y = np.concatenate([part[2] for part in collect.parts] or [np.empty(0)])
    code = np.repeat([part[0] for part in collect.parts] or [""], lengths or [0])
    order = np.repeat([part[3] for part in collect.parts] or [0.0], lengths or [0])
    street = np.repeat([part[4] for part in collect.parts] or [0], lengths or [0])
    attributes = np.repeat(np.array([part[5] for part in collect.parts] or [""], dtype=object), lengths or [0])
    on_foot = np.repeat([part[6] for part in collect.parts] or [True], lengths or [0])

    spots = shapely.points(x, y)
    ways = shapely.buffer(
        np.array([shapely.LineString(run.path) for run in runs], dtype=object),
        np.array([WIDTH_M[run.rank] / 2 + 0.4 for run in runs]),
        cap_style="flat",
        quad_segs=1,
    )
    hit, _ = shapely.STRtree(spots).query(ways, predicate="contains")[::-1] if len(x) else (np.empty(0, int), None)
    in_mouth = np.zeros(len(x), bool)
    in_mouth[hit] = True

    shapes = np.array([part[1] for part in collect.shapes], dtype=object)
    if len(shapes):
        middle = shapely.get_coordinates(shapely.point_on_surface(shapes))
        x, y = np.concatenate((x, middle[:, 0])), np.concatenate((y, middle[:, 1]))
        spots = np.concatenate((spots, shapely.points(middle)))
        code = np.concatenate((code, [part[0] for part in collect.shapes]))
        order = np.concatenate((order, [part[2] for part in collect.shapes]))
        street = np.concatenate((street, [part[3] for part in collect.shapes]))
        attributes = np.concatenate((attributes, np.array([part[4] for part in collect.shapes], dtype=object)))
        on_foot = np.concatenate((on_foot, np.zeros(len(shapes), bool)))
        in_mouth = np.concatenate((in_mouth, np.zeros(len(shapes), bool)))
    geom = np.empty(len(x), dtype=object)
    geom[len(x) - len(shapes) :] = shapes

    cell = np.full(len(x), -1)
    which, inside = shapely.STRtree(cells).query(spots, predicate="within")
    cell[which] = inside
    keep = np.flatnonzero((cell >= 0) & ~(in_mouth & on_foot))
    keep = keep[np.argsort(order[keep], kind="stable")][:quota]
    # Numbered from west to east inside a class, as a survey would walk it.
    keep = keep[np.lexsort((x[keep], code[keep]))]
    return Furniture(code, x, y, geom, cell, street, attributes).take(keep)
