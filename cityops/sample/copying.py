"""Rows into tables by COPY, and tables relieved of their indexes while millions of rows arrive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from cityops.db.base import SRID
from cityops.geo.crs import transformer
from cityops.sample.terrain import Floats

NULL = "\\N"
LINES_AT_ONCE = 2_000  # joined and encoded together; more only costs memory
DECIMALS = 9  # of a degree: a tenth of a millimetre
_POINT_HEAD = np.frombuffer(bytes.fromhex("0101000020") + SRID.to_bytes(4, "little"), dtype=np.uint8)
_SPECIAL = re.compile(r"[\\\t\n\r]")


def text(value: object) -> str:
    """A value as COPY text; backslashes, tabs and line ends are escaped."""
    if value is None:
        return NULL
    plain = str(value)
    if _SPECIAL.search(plain):
        plain = plain.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return plain


def copy_lines(cursor: psycopg.Cursor[object], table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """Write lines that are COPY text already (fields joined by tabs, no line ends)."""
    waiting = iter(lines)
    some = list(islice(waiting, LINES_AT_ONCE))
    if not some:
        return
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        while some:
            copy.write("\n".join(some).encode() + b"\n")
            some = list(islice(waiting, LINES_AT_ONCE))


def copy_rows(cursor: psycopg.Cursor[object], table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows of plain values."""
    copy_lines(cursor, table, columns, ("\t".join(map(text, row)) for row in rows))


class ToStorage:
    """Projected metres of the city to longitude and latitude, rounded so that every machine writes the same numbers."""

    def __init__(self, projected_srid: int) -> None:
        self._way: Transformer = transformer(projected_srid, SRID)

    def degrees(self, xy: Floats) -> Floats:
        """Points (n, 2) in metres to points (n, 2) in degrees."""
        lon, lat = self._way.transform(xy[:, 0], xy[:, 1])
        return np.round(np.column_stack((lon, lat)), DECIMALS)

    def shapes(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        """Geometries in metres to geometries in degrees."""
        return shapely.transform(shapes, self.degrees)

    def ewkb(self, shapes: Sequence[shapely.Geometry] | NDArray[np.object_]) -> list[str]:
        """Geometries in metres to hexadecimal EWKB in degrees."""
        array = np.empty(len(shapes), dtype=object)
        array[:] = shapes
        return shapely.to_wkb(shapely.set_srid(self.shapes(array), SRID), hex=True, include_srid=True).tolist()


def point_ewkb(degrees: Floats) -> list[str]:
    """Points (n, 2) in degrees as hexadecimal EWKB, without making a geometry object for each."""
    count = len(degrees)
    head = np.broadcast_to(_POINT_HEAD, (count, len(_POINT_HEAD)))
    body = np.ascontiguousarray(degrees, dtype="<f8").view(np.uint8).reshape(count, 16)
    blob = np.concatenate((head, body), axis=1).tobytes().hex().upper()
    width = 2 * (len(_POINT_HEAD) + 16)
    return [blob[k : k + width] for k in range(0, count * width, width)]


@contextmanager
def relieved(cursor: psycopg.Cursor[tuple[object, ...]], tables: Sequence[str], silent: Sequence[str] = ()) -> Iterator[None]:
    """Take secondary indexes, unique and foreign keys off `tables`, silence the triggers of `silent`, and put all of it back.

    Inside one transaction nobody else can use the tables meanwhile; primary keys stay. When the block raises, the
    transaction is rolled back and nothing was ever taken off. The keys are checked over all rows when they come back; what
    the silenced triggers would have checked row by row, the caller answers for.
    """
    constraints = cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u')"
        # Unique keys first: a foreign key may lean on one.
        " ORDER BY contype DESC, conrelid::regclass::text, conname",
        [list(tables)],
    ).fetchall()
    indexes = cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i"
        " WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint AS c WHERE c.conindid = i.indexrelid) ORDER BY 1",
        [list(tables)],
    ).fetchall()
    triggers = cursor.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
        " WHERE tgrelid = ANY(%s::regclass[]) AND NOT tgisinternal AND tgenabled = 'O' ORDER BY 1, 2",
        [list(silent)],
    ).fetchall()
    for table, name, _ in reversed(constraints):
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    for table, name in triggers:
        cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
    yield
    for _, definition in indexes:
        cursor.execute(str(definition))
    for table, name, definition in constraints:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for table, name in triggers:
        cursor.execute(f'ALTER TABLE {table} ENABLE TRIGGER "{name}"')
