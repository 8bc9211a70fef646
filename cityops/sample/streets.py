"""The skeleton of the city: arterial streets, the river with its riverside roads and bridges, and the superblocks between.

All lines are noded against each other once, so that every face knows every vertex on its boundary; whatever is divided
later starts from these vertices and the partition of the city stays without gap and overlap.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

from cityops.sample.sizes import Size
from cityops.sample.terrain import Floats, Terrain, random

WALL, LANE, SECONDARY, ARTERIAL = 0, 1, 2, 3
CLASS_NAMES = ("wall", "lane", "secondary", "arterial")
WIDTH_M = (0.0, 7.0, 16.0, 30.0)
CELL_TARGET_M2 = 10_300.0
VERTEX_STEP_M = 12.0
NODING_GRID_M = 0.01


@dataclass(frozen=True)
class StreetLine:
    """One through street of the skeleton: `family` is "ns", "ew" or "river"; `rank` its place in the family."""

    family: str
    rank: int
    geom: LineString


@dataclass
class Face:
    """A superblock between arterials: ring (n, 2) without the closing point; `lines[i]` is the street of edge i -> i+1."""

    ring: Floats
    lines: NDArray[np.int64]
    polygon: Polygon


@dataclass(frozen=True)
class RiverPiece:
    """A cell-sized piece of the river corridor; `face` is the superblock it belongs to, `role` "water" or "green"."""

    polygon: Polygon
    role: str
    face: int


@dataclass
class Skeleton:
    """Everything that is decided for the whole city at once. Projected metres."""

    lines: list[StreetLine]
    faces: list[Face]
    river_pieces: list[RiverPiece]
    bridges: list[tuple[int, LineString]]
    river: Polygon | None
    banks: list[Polygon]
    railings: list[LineString]
    outskirts: list[tuple[int, LineString]]
    outline_m2: float


def _lattice(size: Size, seed: int, terrain: Terrain) -> list[StreetLine]:
    rng = random(seed, 2)
    reach = terrain.span_m * 0.78 + size.superblock_m
    lines: list[StreetLine] = []
    along = np.arange(-reach, reach + VERTEX_STEP_M, VERTEX_STEP_M)
    for family in ("ns", "ew"):
        half = int(np.ceil(reach / size.superblock_m))
        gaps = size.superblock_m * rng.choice((0.84, 0.95, 1.0, 1.06, 1.18), 2 * half)
        places = np.concatenate(([0.0], np.cumsum(gaps)))
        places -= places[half] - rng.uniform(-0.3, 0.3) * size.superblock_m
        for rank, place in enumerate(places[np.abs(places) < reach]):
            still = np.full_like(along, place)
            uv = np.column_stack((still, along) if family == "ns" else (along, still))
            lines.append(StreetLine(family, rank, LineString(terrain.warp(uv))))
    return lines


def _offset(points: Floats, distance: float) -> LineString:
    step = np.gradient(points, axis=0)
    step /= np.hypot(step[:, 0], step[:, 1])[:, None]
    return LineString(points + distance * np.column_stack((-step[:, 1], step[:, 0])))


def _cuts_between_bridges(rails: list[LineString], bridges: list[tuple[int, LineString]]) -> list[LineString]:
    """Divide the corridor across, between consecutive bridges, into pieces of about 260 m."""
    at = []
    for _, bridge in bridges:
        crossings = [rail.intersection(bridge) for rail in rails]
        if all(c.geom_type == "Point" for c in crossings):
            at.append([rail.project(c) for rail, c in zip(rails, crossings, strict=True)])
    marks = np.array([[0.0] * len(rails), *sorted(at), [rail.length for rail in rails]])
    cuts = []
    for before, after in itertools.pairwise(marks):
        pieces = max(1, round(float(after[2] - before[2]) / 260.0))
        for k in range(1, pieces):
            where = before + (after - before) * k / pieces
            cuts.append(LineString([rail.interpolate(d) for rail, d in zip(rails, where, strict=True)]))
    return cuts


def _merge_small(polygons: list[Polygon], smallest_m2: float) -> list[Polygon]:
    """Join every face below `smallest_m2` to the neighbour with the longest common boundary."""
    faces = dict(enumerate(polygons))
    tree = shapely.STRtree(polygons)
    absorbed: dict[int, int] = {}

    def root(k: int) -> int:
        while k in absorbed:
            k = absorbed[k]
        return k

    for k in sorted(range(len(polygons)), key=lambda k: polygons[k].area):
        mine = root(k)
        if mine != k or faces[k].area >= smallest_m2:
            continue
        rivals = {root(int(j)) for j in tree.query(faces[k], predicate="intersects")} - {k}
        shared = [(faces[j].boundary.intersection(faces[k].boundary).length, -faces[j].area, j) for j in rivals]
        if not shared or max(shared)[0] < 30.0:
            continue
        winner = max(shared)[2]
        joined = faces[k].union(faces[winner])
        if joined.geom_type == "Polygon" and not joined.interiors:
            faces[winner] = joined
            absorbed[k] = winner
            del faces[k]
    return list(faces.values())


def build_skeleton(size: Size, seed: int, terrain: Terrain) -> Skeleton:
    """Lay out arterials, river and superblocks so that the kept superblocks hold `size.cells` cells of about a hectare."""
    lines = _lattice(size, seed, terrain)
    middle = terrain.river()
    half = terrain.river_m / 2
    offsets = (half + terrain.bank_m, half, 0.0, -half, -half - terrain.bank_m)
    rails = [_offset(middle, d) for d in offsets]
    corridor = Polygon([*rails[0].coords, *reversed(rails[-1].coords)])
    width = terrain.river_m + 2 * terrain.bank_m

    bridges: list[tuple[int, LineString]] = []
    for k, line in enumerate(lines):
        piece = line.geom.intersection(corridor)
        if piece.geom_type == "LineString" and width * 0.9 < piece.length < width * 1.7:
            bridges.append((k, piece))
    bridges.sort(key=lambda b: rails[2].project(b[1].centroid))
    chosen: list[tuple[int, LineString]] = []
    for bridge in bridges:
        if not chosen or bridge[1].distance(chosen[-1][1]) > 0.55 * size.superblock_m:
            chosen.append(bridge)

    riverside = [StreetLine("river", 0, rails[0]), StreetLine("river", 1, rails[-1])]
    dry = [line.geom.difference(corridor) for line in lines]
    noded = shapely.union_all([*dry, *rails, *[b for _, b in chosen], *_cuts_between_bridges(rails, chosen)], grid_size=NODING_GRID_M)
    pieces = list(shapely.polygonize([noded]).geoms)
    inside = shapely.contains_properly(corridor, shapely.point_on_surface(pieces))
    land = _merge_small([p for p, wet in zip(pieces, inside, strict=True) if not wet], 0.38 * size.superblock_m**2)
    lines = [*lines, *riverside]

    kept = _choose_faces(land, size, seed, terrain)
    river_pieces = _assign_river([p for p, wet in zip(pieces, inside, strict=True) if wet], kept, rails, half)
    finder = _EdgeFinder(lines)
    faces = [_face(polygon, finder) for polygon in kept]
    area = sum(f.polygon.area for f in faces) + sum(p.polygon.area for p in river_pieces)
    return Skeleton(
        lines=lines,
        faces=faces,
        river_pieces=river_pieces,
        bridges=[bridge for bridge in chosen if _joins(bridge[1], kept)],
        river=Polygon([*rails[1].coords, *reversed(rails[3].coords)]),
        banks=[
            Polygon([*rails[0].coords, *reversed(rails[1].coords)]),
            Polygon([*rails[3].coords, *reversed(rails[4].coords)]),
        ],
        railings=[rails[1], rails[3]],
        outskirts=_outskirts([*enumerate(dry), *((len(dry) + k, line.geom) for k, line in enumerate(riverside))], kept, size),
        outline_m2=area,
    )


def _joins(bridge: LineString, faces: list[Polygon]) -> bool:
    """Whether a bridge has the city at both ends."""
    tree = shapely.STRtree(faces)
    return all(
        faces[int(tree.nearest(end))].distance(end) < 2.0 for end in (shapely.Point(bridge.coords[0]), shapely.Point(bridge.coords[-1]))
    )


def _outskirts(lines: list[tuple[int, shapely.Geometry]], faces: list[Polygon], size: Size) -> list[tuple[int, LineString]]:
    """Where through streets go on beyond the last superblock, as far as another one would reach: a city does not end in a wall."""
    city = shapely.union_all(faces)
    zone = shapely.difference(shapely.buffer(city, 0.85 * size.superblock_m), shapely.buffer(city, 1.0))
    out = []
    for number, line in lines:
        for part in shapely.get_parts(shapely.intersection(line, zone)):
            # Only what leads out of the city; pieces that pass by it would hang in the air.
            if part.geom_type == "LineString" and part.length > 60.0 and part.distance(city) < 3.0:
                out.append((number, part))
    return out


def _choose_faces(land: list[Polygon], size: Size, seed: int, terrain: Terrain) -> list[Polygon]:
    """The superblocks nearest the centre, by a distance that wobbles with direction, up to the area of the city."""
    rng = random(seed, 3)
    phase = rng.uniform(0, 2 * np.pi, 2)
    centroids = shapely.get_coordinates(shapely.centroid(land)) - np.asarray(terrain.centre)
    bearing = np.arctan2(centroids[:, 1], centroids[:, 0])
    reach = 1 + 0.10 * np.sin(3 * bearing + phase[0]) + 0.07 * np.sin(5 * bearing + phase[1])
    order = np.argsort(np.hypot(centroids[:, 0], centroids[:, 1]) / reach, kind="stable")
    target, got, kept = size.cells * CELL_TARGET_M2 * 0.97, 0.0, []
    for k in order:
        if got >= target:
            break
        kept.append(land[k])
        got += land[k].area
    # From north-west to south-east, the way codes run.
    return sorted(kept, key=lambda p: (-round(p.centroid.y / size.superblock_m), p.centroid.x))


def _assign_river(wet: list[Polygon], faces: list[Polygon], rails: list[LineString], half_m: float) -> list[RiverPiece]:
    """Give each green piece to the superblock along its road, each water piece to the superblock of the green beside it.

    Pieces that touch no kept superblock lie outside the city. So every community stays in one piece, river included.
    """
    pieces = sorted(wet, key=lambda p: (-p.centroid.y, p.centroid.x))
    inner = shapely.point_on_surface(pieces)
    water = shapely.distance(inner, rails[2]) < half_m
    green = [k for k in range(len(pieces)) if not water[k]]
    tree = shapely.STRtree(faces)
    owner: dict[int, int] = {}
    for k in green:
        face = _longest_border(pieces[k], [(int(f), faces[f]) for f in sorted(tree.query(pieces[k], predicate="intersects").tolist())])
        if face is not None:
            owner[k] = face
    kept = sorted(owner)
    beside = shapely.STRtree([pieces[k] for k in kept])
    out = []
    for k, piece in enumerate(pieces):
        if k in owner:
            out.append(RiverPiece(piece, "green", owner[k]))
        elif water[k] and kept:
            near = sorted(beside.query(piece, predicate="intersects").tolist())
            face = _longest_border(piece, [(owner[kept[j]], pieces[kept[j]]) for j in near])
            if face is not None:
                out.append(RiverPiece(piece, "water", face))
    return out


def _longest_border(piece: Polygon, rivals: list[tuple[int, Polygon]]) -> int | None:
    """The number of the rival with the longest common border of more than five metres."""
    lengths = [(shapely.intersection(piece.boundary, shape.boundary).length, -number) for number, shape in rivals]
    best = max(lengths, default=(0.0, 0))
    return -best[1] if best[0] > 5.0 else None


class _EdgeFinder:
    """Which street an edge of a face lies on: a tree of single segments, because whole streets are slow to measure."""

    def __init__(self, lines: list[StreetLine]) -> None:
        coords = [np.asarray(line.geom.coords) for line in lines]
        self.line_of = np.concatenate([np.full(len(c) - 1, k) for k, c in enumerate(coords)])
        self.tree = shapely.STRtree(shapely.linestrings(np.concatenate([np.stack((c[:-1], c[1:]), axis=1) for c in coords])))

    def __call__(self, middles: Floats) -> NDArray[np.int64]:
        return self.line_of[self.tree.nearest(shapely.points(middles))]


def _face(polygon: Polygon, finder: _EdgeFinder) -> Face:
    ring = np.asarray(polygon.exterior.coords)[:-1]
    if not polygon.exterior.is_ccw:
        ring = ring[::-1]
    return Face(ring=ring, lines=finder((ring + np.roll(ring, -1, axis=0)) / 2), polygon=Polygon(ring))
