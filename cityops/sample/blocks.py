"""Dividing one superblock: first into communities, then by secondary streets and lanes into cells of about a hectare.

A superblock is cut again and again along a line across its longer side. Lines that end on an arterial end at a vertex
the arterial already has, because the neighbour superblock is divided on its own; inside, a new vertex is put into the
edge it meets and every polygon using that edge receives it. So cells share their vertices exactly.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import numpy as np
from shapely.geometry import Polygon

from cityops.sample.streets import ARTERIAL, LANE, SECONDARY, WALL, Face
from cityops.sample.terrain import Floats, random

SECONDARY_ABOVE_M2 = 110_000.0
CURVE_STEP_M = 25.0

Edge = tuple[int, int]


@dataclass
class Leaf:
    """A polygon of the division: vertex numbers counter-clockwise and the community it lies in."""

    ring: list[int]
    area: float
    community: int


@dataclass
class Street:
    """A street inside a superblock, or a boundary along walls: its class and its vertex numbers."""

    rank: int
    path: list[int]
    parent: int


@dataclass
class Division:
    """A divided superblock. `points` (n, 2) metres; `edge_street` tells which street an edge belongs to (-1 - line: arterial)."""

    points: Floats
    leaves: list[Leaf]
    streets: list[Street]
    edge_street: dict[Edge, int]
    communities: int = 1
    community_of: list[int] = field(default_factory=list)

    def rank_of(self, a: int, b: int) -> int:
        """The street class of the edge a-b."""
        street = self.edge_street[(a, b) if a < b else (b, a)]
        return ARTERIAL if street < 0 else self.streets[street].rank

    def polygon(self, leaf: Leaf) -> Polygon:
        return Polygon(self.points[leaf.ring])


class _Divider:
    def __init__(self, face: Face, rng: np.random.Generator) -> None:
        self.rng = rng
        self.x = face.ring[:, 0].tolist()
        self.y = face.ring[:, 1].tolist()
        count = len(self.x)
        self.streets: list[Street] = []
        self.edge_street: dict[Edge, int] = {}
        for k in range(count):
            self._set(k, (k + 1) % count, -1 - int(face.lines[k]))
        self.inserted: dict[Edge, int] = {}
        self.start = Leaf(list(range(count)), face.polygon.area, 0)

    def _set(self, a: int, b: int, street: int) -> None:
        self.edge_street[(a, b) if a < b else (b, a)] = street

    def _street(self, a: int, b: int) -> int:
        return self.edge_street[(a, b) if a < b else (b, a)]

    def _add(self, x: float, y: float) -> int:
        self.x.append(x)
        self.y.append(y)
        return len(self.x) - 1

    def expand(self, ring: list[int]) -> list[int]:
        """The ring with every vertex that was put into its edges since it was made."""
        out: list[int] = []
        for k, a in enumerate(ring):
            self._expand_edge(a, ring[(k + 1) % len(ring)], out)
        return out

    def _expand_edge(self, a: int, b: int, out: list[int]) -> None:
        middle = self.inserted.get((a, b) if a < b else (b, a))
        if middle is None:
            out.append(a)
        else:
            self._expand_edge(a, middle, out)
            self._expand_edge(middle, b, out)

    def _meet(self, a: int, b: int, share: float) -> int:
        """The vertex where a new line meets edge a-b at `share` of its length: an end on arterials, else a new one."""
        street = self._street(a, b)
        length = np.hypot(self.x[b] - self.x[a], self.y[b] - self.y[a])
        if street < 0 or share * length < 6.0 or (1 - share) * length < 6.0:
            return a if share < 0.5 else b
        middle = self._add(self.x[a] + share * (self.x[b] - self.x[a]), self.y[a] + share * (self.y[b] - self.y[a]))
        self.inserted[(a, b) if a < b else (b, a)] = middle
        self._set(a, middle, street)
        self._set(middle, b, street)
        return middle

    def split(self, leaf: Leaf, rank: int) -> tuple[Leaf, Leaf] | None:
        """Cut a leaf in two across its longer side; None when no acceptable cut is found."""
        leaf.ring = self.expand(leaf.ring)
        ring = leaf.ring
        px, py = np.array([self.x[k] for k in ring]), np.array([self.y[k] for k in ring])
        ex, ey = np.roll(px, -1) - px, np.roll(py, -1) - py
        turn = np.sum(np.hypot(ex, ey) * np.exp(4j * np.arctan2(ey, ex)))
        angle = np.angle(turn) / 4
        cos, sin = np.cos(angle), np.sin(angle)
        s, t = cos * px + sin * py, -sin * px + cos * py
        if np.ptp(t) > np.ptp(s):
            s, t = t, -s
        low, span = float(s.min()), float(np.ptp(s))
        for share in self.rng.normal(0.5, 0.055, 6):
            at = low + span * min(max(float(share), 0.36), 0.64)
            halves = self._cut_at(leaf, s, at, rank)
            if halves is not None:
                return halves
        return None

    def _cut_at(self, leaf: Leaf, s: Floats, at: float, rank: int) -> tuple[Leaf, Leaf] | None:
        ring = leaf.ring
        above = s > at
        crossing = np.flatnonzero(above != np.roll(above, -1))
        if len(crossing) != 2:
            return None
        ends = []
        for k in crossing.tolist():
            nxt = (k + 1) % len(ring)
            share = float((at - s[k]) / (s[nxt] - s[k]))
            ends.append((k, nxt, share))
        feet = [ring[k] if share < 0.5 else ring[nxt] for k, nxt, share in ends]
        if feet[0] == feet[1]:
            return None
        a = self._meet(ring[ends[0][0]], ring[ends[0][1]], ends[0][2])
        b = self._meet(ring[ends[1][0]], ring[ends[1][1]], ends[1][2])
        full = self.expand(ring)
        i, j = full.index(a), full.index(b)
        # A path along an existing edge would make a polygon without width.
        if a == b or (j - i) % len(full) == 1 or (i - j) % len(full) == 1:
            return None
        path = self._path(a, b, rank)
        if i > j:
            i, j, path = j, i, path[::-1]
        first = full[i : j + 1] + path[-2:0:-1]
        second = full[j:] + full[: i + 1] + path[1:-1]
        areas = self._area(first), self._area(second)
        if min(areas) < 0.30 * leaf.area or abs(sum(areas) - leaf.area) > 1.0:
            return None
        if not (self._simple(first) and self._simple(second)):
            return None
        street = len(self.streets)
        self.streets.append(Street(rank, path, self._street(full[i], full[(i + 1) % len(full)])))
        for p, q in itertools.pairwise(path):
            self._set(p, q, street)
        return Leaf(first, areas[0], leaf.community), Leaf(second, areas[1], leaf.community)

    def _path(self, a: int, b: int, rank: int) -> list[int]:
        """A line from a to b, slightly bowed when it is a street of some length."""
        ax, ay, bx, by = self.x[a], self.y[a], self.x[b], self.y[b]
        length = float(np.hypot(bx - ax, by - ay))
        if rank < LANE or length < 140.0:
            return [a, b]
        bow = float(self.rng.normal(0.0, 0.022 if rank == SECONDARY else 0.014)) * length
        pieces = max(2, round(length / CURVE_STEP_M))
        nx, ny = -(by - ay) / length, (bx - ax) / length
        path = [a]
        for k in range(1, pieces):
            w = k / pieces
            swing = bow * np.sin(np.pi * w)
            path.append(self._add(ax + w * (bx - ax) + swing * nx, ay + w * (by - ay) + swing * ny))
        return [*path, b]

    def _area(self, ring: list[int]) -> float:
        px, py = np.array([self.x[k] for k in ring]), np.array([self.y[k] for k in ring])
        px, py = px - px[0], py - py[0]
        return float(np.sum(px * np.roll(py, -1) - np.roll(px, -1) * py)) / 2

    def _simple(self, ring: list[int]) -> bool:
        return Polygon([(self.x[k], self.y[k]) for k in ring]).is_valid


def divide(face: Face, cells: int, community_m2: float, seed: int, number: int) -> Division:
    """Divide a superblock into exactly `cells` cells (fewer only when no further cut is possible).

    The largest piece is cut first; a random factor per piece lets sizes differ as they do in a grown city.
    """
    rng = random(seed, 10, number)
    work = _Divider(face, rng)
    leaves = [work.start]
    pieces = min(max(1, round(face.polygon.area / community_m2)), max(1, cells // 4))
    while len(leaves) < pieces:
        leaf = max(leaves, key=lambda one: one.area)
        halves = work.split(leaf, SECONDARY)
        if halves is None:
            break
        leaves.remove(leaf)
        leaves += halves
    for k, leaf in enumerate(leaves):
        leaf.community = k
    communities = len(leaves)

    order = 0
    heap: list[tuple[float, int, Leaf]] = []

    def push(leaf: Leaf) -> None:
        nonlocal order
        order += 1
        weight = leaf.area if leaf.area > SECONDARY_ABOVE_M2 else leaf.area * float(rng.lognormal(0.0, 0.22))
        heapq.heappush(heap, (-weight, order, leaf))

    for leaf in leaves:
        push(leaf)
    stuck: list[Leaf] = []
    while heap and len(heap) + len(stuck) < cells:
        _, _, leaf = heapq.heappop(heap)
        if leaf.area > SECONDARY_ABOVE_M2:
            rank = SECONDARY
        else:
            rank = LANE if leaf.area > 26_000.0 or rng.random() < 0.45 else WALL
        halves = work.split(leaf, rank)
        if halves is None:
            stuck.append(leaf)
            continue
        for half in halves:
            push(half)
    final = sorted([leaf for _, _, leaf in heap] + stuck, key=lambda one: one.ring[0])
    for leaf in final:
        leaf.ring = work.expand(leaf.ring)
    for street in work.streets:
        street.path = _expand_path(work, street.path)
    return Division(
        points=np.column_stack((work.x, work.y)),
        leaves=final,
        streets=work.streets,
        edge_street=work.edge_street,
        communities=communities,
    )


def _expand_path(work: _Divider, path: list[int]) -> list[int]:
    out: list[int] = []
    for a, b in itertools.pairwise(path):
        work._expand_edge(a, b, out)
    return [*out, path[-1]]
