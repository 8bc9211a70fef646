"""Import of cells: one report of everything that is wrong with a file, and all of it or nothing in the grid."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from cityops.exchange.cells_file import CellFile, Fields, read_cell_file
from cityops.geo.shapes import as_array, metric_srid_of, project
from cityops.grid import operations, queries
from cityops.grid.errors import CellSequenceExhausted
from cityops.grid.events import Publication
from cityops.grid.rules.findings import Finding, Report, broken
from cityops.grid.rules.lifecycle import NewCell
from cityops.grid.rules.numbering import COMMUNITY_DIGITS, is_cell_code, number_cells
from cityops.grid.rules.validation import Cells, validate
from cityops.identity.visibility import Viewer

GRADES = ("A", "B", "C")


@dataclass(frozen=True)
class CellImport:
    """What an import found and did; `publication` is None when there were faults or nothing was to be loaded."""

    report: Report
    publication: Publication | None


def import_cells(
    session: Session, actor: Viewer | None, now: datetime, path: Path, *, fields: Fields, crs: str | None = None, layer: str | None = None,
    srid: int = 4547, timezone: str = "Asia/Shanghai", dry_run: bool = False,
) -> CellImport:  # fmt: skip
    """Read, examine and, if there is no fault, load a file of cells into communities that have none yet.

    The cells go the way of every change of the grid: as a draft that is validated and published in this transaction.
    """
    drawn = read_cell_file(path, fields, crs, layer)
    communities = queries.community_shapes(session)
    codes = _codes(drawn, communities, srid) if len(drawn) else []
    named = sorted({code[:COMMUNITY_DIGITS] for code in codes if is_cell_code(code)})
    report = examine(
        drawn, codes, communities, queries.codes_ever_used(session, named), queries.live_cells(session, communities=named), srid=srid
    )
    if report.faults or dry_run or not len(drawn):
        return CellImport(report, None)
    draft_id = operations.open_draft(session, actor, now, title=path.name, reason=f"import of {path.name}")
    cells = [
        NewCell(code[:COMMUNITY_DIGITS], shape, grade, note, code=code)
        for code, shape, grade, note in zip(codes, drawn.shapes, drawn.grades, drawn.notes, strict=True)
    ]
    operations.add_change(session, actor, now, draft_id, act="create", ends=[], cells=cells)
    return CellImport(report, operations.publish_draft(session, actor, now, draft_id, srid=srid, timezone=timezone))


def examine(
    drawn: CellFile,
    codes: Sequence[str],
    communities: Mapping[str, BaseGeometry],
    used: Sequence[str],
    live: Mapping[str, object],
    *,
    srid: int,
) -> Report:
    """Everything that can be said of a file against the communities (degrees), the codes ever used and the cells that live."""
    found = list(drawn.findings)
    if len(drawn) and not drawn.has_codes:
        found.append(Finding("codes_given"))
    overfull = {code[:COMMUNITY_DIGITS] for code in codes if code.endswith(OVERFLOW)}
    found += [Finding("sequence_exhausted", details={"community": community}) for community in sorted(overfull)]
    at = [p for p in range(len(drawn)) if drawn.placed[p] and (drawn.has_codes or is_cell_code(codes[p]))]
    placed = Cells.of([codes[p] for p in at], [drawn.shapes[p] for p in at], [p + 1 for p in at])
    found += validate({code: shape for code, shape in communities.items() if code not in overfull}, placed, srid=srid).findings
    found += _unplaced(drawn, codes)
    if not drawn.has_codes:
        found += _homeless(drawn, codes, communities)
    for row, grade in enumerate(drawn.grades, start=1):
        if grade not in GRADES:
            found.append(Finding("wrong_grade", (codes[row - 1],), rows=(row,), details={"grade": grade[:20]}))
    ever = set(used)
    for row, code in enumerate(codes, start=1):
        if code in ever and code not in live:
            reason = {"reason": "it has been used by a cell that ended", "reason_zh": "该编码曾用于已终止的网格"}
            found.append(Finding("wrong_code", (code,), drawn.shapes[row - 1], rows=(row,), details=reason))
    for community, count in Counter(code[:COMMUNITY_DIGITS] for code in live).items():
        found.append(Finding("existing_cells", (), communities.get(community), details={"community": community, "count": count}))
    return Report.of(found, cells=len(drawn), communities=len({code[:COMMUNITY_DIGITS] for code in codes if is_cell_code(code)}))


def _homeless(drawn: CellFile, codes: Sequence[str], communities: Mapping[str, BaseGeometry]) -> list[Finding]:
    """Rows of a file without codes that name a community there is not, or lie in none."""
    found = []
    for row, (code, named, shape, placed) in enumerate(zip(codes, drawn.communities, drawn.shapes, drawn.placed, strict=True), start=1):
        if named and named not in communities:
            found.append(Finding("unknown_community", rows=(row,), details={"community": named[:40]}))
        elif not code and placed:
            empty = shape is None or shape.is_empty
            found.append(
                Finding("invalid_geometry", rows=(row,), details=broken("it is empty"))
                if empty
                else Finding("outside", geometry=shape, rows=(row,))
            )
    return found


def _unplaced(drawn: CellFile, codes: Sequence[str]) -> list[Finding]:
    """What can be said of rows whose place is unknown: whether the outline closes and the code has its form."""
    found = []
    for position in np.flatnonzero(~drawn.placed).tolist():
        shape, row = drawn.shapes[position], (position + 1,)
        if shape is not None and not shape.is_valid:
            found.append(Finding("invalid_geometry", (codes[position],), rows=row, details=broken(shapely.is_valid_reason(shape))))
        if drawn.has_codes and not is_cell_code(codes[position]):
            details = {"reason": "a cell has 15 digits, the last three from 001", "reason_zh": "应为15位数字，末三位自001起"}
            found.append(Finding("wrong_code", (codes[position],), rows=row, details=details))
    return found


OVERFLOW = "???"
"""Ends the code of a cell that found no number, so that it is reported and cannot be mistaken for one."""


def _codes(drawn: CellFile, communities: Mapping[str, BaseGeometry], srid: int) -> list[str]:
    """The codes of the file, or numbers given west to east and north to south inside each community."""
    if drawn.has_codes:
        return drawn.codes
    codes = [""] * len(drawn)
    members: dict[str, list[int]] = defaultdict(list)
    for position, community in enumerate(_homes(drawn, communities)):
        members[community].append(position)
    for community, positions in members.items():
        if not community:
            continue  # `_homeless` says why
        sound = [p for p in positions if drawn.placed[p] and drawn.shapes[p] is not None and not drawn.shapes[p].is_empty]
        shapes = as_array([drawn.shapes[p] for p in sound])
        try:
            given = number_cells(community, project(shapes, metric_srid_of(shapes, srid)) if sound else [])
        except CellSequenceExhausted:
            given = [community + OVERFLOW] * len(sound)
        for position, code in zip(sound, given, strict=True):
            codes[position] = code
    return codes


def _homes(drawn: CellFile, communities: Mapping[str, BaseGeometry]) -> list[str]:
    """The community each row names, or the one its inside lies in."""
    names = list(communities)
    tree = shapely.STRtree(as_array(list(communities.values())))
    homes = []
    for named, shape, placed in zip(drawn.communities, drawn.shapes, drawn.placed, strict=True):
        if named or not placed or shape is None or shape.is_empty:
            homes.append(named if named in communities else "")
            continue
        within = tree.query(shapely.make_valid(shape).representative_point(), predicate="intersects")
        homes.append(names[int(within.min())] if len(within) else "")
    return homes
