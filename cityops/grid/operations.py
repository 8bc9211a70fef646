"""The verbs of room grid. `actor` None is the system itself.

Cells change through drafts only (`drafts.py`), beats in `beats.py`; here are the divisions and the proposal of a first
grid, and other rooms find every verb they call here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.db.sqlfiles import sql
from cityops.db.versions import touch_box
from cityops.geo.shapes import as_array, metric_srid_of, polygons_of, project, unproject
from cityops.grid import policy, queries
from cityops.grid.beats import assign_inspector, change_beat, create_beat, dissolve_beat, withdraw_inspector
from cityops.grid.drafts import add_change, discard_draft, get_draft, open_draft, publish_draft, remove_change, validate_draft
from cityops.grid.errors import CommunityHasNoShape, DivisionsUnreadable, UnknownDivision
from cityops.grid.rules.findings import Report
from cityops.grid.rules.lifecycle import NewCell
from cityops.grid.rules.numbering import level_of
from cityops.grid.rules.proposal import TARGET_M2, propose_cells
from cityops.grid.rules.validation import Cells, validate
from cityops.identity.visibility import Viewer

__all__ = [
    "DivisionRecord",
    "add_change",
    "assign_inspector",
    "change_beat",
    "create_beat",
    "discard_draft",
    "dissolve_beat",
    "get_draft",
    "load_divisions",
    "open_draft",
    "propose_for_community",
    "publish_draft",
    "read_divisions",
    "remove_change",
    "save_divisions",
    "validate_draft",
    "validate_grid",
    "withdraw_inspector",
]


DIVISION_FIELDS = ("code", "name_zh", "name_en", "synthetic")


@dataclass(frozen=True)
class DivisionRecord:
    """A division to write. `shape` is in degrees; None leaves a stored boundary as it is."""

    code: str
    name_zh: str
    name_en: str | None = None
    synthetic: bool = False
    shape: BaseGeometry | None = None


def read_divisions(path: Path) -> list[DivisionRecord]:
    """The divisions of a CSV with the columns code, name_zh, name_en, synthetic (yes or no); raises DivisionsUnreadable."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        return [DivisionRecord(row["code"], row["name_zh"], row["name_en"] or None, row["synthetic"] == "yes") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DivisionsUnreadable(path=path, reason=error, fix="name a CSV file in UTF-8") from error
    except KeyError as error:
        raise DivisionsUnreadable(path=path, reason=f"there is no column {error}", fix=f"it needs {', '.join(DIVISION_FIELDS)}") from error


def save_divisions(session: Session, actor: Viewer | None, records: Iterable[DivisionRecord]) -> int:
    """Write divisions, parents before children; those that exist get the new names and, if given, the new boundary."""
    ordered = sorted(records, key=lambda record: (len(record.code), record.code))
    if refusal := policy.may_draw(actor, [record.code for record in ordered]):
        raise refusal
    have = set(session.execute(text("SELECT code FROM grid.divisions")).scalars())
    for record in ordered:
        parent = record.code[:-3] if level_of(record.code) != "district" else None
        if parent is not None and parent not in have:
            raise UnknownDivision(division=parent, field="code", fix=f"write it before {record.code}")
        have.add(record.code)
    shapes = [_multi(record.shape) for record in ordered]
    session.execute(
        text(sql(__package__, "save_divisions")),
        {
            "codes": [record.code for record in ordered],
            "levels": [level_of(record.code) for record in ordered],
            "zh": [record.name_zh for record in ordered],
            "en": [record.name_en for record in ordered],
            "parents": [record.code[:-3] if len(record.code) > 6 else None for record in ordered],
            "geoms": [shapely.to_wkb(shape) if shape is not None else None for shape in shapes],
            "synthetic": [record.synthetic for record in ordered],
        },
    )
    drawn = [shape for shape in shapes if shape is not None]
    if drawn:
        touch_box(session, "divisions", *(float(v) for v in shapely.total_bounds(as_array(drawn))))
    return len(ordered)


def _multi(shape: BaseGeometry | None) -> BaseGeometry | None:
    """Any polygonal shape as the multi-polygon the table holds."""
    return None if shape is None else shapely.MultiPolygon(polygons_of(shapely.force_2d(shape)))


def load_divisions(session: Session, folder: Path) -> int:
    """Write every CSV of a folder (data/divisions) without boundaries; gives how many divisions there were."""
    return save_divisions(session, None, [record for path in sorted(folder.glob("*.csv")) for record in read_divisions(path)])


def validate_grid(session: Session, actor: Viewer | None, *, division: str = "", srid: int) -> Report:
    """Look at the live cells and beats of every community that has a boundary, lies in `division` and in the actor's scope."""
    if refusal := policy.may_check(actor):
        raise refusal
    shapes = queries.community_shapes(session)
    mine = {code: shape for code, shape in shapes.items() if code.startswith(division) and (actor is None or policy.covers(actor, [code]))}
    cells = queries.live_cells(session, communities=sorted(mine))
    names = queries.beat_codes(session)
    beats: dict[str, list[str]] = {}
    for code, cell in cells.items():
        if cell.beat_id in names:
            beats.setdefault(names[cell.beat_id], []).append(code)
    return validate(mine, Cells.of(list(cells), [cell.shape for cell in cells.values()]), beats, srid=srid)


def propose_for_community(
    session: Session, actor: Viewer | None, now: datetime, community: str, *, srid: int, target_m2: float = TARGET_M2
) -> tuple[int, int]:
    """Draw a first grid for a community along the streets, waters and buildings of the base layers, as a draft.

    Cells the community has now are ended by the draft (act redivide). Gives the number of the draft and of its cells.
    Raises UnknownDivision, CommunityHasNoShape, CellSequenceExhausted, NotYourGrid.
    """
    if refusal := policy.may_draw(actor, [community]):
        raise refusal
    row = session.execute(
        text("SELECT name_zh FROM grid.divisions WHERE code = :code AND level = 'community' AND active"), {"code": community}
    ).first()
    if row is None:
        raise UnknownDivision(division=community, fix="name a community of 12 digits")
    shape = queries.community_shapes(session, [community]).get(community)
    if shape is None:
        raise CommunityHasNoShape(community=community, fix="import its boundary first")
    here = metric_srid_of(as_array([shape]), srid)
    streets, buildings = queries.base_map(session, shape)
    cells = propose_cells(project(shape, here), project(as_array(streets), here), project(as_array(buildings), here), target_m2)
    old = sorted(queries.live_cells(session, communities=[community]))
    draft_id = open_draft(session, actor, now, title=f"{row.name_zh} {community}", reason=f"first division, target {target_m2:.0f} m²")
    drawn = [NewCell(community, cell) for cell in unproject(as_array(cells), here)]
    add_change(session, actor, now, draft_id, act="redivide" if old else "create", ends=old, cells=drawn)
    return draft_id, len(drawn)
