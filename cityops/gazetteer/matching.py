"""From a sentence to places, and from a point to its address. Reads only; every answer says how well it fits and at what level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from pyproj import Geod
from sqlalchemy.orm import Session

from cityops.gazetteer import queries, rules
from cityops.grid.queries import locate

ELLIPSOID: Final = Geod(ellps="GRS80")
STREETS_CONSIDERED = 8
GOOD = 0.9
"""A match of this score makes a second try without administrative prefixes needless."""


@dataclass(frozen=True)
class Hit:
    """One answer: a place (or a point beside one) in degrees (4490), how it was matched and how well (0 to 1)."""

    level: str
    name: str
    lon: float
    lat: float
    score: float
    kind: str | None = None
    place_id: int | None = None
    version: int | None = None
    name_en: str | None = None
    category: str | None = None
    matched: str | None = None
    """The name that fitted, when it is not the standard one."""
    cell_code: str | None = None


@dataclass(frozen=True)
class Address:
    """What a point is called: the nearest plate, else street, else point of interest, else the area it lies in."""

    level: str
    name: str | None
    distance_m: float | None
    lon: float
    lat: float
    cell_code: str | None
    beat_id: int | None
    community_code: str | None
    places: list[dict[str, Any]] = field(default_factory=list)
    """All that was found near, in the order of preference (JSON values, hence Any)."""


def find(session: Session, question: str, *, limit: int = 10, kinds: Sequence[str] = ()) -> list[Hit]:
    """The places a question means, best first. `kinds` restricts to these kinds of `rules.KINDS`."""
    said = question[: rules.LONGEST_QUESTION]
    hits = _answer(session, said, kinds, limit)
    if not hits or hits[0].score < GOOD:
        shorter = rules.without_prefixes(said, queries.administrative_names(session))
        if shorter != said:
            hits = _merged([*_answer(session, shorter, kinds, limit), *hits])
    return [replace(hit, cell_code=_cell(session, hit)) for hit in hits[:limit]]


def best(session: Session, question: str) -> Hit | None:
    """The one answer to take when a program asks, or None."""
    hits = find(session, question, limit=1)
    return hits[0] if hits else None


def reverse(session: Session, lon: float, lat: float) -> Address:
    """The address of a point in degrees (4490), with the cell it lies in."""
    rows = queries.places_near(session, lon, lat)
    place = locate(session, lon, lat)
    # Of nested areas the smallest says most: a community's code is longer than its street's.
    first = rows[0] if rows else None
    return Address(
        level=first.kind if first else "none",
        name=first.name if first else None,
        distance_m=first.distance_m if first else None,
        lon=lon,
        lat=lat,
        cell_code=place.cell_code if place else None,
        beat_id=place.beat_id if place else None,
        community_code=place.community_code if place else None,
        places=[
            {name: getattr(row, name) for name in ("id", "kind", "name", "name_en", "distance_m", "lon", "lat")} for row in rows
        ],
    )  # fmt: skip


def _cell(session: Session, hit: Hit) -> str | None:
    place = locate(session, hit.lon, hit.lat)
    return place.cell_code if place else None


def _merged(hits: Sequence[Hit]) -> list[Hit]:
    """Best first, each place and point once."""
    seen: set[tuple[int | None, str, float, float]] = set()
    out = []
    for hit in sorted(hits, key=lambda one: -one.score):
        key = (hit.place_id, hit.level, round(hit.lon, 6), round(hit.lat, 6)) if hit.place_id is None else (hit.place_id, "", 0.0, 0.0)
        if key not in seen:
            seen.add(key)
            out.append(hit)
    return out


def _answer(session: Session, said: str, kinds: Sequence[str], limit: int, *, nested: bool = False) -> list[Hit]:
    asked = rules.parse(said)
    hits: list[Hit] = []
    names = partial(_by_name, session, kinds=kinds, limit=limit)
    match asked:
        case rules.Offset() if not kinds and not nested:
            hits = _beside(session, asked, limit)
        case rules.Crossing() if not kinds:
            hits = _crossing(session, asked, limit)
        case rules.Plate() if not kinds or "plate" in kinds:
            hits = _plate(session, asked, limit)
    if isinstance(asked, rules.Name):
        return names(asked.words)
    # A thing may be called so as a whole: 人民路86号院.
    return _merged([*hits, *(hit for hit in names(said) if not hits or hit.score >= GOOD)])[:limit]


def _by_name(session: Session, words: str, *, kinds: Sequence[str], limit: int) -> list[Hit]:
    return [
        Hit(
            level=row.kind, name=row.name, lon=row.lon, lat=row.lat, score=row.score, kind=row.kind, place_id=row.place_id,
            version=row.version, name_en=row.name_en, category=row.category, matched=row.matched if row.matched != row.name else None,
        )
        for row in queries.names_like(session, words, kinds, limit)
    ]  # fmt: skip


def _streets(session: Session, words: str) -> dict[int, Hit]:
    """Streets of that name by id; only those that fit about as well as the best."""
    hits = _by_name(session, words, kinds=("street",), limit=STREETS_CONSIDERED)
    if not hits or hits[0].score < GOOD:
        shorter = rules.without_prefixes(words, queries.administrative_names(session))
        if shorter != words:
            hits = _merged([*hits, *_by_name(session, shorter, kinds=("street",), limit=STREETS_CONSIDERED)])
    return {hit.place_id: hit for hit in hits if hit.place_id is not None and hit.score >= hits[0].score - 0.1}


def _plate(session: Session, asked: rules.Plate, limit: int) -> list[Hit]:
    """The plate itself, else a point between its neighbours on the same side, else the bare street."""
    streets = _streets(session, asked.street)
    rows = queries.plates_around(session, list(streets), asked.number, asked.suffix)
    hits = []
    for street_id, street in streets.items():
        near = [row for row in rows if row.street_id == street_id]
        same = [row for row in near if row.house_number == asked.number]
        below = [row for row in near if row.house_number < asked.number]
        above = [row for row in near if row.house_number > asked.number]
        name = rules.plate_name(street.name, asked.number, asked.suffix)
        if same:
            row = same[0]
            score = street.score if row.exact else street.score * rules.INTERPOLATED_FACTOR
            hits.append(Hit("plate", row.name, row.lon, row.lat, round(score, 3), kind="plate", place_id=row.id, version=row.version))
        elif below and above:
            low, high = below[-1], above[0]
            share = (asked.number - low.house_number) / (high.house_number - low.house_number)
            lon, lat = low.lon + share * (high.lon - low.lon), low.lat + share * (high.lat - low.lat)
            hits.append(Hit("interpolated", name, lon, lat, round(street.score * rules.INTERPOLATED_FACTOR, 3)))
        else:
            hits.append(replace(street, score=round(street.score * rules.BARE_STREET_FACTOR, 3)))
    return sorted(hits, key=lambda hit: -hit.score)[:limit]


def _crossing(session: Session, asked: rules.Crossing, limit: int) -> list[Hit]:
    first, second = _streets(session, asked.first), _streets(session, asked.second)
    hits = []
    for row in queries.crossings(session, list(first), list(second), limit):
        one, other = first[row.a_id], second[row.b_id]
        fits = min(one.score, other.score) * (1.0 if row.touches else 0.95)
        joined = f"{row.a_name} & {row.b_name}" if rules.is_latin(rules.latin_only(row.a_name)) else f"{row.a_name}与{row.b_name}交叉口"
        hits.append(Hit("crossing", joined, row.lon, row.lat, round(fits, 3)))
    return sorted(hits, key=lambda hit: -hit.score)


def _beside(session: Session, asked: rules.Offset, limit: int) -> list[Hit]:
    """So many metres from each thing the base may mean, along the ellipsoid."""
    hits = []
    bases = _answer(session, asked.base, (), limit, nested=True)
    if not bases or bases[0].score < GOOD:
        shorter = rules.without_prefixes(asked.base, queries.administrative_names(session))
        bases = _merged([*bases, *_answer(session, shorter, (), limit, nested=True)])
    for base in bases[:limit]:
        lon, lat, _ = ELLIPSOID.fwd(base.lon, base.lat, asked.bearing_deg, asked.distance_m)
        way = _way(asked.bearing_deg)
        name = f"{base.name}以{way}{asked.distance_m:g}米"
        hits.append(Hit("offset", name, lon, lat, round(base.score * rules.OFFSET_FACTOR, 3), matched=base.name))
    return hits


def _way(bearing_deg: float) -> str:
    return ("北", "东北", "东", "东南", "南", "西南", "西", "西北")[round(bearing_deg / 45) % 8]
