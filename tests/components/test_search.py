"""Searches against a plain reading of all rows, by every filter, now and in the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Geod
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.components import operations as op
from cityops.components import search
from cityops.components.operations import ComponentChange
from cityops.components.search import Search
from cityops.db.session import unit_of_work
from tests.factories.components import GUARDRAIL, LAMP, MANHOLE, NOW, TREE, Register, make_register

LATER = NOW + timedelta(hours=1)
GEOD = Geod(a=6378137.0, rf=298.257222101)
"""The ellipsoid of CGCS2000."""


@dataclass
class City(Register):
    """A register with components of several kinds, some of them changed an hour later."""

    codes: list[str] = field(default_factory=list)


def build(session: Session) -> City:
    base = make_register(session)
    rng = np.random.default_rng(11)
    codes = []
    for n in range(90):
        kind = [LAMP, MANHOLE, TREE, GUARDRAIL, "0105"][n % 5]
        spot = base.spot(int(rng.integers(0, 144)), float(rng.uniform(-3, 3)), float(rng.uniform(-3, 3)))
        geom = shapely.LineString([spot, shapely.Point(spot.x + 2e-4, spot.y + 1e-4)]) if kind == GUARDRAIL else spot
        name = f"梅溪路{n}号" if n % 9 == 0 else None
        codes.append(
            base.add(
                session, class_code=kind, geom=geom, name=name, maintainer_id=base.departments["DR-TEAM"].id if n % 7 == 0 else None
            ).code
        )
    for n in range(0, 90, 6):
        op.update(session, None, LATER, codes[n], ComponentChange(state=["damaged", "missing"][n % 4 // 2]), reason="seen on patrol")
    for n in range(0, 90, 10):
        op.retire(session, None, LATER, codes[n], reason="gone")
    codes[15] = op.recode(session, None, LATER, codes[15], class_code="0139", reason="a landscape lamp").code
    return City(base.ground, base.departments, base.users, base.people, codes)


@pytest.fixture(scope="module")
def built(database: Engine) -> City:
    """The city, committed once for the tests of this module."""
    with unit_of_work(database) as session:
        return build(session)


@pytest.fixture
def session(database: Engine) -> Iterator[Session]:
    """A session on the module's own database whose changes are rolled back."""
    with database.connect() as connection:
        outer = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as made:
            yield made
        outer.rollback()


@pytest.fixture
def city(built: City, session: Session) -> City:
    """The city as the test's session sees it."""
    return built


def plain(session: Session, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """Every version valid at an instant, read without any search."""
    columns = (
        "id, code, class_code, name, geom, cell_code, managing_id, owner_id, maintainer_id, state, note, retired_at, valid_from, version"
    )
    rows = session.execute(
        text(
            f"SELECT v.*, ST_AsBinary(v.geom) AS body FROM (SELECT {columns}, NULL::timestamptz AS valid_to FROM components.components"
            f" UNION ALL SELECT {columns}, valid_to FROM components.history) AS v"
        )
    )
    at = as_of or LATER + timedelta(days=1)
    return [
        {**row._mapping, "shape": shapely.from_wkb(bytes(row.body))}
        for row in rows
        if row.valid_from <= at and (row.valid_to is None or row.valid_to > at)
    ]


def found(session: Session, city: City, wanted: Search, who: str = "planner") -> list[str]:
    """The codes of a search, read page by page."""
    codes: list[str] = []
    after = None
    while True:
        page = search.page(session, city.people[who], wanted, limit=7, after=after)
        codes += [item["code"] for item in json.loads(page.items)]
        if page.next_code is None:
            return codes
        after = page.next_code


def check(session: Session, city: City, wanted: Search, keep) -> None:
    expected = sorted(row["code"] for row in plain(session, wanted.as_of) if keep(row))
    assert found(session, city, wanted) == expected
    assert search.count(session, city.people["planner"], wanted) == len(expected)
    assert expected, "a test that finds nothing proves nothing"


@pytest.mark.parametrize("as_of", [None, NOW + timedelta(minutes=1), LATER])
def test_each_filter_finds_what_reading_every_row_finds(session: Session, city: City, as_of: datetime | None) -> None:
    drain, team = city.departments["DR"].id, city.departments["DR-TEAM"].id
    box = (112.5255, 32.987, 112.530, 32.993)
    live = lambda row: row["retired_at"] is None  # noqa: E731  # a name for the condition all of them share
    check(session, city, Search(as_of=as_of), live)
    check(session, city, Search(as_of=as_of, class_codes=(LAMP, TREE)), lambda r: live(r) and r["class_code"] in (LAMP, TREE))
    check(
        session,
        city,
        Search(as_of=as_of, department_id=drain),
        lambda r: live(r) and {drain, team} & {r["managing_id"], r["maintainer_id"]},
    )
    check(session, city, Search(as_of=as_of, department_id=team), lambda r: live(r) and r["maintainer_id"] == team)
    check(session, city, Search(as_of=as_of, states=("intact",)), lambda r: live(r) and r["state"] == "intact")
    check(session, city, Search(as_of=as_of, division="411303005002"), lambda r: live(r) and r["cell_code"].startswith("411303005002"))
    check(session, city, Search(as_of=as_of, code="41130301"), lambda r: live(r) and r["code"].startswith("41130301"))
    check(session, city, Search(as_of=as_of, text="梅溪路"), lambda r: live(r) and "梅溪路" in (r["name"] or ""))
    check(session, city, Search(as_of=as_of, text="4113030137"), lambda r: live(r) and r["code"].startswith("4113030137"))
    check(session, city, Search(as_of=as_of, text="street lamp"), lambda r: live(r) and r["class_code"] == LAMP)
    check(session, city, Search(as_of=as_of, bbox=box), lambda r: live(r) and shapely.box(*r["shape"].bounds).intersects(shapely.box(*box)))
    check(session, city, Search(as_of=as_of, retired="all"), lambda r: True)
    both = Search(as_of=as_of, class_codes=(MANHOLE, TREE), department_id=drain, text="cover")
    check(session, city, both, lambda r: live(r) and r["class_code"] == MANHOLE)


def test_states_and_retired_things_are_found_as_they_are_now(session: Session, city: City) -> None:
    check(session, city, Search(states=("damaged", "missing")), lambda r: r["retired_at"] is None and r["state"] in ("damaged", "missing"))
    check(session, city, Search(retired="only"), lambda r: r["retired_at"] is not None)
    assert found(session, city, Search(retired="only", as_of=NOW)) == []


def test_words_are_taken_as_they_stand(session: Session, city: City) -> None:
    assert found(session, city, Search(text="%")) == []
    assert found(session, city, Search(text="_")) == []


@pytest.mark.parametrize("within_m", [60.0, 400.0, 5000.0])
@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_the_nearest_are_measured_in_metres_on_the_ellipsoid(session: Session, city: City, within_m: float, limit: int) -> None:
    """East-west and north-south distances weigh differently in degrees; the order must be that of metres."""
    rows = [row for row in plain(session) if row["retired_at"] is None and row["shape"].geom_type == "Point"]
    for cell in (0, 70, 143):
        here = city.spot(cell, 0.7, -0.4)
        wanted = Search(near=(here.x, here.y), within_m=within_m, class_codes=(LAMP, MANHOLE, TREE, "0105", "0139"))
        items = json.loads(search.page(session, city.people["planner"], wanted, limit=limit).items)
        distances = {row["code"]: GEOD.inv(here.x, here.y, row["shape"].x, row["shape"].y)[2] for row in rows}
        expected = sorted((metres, code) for code, metres in distances.items() if metres <= within_m)[:limit]
        assert [item["code"] for item in items] == [code for _, code in expected]
        assert [item["distance_m"] for item in items] == pytest.approx([metres for metres, _ in expected], abs=0.06)


def test_the_distance_to_a_line_is_that_to_its_nearest_point(session: Session, city: City) -> None:
    rail = next(row for row in plain(session) if row["class_code"] == GUARDRAIL and row["retired_at"] is None)
    end = rail["shape"].coords[1]
    items = json.loads(search.nearest(session, city.people["planner"], end[0], end[1], limit=1, class_codes=(GUARDRAIL,)))
    assert items[0]["code"] == rail["code"] and items[0]["distance_m"] == 0


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("planner", lambda row, city: True),
        ("second_community", lambda row, city: row["cell_code"].startswith("411303005002")),
        ("inspector", lambda row, city: row["cell_code"] in city.ground.beats["B001S"]),
        (
            "drainer",
            lambda row, city: {row["managing_id"], row["maintainer_id"]} & {city.departments["DR"].id, city.departments["DR-TEAM"].id},
        ),
        ("elsewhere", lambda row, city: False),
        ("roads_only", lambda row, city: False),
    ],
)
def test_everybody_finds_what_is_within_the_own_scope_and_nothing_else(session: Session, city: City, who: str, sees) -> None:
    expected = sorted(row["code"] for row in plain(session) if row["retired_at"] is None and sees(row, city))
    assert found(session, city, Search(), who) == expected
    assert search.count(session, city.people[who], Search()) == len(expected)
    for row in plain(session):
        detail = search.detail(session, city.people[who], row["id"])
        past = search.history(session, city.people[who], row["id"])
        assert (detail is not None) == (past is not None) == bool(sees(row, city))


def test_the_history_says_who_changed_what_and_why(session: Session, city: City) -> None:
    lamp = city.add(session)
    planner = city.people["planner"]
    op.update(session, planner, LATER, lamp.code, ComponentChange(state="damaged", note="bent"), reason="storm")
    op.relocate(session, planner, LATER + timedelta(minutes=1), lamp.code, city.spot(2), reason="seen on patrol")
    body = search.history(session, planner, lamp.id)
    assert body is not None
    newest, middle, first = json.loads(body)["items"]
    assert [(v["act"], v["reason"], v["changed"]) for v in (first, middle)] == [
        ("register", None, []),
        ("update", "storm", ["note", "state"]),
    ]
    assert newest["act"] == "relocate" and newest["changed"] == ["cell_code", "geometry"]
    assert middle["actor_id"] == planner.user_id and middle["actor_name"] == planner.name
    assert newest["valid_to"] is None and middle["valid_to"] == newest["valid_from"] and first["valid_to"] == middle["valid_from"]


def test_geojson_carries_the_geometry_and_the_same_properties(session: Session, city: City) -> None:
    plain_items = json.loads(search.page(session, city.people["planner"], Search(), limit=50).items)
    features = json.loads(search.page(session, city.people["planner"], Search(), limit=50, form="geojson").items)
    assert [feature["properties"] for feature in features] == plain_items
    assert {feature["geometry"]["type"] for feature in features} == {"Point", "LineString"}


def test_a_page_of_a_box_is_answered_by_the_spatial_index(session: Session, city: City) -> None:
    seen: list[str] = []
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_indexscan = on"))
    for viewer in ("planner", "second_community"):
        where, params = search._conditions(session, Search(bbox=(112.52, 32.98, 112.5201, 32.9801)), city.people[viewer])
        plan = session.execute(text(f"EXPLAIN SELECT c.code FROM components.components AS c WHERE {' AND '.join(where)}"), params)
        seen.append("\n".join(row[0] for row in plan))
    assert all("ix_components_geom" in text_of_plan for text_of_plan in seen), seen
