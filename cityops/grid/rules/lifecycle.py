"""What a draft does to the grid: which cells end, which begin, what follows what, and who walks the new ones.

A plan is made from values alone; operations validate it and write it down. Codes are never used again: a split, merge or
new division ends the old cells and numbers new ones; only a reshaped cell keeps its code, because it is the same cell with
a corrected boundary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cityops.geo.shapes import as_array
from cityops.grid.errors import CellTwiceInDraft, ChangeNotUnderstood, CodeInvalid
from cityops.grid.rules.numbering import COMMUNITY_DIGITS, is_cell_code, number_cells

Act = Literal["create", "split", "merge", "redivide", "reshape"]
ACTS: tuple[Act, ...] = ("create", "split", "merge", "redivide", "reshape")

SUCCESSOR_M2 = 1.0
"""Cells that share less ground than this with an ended one follow it by rounding only."""


@dataclass(frozen=True)
class NewCell:
    """A cell as a draft draws it (degrees)."""

    community: str
    shape: BaseGeometry
    grade: str = "B"
    note: str | None = None
    keeps_code: str | None = None
    """The code of the live cell this is the new boundary of (act reshape)."""
    code: str | None = None
    """A code given beforehand (import); otherwise one is given on publication."""
    draft_cell_id: int | None = None


@dataclass(frozen=True)
class Change:
    """One act on some live cells, and the cells that come of it."""

    act: Act
    ends: tuple[str, ...]
    cells: tuple[NewCell, ...]


@dataclass(frozen=True)
class OldCell:
    """What the plan must know of a live cell (degrees)."""

    code: str
    shape: BaseGeometry
    beat_id: int | None = None


@dataclass
class Plan:
    """The outcome of a draft."""

    ended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Ended code -> successors."""
    created: dict[str, NewCell] = field(default_factory=dict)
    reshaped: dict[str, NewCell] = field(default_factory=dict)
    beats: dict[str, int] = field(default_factory=dict)
    """New code -> the beat it inherits."""

    @property
    def communities(self) -> tuple[str, ...]:
        """Every community whose ground is touched."""
        codes = {*self.ended, *self.created, *self.reshaped}
        return tuple(sorted({code[:COMMUNITY_DIGITS] for code in codes}))


def check_change(act: str, ends: Sequence[str], cells: Sequence[NewCell]) -> None:
    """Refuse a change whose numbers do not fit its act; raises ChangeNotUnderstood or CodeInvalid."""
    for code in ends:
        if not is_cell_code(code):
            raise CodeInvalid(value=repr(code), field="cell_codes", fix="a cell code has 15 digits")
    if len(set(ends)) != len(ends):
        raise ChangeNotUnderstood(reason="a cell is named twice", field="cell_codes", fix="name each cell once")
    wanted = {
        "create": (len(ends) == 0 and len(cells) >= 1, "create names no cells and draws at least one"),
        "split": (len(ends) == 1 and len(cells) >= 2, "split names one cell and draws at least two"),
        "merge": (len(ends) >= 2 and len(cells) == 1, "merge names at least two cells and draws one"),
        "redivide": (len(ends) >= 1 and len(cells) >= 1, "redivide names the cells that end and draws those that begin"),
        "reshape": (
            len(ends) >= 1 and sorted(ends) == sorted(c.keeps_code or "" for c in cells),
            "reshape draws every cell it names once, with keeps_code",
        ),
    }.get(act)
    if wanted is None:
        raise ChangeNotUnderstood(reason=f"there is no act {act!r}", field="act", fix=f"one of {', '.join(ACTS)}")
    fits, rule = wanted
    if not fits:
        raise ChangeNotUnderstood(reason=rule, field="cell_codes", fix="see the description of the acts")
    if act != "reshape" and any(cell.keeps_code for cell in cells):
        raise ChangeNotUnderstood(reason="only a reshaped cell keeps its code", field="cells.keeps_code", fix="leave it out")
    for cell in cells:
        if cell.shape.geom_type != "Polygon":
            raise ChangeNotUnderstood(reason="a cell is one polygon", field="cells.geometry", fix="draw a Polygon")


def make_plan(
    changes: Sequence[Change], old: Mapping[str, OldCell], used_codes: Sequence[str], to_metres: Callable[[BaseGeometry], BaseGeometry]
) -> Plan:
    """Number the new cells, find what follows each ended one, and pass beats on.

    `old` holds at least the live cells the changes name, `used_codes` every code ever used in the communities concerned.
    """
    plan = Plan()
    fresh: list[NewCell] = []
    ended: list[str] = []
    for change in changes:
        for code in change.ends:
            if code in ended or code in plan.reshaped:
                raise CellTwiceInDraft(cell=code, field="cell_codes", fix="take one of the two changes back")
            if change.act != "reshape":
                ended.append(code)
        for cell in change.cells:
            if cell.keeps_code is not None:
                plan.reshaped[cell.keeps_code] = cell
            else:
                fresh.append(cell)
    _number(plan, fresh, used_codes, to_metres)
    _follow(plan, ended, old, to_metres)
    return plan


def _number(plan: Plan, fresh: Sequence[NewCell], used_codes: Sequence[str], to_metres: Callable[[BaseGeometry], BaseGeometry]) -> None:
    by_community: dict[str, list[NewCell]] = defaultdict(list)
    for cell in fresh:
        if cell.code is None:
            by_community[cell.community].append(cell)
        elif cell.code in plan.created or cell.code in used_codes:
            raise ChangeNotUnderstood(
                reason=f"code {cell.code} has been used before", field="cells.code", fix="codes are never used again; leave it out"
            )
        else:
            plan.created[cell.code] = cell
    for community, cells in sorted(by_community.items()):
        codes = number_cells(community, [to_metres(cell.shape) for cell in cells], [*used_codes, *plan.created])
        plan.created.update(zip(codes, cells, strict=True))


def _follow(plan: Plan, ended: Sequence[str], old: Mapping[str, OldCell], to_metres: Callable[[BaseGeometry], BaseGeometry]) -> None:
    """Successors by shared ground, and for each new cell the beat of the old cell it took most ground from."""
    after = {**plan.created, **plan.reshaped}
    if not after:
        plan.ended = dict.fromkeys(ended, ())
        return
    codes = list(after)
    shapes = as_array([to_metres(cell.shape) for cell in after.values()])
    tree = shapely.STRtree(shapes)
    most: dict[str, tuple[float, int]] = {}
    for code in [*ended, *plan.reshaped]:
        before = to_metres(old[code].shape)
        near = tree.query(before)
        ground = shapely.area(shapely.intersection(shapes[near], before))
        order = np.argsort(-ground, kind="stable")
        followers = [(codes[int(near[p])], float(ground[p])) for p in order if ground[p] > SUCCESSOR_M2]
        if code in ended:
            plan.ended[code] = tuple(sorted(name for name, _ in followers))
        beat = old[code].beat_id
        for name, area in followers if beat is not None else ():
            if name in plan.created and area > most.get(name, (0.0, 0))[0]:
                most[name] = (area, int(beat))  # type: ignore[arg-type]  # the loop runs only when the beat is known
    plan.beats = {name: beat for name, (_, beat) in most.items()}
