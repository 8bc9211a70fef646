"""The gazetteer over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops.db.session import unit_of_work
from cityops.identity.rules import Scope
from tests.factories.gazetteer import LAT, LON, small_town
from tests.factories.identity import bearer, saved_user

Headers = dict[str, str]


@pytest.fixture(scope="module")
def ids(database: Engine) -> dict[str, int]:
    with unit_of_work(database) as session:
        return small_town(session)


@pytest.fixture(scope="module")
def planner(database: Engine) -> Headers:
    return bearer(database, saved_user(database, "planner", scopes=(Scope(),)))


@pytest.fixture(scope="module")
def inspector(database: Engine, ids: dict[str, int]) -> Headers:
    """Somebody whose scope is one beat: places are public to him all the same."""
    return bearer(database, saved_user(database, "inspector", scopes=()))


NEW = {"kind": "poi", "name": "独山门诊部", "aliases": ["三院"], "lon": LON + 0.004, "lat": LAT - 0.004}


def test_the_gazetteer_is_for_those_who_signed_in(client: FlaskClient) -> None:
    for path in ("?q=x", "/reverse?lon=1&lat=1", "/1", "/1/history"):
        assert client.get(f"/api/v1/places{path}").status_code == 401
    assert client.post("/api/v1/places/matches", json={"addresses": ["x"]}).status_code == 401


def test_everyone_who_is_signed_in_searches_places(client: FlaskClient, inspector: Headers) -> None:
    items = client.get("/api/v1/places?q=人民路与建设路交叉口", headers=inspector).get_json()["items"]
    assert items[0]["level"] == "crossing" and items[0]["lon"] == pytest.approx(LON)


def test_a_point_is_reversed_and_may_come_in_another_system(client: FlaskClient, inspector: Headers) -> None:
    plain = client.get(f"/api/v1/places/reverse?lon={LON + 0.001}&lat={LAT + 0.0051}", headers=inspector).get_json()
    assert (plain["level"], plain["name"]) == ("plate", "梅溪路86号")
    shifted = client.get(f"/api/v1/places/reverse?lon={LON + 0.001}&lat={LAT + 0.0051}&crs=gcj02", headers=inspector).get_json()
    assert shifted["lon"] != plain["lon"]


def test_many_addresses_are_matched_in_the_order_asked(client: FlaskClient, inspector: Headers) -> None:
    asked = ["梅溪路86号", "没有这个地方xyz", "梅溪路88号", "", "梅溪路86号", "人民公园以北50米"]
    items = client.post("/api/v1/places/matches", json={"addresses": asked}, headers=inspector).get_json()["items"]
    assert [item["address"] for item in items] == asked
    assert [item["level"] for item in items] == ["plate", "none", "interpolated", "none", "plate", "offset"]
    assert items[1]["score"] == 0.0 and items[1]["lon"] is None


def test_a_place_is_added_changed_with_its_etag_and_keeps_its_history(client: FlaskClient, planner: Headers) -> None:
    made = client.post("/api/v1/places", json=NEW, headers=planner | {"Idempotency-Key": "place-one"})
    assert made.status_code == 201, made.text
    assert client.post("/api/v1/places", json=NEW, headers=planner | {"Idempotency-Key": "place-one"}).get_data() == made.get_data()
    path = made.headers["Location"]
    read = client.get(path, headers=planner)
    assert read.get_json()["aliases"] == ["三院"] and read.get_json()["pinyin"] == "dushanmenzhenbu"
    assert client.get(path, headers=planner | {"If-None-Match": read.headers["ETag"]}).status_code == 304
    assert client.patch(path, json={"name": "独山医院"}, headers=planner).status_code == 428
    assert client.patch(path, json={"name": "独山医院"}, headers=planner | {"If-Match": '"9"'}).status_code == 412
    changed = client.patch(path, json={"name": "独山医院", "reason": "改名"}, headers=planner | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200 and changed.get_json()["former_names"] == ["独山门诊部"]
    assert changed.get_json()["aliases"] == ["三院"]
    found = client.get("/api/v1/places?q=独山门诊部", headers=planner).get_json()["items"][0]
    assert found["name"] == "独山医院" and found["matched"] == "独山门诊部"
    history = client.get(f"{path}/history", headers=planner).get_json()
    assert [row["act"] for row in history] == ["change", "register"]
    assert history[0]["before"]["name"] == "独山门诊部" and history[0]["reason"] == "改名"


def test_a_retired_place_is_out_of_search_and_comes_back(client: FlaskClient, planner: Headers) -> None:
    made = client.post("/api/v1/places", json=NEW | {"name": "临时菜市", "aliases": []}, headers=planner)
    path = made.headers["Location"]
    gone = client.patch(path, json={"retired": True}, headers=planner | {"If-Match": made.headers["ETag"]})
    assert gone.get_json()["retired_at"] and client.get("/api/v1/places?q=临时菜市", headers=planner).get_json()["items"] == []
    client.patch(path, json={"retired": False}, headers=planner | {"If-Match": gone.headers["ETag"]})
    assert client.get("/api/v1/places?q=临时菜市", headers=planner).get_json()["items"][0]["name"] == "临时菜市"


def test_an_inspector_reads_the_gazetteer_and_does_not_change_it(client: FlaskClient, inspector: Headers, ids: dict[str, int]) -> None:
    refused = client.post("/api/v1/places", json=NEW, headers=inspector)
    assert refused.status_code == 403 and refused.get_json()["code"] == "place-edit-refused"
    read = client.get(f"/api/v1/places/{ids['人民路']}", headers=inspector)
    change = client.patch(f"/api/v1/places/{ids['人民路']}", json={"note": "x"}, headers=inspector | {"If-Match": read.headers["ETag"]})
    assert change.status_code == 403


def test_a_second_plate_of_one_number_is_refused(client: FlaskClient, planner: Headers, ids: dict[str, int]) -> None:
    body = {"kind": "plate", "street_id": ids["梅溪路"], "house_number": 86, "lon": LON, "lat": LAT}
    answer = client.post("/api/v1/places", json=body, headers=planner)
    assert answer.status_code == 409 and answer.get_json()["code"] == "plate-taken"
    beside = client.post("/api/v1/places", json=body | {"house_suffix": "-1"}, headers=planner)
    assert beside.status_code == 201 and beside.get_json()["name"] == "梅溪路86-1号"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "city"}, "kind"),
        ({"kind": "street"}, "geometry"),
        ({"kind": "plate"}, "street_id"),
        ({"house_number": 5}, "house_number"),
        ({"name": "！！"}, "name"),
        ({"lon": None}, "lon"),
        ({"geometry": {"type": "Point"}, "lon": None, "lat": None}, "geometry"),
        ({"typo": 1}, "typo"),
    ],
)
def test_wrong_input_names_the_field(client: FlaskClient, planner: Headers, change: dict[str, object], field: str) -> None:
    body = {name: value for name, value in (NEW | change).items() if value is not None}
    answer = client.post("/api/v1/places", json=body, headers=planner)
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"] in (field, "lat" if field == "lon" else field), answer.text


def test_the_history_of_a_place_cannot_be_edited(database: Engine, ids: dict[str, int]) -> None:
    with database.connect() as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(text("UPDATE gazetteer.changes SET reason = 'x'"))
