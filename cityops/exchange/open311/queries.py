"""Reads of Open311: keys, services, public requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from cityops.catalog.queries import city_facts
from cityops.db.sqlfiles import sql
from cityops.exchange.open311.mapping import class_key
from cityops.exchange.open311.models import ApiKey
from cityops.identity.tokens import digest
from cityops.standards.models import Condition
from cityops.standards.queries import conditions_of

MOST = 1000
"""The standard's own limit of one answer."""


@dataclass(frozen=True)
class Wanted:
    """Which requests: by their ids, which override all else, or by service, status and time."""

    numbers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    limit: int = MOST
    offset: int = 0


def living_key(session: Session, api_key: str) -> ApiKey | None:
    """The client this key belongs to, unless it was revoked."""
    return session.scalar(select(ApiKey).where(ApiKey.key_digest == digest(api_key), ApiKey.revoked_at.is_(None)))


def services(session: Session, on: date) -> Sequence[Row[Any]]:
    """What the public may ask for: the active classes of the editions in force."""
    return _services(session, on, None)


def service(session: Session, on: date, code: str) -> Row[Any] | None:
    """One service, or None."""
    key = class_key(code)
    rows = _services(session, on, key) if key is not None else []
    return rows[0] if rows else None


def _services(session: Session, on: date, key: tuple[str, str, str] | None) -> Sequence[Row[Any]]:
    edition, kind, code = key or (None, None, None)
    return session.execute(text(sql(__package__, "list_services")), {"on": on, "edition": edition, "kind": kind, "code": code}).all()


def conditions(session: Session, on: date, code: str) -> Sequence[Condition]:
    """The filing conditions a service may be reported under; of several milestones of one condition the first."""
    key = class_key(code)
    assert key is not None
    first: dict[int, Condition] = {}
    for one in conditions_of(session, *key, on):
        if not one.is_default:
            first.setdefault(one.number, one)
    return list(first.values())


def requests(session: Session, wanted: Wanted) -> Sequence[Row[Any]]:
    """Public requests, newest first."""
    where: list[str] = ["true"]
    params: dict[str, Any] = {"limit": wanted.limit, "offset": wanted.offset}
    if wanted.numbers:
        where.append("c.number = ANY(:numbers)")
        params["numbers"] = list(wanted.numbers)
    else:
        if wanted.services:
            where.append(
                "(c.edition, c.kind, c.class_code) IN"
                " (SELECT * FROM unnest(CAST(:editions AS text[]), CAST(:kinds AS text[]), CAST(:codes AS text[])))"
            )
            keys = [key for key in map(class_key, wanted.services) if key is not None]
            params |= {"editions": [k[0] for k in keys], "kinds": [k[1] for k in keys], "codes": [k[2] for k in keys]}
        if len(set(wanted.statuses)) == 1:
            where.append("c.state IN ('closed', 'voided')" if wanted.statuses[0] == "closed" else "c.state NOT IN ('closed', 'voided')")
        for name, column, sign in (
            ("since", "reported_at", ">="), ("until", "reported_at", "<="),
            ("updated_after", "updated_at", ">="), ("updated_before", "updated_at", "<="),
        ):  # fmt: skip
            if getattr(wanted, name) is not None:
                where.append(f"c.{column} {sign} :{name}")
                params[name] = getattr(wanted, name)
    return session.execute(text(sql(__package__, "list_requests").replace("{where}", " AND ".join(where))), params).all()


def number_of_token(session: Session, token: str) -> str | None:
    """The request made under this token, which is the client's Idempotency-Key or the request's own id."""
    given = (
        "SELECT c.number FROM exchange.open311_requests AS r JOIN cases.cases AS c ON c.id = r.case_id"
        " WHERE r.token = :token ORDER BY c.id DESC LIMIT 1"
    )
    own = "SELECT c.number FROM cases.cases AS c WHERE c.number = :token AND c.source = 'public'"
    for query in (given, own):
        found = session.execute(text(query), {"token": token}).scalar()
        if found is not None:
            return str(found)
    return None


def jurisdiction(session: Session) -> str:
    """The id of this city: its English name, or `city` before it has one."""
    return str(city_facts(session).get("name_en") or "city").casefold().replace(" ", "-")


def city_name(session: Session) -> str:
    """What the city calls itself."""
    facts = city_facts(session)
    return str(facts.get("name_zh") or facts.get("name_en") or "cityops")
