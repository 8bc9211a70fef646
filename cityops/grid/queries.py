"""Reads of the grid: where a place lies, lists and details as bytes from PostgreSQL, shapes for validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.db.readpool import ReadPool
from cityops.db.sqlfiles import sql
from cityops.geo.shapes import Geometries
from cityops.identity.visibility import ScopedColumns, Viewer, visible

DIVISION_COLUMNS = ScopedColumns(layer="divisions")
"""Divisions are the common ground: every signed-in viewer sees them, unless a scope names other layers only."""
CELL_COLUMNS = ScopedColumns(layer="cells", cell="c.code", beat="bc.beat_id")
BEAT_COLUMNS = ScopedColumns(layer="beats", cell="b.first_cell", beat="b.id")

CELLS_FROM = "grid.cells AS c LEFT JOIN grid.beat_cells AS bc ON bc.cell_code = c.code AND bc.until IS NULL"


@dataclass(frozen=True)
class Place:
    """Where a point lies."""

    cell_code: str
    beat_id: int | None
    community_code: str
    grade: str

    @property
    def street_code(self) -> str:
        """9 digits."""
        return self.community_code[:9]

    @property
    def district_code(self) -> str:
        """6 digits."""
        return self.community_code[:6]


def locate(session: Session, lon: float, lat: float) -> Place | None:
    """The live cell at a point in degrees (4490) and what follows from it; None outside the grid."""
    row = session.execute(text("SELECT * FROM grid.cell_at(:lon, :lat)"), {"lon": lon, "lat": lat}).first()
    return Place(row.cell_code, row.beat_id, row.community_code, row.grade) if row else None


def describe_place(pool: ReadPool, lon: float, lat: float) -> bytes | None:
    """The same with names in both languages, as JSON, in one round trip: the question every map click and phone asks."""
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT grid.place_at(%s::float8, %s::float8)::text::bytea", (lon, lat), prepare=True, binary=True
        ).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


@dataclass(frozen=True)
class Page:
    """The items of a page as joined JSON text, and the key of the last one when there are more."""

    items: str
    last_key: str | None
    more: bool


def _page(session: Session, rows: str, params: Mapping[str, Any], limit: int, geojson: bool) -> Page:
    """Any: values psycopg can send."""
    feature = "json_build_object('type', 'Feature', 'id', key, 'geometry', ST_AsGeoJSON(geom, 7, 0)::json, 'properties', item)::text"
    statement = sql(__package__, "page_rows").replace("{rows}", rows).replace("{item}", feature if geojson else "item::text")
    row = session.execute(text(statement), {**params, "limit": limit}).one()
    return Page(row.items, row.last_key, row.more)


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def _box(column: str, box: Box | None, params: dict[str, Any]) -> list[str]:
    if box is None:
        return []
    params |= dict(zip(("west", "south", "east", "north"), box, strict=True))
    return [f"{column} && ST_MakeEnvelope(:west, :south, :east, :north, 4490)"]


def list_cells(
    session: Session, viewer: Viewer, *, box: Box | None = None, division: str | None = None, ended: bool = False,
    after: str | None = None, limit: int = 500, geojson: bool = False,
) -> Page:  # fmt: skip
    """Cells in the order of their codes; `division` is a prefix of 6, 9 or 12 digits, `ended` shows those that are no more."""
    allowed, params = visible(viewer, CELL_COLUMNS)
    where = [allowed, "c.ended_on IS NOT NULL" if ended else "c.ended_on IS NULL", *_box("c.geom", box, params)]
    if division:
        where.append("c.community_code LIKE :division")
        params["division"] = division + "%"
    if after:
        where.append("c.code > CAST(:after AS bpchar)")
        params["after"] = after
    rows = sql(__package__, "rows_cells").replace("{where}", " AND ".join(where))
    return _page(session, rows, params, limit, geojson)


def show_cell(session: Session, viewer: Viewer, code: str) -> tuple[int, str] | None:
    """Version and JSON of one cell, live or ended."""
    allowed, params = visible(viewer, CELL_COLUMNS)
    row = session.execute(text(sql(__package__, "show_cell").replace("{visible}", allowed)), {**params, "code": code}).first()
    return (row.version, row.body) if row else None


def list_divisions(
    session: Session, viewer: Viewer, *, level: str | None = None, parent: str | None = None, box: Box | None = None,
    after: str | None = None, limit: int = 500, geojson: bool = False,
) -> Page:  # fmt: skip
    """Divisions in the order of their codes."""
    allowed, params = visible(viewer, DIVISION_COLUMNS)
    where = [allowed, "d.active", *_box("d.geom", box, params)]
    for column, value in (("level", level), ("parent_code", parent)):
        if value:
            where.append(f"d.{column} = :{column}")
            params[column] = value
    if after:
        where.append("d.code > :after")
        params["after"] = after
    rows = sql(__package__, "rows_divisions").replace("{where}", " AND ".join(where))
    return _page(session, rows, params, limit, geojson)


def show_division(session: Session, viewer: Viewer, code: str) -> tuple[int, str] | None:
    """Version and JSON of one division, with its shape and the number of its live cells."""
    allowed, params = visible(viewer, DIVISION_COLUMNS)
    row = session.execute(text(sql(__package__, "show_division").replace("{visible}", allowed)), {**params, "code": code}).first()
    return (row.version, row.body) if row else None


def list_beats(
    session: Session, viewer: Viewer, *, box: Box | None = None, division: str | None = None, after: str | None = None,
    limit: int = 500, geojson: bool = False,
) -> Page:  # fmt: skip
    """Active beats in the order of their codes."""
    allowed, params = visible(viewer, BEAT_COLUMNS)
    where = [allowed, "b.active", *_box("b.geom", box, params)]
    if division:
        where.append("b.first_cell::text LIKE :division")
        params["division"] = division + "%"
    if after:
        where.append("b.code > :after")
        params["after"] = after
    rows = sql(__package__, "rows_beats").replace("{where}", " AND ".join(where))
    return _page(session, rows, params, limit, geojson)


def show_beat(session: Session, viewer: Viewer, beat_id: int) -> tuple[int, str] | None:
    """Version and JSON of one beat."""
    allowed, params = visible(viewer, BEAT_COLUMNS)
    row = session.execute(text(sql(__package__, "show_beat").replace("{visible}", allowed)), {**params, "beat_id": beat_id}).first()
    return (row.version, row.body) if row else None


def _shapes(blobs: Iterable[bytes]) -> Geometries:
    return shapely.from_wkb([bytes(blob) for blob in blobs])


def community_shapes(session: Session, codes: Sequence[str] | None = None) -> dict[str, BaseGeometry]:
    """The boundaries of communities that have one: these, or all."""
    rows = session.execute(
        text(
            "SELECT code, ST_AsBinary(geom) AS geom FROM grid.divisions WHERE level = 'community' AND active AND geom IS NOT NULL"
            " AND (CAST(:codes AS text[]) IS NULL OR code = ANY(CAST(:codes AS text[]))) ORDER BY code"
        ),
        {"codes": list(codes) if codes is not None else None},
    ).all()
    return dict(zip([row.code for row in rows], _shapes(row.geom for row in rows), strict=True))


@dataclass(frozen=True)
class LiveCell:
    """A live cell as validation and publication need it."""

    code: str
    shape: BaseGeometry
    beat_id: int | None
    grade: str
    version: int
    ended_on: date | None = None


def live_cells(session: Session, communities: Sequence[str] | None = None, codes: Sequence[str] | None = None) -> dict[str, LiveCell]:
    """Live cells by code: all, those of some communities, or those named."""
    rows = session.execute(
        text(
            "SELECT c.code, ST_AsBinary(c.geom) AS geom, bc.beat_id, c.grade, c.version"
            f" FROM {CELLS_FROM} WHERE c.ended_on IS NULL"
            " AND (CAST(:communities AS text[]) IS NULL OR c.community_code = ANY(CAST(:communities AS text[])))"
            " AND (CAST(:codes AS bpchar[]) IS NULL OR c.code = ANY(CAST(:codes AS bpchar[]))) ORDER BY c.code"
        ),
        {"communities": list(communities) if communities is not None else None, "codes": list(codes) if codes is not None else None},
    ).all()
    shapes = _shapes(row.geom for row in rows)
    return {row.code: LiveCell(row.code, shape, row.beat_id, row.grade, row.version) for row, shape in zip(rows, shapes, strict=True)}


def beat_codes(session: Session, beat_ids: Iterable[int] | None = None) -> dict[int, str]:
    """The codes of active beats: these, or all."""
    rows = session.execute(
        text("SELECT id, code FROM grid.beats WHERE active AND (CAST(:ids AS integer[]) IS NULL OR id = ANY(CAST(:ids AS integer[])))"),
        {"ids": sorted(beat_ids) if beat_ids is not None else None},
    ).all()
    return {row.id: row.code for row in rows}


def codes_ever_used(session: Session, communities: Sequence[str]) -> list[str]:
    """Every cell code these communities have ever given, ended cells included."""
    rows = session.execute(
        text("SELECT code FROM grid.cells WHERE community_code = ANY(CAST(:codes AS text[]))"), {"codes": list(communities)}
    )
    return [row.code for row in rows]


def base_map(session: Session, shape: BaseGeometry) -> tuple[list[BaseGeometry], list[BaseGeometry]]:
    """Lines along which ground may be divided (roads that are more than a footway, shores), and buildings, around a shape in degrees.

    They come from the layers `roads`, `water` and `buildings`; a city that has not made one of them yet has none of its things.
    """
    west, south, east, north = shape.bounds
    box = {"west": west, "south": south, "east": east, "north": north}
    found: dict[str, list[BaseGeometry]] = {}
    for layer, column, condition in (
        ("roads", "geom", "AND COALESCE(class, '') NOT IN ('footway', 'steps', 'path')"),
        ("water", "ST_Boundary(geom)", ""),
        ("buildings", "geom", ""),
    ):
        there = session.execute(text("SELECT to_regclass(:name)"), {"name": f"layer_{layer}.items"}).scalar_one()
        found[layer] = []
        if there is not None:
            rows = session.execute(
                text(
                    f"SELECT ST_AsBinary({column}) FROM layer_{layer}.items"
                    f" WHERE geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490) {condition}"
                ),
                box,
            )
            found[layer] = list(_shapes(rows.scalars()))
    return [*found["roads"], *found["water"]], found["buildings"]


def list_drafts(session: Session, state: str | None = None) -> str:
    """Drafts as a JSON array, newest first."""
    return str(session.execute(text(sql(__package__, "list_drafts")), {"state": state}).scalar_one())


def show_draft(session: Session, draft_id: int) -> tuple[int, str] | None:
    """Version and JSON of one draft with its changes and drawn cells."""
    row = session.execute(text(sql(__package__, "show_draft")), {"id": draft_id}).first()
    return (row.version, row.body) if row else None


def revision(session: Session) -> int:
    """A number that grows with every change of cells or beats."""
    return int(session.execute(text("SELECT COALESCE(max(id), 0) FROM grid.revisions")).scalar_one())


def locate_many(session: Session, lons: Any, lats: Any) -> NDArray[Any]:
    """The cell code of each point in degrees ('' outside the grid), by the in-memory index of this process. Any: array-likes."""
    from cityops.grid.gridindex import grid_index  # it reads the grid through this module

    return grid_index(session).locator.locate_many(lons, lats)
