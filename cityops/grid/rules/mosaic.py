"""A mosaic: faces that tile some ground without a seam, and the merging of its small pieces into neighbours."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from cityops.geo.shapes import Geometries, as_array
from cityops.grid.rules.adjacency import groups, noded_neighbours

SHARED_EDGE_WEIGHT = 0.6
"""How much a long common edge counts against the convexity of the result when a small piece chooses its neighbour."""
OVERSIZE_WEIGHT = 0.5
"""What each target area above the maximum costs in the same currency."""


class Mosaic:
    """Pieces of a noded tiling (metres): each piece is a set of faces that hang together by edges."""

    def __init__(self, faces: Geometries, labels: Sequence[int] | NDArray[np.int64] | None = None) -> None:
        """`labels` says which faces belong together; without it every face is a piece of its own."""
        self.faces = faces
        pairs, shared = noded_neighbours(faces)
        labels = np.arange(len(faces)) if labels is None else np.asarray(labels)
        inside = labels[pairs[:, 0]] == labels[pairs[:, 1]] if len(pairs) else np.empty(0, dtype=bool)
        self.members: dict[int, list[int]] = dict(enumerate(groups(len(faces), pairs[inside])))
        piece_of = np.empty(len(faces), dtype=np.int64)
        for piece, members in self.members.items():
            piece_of[members] = piece
        area = np.asarray(shapely.area(faces))
        self.area = {piece: float(area[members].sum()) for piece, members in self.members.items()}
        self.hull = {
            piece: shapely.convex_hull(shapely.GeometryCollection(list(faces[members]))) for piece, members in self.members.items()
        }
        self.shared: dict[int, dict[int, float]] = {piece: {} for piece in self.members}
        for (a, b), length in zip(piece_of[pairs], shared, strict=True) if len(pairs) else ():
            if a != b:
                self.shared[int(a)][int(b)] = self.shared[int(a)].get(int(b), 0.0) + float(length)
                self.shared[int(b)][int(a)] = self.shared[int(b)].get(int(a), 0.0) + float(length)

    def merge_small(self, smallest_m2: float, largest_m2: float, target_m2: float) -> None:
        """Give every piece below `smallest_m2` to the neighbour with which it makes the best shape, smallest first."""
        queue = [(area, piece) for piece, area in self.area.items() if area < smallest_m2]
        heapq.heapify(queue)
        while queue:
            area, piece = heapq.heappop(queue)
            if self.area.get(piece) != area or not self.shared[piece]:
                continue  # merged or grown meanwhile, or an island that has nobody to join
            best = max(sorted(self.shared[piece]), key=lambda other: self._fitness(piece, other, largest_m2, target_m2))
            self._merge(piece, best)
            if self.area[best] < smallest_m2:
                heapq.heappush(queue, (self.area[best], best))

    def _fitness(self, piece: int, other: int, largest_m2: float, target_m2: float) -> float:
        together = self.area[piece] + self.area[other]
        hull = shapely.convex_hull(shapely.GeometryCollection([self.hull[piece], self.hull[other]])).area
        convex = together / hull if hull else 1.0
        around = sum(self.shared[piece].values())
        oversize = max(0.0, together - largest_m2) / target_m2
        return convex + SHARED_EDGE_WEIGHT * self.shared[piece][other] / around - OVERSIZE_WEIGHT * oversize

    def _merge(self, piece: int, into: int) -> None:
        self.members[into] += self.members.pop(piece)
        self.area[into] += self.area.pop(piece)
        self.hull[into] = shapely.convex_hull(shapely.GeometryCollection([self.hull.pop(piece), self.hull[into]]))
        for other, length in self.shared.pop(piece).items():
            del self.shared[other][piece]
            if other != into:
                self.shared[into][other] = self.shared[into].get(other, 0.0) + length
                self.shared[other][into] = self.shared[other].get(into, 0.0) + length

    def polygons(self) -> list[shapely.Polygon]:
        """The pieces as polygons, exactly noded with one another."""
        found: list[shapely.Polygon] = []
        for piece in sorted(self.members):
            members = self.members[piece]
            shape = self.faces[members[0]] if len(members) == 1 else shapely.coverage_union_all(as_array([self.faces[m] for m in members]))
            found.extend(part for part in shapely.get_parts(shape) if part.geom_type == "Polygon")
        return found
