"""The grid over HTTP: who sees what, where a place lies, how a draft goes through, and what bad input gets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops.db.session import unit_of_work
from cityops.identity.rules import Scope
from tests.factories.grid import Ground, ground, push_edge, store
from tests.factories.identity import WHOLE_CITY, bearer, saved_user

API = "/api/v1"


@pytest.fixture(scope="module")
def city(database: Engine) -> Ground:
    made = ground(1)
    with unit_of_work(database) as session:
        store(session, made)
    return made


class Caller:
    """A client with a bearer token."""

    def __init__(self, client: FlaskClient, headers: dict[str, str], user_id: int) -> None:
        self.client, self.headers, self.user_id = client, headers, user_id

    def __call__(self, method: str, path: str, body=None, **headers: str):
        return self.client.open(
            API + path, method=method, json=body, headers={**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        )

    def get(self, path: str, **headers: str):
        return self("GET", path, **headers)


@pytest.fixture
def caller(app: Flask, database: Engine, city: Ground):
    def make(*posts: str, scopes=WHOLE_CITY) -> Caller:
        user = saved_user(database, *posts, scopes=scopes)
        return Caller(app.test_client(), bearer(database, user), user.id)

    return make


@pytest.fixture
def planner(caller) -> Caller:
    return caller("planner")


def beat_id(database: Engine, code: str) -> int:
    with database.connect() as connection:
        return connection.execute(text("SELECT id FROM grid.beats WHERE code = :code"), {"code": code}).scalar_one()


def pages(who: Caller, path: str) -> Iterator[dict]:
    join = "&" if "?" in path else "?"
    cursor = ""
    while True:
        answer = who.get(path + (f"{join}cursor={cursor}" if cursor else "")).get_json()
        yield from answer["items"]
        if answer["next"] is None:
            return
        cursor = answer["next"]


def test_nobody_sees_the_grid_without_signing_in(client: FlaskClient, city: Ground) -> None:
    for path in ("/divisions", "/cells", "/beats", "/locate?lon=112.5&lat=33", "/grid-findings", f"/cells/{city.codes[0]}"):
        assert client.get(API + path).status_code == 401, path


def test_cells_come_in_pages_each_once(planner: Caller, city: Ground) -> None:
    codes = [item["code"] for item in pages(planner, "/cells?limit=50")]
    assert codes == sorted(city.codes)


def test_cells_are_geojson_when_asked_for(planner: Caller, city: Ground) -> None:
    for answer in (planner.get("/cells?limit=3&format=geojson"), planner.get("/cells?limit=3", Accept="application/geo+json")):
        assert answer.mimetype == "application/geo+json"
        body = answer.get_json()
        assert [f["id"] for f in body["features"]] == sorted(city.codes)[:3] and body["next"]
        assert shapely.from_geojson(json.dumps(body["features"][0]["geometry"])).is_valid


def test_a_viewer_of_one_community_or_beat_sees_only_its_cells_in_list_and_detail(caller, database: Engine, city: Ground) -> None:
    home = city.codes[0][:12]
    by_division = caller("acceptor", scopes=(Scope(division_code=home),))
    by_beat = caller("inspector", scopes=(Scope(beat_id=beat_id(database, "B002S")),))
    for who, mine in ((by_division, {c for c in city.codes if c.startswith(home)}), (by_beat, set(city.beats["B002S"]))):
        assert {item["code"] for item in pages(who, "/cells?limit=100")} == mine
        inside, outside = min(mine), next(c for c in city.codes if c not in mine)
        assert who.get(f"/cells/{inside}").status_code == 200
        assert who.get(f"/cells/{outside}").status_code == 404
    assert [b["code"] for b in by_beat.get("/beats").get_json()["items"]] == ["B002S"]
    assert sorted(b["code"] for b in by_division.get("/beats").get_json()["items"]) == ["B001N", "B001S"]
    assert len(by_beat.get("/divisions").get_json()["items"]) == 6, "divisions are the common ground"


def test_filters_narrow_the_lists(planner: Caller, city: Ground) -> None:
    assert len(planner.get("/cells?division=411303005001&limit=100").get_json()["items"]) == 36
    west, south, east, north = city.shapes[0].bounds
    box = f"{west},{south},{east},{north}"
    found = {item["code"] for item in planner.get(f"/cells?bbox={box}").get_json()["items"]}
    assert city.codes[0] in found and len(found) < 10
    assert [d["code"] for d in planner.get("/divisions?level=street").get_json()["items"]] == ["411303005"]
    assert len(planner.get("/divisions?parent=411303005").get_json()["items"]) == 4


def test_geometries_are_geojson_of_the_present_standard_without_a_crs_member(planner: Caller, database: Engine, city: Ground) -> None:
    shown = planner.get(f"/cells/{city.codes[3]}").get_json()["geometry"]
    listed = planner.get("/divisions?level=community&format=geojson").get_json()["features"][0]["geometry"]
    assert "crs" not in shown and "crs" not in listed
    assert shapely.from_geojson(json.dumps(shown)).equals_exact(city.shapes[3], 1e-6)


def test_a_division_and_a_beat_are_shown_with_their_ground(planner: Caller, database: Engine, city: Ground) -> None:
    community = planner.get("/divisions/411303005001")
    assert community.get_json()["cells"] == 36 and community.get_json()["geometry"]["type"] == "MultiPolygon"
    beat = planner.get(f"/beats/{beat_id(database, 'B003N')}")
    assert beat.get_json()["cell_codes"] == sorted(city.beats["B003N"])
    assert beat.headers["ETag"]
    again = planner.get(f"/beats/{beat_id(database, 'B003N')}", If_None_Match=beat.headers["ETag"])
    assert again.status_code == 304


def test_a_place_is_located_with_all_its_names_in_every_system(planner: Caller, city: Ground) -> None:
    from cityops.geo.crs import from_storage

    inside = city.shapes[10].representative_point()
    for crs in ("4490", "4326", "gcj02", "bd09", "EPSG:4547"):
        x, y = from_storage(inside.x, inside.y, crs)
        place = planner.get(f"/locate?lon={float(x)!r}&lat={float(y)!r}&crs={crs}")
        assert place.status_code == 200, place.text
        assert place.get_json()["cell_code"] == city.codes[10]
    assert place.get_json()["street_name_zh"] == "梅溪街道" and place.get_json()["district_name_en"] == "Wolong"


def test_many_places_are_located_at_once(planner: Caller, city: Ground) -> None:
    points = [list(shape.representative_point().coords[0]) for shape in city.shapes] + [[0.0, 0.0]]
    answer = planner("POST", "/locations", {"points": points}).get_json()
    assert answer["cells"] == [*city.codes, None]
    assert answer["beats"][-1] is None and None not in answer["beats"][:-1]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/locate?lon=10&lat=10", 404, "lon"),
        ("/locate?lon=112.5", 422, "lat"),
        ("/locate?lon=x&lat=1", 422, "lon"),
        ("/locate?lon=nan&lat=1", 422, "lon"),
        ("/locate?lon=112.5&lat=33&crs=EPSG:99999", 422, "crs"),
        ("/locate?lon=33&lat=112.5", 422, "crs"),
        ("/cells?bbox=1,2,3", 422, "bbox"),
        ("/cells?bbox=9,9,1,1", 422, "bbox"),
        ("/cells?division=41", 422, "division"),
        ("/cells?cursor=zzz", 422, "cursor"),
        ("/cells?limit=0", 422, "limit"),
        ("/cells/abc", 404, None),
        ("/cells/%00", 404, None),
        ("/divisions/99", 404, None),
        ("/divisions?level=city", 422, "level"),
        ("/beats/999999", 404, None),
        ("/grid-drafts/999999", 404, None),
    ],
)
def test_bad_questions_get_a_problem_that_names_the_field(planner: Caller, path: str, status: int, field: str | None) -> None:
    answer = planner.get(path)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json().get("field") == field
    assert answer.get_json()["code"]


def cut(shape: shapely.Polygon) -> list[dict]:
    from shapely.ops import split

    ring = shapely.get_coordinates(shape)
    return [shapely.geometry.mapping(part) for part in shapely.get_parts(split(shape, shapely.LineString([ring[0], ring[2]])))]


def test_a_draft_goes_from_its_beginning_to_publication(planner: Caller, city: Ground) -> None:
    code = city.codes[50]
    opened = planner("POST", "/grid-drafts", {"title": "梅溪路改造", "reason": "道路改造"})
    assert opened.status_code == 201
    draft = f"/grid-drafts/{opened.get_json()['id']}"
    assert opened.headers["Location"].endswith(draft)
    change = {"act": "split", "cell_codes": [code], "cells": [{"geometry": part} for part in cut(city.shapes[50])]}
    tag = planner.get(draft).headers["ETag"]
    assert planner("POST", f"{draft}/changes", change, If_Match=tag).status_code == 201
    assert planner("POST", f"{draft}/changes", change, If_Match=tag).status_code == 412
    shown = planner.get(draft).get_json()
    assert shown["changes"][0]["cells"]["features"][0]["geometry"]["type"] == "Polygon"
    assert planner("POST", f"{draft}/validation").get_json()["faults"] == 0
    done = planner("POST", f"{draft}/publication", Idempotency_Key="publish-1")
    assert done.status_code == 200, done.text
    repeated = planner("POST", f"{draft}/publication", Idempotency_Key="publish-1")
    assert repeated.get_json() == done.get_json()
    old = planner.get(f"/cells/{code}").get_json()
    assert old["successor_codes"] == done.get_json()["created"] and old["ended_on"]
    assert [item["code"] for item in pages(planner, "/cells?ended=true")] == [code]
    assert planner("POST", f"{draft}/publication").status_code == 409


def test_a_faulty_draft_is_refused_with_the_findings_as_geojson(planner: Caller, city: Ground) -> None:
    draft = f"/grid-drafts/{planner('POST', '/grid-drafts', {'title': '错', 'reason': '错'}).get_json()['id']}"
    wrong = push_edge(city.shapes[20], 0, 12.0)
    change = {
        "act": "reshape",
        "cell_codes": [city.codes[20]],
        "cells": [{"geometry": shapely.geometry.mapping(wrong), "keeps_code": city.codes[20]}],
    }
    made = planner("POST", f"{draft}/changes", change)
    assert made.status_code == 201, made.text
    refused = planner("POST", f"{draft}/publication")
    assert refused.status_code == 409 and refused.get_json()["code"] == "grid-faulty"
    assert refused.get_json()["findings"]["features"][0]["properties"]["kind"] in ("overlap", "crosses_community")
    assert planner("DELETE", f"{draft}/changes/{made.get_json()['id']}").status_code == 204
    assert planner("POST", f"{draft}/publication").get_json()["code"] == "draft-empty"
    assert planner("DELETE", draft).status_code == 204
    assert planner.get(draft).get_json()["state"] == "discarded"


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": 7},
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[400, 0], [401, 0], [401, 1], [400, 0]]]},
    ],
)
def test_a_drawing_that_is_none_is_refused(planner: Caller, city: Ground, geometry: dict) -> None:
    draft = planner("POST", "/grid-drafts", {"title": "错", "reason": "错"}).get_json()["id"]
    answer = planner("POST", f"/grid-drafts/{draft}/changes", {"act": "create", "cells": [{"geometry": geometry}]})
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"].startswith("cells")


def test_drafting_is_for_planners(caller, city: Ground) -> None:
    inspector = caller("inspector")
    answer = inspector("POST", "/grid-drafts", {"title": "试", "reason": "试"})
    assert answer.status_code == 403 and answer.get_json()["code"] == "not-your-grid" and answer.get_json()["fix"]
    assert inspector.get("/grid-findings").status_code == 403


def test_the_findings_of_the_live_grid_are_geojson_within_the_scope(caller, city: Ground) -> None:
    body = caller("supervisor").get("/grid-findings").get_json()
    assert body["type"] == "FeatureCollection" and body["faults"] == 0
    local = caller("planner", scopes=(Scope(division_code="411303005002"),)).get("/grid-findings").get_json()
    assert local["checked"]["communities"] == 1


def test_a_beat_is_made_given_to_an_inspector_and_dissolved(planner: Caller, caller, database: Engine, city: Ground) -> None:
    old = beat_id(database, "B004N")
    cells = planner.get(f"/beats/{old}").get_json()["cell_codes"]
    taken = planner("POST", "/beats", {"code": "N1", "name_zh": "新", "cell_codes": cells[:2]})
    assert taken.status_code == 409 and taken.get_json()["code"] == "cell-in-another-beat"
    tag = planner.get(f"/beats/{old}").headers["ETag"]
    assert planner("PATCH", f"/beats/{old}", {"cell_codes": cells[6:]}).status_code == 428
    assert planner("PATCH", f"/beats/{old}", {"cell_codes": cells[6:]}, If_Match=tag).status_code == 200
    apart = planner("POST", "/beats", {"code": "N1", "name_zh": "新", "cell_codes": [cells[0], cells[5]]})
    assert apart.status_code == 422 and apart.get_json()["code"] == "beat-not-adjacent"
    made = planner("POST", "/beats", {"code": "N1", "name_zh": "新", "cell_codes": cells[:6]})
    assert made.status_code == 201, made.text
    number = made.get_json()["id"]
    inspector = caller("inspector", scopes=())
    assert inspector.get("/cells").get_json()["items"] == []
    assert planner("PUT", f"/beats/{number}/inspectors/{inspector.user_id}").status_code == 200
    assert planner("PUT", f"/beats/{number}/inspectors/{inspector.user_id}").status_code == 200, "repeating it is harmless"
    assert {item["code"] for item in inspector.get("/cells").get_json()["items"]} == set(cells[:6])
    assert planner("DELETE", f"/beats/{number}/inspectors/{inspector.user_id}").status_code == 200
    assert inspector.get("/cells").get_json()["items"] == []
    assert planner("PUT", f"/beats/{number}/inspectors/{planner.user_id}").status_code == 404, "a planner is no inspector"
    assert planner("DELETE", f"/beats/{number}").status_code == 204
    assert planner.get("/grid-findings").get_json()["kinds"] == {"no_beat": 6}


def test_a_community_is_divided_into_a_draft(planner: Caller, database: Engine, city: Ground) -> None:
    answer = planner("POST", "/communities/411303005003/cell-proposal", {"target_m2": 12_000})
    assert answer.status_code == 201, answer.text
    draft = f"/grid-drafts/{answer.get_json()['draft_id']}"
    assert answer.get_json()["cells"] > 20
    assert planner.get(draft).get_json()["changes"][0]["act"] == "redivide"
    assert planner("POST", f"{draft}/validation").get_json()["faults"] == 0
    assert planner("POST", "/communities/411303005999/cell-proposal", {}).status_code == 404
    assert planner("POST", "/communities/411303005003/cell-proposal", {"target_m2": 1}).status_code == 422


def test_what_is_answered_is_what_the_document_says(app: Flask, planner: Caller, city: Ground) -> None:
    document = app.test_client().get("/api/openapi.json").get_json()
    draft = planner("POST", "/grid-drafts", {"title": "试", "reason": "试"}).get_json()["id"]
    code = city.codes[100]
    planner(
        "POST",
        f"/grid-drafts/{draft}/changes",
        {"act": "split", "cell_codes": [code], "cells": [{"geometry": g} for g in cut(city.shapes[100])]},
    )
    inside = city.shapes[90].representative_point()
    for method, path, template, body in (
        ("GET", f"/grid-drafts/{draft}", "/grid-drafts/{draft_id}", None),
        ("POST", f"/grid-drafts/{draft}/validation", "/grid-drafts/{draft_id}/validation", None),
        ("POST", f"/grid-drafts/{draft}/publication", "/grid-drafts/{draft_id}/publication", None),
        ("POST", "/communities/411303005004/cell-proposal", "/communities/{code}/cell-proposal", {}),
        ("GET", f"/locate?lon={inside.x}&lat={inside.y}", "/locate", None),
        ("GET", "/grid-drafts", "/grid-drafts", None),
        ("GET", "/cells?limit=2", "/cells", None),
    ):
        answer = planner(method, path, body)
        promised = document["paths"]["/api/v1" + template][method.lower()]["responses"][str(answer.status_code)]
        schema = promised["content"][answer.mimetype]["schema"]
        jsonschema.validate(answer.get_json(), {**schema, "components": document["components"]})
