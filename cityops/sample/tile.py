"""One superblock complete: its cells, streets, houses, greens and components, made from the skeleton alone.

Superblocks are made one after another and forgotten, so the memory a city needs does not grow with the city.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.sample import names
from cityops.sample.blocks import Division, divide
from cityops.sample.furniture import Furniture, furnish, ring_points
from cityops.sample.sizes import Size
from cityops.sample.streets import ARTERIAL, CLASS_NAMES, WALL, WIDTH_M, RiverPiece, Skeleton
from cityops.sample.terrain import Floats, random
from cityops.sample.town import Town, build_town


@dataclass(frozen=True)
class Road:
    """A piece of street for the base map."""

    name: names.Name
    rank: int
    geom: shapely.LineString

    @property
    def class_name(self) -> str:
        return CLASS_NAMES[self.rank]

    @property
    def width_m(self) -> float:
        return WIDTH_M[self.rank]


@dataclass
class Tile:
    """A superblock. `cells` are land cells, then river pieces; `community` numbers the communities of this superblock from 0."""

    number: int
    cells: NDArray[np.object_]
    community: NDArray[np.int64]
    on_water: NDArray[np.bool_]
    roads: list[Road]
    town: Town
    furniture: Furniture
    street_names: dict[int, names.Name]
    cell_street: NDArray[np.int64]
    banks: list[shapely.Polygon]


def make_tile(
    number: int, skeleton: Skeleton, size: Size, seed: int, cells: int, components: int, far: float, line_names: list[names.Name]
) -> Tile:
    """Divide, build and furnish superblock `number`; `far` is its distance from the centre in half spans."""
    face = skeleton.faces[number]
    division = divide(face, cells, size.community_m2, seed, number)
    pieces = [piece for piece in skeleton.river_pieces if piece.face == number]
    land = np.array([division.polygon(leaf) for leaf in division.leaves], dtype=object)
    town = build_town(division, far, random(seed, 11, number))
    green = [k for k, piece in enumerate(pieces) if piece.role == "green"]
    banks = [pieces[k].polygon for k in green]
    on_banks = _bank_furniture(banks, [len(land) + k for k in green], skeleton) if banks else None
    room = components - (len(on_banks) if on_banks else 0)
    furniture = furnish(face, division, town, land, max(room, 0), random(seed, 12, number))
    if on_banks:
        furniture = _join(furniture, on_banks)

    street_names = _name_streets(division, line_names, number)
    community = np.array([leaf.community for leaf in division.leaves])
    cell_street = np.array([_main_street(division, leaf.ring) for leaf in division.leaves])
    everything = land
    if pieces:
        river = np.array([piece.polygon for piece in pieces], dtype=object)
        nearest = _land_beside(land, pieces)
        community = np.concatenate((community, community[nearest]))
        cell_street = np.concatenate((cell_street, cell_street[nearest]))
        everything = np.concatenate((land, river))
    roads = [
        Road(street_names[k], street.rank, shapely.LineString(division.points[street.path]))
        for k, street in enumerate(division.streets)
        if street.rank != WALL
    ]
    return Tile(
        number=number,
        cells=everything,
        community=community,
        on_water=np.array([False] * len(land) + [piece.role == "water" for piece in pieces]),
        roads=roads,
        town=town,
        furniture=furniture,
        street_names=street_names,
        cell_street=cell_street,
        banks=banks,
    )


def _land_beside(land: NDArray[np.object_], pieces: list[RiverPiece]) -> NDArray[np.int64]:
    """For each river piece the land cell whose community it joins: green joins the longest common border, water joins its green."""
    tree = shapely.STRtree(land)
    green = [k for k, piece in enumerate(pieces) if piece.role == "green"]
    out = np.zeros(len(pieces), dtype=np.int64)
    for k in green:
        out[k] = _longest(pieces[k].polygon, land, sorted(tree.query(pieces[k].polygon, predicate="intersects").tolist()))
    shapes = np.array([piece.polygon for piece in pieces], dtype=object)
    for k, piece in enumerate(pieces):
        if piece.role == "water":
            out[k] = out[_longest(piece.polygon, shapes, green)]
    return out


def _longest(piece: shapely.Polygon, shapes: NDArray[np.object_], among: list[int]) -> int:
    borders = shapely.length(shapely.intersection(piece.boundary, shapely.boundary(shapes[among])))
    return among[int(np.argmax(borders))]


def _name_streets(division: Division, line_names: list[names.Name], number: int) -> dict[int, names.Name]:
    """Names by street number: secondary streets get a name of their own, lanes are counted off the street they leave."""
    out = {-1 - k: name for k, name in enumerate(line_names)}
    lanes: dict[int, int] = {}
    own = 0
    for k, street in enumerate(division.streets):
        if CLASS_NAMES[street.rank] == "secondary":
            out[k] = names.coined(number * 7 + own)
            own += 1
        elif street.rank != WALL:
            parent = street.parent
            while parent >= 0 and CLASS_NAMES[division.streets[parent].rank] != "secondary":
                parent = division.streets[parent].parent
            # Two superblocks share an arterial: their lanes are numbered apart, as odd and even sides are.
            lanes[parent] = lanes.get(parent, 0) + 1
            out[k] = names.lane(out[parent], lanes[parent] * 2 - (number % 2 if parent < 0 else 0))
    return out


def _main_street(division: Division, ring: list[int]) -> int:
    """The most important street a cell lies on; addresses name it."""
    best, best_rank = -1, -1
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        rank = division.rank_of(a, b)
        if rank > best_rank:
            best, best_rank = division.edge_street[(a, b) if a < b else (b, a)], rank
    return best


def _bank_furniture(banks: list[shapely.Polygon], cells: list[int], skeleton: Skeleton) -> Furniture:
    """Railings at the water, and lamps, benches and trees on the green banks of the river."""
    code: list[str] = []
    xy: list[Floats] = []
    geom: list[shapely.Geometry | None] = []
    cell: list[int] = []
    for bank, number in zip(banks, cells, strict=True):
        middle = bank.point_on_surface()
        rail = min(skeleton.railings, key=lambda line: line.distance(middle))
        part = shapely.intersection(rail, shapely.buffer(bank, 0.3))
        part = max(shapely.get_parts(part), key=lambda one: one.length, default=None)
        if part is not None and part.length > 20.0:
            code.append("0507")
            geom.append(part)
            xy.append(np.array(part.interpolate(0.5, normalized=True).coords[0]))
            cell.append(number)
        for class_code, inset, spacing in (("0139", 4.0, 32.0), ("0403", 7.0, 12.0), ("0407", 9.0, 60.0), ("0230", 2.0, 400.0)):
            for spot in ring_points(bank, inset, spacing):
                code.append(class_code)
                geom.append(None)
                xy.append(spot)
                cell.append(number)
    points = np.array(xy)
    shapes = np.empty(len(geom), dtype=object)
    shapes[:] = geom
    return Furniture(
        np.array(code),
        points[:, 0],
        points[:, 1],
        shapes,
        np.array(cell),
        np.full(len(code), -1_000_000),
        np.full(len(code), "", dtype=object),
    )


def _join(a: Furniture, b: Furniture) -> Furniture:
    return Furniture(
        *(np.concatenate((getattr(a, name), getattr(b, name))) for name in ("class_code", "x", "y", "geom", "cell", "street", "attributes"))
    )


def arterial_roads(skeleton: Skeleton, line_names: list[names.Name]) -> list[Road]:
    """The arterials around the superblocks, each edge once, joined to pieces from crossing to crossing; then the bridges."""
    edges: dict[tuple[float, float, float, float], int] = {}
    for face in skeleton.faces:
        for (ax, ay), (bx, by), line in zip(face.ring, np.roll(face.ring, -1, axis=0), face.lines.tolist(), strict=True):
            edges[(ax, ay, bx, by) if (ax, ay) < (bx, by) else (bx, by, ax, ay)] = line
    by_line: dict[int, list[list[tuple[float, float]]]] = {}
    for (ax, ay, bx, by), line in edges.items():
        by_line.setdefault(line, []).append([(ax, ay), (bx, by)])
    roads = []
    for line in sorted(by_line):
        merged = shapely.line_merge(shapely.multilinestrings(np.array(by_line[line])))
        for part in shapely.get_parts(merged):
            for piece in _pieces(part, 900.0):
                roads.append(Road(line_names[line], ARTERIAL, piece))
    roads += [Road(line_names[line], ARTERIAL, bridge) for line, bridge in skeleton.bridges]
    roads += [Road(line_names[line], ARTERIAL, way) for line, way in skeleton.outskirts]
    return roads


def _pieces(line: shapely.LineString, most_m: float) -> list[shapely.LineString]:
    """A long line in pieces of whole segments, so that a map tile never has to read a street across the city."""
    coords = np.asarray(line.coords)
    total = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(coords, axis=0).T))))
    count = max(1, round(total[-1] / most_m))
    cuts = np.unique(np.searchsorted(total, np.linspace(0, total[-1], count + 1)[1:-1]))
    cuts = np.concatenate(([0], cuts[(cuts > 0) & (cuts < len(coords) - 1)], [len(coords) - 1]))
    return [shapely.LineString(coords[a : b + 1]) for a, b in itertools.pairwise(cuts)]
