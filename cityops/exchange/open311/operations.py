"""The verbs of Open311: a request becomes a case; keys are given out and taken back."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from cityops.cases import operations as cases
from cityops.exchange.open311 import errors, queries
from cityops.exchange.open311.mapping import IMPACTS, PUBLIC_SOURCE, class_key
from cityops.exchange.open311.models import ApiKey, OpenRequest
from cityops.gazetteer import matching
from cityops.gazetteer.models import Place
from cityops.identity.tokens import digest
from cityops.identity.vault import Vault
from cityops.identity.visibility import Viewer

KEY_PREFIX: Final = "cityops-o-"
LONGEST_WINDOW: Final = timedelta(days=90)
SURE_ENOUGH: Final = 0.5
"""The gazetteer's score from which an address is taken for found."""

PUBLIC: Final = Viewer(user_id=0, login="open311", name="Open311", posts=frozenset({"system"}), department_id=None, grants=())
"""The system itself, signing for the public. It sees nothing and may do nothing but report."""


@dataclass(frozen=True)
class NewRequest:
    """What a client sent. Degrees are WGS 84, as the standard says."""

    service_code: str
    lat: float | None = None
    long: float | None = None
    address_string: str | None = None
    address_id: int | None = None
    description: str | None = None
    media_urls: Sequence[str] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reporter: Mapping[str, str] = field(default_factory=dict)
    """Names, e-mail, phone, account and device as they were given."""


def make_request(session: Session, now: datetime, on: date, key: ApiKey, vault: Vault, new: NewRequest, token: str | None) -> str:
    """Make a case of a request and return its number. `on` is the city's local day.

    Raises the errors of this room and what `cases.operations.report` raises (a place outside the grid, for example).
    """
    of = class_key(new.service_code)
    if of is None or queries.service(session, on, new.service_code) is None:
        raise errors.ServiceNotKnown(service_code=new.service_code, field="service_code")
    edition, kind, class_code = of
    lon, lat, address = _place(session, new)
    written = cases.report(
        session,
        PUBLIC,
        now,
        source=PUBLIC_SOURCE,
        kind=kind,
        edition=edition,
        class_code=class_code,
        condition_id=_condition(session, on, new),
        component_code=_single(new, "component_code"),
        lon=lon,
        lat=lat,
        crs="EPSG:4326",
        address=address,
        description=_for_the_desk(new),
    )
    session.add(
        OpenRequest(
            case_id=written.id,
            key_id=key.id,
            token=token,
            description=new.description,
            address_string=new.address_string,
            media_urls=list(new.media_urls),
            attributes={name: list(values) for name, values in new.attributes.items()},
            reporter_enc=vault.lock_text(json.dumps(dict(new.reporter), ensure_ascii=False)) if new.reporter else None,
        )
    )
    session.flush()
    return written.number


def _place(session: Session, new: NewRequest) -> tuple[float, float, str | None]:
    """Longitude, latitude and address; a point wins over an address, and an address is looked up in the gazetteer."""
    if new.lat is not None and new.long is not None:
        return new.long, new.lat, new.address_string or matching.reverse(session, new.long, new.lat).name
    if new.lat is not None or new.long is not None:
        missing = "long" if new.long is None else "lat"
        raise errors.LocationIncomplete(missing=missing, field=missing)
    if new.address_id is not None:
        place = session.get(Place, new.address_id)
        if place is None or place.retired_at is not None:
            raise errors.AddressNotFound(address=new.address_id, field="address_id")
        row = session.execute(
            text("SELECT ST_X(point) AS lon, ST_Y(point) AS lat, name FROM gazetteer.places WHERE id = :id"), {"id": new.address_id}
        ).one()
        return row.lon, row.lat, new.address_string or row.name
    if not new.address_string:
        raise errors.LocationMissing(field="lat")
    hit = matching.best(session, new.address_string)
    if hit is None or hit.score < SURE_ENOUGH:
        raise errors.AddressNotFound(address=new.address_string, field="address_string")
    return hit.lon, hit.lat, new.address_string


def _single(new: NewRequest, name: str) -> str | None:
    values = [value for value in new.attributes.get(name, ()) if value]
    if len(values) > 1:
        raise errors.AttributeInvalid(attribute=name, field=f"attribute[{name}]")
    return values[0] if values else None


def _condition(session: Session, on: date, new: NewRequest) -> int | None:
    chosen = _single(new, "condition")
    if chosen is None:
        return None
    known = {str(one.id): one.id for one in queries.conditions(session, on, new.service_code)}
    if chosen not in known:
        raise errors.AttributeInvalid(attribute="condition", field="attribute[condition]")
    return known[chosen]


def _for_the_desk(new: NewRequest) -> str | None:
    """The description with what was ticked, so that the acceptor reads it."""
    ticked = [value for value in dict.fromkeys(new.attributes.get("impact", ())) if value]
    if not set(ticked) <= set(IMPACTS):
        raise errors.AttributeInvalid(attribute="impact", field="attribute[impact]")
    words = [new.description] if new.description else []
    if ticked:
        words.append("〔" + "、".join(IMPACTS[value][0] for value in ticked) + "〕")
    return "".join(words) or None


def admit(session: Session, engine: Engine, now: datetime, api_key: str | None) -> ApiKey:
    """The client of a request, counted against its limit; raises ApiKeyMissing, ApiKeyNotKnown, ApiKeyUsedUp.

    The count is committed by itself, so that requests that are refused later count as well.
    """
    if not api_key:
        raise errors.ApiKeyMissing(field="api_key")
    key = queries.living_key(session, api_key)
    if key is None:
        raise errors.ApiKeyNotKnown(field="api_key")
    minute = now.replace(second=0, microsecond=0)
    with engine.begin() as connection:
        n = connection.execute(
            text(
                "INSERT INTO exchange.open311_uses AS u (key_id, minute, n) VALUES (:key, :minute, 1) ON CONFLICT (key_id) DO UPDATE"
                " SET n = CASE WHEN u.minute = excluded.minute THEN u.n + 1 ELSE 1 END, minute = excluded.minute RETURNING n"
            ),
            {"key": key.id, "minute": minute},
        ).scalar_one()
    if n > key.per_minute:
        raise errors.ApiKeyUsedUp(per_minute=key.per_minute, wait_s=max(1, math.ceil(60 - (now - minute).total_seconds())))
    return key


def add_key(session: Session, now: datetime, label: str, contact: str, per_minute: int = 60) -> str:
    """Give out a key; it is shown this once. Raises KeyLabelTaken."""
    if session.scalar(select(ApiKey).where(ApiKey.label == label)) is not None:
        raise errors.KeyLabelTaken(label=label, field="label", fix="choose another label, or revoke that key")
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    session.add(ApiKey(label=label, contact=contact, key_digest=digest(key), per_minute=per_minute, created_at=now))
    session.flush()
    return key


def revoke_key(session: Session, now: datetime, label: str) -> None:
    """Take a key back for good; what was made with it stays. Raises KeyNotFound."""
    key = session.scalar(select(ApiKey).where(ApiKey.label == label, ApiKey.revoked_at.is_(None)))
    if key is None:
        raise errors.KeyNotFound(label=label, fix="run `cityops open311 key list`")
    key.revoked_at = now


def window(now: datetime, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """The time asked for, at most 90 days: the last 90 without any, 90 from or up to the one that was given."""
    if since is not None and until is not None:
        if until < since:
            raise errors.WindowTurned(field="end_date")
        if until - since > LONGEST_WINDOW:
            raise errors.WindowTooLong(field="start_date")
        return since, until
    if since is not None:
        return since, since + LONGEST_WINDOW
    until = until or now
    return until - LONGEST_WINDOW, until
