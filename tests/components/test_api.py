"""Components over HTTP: the walk of one component, refusals, and what bad input is answered with."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cityops.db.session import unit_of_work
from cityops.geo.crs import from_storage
from tests.factories.components import CAR_PARK, LAMP, MANHOLE, Register, make_register
from tests.factories.identity import bearer

Headers = dict[str, str]


@pytest.fixture(scope="module")
def city(database: Engine) -> Register:
    with unit_of_work(database) as session:
        return make_register(session)


@pytest.fixture(scope="module")
def sign(database: Engine, city: Register):
    """Headers of a person by what it is."""
    made: dict[str, Headers] = {}

    def headers(who: str) -> Headers:
        if who not in made:
            made[who] = bearer(database, city.users[who])
        return made[who]

    return headers


def body_at(city: Register, cell: int = 0, class_code: str = LAMP, **more: object) -> dict[str, object]:
    spot = city.spot(cell)
    return {"class_code": class_code, "lon": spot.x, "lat": spot.y, **more}


def test_nothing_is_shown_without_signing_in(client: FlaskClient) -> None:
    for path in ("components", "components/4113030137000001", "components/4113030137000001/history", "classes", "editions"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 401, path
        assert answer.mimetype == "application/problem+json"


def test_the_life_of_a_component(client: FlaskClient, city: Register, sign) -> None:
    me = sign("planner")
    made = client.post("/api/v1/components", json=body_at(city, attributes={"height_m": 9}, reason="census"), headers=me)
    assert made.status_code == 201, made.text
    path, first = made.headers["Location"], made.get_json()
    assert first["class_name_zh"] == "路灯" and first["managing_name_en"] == "Department UM" and first["change"]["reason"] == "census"

    read = client.get(path, headers=me)
    assert read.get_json() == first and read.headers["ETag"] == made.headers["ETag"]
    assert client.get(path, headers=me | {"If-None-Match": read.headers["ETag"]}).status_code == 304

    changed = client.patch(path, json={"state": "damaged", "reason": "storm"}, headers=me | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200 and changed.get_json()["version"] == 2
    stale = client.patch(path, json={"state": "missing", "reason": "gone"}, headers=me | {"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412

    spot = city.spot(50)
    gcj = from_storage(spot.x, spot.y, "GCJ-02")
    moved = client.post(
        f"{path}/relocation",
        json={"lon": float(gcj[0]), "lat": float(gcj[1]), "crs": "GCJ-02", "reason": "road widened"},
        headers=me | {"If-Match": changed.headers["ETag"]},
    )
    assert moved.status_code == 200, moved.text
    assert moved.get_json()["cell_code"] == city.ground.codes[50] and abs(moved.get_json()["lon"] - spot.x) < 1e-5

    recoded = client.post(
        f"{path}/recoding", json={"class_code": "0139", "reason": "a landscape lamp"}, headers=me | {"If-Match": moved.headers["ETag"]}
    )
    assert recoded.status_code == 200 and recoded.get_json()["aliases"] == [first["code"]]
    assert client.get(path, headers=me).get_json()["code"] == recoded.get_json()["code"]

    then = client.get(path, query_string={"as_of": first["valid_from"]}, headers=me)
    assert then.get_json()["state"] == "intact" and then.get_json()["code"] == first["code"]
    before = client.get(path, query_string={"as_of": "2001-01-01T00:00:00Z"}, headers=me)
    assert before.status_code == 404 and before.get_json()["code"] == "component-not-then"

    retired = client.post(f"{path}/retirement", json={"reason": "taken down"}, headers=me | {"If-Match": recoded.headers["ETag"]})
    assert retired.status_code == 200 and retired.get_json()["retired_at"]
    again = client.post(f"{path}/retirement", json={"reason": "twice"}, headers=me | {"If-Match": retired.headers["ETag"]})
    assert again.status_code == 409 and again.get_json()["code"] == "component-retired"
    back = client.post(f"{path}/reinstatement", json={"reason": "put up again"}, headers=me | {"If-Match": retired.headers["ETag"]})
    assert back.status_code == 200 and back.get_json()["retired_at"] is None

    acts = [version["act"] for version in client.get(f"{path}/history", headers=me).get_json()["items"]]
    assert acts == ["reinstate", "retire", "recode", "relocate", "update", "register"]


def test_a_repeated_registration_gives_the_same_component(client: FlaskClient, city: Register, sign) -> None:
    headers = sign("planner") | {"Idempotency-Key": "9b2e"}
    first = client.post("/api/v1/components", json=body_at(city, 3), headers=headers)
    second = client.post("/api/v1/components", json=body_at(city, 3), headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.get_json()["code"] == second.get_json()["code"] and second.headers["Idempotency-Replayed"] == "true"


def test_a_polygon_comes_and_goes_as_geojson(client: FlaskClient, city: Register, sign) -> None:
    ring = [list(point) for point in city.spot(8).buffer(1e-4, quad_segs=2).exterior.coords]
    made = client.post(
        "/api/v1/components",
        json={"class_code": CAR_PARK, "geometry": {"type": "Polygon", "coordinates": [ring]}},
        headers=sign("planner"),
    )
    assert made.status_code == 201, made.text
    feature = client.get(made.headers["Location"], headers=sign("planner") | {"Accept": "application/geo+json"})
    assert feature.mimetype == "application/geo+json"
    assert set(feature.get_json()["geometry"]) == {"type", "coordinates"}, "RFC 7946 knows no crs"
    assert feature.get_json()["geometry"]["type"] == "Polygon" and feature.get_json()["id"] == made.get_json()["code"]


def test_a_list_pages_filters_counts_and_speaks_geojson(client: FlaskClient, city: Register, sign) -> None:
    me = sign("planner")
    codes = [client.post("/api/v1/components", json=body_at(city, n, MANHOLE), headers=me).get_json()["code"] for n in range(20, 25)]
    seen, cursor = [], None
    while True:
        query = {"class": MANHOLE, "limit": 2, "count": "true"} | ({"cursor": cursor} if cursor else {})
        body = client.get("/api/v1/components", query_string=query, headers=me).get_json()
        seen += [item["code"] for item in body["items"]]
        assert body["total"] == 5
        cursor = body["next"]
        if cursor is None:
            break
    assert seen == sorted(codes)
    spot = city.spot(22)
    near = client.get("/api/v1/components", query_string={"near": f"{spot.x},{spot.y}", "class": MANHOLE, "limit": 1}, headers=me)
    assert near.get_json()["items"][0]["code"] == codes[2] and near.get_json()["items"][0]["distance_m"] == 0
    collection = client.get("/api/v1/components", query_string={"class": MANHOLE, "format": "geojson"}, headers=me)
    assert collection.mimetype == "application/geo+json" and len(collection.get_json()["features"]) == 5


def test_an_inspector_registers_in_the_own_beat_and_is_told_why_not_elsewhere(client: FlaskClient, city: Register, sign) -> None:
    me = sign("inspector")
    assert client.post("/api/v1/components", json=body_at(city, 1), headers=me).status_code == 201
    far = client.post("/api/v1/components", json=body_at(city, 143), headers=me)
    assert (far.status_code, far.get_json()["code"]) == (403, "outside-your-area")
    mine = client.get("/api/v1/components?limit=1", headers=me).get_json()["items"][0]["code"]
    tag = client.get(f"/api/v1/components/{mine}", headers=me).headers["ETag"]
    refused = client.post(f"/api/v1/components/{mine}/retirement", json={"reason": "x"}, headers=me | {"If-Match": tag})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "post-may-not-edit-components")


def test_what_one_may_not_see_is_not_found_on_any_door(client: FlaskClient, city: Register, sign) -> None:
    code = client.post("/api/v1/components", json=body_at(city, 2), headers=sign("planner")).get_json()["code"]
    for who in ("elsewhere", "roads_only"):
        assert client.get("/api/v1/components", headers=sign(who)).get_json()["items"] == []
        for door in ("", "/history"):
            assert client.get(f"/api/v1/components/{code}{door}", headers=sign(who)).status_code == 404
        answer = client.patch(
            f"/api/v1/components/{code}", json={"state": "missing", "reason": "gone"}, headers=sign(who) | {"If-Match": "*"}
        )
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"class_code": "12"}, 422, "class_code"),
        ({"class_code": "9999"}, 404, "class_code"),
        ({"edition": "no-such"}, 404, "class_code"),
        ({"lon": 112.0}, 422, "geom"),
        ({"lon": 500.0}, 422, "crs"),
        ({"lon": "east"}, 422, "lon"),
        ({"lat": None}, 422, "lat"),
        ({"crs": "EPSG:999999"}, 422, "crs"),
        ({"crs": "Mars-07"}, 422, "crs"),
        ({"geometry": {"type": "Point", "coordinates": [112.5, 33]}}, 422, "geometry"),
        ({"state": "rusty"}, 422, "state"),
        ({"owner_id": 99999999}, 422, "managing_id"),
        ({"owner_id": "x"}, 422, "owner_id"),
        ({"started_on": "yesterday"}, 422, "started_on"),
        ({"code": "4113020137000001"}, 422, "code"),
        ({"name": "a\u0000b"}, 422, "name"),
        ({"attributes": {"a": "\u0000"}}, 422, "attributes"),
        ({"typo": 1}, 422, "typo"),
    ],
)
def test_bad_input_is_a_problem_document_that_names_the_field(
    client: FlaskClient, city: Register, sign, change: dict[str, object], status: int, field: str
) -> None:
    answer = client.post("/api/v1/components", json=body_at(city) | change, headers=sign("planner"))
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["field"] == field, answer.text


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Polygon", "coordinates": [[[112.5, 33]]]},
        {"type": "Polygon", "coordinates": [[[112.53, 32.99], [112.54, 33.0], [112.54, 32.99], [112.53, 33.0], [112.53, 32.99]]]},
        {"type": "Nonsense", "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "Point", "coordinates": [None, None]},
        {"type": "LineString", "coordinates": [[112.5, 33]]},
    ],
)
def test_a_geometry_that_is_none_is_a_problem_and_never_an_error(client: FlaskClient, sign, geometry: dict[str, object]) -> None:
    answer = client.post("/api/v1/components", json={"class_code": CAR_PARK, "geometry": geometry}, headers=sign("planner"))
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"] in ("geometry", "geom", "crs")


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3",
        "bbox=5,5,1,1",
        "near=abc",
        "near=500,1",
        "limit=0",
        "limit=5000",
        "state=rusty",
        "as_of=yesterday",
        "cursor=%21",
        "division=41",
        "class=,",
        "within_m=0",
        "near=1,1&cursor=WzFd",
        "retired=maybe",
        "q=",
    ],
)
def test_a_search_that_makes_no_sense_is_a_problem(client: FlaskClient, sign, query: str) -> None:
    answer = client.get(f"/api/v1/components?{query}", headers=sign("planner"))
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"]


def test_codes_that_are_none_are_not_found(client: FlaskClient, sign) -> None:
    for code in ("4113030137999999", "0", "x" * 24, "４１１３０３０１３７０００００１", "%00"):
        assert client.get(f"/api/v1/components/{code}", headers=sign("planner")).status_code == 404, code


def test_changes_need_the_etag_that_was_read(client: FlaskClient, city: Register, sign) -> None:
    me = sign("planner")
    path = client.post("/api/v1/components", json=body_at(city, 9), headers=me).headers["Location"]
    for door, body in (
        ("/relocation", {"lon": 1, "lat": 1, "reason": "x"}),
        ("/recoding", {"reason": "x"}),
        ("/retirement", {"reason": "x"}),
        ("/reinstatement", {"reason": "x"}),
    ):
        assert client.post(path + door, json=body, headers=me).status_code == 428, door
    assert client.patch(path, json={"state": "missing", "reason": "gone"}, headers=me).status_code == 428


@pytest.mark.parametrize("given", [{}, {"reason": ""}, {"reason": " \n"}, {"reason": None}])
def test_every_change_says_why(client: FlaskClient, city: Register, sign, given: dict[str, object]) -> None:
    me = sign("planner")
    made = client.post("/api/v1/components", json=body_at(city, 9), headers=me)
    path, change = made.headers["Location"], me | {"If-Match": made.headers["ETag"]}
    spot = city.spot(10)
    answers = [client.patch(path, json={"state": "missing"} | given, headers=change)]
    answers += [
        client.post(path + door, json=body | given, headers=change)
        for door, body in (
            ("/relocation", {"lon": spot.x, "lat": spot.y}),
            ("/recoding", {"class_code": "0139"}),
            ("/retirement", {}),
            ("/reinstatement", {}),
        )
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert answer.get_json()["field"] == "reason" and answer.get_json()["fix"], answer.text
    assert client.get(path, headers=me).get_json()["version"] == 1


def test_class_tables_are_listed_filtered_and_edited(client: FlaskClient, sign) -> None:
    me = sign("planner")
    items = client.get("/api/v1/classes?edition=gbt30428.2-2013&kind=event&q=refuse", headers=me).get_json()["items"]
    assert {"0110", "0111"} <= {item["code"] for item in items} and all(item["kind"] == "event" for item in items)
    path = "/api/v1/classes/gbt30428.2-2013/event/0110"
    read = client.get(path, headers=me)
    assert read.get_json()["major_name_en"] == "city appearance and environment"
    assert client.patch(path, json={"icon": "temaki-waste"}, headers=me).status_code == 428
    changed = client.patch(path, json={"department_code": "AD"}, headers=me | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200 and changed.get_json()["source_mark"] == "L"
    assert client.patch(path, json={"active": False}, headers=me | {"If-Match": read.headers["ETag"]}).status_code == 412
    refused = client.patch(path, json={"active": False}, headers=sign("inspector") | {"If-Match": changed.headers["ETag"]})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "class-edit-refused")
    assert client.get("/api/v1/classes/gbt30428.2-2013/event/0000", headers=me).status_code == 404
    assert client.get("/api/v1/classes/gbt30428.2-2013/thing/0110", headers=me).status_code == 404
    editions = client.get("/api/v1/editions", headers=me).get_json()["items"]
    assert [edition["id"] for edition in editions if edition["in_force"]] == ["gbt30428.2-2013", "local"]
