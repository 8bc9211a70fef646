"""Components by the million: validated as arrays, placed by the in-memory grid, coded by one counter step, loaded by COPY.

A batch is one change with a batch id. It is loaded whole or not at all: every fault is found first and named in one report.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components import copying, events, policy
from cityops.components.checks import check_text, geometry_fault, local_day
from cityops.components.codes import reserve_up_to, take_numbers
from cityops.components.errors import BatchRefused
from cityops.components.indexes import WORTHWHILE_ROWS, without_indexes
from cityops.components.queries import code_format, default_department, missing_departments
from cityops.components.rules import DEFAULT_EDITION, GEOMETRIES, SHAPES, STATES, CodeFormat, shape_fits
from cityops.db.outbox import emit
from cityops.db.versions import touch_box
from cityops.geo.shapes import Geometries, as_array
from cityops.grid.queries import locate_many

CHUNK_ROWS = 50_000
REPORTED_FAULTS = 100

Column = Any
"""One value for all rows, a sequence with one value per row, or None. Any: numpy, pandas and lists are all welcome."""


@dataclass(frozen=True)
class Registrations:
    """Many components as columns. `geom` in degrees (EPSG:4490); `cell_code` and `code` are found and given when left out.

    `managing_id` left out means the default department of each class. `started_on` left out means the day of loading.
    """

    class_code: Column
    geom: Sequence[Any] | Geometries  # Any: shapely geometries
    edition: str = DEFAULT_EDITION
    code: Column = None
    cell_code: Column = None
    name: Column = None
    managing_id: Column = None
    owner_id: Column = None
    maintainer_id: Column = None
    state: Column = "intact"
    started_on: Column = None
    source: Column = None
    note: Column = None
    attributes: Column = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.geom)


@dataclass(frozen=True)
class BatchResult:
    """What was loaded. `codes` in the order of the records."""

    change_id: int
    batch_id: uuid.UUID
    rows: int
    codes: NDArray[np.str_]


@dataclass
class _Faults:
    """The faults of a batch, by record; the report names the first hundred and counts them all."""

    found: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def add(self, wrong: NDArray[np.bool_], name: str, reason: str | Callable[[int], str]) -> None:
        """Note every record where `wrong` holds."""
        rows = np.flatnonzero(wrong)
        self.count += len(rows)
        for row in rows[: max(REPORTED_FAULTS - len(self.found), 0)]:
            self.found.append({"record": int(row), "field": name, "reason": reason if isinstance(reason, str) else reason(int(row))})

    def refuse(self, rows: int) -> None:
        """Raise BatchRefused when there is any."""
        if self.count:
            raise BatchRefused(faults=sorted(self.found, key=lambda fault: (fault["record"], fault["field"])), rows=rows, count=self.count)


def register_many(
    session: Session,
    actor_id: int | None,
    now: datetime,
    records: Registrations,
    *,
    reason: str | None = None,
    on: date | None = None,
    progress: Callable[[int], object] = lambda rows: None,
) -> BatchResult:
    """Register a batch in the session's transaction. `actor_id` None is the system; `progress` hears how many rows went in.

    Into an empty table the indexes are made after the rows, which locks the table for the length of the load. Raises
    BatchRefused with every fault (unknown class or department, wrong shape, place outside the grid, code taken …).
    """
    check_text(reason, "reason")
    count = len(records)
    faults = _Faults()
    geom = as_array(records.geom)
    classes = _broadcast(records.class_code, count)
    departments = _check_values(session, records, geom, classes, faults)
    faults.refuse(count)
    cells = _cells(session, records, geom, faults)
    faults.refuse(count)
    form = code_format(session)
    codes = (
        _explicit_codes(session, form, records, cells, classes, faults)
        if records.code is not None
        else _new_codes(session, form, cells, classes)
    )
    faults.refuse(count)
    batch_id = uuid.uuid4()
    change_id = session.execute(
        text(
            "INSERT INTO components.changes (at, actor_id, act, reason, batch_id, rows)"
            " VALUES (:now, :actor, 'register', :reason, :batch, :rows) RETURNING id"
        ),
        {"now": now, "actor": actor_id, "reason": reason, "batch": batch_id, "rows": count},
    ).scalar_one()
    day = local_day(now, on)
    tail = [copying.one(now), copying.integer(change_id, 8)]
    managing: Column = records.managing_id
    if managing is None:
        managing = _default_departments(session, records.edition, classes, cells, departments)
    with without_indexes(session, count):
        _copy(session, records, geom, codes, cells, classes, managing, day, tail, progress)
    if count:
        west, south, east, north = (float(edge) for edge in shapely.total_bounds(geom))
        touch_box(session, policy.LAYER, west, south, east, north)
        payload = {"act": events.REGISTERED, "rows": count, "box": [west, south, east, north], "batch_id": str(batch_id)}
        emit(session, events.BATCH_TOPIC, str(change_id), payload)
    return BatchResult(change_id, batch_id, count, codes)


def _broadcast(values: Column, count: int) -> NDArray[np.object_]:
    """A column as an object array of `count` values."""
    if values is None or np.ndim(values) == 0:
        return np.full(count, values, dtype=object)
    array = np.asarray(values, dtype=object)
    if array.shape != (count,):
        raise ValueError(f"a column has {len(array)} values for {count} records")
    return array


def _distinct(values: Column) -> set[Any]:
    """The different values of a column. Any: columns are of every type."""
    if values is None or np.ndim(values) == 0:
        return {values}
    return {None if value != value else value for value in pd.unique(np.asarray(values, dtype=object))}


def _check_values(
    session: Session, records: Registrations, geom: Geometries, classes: NDArray[np.object_], faults: _Faults
) -> dict[str, str | None]:
    """Check everything that needs no place; returns the default department code of each class in use."""
    count = len(records)
    known = {
        row.code: row
        for row in session.execute(
            text(
                "SELECT code, geometry, department_code FROM components.classes WHERE edition = :edition AND kind = 'component' AND active"
            ),
            {"edition": records.edition},
        )
    }
    which, distinct = pd.factorize(classes)
    usable = np.array([code in known for code in distinct], dtype=bool)[which]
    faults.add(~usable, "class_code", lambda row: f"{classes[row]!r} is no usable component class of edition {records.edition}")
    wanted = np.array([known[code].geometry if code in known else "polygon" for code in distinct], dtype=object)[which]
    _check_shapes(geom, wanted, faults)
    if _distinct(records.state) - set(STATES):
        faults.add(~np.isin(_broadcast(records.state, count).astype(str), STATES), "state", "the state is none of " + ", ".join(STATES))
    for name in ("managing_id", "owner_id", "maintainer_id"):
        values = getattr(records, name)
        missing = missing_departments(session, {int(value) for value in _distinct(values) if value is not None})
        if missing:
            faults.add(np.isin(_broadcast(values, count), list(missing)), name, "there is no such active department")
    return {code: row.department_code for code, row in known.items()}


def _check_shapes(geom: Geometries, wanted: NDArray[np.object_], faults: _Faults) -> None:
    """Every geometry is there, valid, two-dimensional enough, on earth, and a shape its class may have."""
    kinds = shapely.get_type_id(geom)
    bounds = shapely.bounds(geom)
    with np.errstate(invalid="ignore"):
        on_earth = (bounds[:, 0] >= -180) & (bounds[:, 2] <= 180) & (bounds[:, 1] >= -90) & (bounds[:, 3] <= 90)
    fits = np.zeros(len(geom), dtype=bool)
    for type_name, shape in SHAPES.items():
        of_type = kinds == shapely.GeometryType[type_name.upper()]
        if of_type.any():
            fits |= of_type & np.isin(wanted.astype(str), [kind for kind in GEOMETRIES if shape_fits(shape, kind)])
    good = on_earth & fits
    areas = good & (kinds != shapely.GeometryType.POINT)
    if areas.any():
        good[areas] &= shapely.is_valid(geom[areas])
    faults.add(~good, "geom", lambda row: geometry_fault(geom[row], str(wanted[row])) or "it cannot be used")


def _cells(session: Session, records: Registrations, geom: Geometries, faults: _Faults) -> NDArray[np.str_]:
    """The cell of each record: given, or looked up for the point on it."""
    if records.cell_code is not None:
        return _broadcast(records.cell_code, len(records)).astype("U15")
    points = geom
    flat = shapely.get_type_id(geom) != shapely.GeometryType.POINT
    if flat.any():
        points = geom.copy()
        points[flat] = shapely.point_on_surface(geom[flat])
    cells = locate_many(session, shapely.get_x(points), shapely.get_y(points))
    faults.add(cells == "", "geom", "the place lies in no grid cell")
    return cells


def _prefixes(form: CodeFormat, cells: NDArray[np.str_], classes: NDArray[np.object_]) -> tuple[NDArray[np.int64], list[str]]:
    """Which prefix each record has, and the prefixes."""
    which_class, distinct_classes = pd.factorize(classes)
    which_district, districts = pd.factorize(cells.astype(f"U{form.district}").astype(object))
    both = which_district * len(distinct_classes) + which_class
    which, pairs = pd.factorize(both)
    return which, [
        form.prefix(str(districts[pair // len(distinct_classes)]), str(distinct_classes[pair % len(distinct_classes)])) for pair in pairs
    ]


def _new_codes(session: Session, form: CodeFormat, cells: NDArray[np.str_], classes: NDArray[np.object_]) -> NDArray[np.str_]:
    """A code for each record, in the order of the records within its prefix."""
    if not len(cells):
        return np.empty(0, dtype=f"U{form.width}")
    which, prefixes = _prefixes(form, cells, classes)
    counts = np.bincount(which, minlength=len(prefixes))
    firsts = take_numbers(session, form, {prefix: int(n) for prefix, n in zip(prefixes, counts, strict=True)})
    # Records of one prefix stand together after a stable sort; their rank there is their distance from its first number.
    order = np.argsort(which, kind="stable")
    rank = np.empty(len(which), dtype=np.int64)
    rank[order] = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = np.array([firsts[prefix] for prefix in prefixes], dtype=np.int64)[which] + rank
    # Digits are written by arithmetic: formatting a million numbers one by one takes longer than loading them.
    digits = np.empty((len(which), form.width), dtype=np.uint32)
    heads = np.array([[ord(char) for char in prefix] for prefix in prefixes], dtype=np.uint32)
    digits[:, : heads.shape[1]] = heads[which]
    for place in range(form.sequence):
        digits[:, form.width - 1 - place] = numbers // 10**place % 10 + ord("0")
    return digits.view(f"U{form.width}").ravel()


def _by_code(codes: NDArray[np.str_]) -> NDArray[np.int64]:
    """The order of the codes, by their value as numbers where that fits: comparing a million texts takes seconds."""
    width = codes.dtype.itemsize // 4
    if width > 18:
        return np.argsort(codes, kind="stable")
    digits = np.ascontiguousarray(codes).view(np.uint32).reshape(len(codes), width)
    value = np.zeros(len(codes), dtype=np.int64)
    for place in range(width):
        value = value * 10 + (digits[:, place].astype(np.int64) - ord("0"))
    return np.argsort(value, kind="stable")


def _explicit_codes(
    session: Session, form: CodeFormat, records: Registrations, cells: NDArray[np.str_], classes: NDArray[np.object_], faults: _Faults
) -> NDArray[np.str_]:
    """The codes the records bring, checked against place and class, against one another and against every code ever given."""
    codes = _broadcast(records.code, len(records)).astype(str)
    which, prefixes = _prefixes(form, cells, classes)
    prefix = np.array(prefixes, dtype=str)[which] if len(which) else np.empty(0, dtype="U10")
    right = (np.char.str_len(codes) == form.width) & np.char.isdigit(codes) & np.char.startswith(codes, prefix)
    faults.add(~right, "code", lambda row: f"{str(codes[row])!r} is not {prefix[row]} and {form.sequence} digits")
    faults.add(pd.Series(codes).duplicated().to_numpy(), "code", "the code stands twice in the batch")
    if faults.count:
        return codes
    numbers = np.char.partition(codes, prefix)[:, 2].astype(np.int64) if len(codes) else np.empty(0, dtype=np.int64)
    highest = np.zeros(len(prefixes), dtype=np.int64)
    np.maximum.at(highest, which, numbers)
    reserve_up_to(session, {name: int(n) for name, n in zip(prefixes, highest, strict=True)})
    taken = session.execute(
        text(
            "SELECT code FROM components.components WHERE code = ANY(:codes)"
            " UNION SELECT old_code FROM components.code_aliases WHERE old_code = ANY(:codes)"
        ),
        {"codes": codes.tolist()},
    ).scalars()
    faults.add(np.isin(codes, list(taken)), "code", "the code was given before")
    return codes.astype(f"U{form.width}")


def _default_departments(
    session: Session, edition: str, classes: NDArray[np.object_], cells: NDArray[np.str_], codes: dict[str, str | None]
) -> NDArray[np.object_]:
    """The default department of each record, asked once per duty and community."""
    which_class, in_use = pd.factorize(classes)
    which_place, places = pd.factorize(cells.astype("U12").astype(object))
    which, pairs = pd.factorize(which_class * len(places) + which_place)
    found = [default_department(session, codes.get(str(in_use[pair // len(places)])), str(places[pair % len(places)])) for pair in pairs]
    return np.array(found, dtype=object)[which]


def _copy(
    session: Session,
    records: Registrations,
    geom: Geometries,
    codes: NDArray[np.str_],
    cells: NDArray[np.str_],
    classes: NDArray[np.object_],
    managing: Column,
    day: date,
    tail: list[bytes],
    progress: Callable[[int], object],
) -> None:
    """Write the rows by binary COPY, a chunk at a time, so that memory stays flat.

    A large batch goes in by code: rows that lie as the indexes sort them make those indexes at half the cost.
    """
    order = _by_code(codes) if len(codes) >= WORTHWHILE_ROWS else np.arange(len(codes))
    points_only = bool((shapely.get_type_id(geom) == shapely.GeometryType.POINT).all())

    def part(values: Column, rows: NDArray[np.int64]) -> Column:
        if values is None or np.ndim(values) == 0:
            return values
        return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]

    raw = session.connection().connection.driver_connection
    assert raw is not None, "a session in a transaction has a connection"
    with raw.cursor() as cursor, cursor.copy(copying.COPY) as copy:
        copy.write(copying.HEADER)
        for begin in range(0, len(records), CHUNK_ROWS):
            rows = order[begin : begin + CHUNK_ROWS]
            blocks = [copying.text_block(codes[rows]), copying.text_block(cells[rows])]
            pieces: list[copying.Piece] = []
            if points_only:
                blocks.append(copying.point_block(geom[rows]))
            else:
                pieces.append(copying.shape_pieces(geom[rows]))
            pieces = [
                copying.fixed(blocks),
                *pieces,
                copying.one(records.edition),
                copying.column(classes[rows]),
                copying.column(part(records.name, rows)),
                copying.column(part(managing, rows), integers=True),
                copying.column(part(records.owner_id, rows), integers=True),
                copying.column(part(records.maintainer_id, rows), integers=True),
                copying.column(part(records.state, rows)),
                copying.column(day if records.started_on is None else part(records.started_on, rows)),
                copying.one(day),
                copying.column(part(records.source, rows)),
                copying.column(part(records.note, rows)),
                copying.column(part(records.attributes, rows)),
                *tail,
            ]
            copy.write(copying.joined(pieces))
            progress(len(rows))
        copy.write(copying.TRAILER)
