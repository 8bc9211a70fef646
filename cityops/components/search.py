"""Lists and searches of components whose bytes come ready from PostgreSQL: JSON or GeoJSON, now or as of a past instant.

By place the boxes go first, so that the spatial index answers; metres are measured on the ellipsoid afterwards, never in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.policy import COLUMNS
from cityops.components.queries import held_at, versions_at
from cityops.components.rules import box_around
from cityops.db.sqlfiles import sql
from cityops.identity.visibility import Grant, Viewer, visible

MAX_LIMIT = 1000
MAX_WITHIN_M = 5_000.0
DEFAULT_WITHIN_M = 500.0

Params = dict[str, Any]  # Any: parameters are text, numbers, lists and times
Format = Literal["json", "geojson"]


@dataclass(frozen=True)
class Search:
    """What is looked for; None does not limit. `near` is longitude and latitude in degrees and orders by distance."""

    class_codes: tuple[str, ...] | None = None
    edition: str | None = None
    department_id: int | None = None
    """Any of the three roles, with all subordinate departments."""
    states: tuple[str, ...] | None = None
    division: str | None = None
    """A division code of 6, 9 or 12 digits, or a cell code of 15."""
    code: str | None = None
    """The beginning of a code."""
    text: str | None = None
    """Part of the name or of the class name, or the beginning of a code."""
    bbox: tuple[float, float, float, float] | None = None
    near: tuple[float, float] | None = None
    within_m: float | None = None
    retired: Literal["no", "only", "all"] = "no"
    as_of: datetime | None = None


@dataclass(frozen=True)
class Page:
    """One page: the JSON array of items or features, the code to go on after, and how many it holds."""

    items: bytes
    next_code: str | None
    count: int


_WORDS = (
    "c.name ILIKE :text",
    "c.edition || '/' || c.class_code = ANY(CAST(:text_classes AS text[]))",
    "(c.code >= :text_code AND c.code < :text_code || 'a')",
)
"""What a search for words looks at, one condition for each index that can answer it."""

_ROLES = ("managing_id", "owner_id", "maintainer_id")


def _conditions(session: Session, search: Search, viewer: Viewer) -> tuple[list[str], Params]:
    """The WHERE of a search on the alias `c`, without distance."""
    seen, params = visible(viewer, COLUMNS)
    where = [seen, *_own_beats(viewer, params)]
    simple: dict[str, tuple[str, Any]] = {
        "edition": ("c.edition = :edition", search.edition),
        "classes": ("c.class_code = ANY(CAST(:classes AS text[]))", None if search.class_codes is None else list(search.class_codes)),
        "states": ("c.state = ANY(CAST(:states AS text[]))", None if search.states is None else list(search.states)),
        "as_of": (held_at(search.as_of), search.as_of),
    }
    for name, (condition, value) in simple.items():
        if value is not None:
            where.append(condition)
            params[name] = value
    if search.states is not None and "intact" not in search.states:
        where.append("c.state <> 'intact'")  # said in so many words, because the index of the few others is partial
    if search.department_id is not None:
        where.append("(" + " OR ".join(f"c.{role} = ANY(CAST(:tree AS integer[]))" for role in _ROLES) + ")")
        found = session.execute(text(sql(__package__, "list_department_tree")), {"id": search.department_id})
        params["tree"] = [row.id for row in found]
    if search.division is not None:
        where.append("c.cell_code BETWEEN CAST(rpad(:division, 15, '0') AS bpchar) AND CAST(rpad(:division, 15, '9') AS bpchar)")
        params["division"] = search.division
    if search.code is not None:
        where.append("c.code >= :code AND c.code < :code_end")
        params |= {"code": search.code, "code_end": search.code + "a"}  # after all digits comes a letter
    if search.text is not None:
        where.append("(" + " OR ".join(_WORDS) + ")")
        params["text"] = f"%{_escaped(search.text)}%"
        params["text_code"] = search.text if search.text.isascii() and search.text.isdigit() else "none"
        params["text_classes"] = _classes_called(session, search.text)
    if search.bbox is not None:
        where.append("c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)")
        params |= dict(zip(("west", "south", "east", "north"), search.bbox, strict=True))
    if search.retired != "all":
        where.append("c.retired_at IS NULL" if search.retired == "no" else "c.retired_at IS NOT NULL")
    return where, params


def _classes_called(session: Session, words: str) -> list[str]:
    """The classes whose name holds these words, as edition/code."""
    found = session.execute(
        text(
            "SELECT edition || '/' || code AS key FROM components.classes"
            " WHERE kind = 'component' AND (name_zh ILIKE :text OR name_en ILIKE :text)"
        ),
        {"text": f"%{_escaped(words)}%"},
    )
    return [row.key for row in found]


def _own_grants(viewer: Viewer) -> list[Grant]:
    """His grants as far as they concern components."""
    return [grant for grant in viewer.grants if grant.layers is None or COLUMNS.layer in grant.layers]


def _own_beats(viewer: Viewer, params: Params) -> list[str]:
    """For one who sees beats only (an inspector), the predicate said once more in a form an index can answer."""
    grants = _own_grants(viewer)
    if not grants or any(grant.beat_ids is None for grant in grants):
        return []
    params["own_beats"] = sorted({beat for grant in grants for beat in grant.beat_ids or ()})
    own = "SELECT w.cell_code FROM grid.beat_cells AS w WHERE w.until IS NULL AND w.beat_id = ANY(CAST(:own_beats AS integer[]))"
    return [f"c.cell_code = ANY(ARRAY({own}))"]


def _branches(search: Search, viewer: Viewer, params: Params) -> list[str]:
    """Conditions that together hold everything the search can find, each answered in code order by an index of its own.

    Classes and departments lie in runs along the codes, so walking the codes until enough fit may walk through half the
    city. Each branch instead seeks its key and stops after a page; the pages are then merged. Empty: no such key, and the
    box, the code or the cell leads the way. `{key}` marks the branch's key of `:keys`.
    """
    if search.bbox is not None or search.near is not None or search.code is not None or len(search.division or "") == 15:
        return []
    if search.class_codes is not None:
        params["keys"] = list(search.class_codes)
        return ["c.class_code = {key}::text"]
    if search.text is not None:
        params["keys"] = sorted({key.split("/")[1] for key in params["text_classes"]})
        return [_WORDS[0], f"c.class_code = {{key}}::text AND {_WORDS[1]}", _WORDS[2]]
    departments = params["tree"] if search.department_id is not None else _own_departments(viewer)
    if departments is not None:
        params["keys"] = departments
        return [f"c.{role} = {{key}}::integer" for role in _ROLES]
    return []


def _own_departments(viewer: Viewer) -> list[int] | None:
    """The departments he is limited to, when every one of his grants names departments."""
    grants = _own_grants(viewer)
    if not grants or any(grant.department_ids is None for grant in grants):
        return None
    return sorted({department for grant in grants for department in grant.department_ids or ()})


def _escaped(words: str) -> str:
    """Words as they stand, inside a LIKE pattern."""
    return words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _rows(search: Search, viewer: Viewer, where: list[str], params: Params) -> str:
    """SQL of the first `:limit` rows of a search in code order."""
    source, conditions = versions_at(search.as_of), " AND ".join(where)
    branches = _branches(search, viewer, params)
    if not branches:
        return f"SELECT c.* FROM {source} WHERE {conditions} ORDER BY c.code LIMIT :limit"
    parts = []
    for branch in branches:
        condition = branch.replace("{key}", "w.key")
        first = f"SELECT c.* FROM {source} WHERE {condition} AND {conditions} ORDER BY c.code LIMIT :limit"
        if "w.key" in condition:
            kind = "integer" if "::integer" in condition else "text"
            parts.append(f"(SELECT v.* FROM unnest(CAST(:keys AS {kind}[])) AS w (key) CROSS JOIN LATERAL ({first}) AS v)")
        else:
            parts.append(f"({first})")
    # A row may be found in more than one branch (two roles of one department).
    return f"SELECT DISTINCT ON (u.code) u.* FROM ({' UNION ALL '.join(parts)}) AS u ORDER BY u.code LIMIT :limit"


def page(session: Session, viewer: Viewer, search: Search, *, limit: int, after: str | None = None, form: Format = "json") -> Page:
    """One page of a search, ordered by code; with `near` the nearest first (then there is no next page)."""
    where, params = _conditions(session, search, viewer)
    params["limit"] = limit
    distance, order = "NULL::double precision", "code"
    if search.near is not None:
        lon, lat = search.near
        box = box_around(lon, lat, min(search.within_m or DEFAULT_WITHIN_M, MAX_WITHIN_M))
        params |= {"lon": lon, "lat": lat, "within_m": min(search.within_m or DEFAULT_WITHIN_M, MAX_WITHIN_M)}
        params |= dict(zip(("near_west", "near_south", "near_east", "near_north"), box, strict=True))
        statement = sql(__package__, "list_nearest")
        distance, order = "p.distance_m", "distance_m, code"
    else:
        if after is not None:
            where.append("c.code > :after")
            params["after"] = after
        statement = sql(__package__, "list_components").replace("/*rows*/", _rows(search, viewer, where, params))
    statement = (
        statement.replace("/*source*/", versions_at(search.as_of))
        .replace("/*where*/", " AND ".join(where))
        .replace("/*item*/", _item(form, distance))
        .replace("/*order*/", order)
    )
    row = session.execute(text(statement), params).one()
    return Page(row.items.encode(), row.last_code if row.n == limit and search.near is None else None, row.n)


def _item(form: Format, distance: str) -> str:
    """The JSON of one row of `p` joined with its class and departments."""
    fields = sql(__package__, "component_fields").replace("/*distance*/", distance)
    if form == "json":
        return f"json_build_object({fields})"
    return (
        "json_build_object('type', 'Feature', 'id', p.code, 'geometry', ST_AsGeoJSON(p.geom, 7, 0)::json,"
        f" 'properties', json_build_object({fields}))"
    )


def count(session: Session, viewer: Viewer, search: Search) -> int:
    """How many components a search finds, `near` and its radius left aside."""
    where, params = _conditions(session, search, viewer)
    statement = f"SELECT count(*) FROM {versions_at(search.as_of)} WHERE {' AND '.join(where)}"
    return int(session.execute(text(statement), params).scalar_one())


def nearest(
    session: Session, viewer: Viewer, lon: float, lat: float, *, limit: int = 10, within_m: float = DEFAULT_WITHIN_M, **filters: Any
) -> bytes:
    """The nearest components to a place (degrees), nearest first with `distance_m`, as a JSON array. Any: fields of Search."""
    return page(session, viewer, Search(near=(lon, lat), within_m=within_m, **filters), limit=limit).items


def detail(
    session: Session, viewer: Viewer, component_id: int, as_of: datetime | None = None, form: Format = "json"
) -> tuple[bytes, str] | None:
    """One component in full as JSON bytes with its geometry, and its ETag value; None when the viewer may not see it."""
    seen, params = visible(viewer, COLUMNS)
    fields = sql(__package__, "component_fields").replace("/*distance*/", "NULL::double precision")
    where = f"{held_at(as_of)} AND {seen}"
    statement = sql(__package__, "get_component").replace("/*source*/", versions_at(as_of)).replace("/*where*/", where)
    statement = statement.replace("/*fields*/", fields)
    row = session.execute(text(statement), {**params, "id": component_id, "as_of": as_of}).first()
    return None if row is None else ((row.feature if form == "geojson" else row.body).encode(), row.tag)


def history(session: Session, viewer: Viewer, component_id: int) -> bytes | None:
    """Every version of a component, newest first: when it held, who made it so, why, and which fields changed. None when not visible."""
    seen, params = visible(viewer, COLUMNS)
    statement = sql(__package__, "list_history").replace("/*where*/", seen)
    found = session.execute(text(statement), {**params, "id": component_id}).scalar()
    return None if found is None else str(found).encode()


def classes_json(
    session: Session,
    *,
    edition: str | None = None,
    kind: str | None = None,
    active: bool | None = None,
    words: str | None = None,
    code: str | None = None,
) -> bytes:
    """Class tables as a JSON array, ordered by edition, kind and code. `words` are part of a name or code, `code` is one class."""
    pattern = None if words is None else f"%{_escaped(words)}%"
    params = {"edition": edition, "kind": kind, "active": active, "text": pattern, "code": code}
    return str(session.execute(text(sql(__package__, "list_classes")), params).scalar_one()).encode()


def editions_json(session: Session) -> bytes:
    """The editions with their major classes and how many classes each has, as a JSON array."""
    return str(session.execute(text(sql(__package__, "list_editions"))).scalar_one()).encode()
