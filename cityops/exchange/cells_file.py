"""A file of cells as it was drawn: GeoJSON, GeoPackage or Shapefile, read by pyogrio, every row with its reference system."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry.base import BaseGeometry

from cityops.geo.crs import Crs, parse_crs
from cityops.geo.errors import CoordinatesOutOfRange, UnknownCrs
from cityops.geo.shapes import METRES_PER_DEGREE, Geometries, as_array, into_storage
from cityops.grid.rules.findings import Finding


@dataclass(frozen=True)
class Fields:
    """Which columns hold what; None where the file has no such column to be looked at."""

    code: str = "code"
    community: str | None = None
    grade: str | None = None
    note: str | None = None
    crs: str | None = None
    """A column that names each row's reference system, for files put together from several sources."""


@dataclass
class CellFile:
    """Rows in the order of the file, counted from 1; `shapes` are degrees where the row could be placed, else as drawn."""

    codes: list[str] = field(default_factory=list)
    communities: list[str] = field(default_factory=list)
    grades: list[str] = field(default_factory=list)
    notes: list[str | None] = field(default_factory=list)
    shapes: Geometries = field(default_factory=lambda: np.empty(0, dtype=object))
    placed: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    has_codes: bool = False
    findings: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.codes)


def read_cell_file(path: Path, fields: Fields, crs: str | None = None, layer: str | None = None) -> CellFile:
    """Read a file and bring its rows into degrees. Whatever cannot be read or placed is a finding, never an exception.

    `crs` declares the system of all rows and overrides what the file says of itself, since GCJ-02 has no way to say so.
    """
    made = CellFile()
    try:
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            meta, _, blobs, columns = pyogrio.raw.read(path, layer=layer)
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        made.findings.append(Finding("unreadable", details={"reason": str(error).splitlines()[0][:200]}))
        return made
    made.findings += [Finding("remark", details={"reason": str(remark.message).splitlines()[0][:200]}) for remark in remarks]
    names = list(meta["fields"])
    for wanted in (fields.community, fields.grade, fields.note, fields.crs):
        if wanted is not None and wanted not in names:
            made.findings.append(Finding("missing_field", details={"field": wanted}))
    if any(finding.severity == "fault" for finding in made.findings):
        return made
    count = len(blobs) if blobs is not None else 0
    if count == 0:
        made.findings.append(Finding("empty"))
        return made

    def column(name: str | None) -> list[str]:
        return [_text(value) for value in columns[names.index(name)]] if name in names else [""] * count

    made.codes, made.communities = column(fields.code), column(fields.community)
    made.has_codes = any(made.codes)
    made.grades = [grade.upper() or "B" for grade in column(fields.grade)]
    made.notes = [note or None for note in column(fields.note)]
    made.shapes = as_array([_one_polygon(shape) for shape in shapely.from_wkb(blobs, on_invalid="ignore")])
    declared = [name or (crs or meta["crs"] or "") for name in column(fields.crs)] if fields.crs else [crs or meta["crs"] or ""] * count
    _place(made, declared)
    return made


def _text(value: object) -> str:
    """A column's value as text; numbers that lost their type in a table keep their digits."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _one_polygon(shape: BaseGeometry | None) -> BaseGeometry | None:
    """A collection of one part as that part: many formats know multi-polygons only."""
    if shape is not None and shape.geom_type in ("MultiPolygon", "GeometryCollection") and shapely.get_num_geometries(shape) == 1:
        return shapely.get_geometry(shape, 0)
    return shape


def _place(made: CellFile, declared: Sequence[str]) -> None:
    """Bring every row into degrees, one reference system after another."""
    made.placed = np.zeros(len(made), dtype=bool)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for position, name in enumerate(declared):
        rows_of[name].append(position)
    for name, positions in rows_of.items():
        try:
            system = parse_crs(name)
        except UnknownCrs:
            made.findings.append(
                Finding("unknown_crs", _codes(made, positions), rows=tuple(p + 1 for p in positions), details={"crs": name or "(none)"})
            )
            continue
        _convert(made, np.array([p for p in positions if made.shapes[p] is not None], dtype=np.int64), system)
        made.placed[[p for p in positions if made.shapes[p] is None]] = True  # an empty row is placed; validation says it is empty


def _convert(made: CellFile, positions: np.ndarray, system: Crs) -> None:
    drawn = made.shapes[positions]
    try:
        converted = into_storage(drawn, system)
        fits = np.ones(len(positions), dtype=bool)
    except CoordinatesOutOfRange:
        converted, fits = np.empty(len(positions), dtype=object), np.zeros(len(positions), dtype=bool)
        for number, shape in enumerate(drawn):
            try:
                converted[number], fits[number] = into_storage(shape, system), True
            except CoordinatesOutOfRange as error:
                position = int(positions[number])
                made.findings.append(
                    Finding(
                        "out_of_range",
                        _codes(made, [position]),
                        rows=(position + 1,),
                        details={"crs": system.name, "reason": error.message},
                    )
                )
    made.shapes[positions[fits]] = converted[fits]
    made.placed[positions[fits]] = True
    if system.is_offset and fits.any():
        before, after = shapely.get_coordinates(drawn[fits]), shapely.get_coordinates(converted[fits])
        shift = np.hypot((after - before)[:, 0] * np.cos(np.radians(after[:, 1])), (after - before)[:, 1]) * METRES_PER_DEGREE
        rows = tuple(int(p) + 1 for p in positions[fits])
        made.findings.append(
            Finding(
                "crs_converted",
                rows=rows if len(rows) < len(made) else (),
                details={"crs": system.name, "shift_m": round(float(shift.mean()), 1)},
            )
        )


def _codes(made: CellFile, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(made.codes[p] for p in positions if made.codes[p])
