"""Reads of single components: by any code they ever had, as they are or as they were at an instant.

Lists and searches, whose bytes come ready from PostgreSQL, are in `search.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.errors import ClassNotFound, ComponentNotFound
from cityops.components.models import Class
from cityops.components.policy import BEAT, COLUMNS
from cityops.components.rules import CodeFormat
from cityops.identity.visibility import Viewer, visible

VERSION_COLUMNS = (
    "id, code, edition, class_code, name, geom, cell_code, managing_id, owner_id, maintainer_id, state, started_on, changed_on,"
    " source, note, attributes, retired_at, valid_from, change_id, version"
)

RECORD = f"""
    c.id, c.code, c.edition, c.class_code, c.name, c.cell_code, c.managing_id, c.owner_id, c.maintainer_id, c.state, c.started_on,
    c.changed_on, c.source, c.note, c.attributes, c.retired_at, c.valid_from, c.change_id, c.version,
    ST_X(p.at) AS lon, ST_Y(p.at) AS lat, ST_GeometryType(c.geom) AS shape, {BEAT} AS beat_id
"""
PLACE = "CROSS JOIN LATERAL (SELECT ST_PointOnSurface(c.geom) AS at) AS p"


@dataclass(frozen=True)
class ComponentRecord:
    """One version of a component as a value. `lon`, `lat` (degrees, EPSG:4490) are a point on it."""

    id: int
    code: str
    edition: str
    class_code: str
    name: str | None
    cell_code: str
    managing_id: int | None
    owner_id: int | None
    maintainer_id: int | None
    state: str
    started_on: date | None
    changed_on: date | None
    source: str | None
    note: str | None
    attributes: dict[str, Any]  # Any: local attributes are the city's own
    retired_at: datetime | None
    valid_from: datetime
    change_id: int
    version: int
    lon: float
    lat: float
    shape: str
    """ST_Point, ST_LineString, ST_Polygon or their multi forms."""
    beat_id: int | None
    """The beat its cell belongs to today."""

    @property
    def departments(self) -> tuple[int | None, int | None, int | None]:
        """Managing, owning and maintaining department."""
        return self.managing_id, self.owner_id, self.maintainer_id


def versions_at(as_of: datetime | None) -> str:
    """What follows FROM: the components now, or every version there ever was, to be cut by `held_at`.

    The condition stays outside of the union, because only then does PostgreSQL merge the two indexes instead of sorting all.
    """
    if as_of is None:
        return "components.components AS c"
    return (
        f"(SELECT {VERSION_COLUMNS}, TIMESTAMPTZ 'infinity' AS valid_to FROM components.components"
        f" UNION ALL SELECT {VERSION_COLUMNS}, valid_to FROM components.history) AS c"
    )


def held_at(as_of: datetime | None) -> str:
    """The condition on `versions_at`: the version that held at `:as_of`."""
    return "TRUE" if as_of is None else "c.valid_from <= :as_of AND c.valid_to > :as_of"


def id_of(session: Session, code: str) -> int | None:
    """The component a code leads to, whether it is its code now or was once; None when it was never given."""
    return session.execute(
        text(
            "SELECT id FROM components.components WHERE code = :code"
            " UNION ALL SELECT component_id FROM components.code_aliases WHERE old_code = :code LIMIT 1"
        ),
        {"code": code},
    ).scalar()


def by_code(session: Session, code: str, as_of: datetime | None = None, viewer: Viewer | None = None) -> ComponentRecord | None:
    """The component a code leads to, now or as it was at `as_of` (aware); None when there is none, or `viewer` may not see it."""
    component_id = id_of(session, code)
    return None if component_id is None else by_id(session, component_id, as_of, viewer)


def by_id(
    session: Session, component_id: int, as_of: datetime | None = None, viewer: Viewer | None = None, *, lock: bool = False
) -> ComponentRecord | None:
    """The component with this id, now or at `as_of`; `lock` holds the current row until the transaction ends."""
    seen, params = visible(viewer, COLUMNS) if viewer is not None else ("TRUE", {})
    row = session.execute(
        text(
            f"SELECT {RECORD} FROM {versions_at(as_of)} {PLACE} WHERE c.id = :id AND {held_at(as_of)} AND {seen}"
            + (" FOR UPDATE OF c" if lock else "")
        ),
        {**params, "id": component_id, "as_of": as_of},
    ).first()
    return None if row is None else ComponentRecord(**row._mapping)


def known(session: Session, code: str, viewer: Viewer | None, *, lock: bool = False) -> ComponentRecord:
    """The component a code leads to, as far as `viewer` may see it (None: the system sees all); raises ComponentNotFound."""
    component_id = id_of(session, code)
    found = None if component_id is None else by_id(session, component_id, viewer=viewer, lock=lock)
    if found is None:
        raise ComponentNotFound(code=code, field="code", fix="check the digits, and that the place is within your scope")
    return found


def aliases_of(session: Session, component_id: int) -> list[str]:
    """The codes a component had before, oldest first."""
    found = session.execute(
        text("SELECT old_code FROM components.code_aliases WHERE component_id = :id ORDER BY since, old_code"), {"id": component_id}
    )
    return [row.old_code for row in found]


def class_of(session: Session, edition: str, kind: str, code: str) -> Class:
    """The class; raises ClassNotFound."""
    found = session.get(Class, (edition, kind, code))
    if found is None:
        raise ClassNotFound(kind=kind, class_code=code, edition=edition, field="class_code", fix="see GET /api/v1/classes")
    return found


def code_format(session: Session) -> CodeFormat:
    """The widths of the parts of a code: core.settings `components.code_format`, or 6 + 4 + 6 digits."""
    value = session.execute(text("SELECT value FROM core.settings WHERE key = 'components.code_format'")).scalar()
    if not value:
        return CodeFormat()
    return CodeFormat(district=int(value["district"]), class_=int(value["class"]), sequence=int(value["sequence"]))


def default_department(session: Session, department_code: str | None, cell_code: str) -> int | None:
    """The active department behind a class's default code; of several for one duty the one whose division holds the cell.

    A department's code is the duty's code itself (`GR`) or begins with it and a hyphen (`GR-411303`, `ST-411303005`).
    """
    if department_code is None:
        return None
    return session.execute(
        text(
            """
            SELECT id FROM identity.departments
            WHERE active AND (code = :code OR code LIKE :like)
              AND (division_code IS NULL OR starts_with(CAST(:cell AS text), division_code))
            ORDER BY length(division_code) DESC NULLS LAST, code LIMIT 1
            """
        ),
        {"code": department_code, "like": department_code.replace("_", r"\_").replace("%", r"\%") + "-%", "cell": cell_code},
    ).scalar()


def missing_departments(session: Session, ids: set[int]) -> set[int]:
    """Which of these are no active department."""
    if not ids:
        return set()
    found = session.execute(text("SELECT id FROM identity.departments WHERE active AND id = ANY(:ids)"), {"ids": sorted(ids)})
    return ids - {row.id for row in found}
