"""Reads of the gazetteer. Places are public to everyone who is signed in, so no visibility predicate stands here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from cityops.db.sqlfiles import sql
from cityops.gazetteer import rules

PLATE_REACH_M, STREET_REACH_M, POI_REACH_M = 50.0, 100.0, 300.0
"""How far a point may be from what it is called after."""
METRES_PER_DEGREE = 110_500.0
"""A little less than the shortest degree of latitude, so that a box of degrees is never too small."""
SIMILAR_ENOUGH = 0.35
"""pg_trgm similarity from which two names resemble each other."""


def names_like(session: Session, words: str, kinds: Sequence[str] | None, limit: int) -> Sequence[Row[Any]]:
    """Places by name, pinyin or resemblance, best first (place_id, matched, score, kind, name, …)."""
    key = rules.fold(words)
    if not key:
        return []
    session.execute(text("SELECT set_config('pg_trgm.similarity_threshold', :value, true)"), {"value": str(SIMILAR_ENOUGH)})
    return session.execute(
        text(sql(__package__, "search_names")),
        {
            "key": key, "pinyin": rules.latin(words), "typed_latin": rules.is_latin(rules.latin_only(words)),
            "fuzzy_factor": rules.FUZZY_FACTOR, "kinds": list(kinds) if kinds else None, "limit": limit,
        },
    ).all()  # fmt: skip


def plates_around(session: Session, street_ids: Sequence[int], number: int, suffix: str) -> Sequence[Row[Any]]:
    """The plate of this number in each street, and its neighbours on the same side."""
    return session.execute(text(sql(__package__, "find_plates")), {"streets": list(street_ids), "number": number, "suffix": suffix}).all()


def crossings(session: Session, first: Sequence[int], second: Sequence[int], limit: int) -> Sequence[Row[Any]]:
    """Where streets of the one set meet streets of the other."""
    return session.execute(text(sql(__package__, "cross_streets")), {"first": list(first), "second": list(second), "limit": limit}).all()


def places_near(session: Session, lon: float, lat: float) -> Sequence[Row[Any]]:
    """Nearest plate, street and point of interest within their reach, then the areas that hold the point (degrees, 4490)."""
    params: dict[str, float] = {"lon": lon, "lat": lat}
    for name, reach in (("plate", PLATE_REACH_M), ("street", STREET_REACH_M), ("poi", POI_REACH_M)):
        up = reach / METRES_PER_DEGREE
        params |= {f"{name}_m": reach, f"{name}_deg_y": up, f"{name}_deg_x": up / max(0.01, math.cos(math.radians(min(89.0, abs(lat)))))}
    return session.execute(text(sql(__package__, "nearest_places")), params).all()


def show(session: Session, place_id: int) -> tuple[int, str] | None:
    """Version and JSON of one place, living or retired."""
    row = session.execute(text(sql(__package__, "show_place")), {"id": place_id}).first()
    return (row.version, row.body) if row else None


def history(session: Session, place_id: int) -> str:
    """The changes of a place, newest first, as a JSON array."""
    query = text(
        "SELECT coalesce(json_agg(json_build_object('version', c.version, 'at', c.at, 'act', c.act, 'actor_id', c.actor_id,"
        " 'actor_name', u.name, 'before', c.before, 'after', c.after, 'reason', c.reason) ORDER BY c.id DESC), '[]')::text"
        " FROM gazetteer.changes AS c LEFT JOIN identity.users AS u ON u.id = c.actor_id WHERE c.place_id = :id"
    )
    return str(session.execute(query, {"id": place_id}).scalar_one())


def administrative_names(session: Session) -> list[str]:
    """What may stand before an address: the city's own name and the names of its divisions."""
    query = text(
        "SELECT name_zh FROM grid.divisions WHERE active AND level <> 'community'"
        " UNION SELECT value->>'name_zh' FROM core.settings WHERE key = 'city' AND value->>'name_zh' IS NOT NULL"
    )
    names = [str(name) for name in session.execute(query).scalars()]
    return names + [f"{name}市" for name in names if not name.endswith(("市", "区", "县", "镇", "乡", "街道"))]
