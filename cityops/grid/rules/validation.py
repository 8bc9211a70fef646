"""Validation: every fault of a set of cells, each found once, each with its place.

The order of blame keeps one mistake from being told twice: a broken boundary is reported as such and its ground is left
out of the search for gaps; a cell is compared with the community it lies in, so that a wrong code does not also look like
a gap there and an intruder here. Ground that two cells claim is an overlap wherever it lies, also where one of them, or both,
have left their community: the crossing names the cell that must go back, the overlap the two that share the ground.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from cityops.geo.frame import LocalFrame
from cityops.geo.shapes import Geometries, area_m2, as_array, mean_width, metric_srid_of
from cityops.grid.rules import coverage
from cityops.grid.rules.adjacency import pieces
from cityops.grid.rules.findings import Finding, Report, broken
from cityops.grid.rules.numbering import COMMUNITY_DIGITS, is_cell_code

HOME_SHARE = 0.5
"""A cell lies in the community that holds more than half of it; what sticks out beyond is a crossing."""


@dataclass(frozen=True)
class Cells:
    """The cells to look at: codes and shapes in degrees, in step; `rows` are the rows of the file they came from."""

    codes: Sequence[str]
    shapes: Geometries
    rows: Sequence[int] | None = None

    @classmethod
    def of(cls, codes: Sequence[str], shapes: Sequence[BaseGeometry], rows: Sequence[int] | None = None) -> Cells:
        """From any sequences."""
        return cls(list(codes), as_array(shapes), rows)

    def rows_of(self, *positions: int) -> tuple[int, ...]:
        """The file rows of these cells."""
        return tuple(int(self.rows[p]) for p in positions) if self.rows is not None else ()


def validate(
    communities: Mapping[str, BaseGeometry], cells: Cells, beats: Mapping[str, Sequence[str]] | None = None, *, srid: int = 4547
) -> Report:
    """Look at cells (degrees) within their communities (degrees) and, if given, at beats (code -> cell codes).

    A community without a single cell counts as not yet divided and is no gap. `srid` is the system areas are measured in.
    """
    return Report.of(
        _Validation(communities, cells, srid).findings(beats),
        cells=len(cells.codes),
        communities=len(communities),
        **({"beats": len(beats)} if beats is not None else {}),
    )


def validate_beats(cells: Cells, beats: Mapping[str, Sequence[str]], *, srid: int = 4547) -> list[Finding]:
    """Beats (code -> cell codes) that do not hang together; cells (degrees) that belong to no beat are not remarked."""
    run = _Validation({}, cells, srid)
    run.torn_beats(beats)
    return run.found


def _positions(mask: NDArray[np.bool_]) -> list[int]:
    """Where a mask is true."""
    return [int(position) for position in np.flatnonzero(mask)]


class _Validation:
    """One run: the shapes in their local frame and what is known of each cell so far."""

    def __init__(self, communities: Mapping[str, BaseGeometry], cells: Cells, srid: int) -> None:
        self.cells = cells
        self.community_codes = list(communities)
        everything = np.concatenate([as_array(list(communities.values())), cells.shapes])
        self.frame = LocalFrame.around(everything)
        self.srid = metric_srid_of(everything, srid)
        self.communities = self.frame.enter(as_array(list(communities.values())))
        self.shapes = self.frame.enter(cells.shapes)
        self.sound = self._sound()
        shapely.prepare(self.communities)
        self.index_of = {code: position for position, code in enumerate(self.community_codes)}
        self.found: list[Finding] = []

    def _sound(self) -> NDArray[np.bool_]:
        polygon = shapely.get_type_id(self.shapes) == shapely.GeometryType.POLYGON.value
        return polygon & ~shapely.is_empty(self.shapes) & shapely.is_valid(self.shapes)

    def findings(self, beats: Mapping[str, Sequence[str]] | None) -> list[Finding]:
        """Run every check."""
        self._broken_boundaries()
        self._codes_used_twice()
        home = self._homes()
        self._thin_cells()
        self._crossings(home)
        self._coverage(home)
        if beats is not None:
            self.torn_beats(beats)
            self._cells_without_beat(beats)
        return self.found

    def _add(self, kind: str, positions: Sequence[int], shape: BaseGeometry | None, **details: object) -> None:
        """Note a finding at a shape given in the frame."""
        place = self.frame.leave(shape) if shape is not None else None
        area = float(area_m2([place], self.srid)[0]) if place is not None else 0.0
        codes = tuple(self.cells.codes[p] for p in positions)
        self.found.append(Finding(kind, codes, place, area, self.cells.rows_of(*positions), details))

    def _broken_boundaries(self) -> None:
        for position in _positions(~self.sound):
            shape = self.shapes[position]
            if shape is None or shape.is_empty:
                self._add("invalid_geometry", [position], None, **broken("it is empty"))
                continue
            if shape.geom_type != "Polygon":
                self._add(
                    "invalid_geometry",
                    [position],
                    shape,
                    reason=f"a cell is one Polygon, not a {shape.geom_type}",
                    reason_zh=f"网格应为单个多边形，而非{shape.geom_type}",
                )
                continue
            reason = shapely.is_valid_reason(shape)
            match = re.match(r"(.*)\[(\S+) (\S+)\]", reason)
            if match and all(np.isfinite([float(match[2]), float(match[3])])):
                self._add("invalid_geometry", [position], shapely.Point(float(match[2]), float(match[3])), **broken(reason))
            else:
                self._add("invalid_geometry", [position], None, **broken(reason))

    def _codes_used_twice(self) -> None:
        positions = defaultdict(list)
        for position, code in enumerate(self.cells.codes):
            positions[code].append(position)
        for code, at in positions.items():
            if len(at) > 1 and is_cell_code(code):  # what is no code at all is said once per cell
                place = shapely.GeometryCollection([self.cells.shapes[p] for p in at if self.sound[p]])
                self.found.append(Finding("duplicate_code", (code,), place, 0.0, self.cells.rows_of(*at), {"count": len(at)}))

    def _homes(self) -> NDArray[np.int64]:
        """The community each sound cell lies in (-1: none), noting codes that say otherwise."""
        coded = np.array(
            [self.index_of.get(code[:COMMUNITY_DIGITS], -1) if is_cell_code(code) else -1 for code in self.cells.codes], dtype=np.int64
        )
        home = np.full(len(coded), -1, dtype=np.int64)
        ask = np.flatnonzero(self.sound & (coded >= 0))
        inside = shapely.covers(self.communities[coded[ask]], self.shapes[ask])
        home[ask[inside]] = coded[ask[inside]]
        open_question = _positions(self.sound & (home < 0))
        tree = shapely.STRtree(self.communities)
        for position in open_question:
            home[position] = self._lies_in(position, tree)
        for position in _positions(self.sound):
            self._judge_code(position, int(coded[position]), int(home[position]))
            if home[position] < 0:
                home[position] = coded[position]
        return home

    def _lies_in(self, position: int, tree: shapely.STRtree) -> int:
        shape = self.shapes[position]
        near = tree.query(shape)
        if not len(near):
            return -1
        shared = shapely.area(shapely.intersection(self.communities[near], shape))
        best = int(np.argmax(shared))
        return int(near[best]) if shared[best] > HOME_SHARE * shape.area else -1

    def _judge_code(self, position: int, coded: int, home: int) -> None:
        code = self.cells.codes[position]
        if not is_cell_code(code):
            self._add(
                "wrong_code",
                [position],
                self.shapes[position],
                reason="a cell has 15 digits, the last three from 001",
                reason_zh="应为15位数字，末三位自001起",
            )
        elif coded < 0:
            community = code[:COMMUNITY_DIGITS]
            self._add(
                "wrong_code", [position], self.shapes[position],
                reason=f"there is no community {community} with a boundary", reason_zh=f"社区{community}不存在或没有边界",
            )  # fmt: skip
        elif home >= 0 and home != coded:
            lies = self.community_codes[home]
            self._add(
                "wrong_code",
                [position],
                self.shapes[position],
                reason=f"the cell lies in community {lies}",
                reason_zh=f"该网格位于社区{lies}",
            )

    def _thin_cells(self) -> None:
        width = mean_width(self.shapes)
        for position in _positions(self.sound & (width < coverage.MIN_CELL_WIDTH_M)):
            self._add("sliver", [position], self.shapes[position], width_m=round(float(width[position]), 3), of="cell", of_zh="网格本身")

    def _crossings(self, home: NDArray[np.int64]) -> None:
        ask = np.flatnonzero(self.sound & (home >= 0))
        outside = ask[~shapely.covers(self.communities[home[ask]], self.shapes[ask])]
        for position in outside.tolist():
            for part in coverage.beyond(self.communities[home[position]], self.shapes[position]):
                self._add("crosses_community", [position], part, community=self.community_codes[home[position]])

    def _coverage(self, home: NDArray[np.int64]) -> None:
        sound = np.flatnonzero(self.sound)
        suspect = np.zeros(len(self.shapes), dtype=bool)
        if len(sound):
            suspect[sound] = coverage.suspicious(self.shapes[sound])
        self._overlaps(sound, suspect[sound], home)
        members = defaultdict(list)
        for position in sound:
            if home[position] >= 0:
                members[int(home[position])].append(int(position))
        broken = self.shapes[~self.sound]
        # Until a broken boundary is mended nobody knows what its cell covers; its whole surroundings are left out.
        unknown = shapely.convex_hull(shapely.buffer(shapely.convex_hull(broken), coverage.SEAM_M)) if len(broken) else broken
        for community, positions in members.items():
            at = np.array(positions)
            self._gaps(community, at, suspect[at], unknown)

    def _overlaps(self, at: NDArray[np.int64], suspect: NDArray[np.bool_], home: NDArray[np.int64]) -> None:
        for flaw in coverage.overlaps(self.shapes[at], suspect):
            a, b = sorted((int(at[flaw.a]), int(at[flaw.b])), key=lambda p: (self.cells.codes[p], p))
            if self.cells.codes[a] == self.cells.codes[b]:
                continue  # one code twice has been said
            if flaw.width_m >= coverage.SLIVER_WIDTH_M:
                self._add("overlap", [a, b], flaw.shape)
            elif home[a] == home[b]:
                self._add("sliver", [a, b], flaw.shape, width_m=round(flaw.width_m, 3), of="overlap", of_zh="重叠")
            # A drawing accident between two communities has been said: one of the two crosses, or its code is wrong.

    def _gaps(self, community: int, at: NDArray[np.int64], suspect: NDArray[np.bool_], unknown: Geometries) -> None:
        for gap in coverage.uncovered(self.communities[community], self.shapes[at], suspect):
            if len(unknown) and shapely.intersects(unknown, gap).any():
                continue
            width = float(mean_width([gap])[0])
            beside = at[shapely.dwithin(self.shapes[at], gap, coverage.SEAM_M)]
            positions = sorted((int(p) for p in beside), key=lambda p: self.cells.codes[p])
            code = self.community_codes[community]
            if width < coverage.SLIVER_WIDTH_M:
                self._add("sliver", positions, gap, width_m=round(width, 3), of="gap", of_zh="空隙")
            else:
                self._add("gap", positions, gap, community=code)

    def torn_beats(self, beats: Mapping[str, Sequence[str]]) -> None:
        """Note every beat whose cells are not one connected piece."""
        position_of = {code: position for position, code in enumerate(self.cells.codes)}
        for beat, codes in beats.items():
            at = [position_of[code] for code in codes if code in position_of and self.sound[position_of[code]]]
            if not at:
                continue
            parts = pieces([self.shapes[p] for p in at])
            if len(parts) > 1:
                apart = [at[p] for part in parts[1:] for p in part]
                self._add("split_beat", apart, shapely.union_all(self.shapes[apart]), beat=beat, count=len(parts))

    def _cells_without_beat(self, beats: Mapping[str, Sequence[str]]) -> None:
        assigned = {code for codes in beats.values() for code in codes}
        for position, code in enumerate(self.cells.codes):
            if code not in assigned and self.sound[position]:
                self._add("no_beat", [position], self.shapes[position])
