"""Standards over HTTP."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cityops.identity.rules import Scope
from tests.factories.identity import bearer, saved_user


@pytest.fixture(scope="module")
def planner(database: Engine) -> dict[str, str]:
    return bearer(database, saved_user(database, "planner", scopes=(Scope(),)))


@pytest.fixture(scope="module")
def inspector(database: Engine) -> dict[str, str]:
    return bearer(database, saved_user(database, "inspector", scopes=(Scope(),)))


NEW = {
    "edition": "local",
    "kind": "event",
    "class_code": "0193",
    "filing_zh": "未分类",
    "filing_en": "not sorted",
    "closing_zh": "已分类",
    "closing_en": "sorted",
    "limit_b": 4,
    "unit": "working_hour",
    "effective_from": "2026-11-01",
    "source": "the city",
}


def test_conditions_are_for_those_who_signed_in(client: FlaskClient) -> None:
    for path in ("/api/v1/conditions", "/api/v1/conditions/1", "/api/v1/calendars/default"):
        assert client.get(path).status_code == 401


def test_conditions_of_a_class_on_a_day(client: FlaskClient, planner: dict[str, str]) -> None:
    answer = client.get("/api/v1/conditions?class=0137&kind=component&edition=gbt30428.2-2013&on=2026-11-16", headers=planner)
    body = answer.get_json()
    assert [row["number"] for row in body["items"]] == [1, 2, 3] and body["next"] is None
    assert body["items"][1]["limit_b"] == 2 and body["items"][1]["unit"] == "working_day"


def test_paging_through_all_conditions_gives_each_once(client: FlaskClient, planner: dict[str, str]) -> None:
    seen: list[int] = []
    cursor = ""
    while True:
        body = client.get(f"/api/v1/conditions?limit=100{cursor}", headers=planner).get_json()
        seen += [row["id"] for row in body["items"]]
        if body["next"] is None:
            break
        cursor = f"&cursor={body['next']}"
    assert len(seen) == len(set(seen)) >= 448


def test_a_condition_is_added_read_and_changed_with_its_etag(client: FlaskClient, planner: dict[str, str]) -> None:
    made = client.post("/api/v1/conditions", json=NEW, headers=planner | {"Idempotency-Key": "one"})
    assert made.status_code == 201, made.text
    again = client.post("/api/v1/conditions", json=NEW, headers=planner | {"Idempotency-Key": "one"})
    assert again.get_json() == made.get_json()
    path = made.headers["Location"]
    read = client.get(path, headers=planner)
    assert client.get(path, headers=planner | {"If-None-Match": read.headers["ETag"]}).status_code == 304
    assert client.patch(path, json={"limit_b": 8}, headers=planner).status_code == 428
    assert client.patch(path, json={"limit_b": 8}, headers=planner | {"If-Match": '"77"'}).status_code == 412
    changed = client.patch(path, json={"limit_b": 8}, headers=planner | {"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    assert changed.get_json()["limit_b"] == 8 and changed.get_json()["id"] != made.get_json()["id"]


def test_an_inspector_reads_standards_and_does_not_write_them(client: FlaskClient, inspector: dict[str, str]) -> None:
    refused = client.post("/api/v1/conditions", json=NEW, headers=inspector)
    assert refused.status_code == 403 and refused.get_json()["code"] == "standards-edit-refused"
    assert client.get("/api/v1/conditions?limit=1", headers=inspector).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"limit_b": 0}, "limit_b"),
        ({"unit": "week"}, "unit"),
        ({"kind": "thing"}, "kind"),
        ({"typo": 1}, "typo"),
        ({"effective_to": "2026-10-01"}, "effective_to"),
    ],
)
def test_wrong_input_is_a_problem_that_names_the_field(
    client: FlaskClient, planner: dict[str, str], change: dict[str, object], field: str
) -> None:
    answer = client.post("/api/v1/conditions", json=NEW | change, headers=planner)
    assert answer.status_code == 422 and answer.get_json()["field"] == field
    assert answer.mimetype == "application/problem+json"


def test_a_calendar_is_read_changed_and_given_days(client: FlaskClient, planner: dict[str, str]) -> None:
    read = client.get("/api/v1/calendars/4113?year=2026", headers=planner)
    body = read.get_json()
    assert body["is_own"] is False and body["working_periods"] == [["08:00", "12:00"], ["14:00", "18:00"]]
    assert all(day["on"].startswith("2026") for day in body["days"]) and 2026 in body["known_years"]
    changed = client.patch(
        "/api/v1/calendars/4113", json={"working_periods": [["09:00", "17:00"]]}, headers=planner | {"If-Match": read.headers["ETag"]}
    )
    assert changed.status_code == 200 and changed.get_json()["is_own"] is True
    days = {"days": [{"on": "2027-10-01", "kind": "holiday", "name_zh": "国庆节", "name_en": "National Day"}]}
    put = client.put("/api/v1/calendars/4113/days", json=days, headers=planner | {"If-Match": changed.headers["ETag"]})
    assert put.status_code == 200 and 2027 in put.get_json()["known_years"]


def test_a_deadline_is_computed_on_request(client: FlaskClient, planner: dict[str, str]) -> None:
    query = "start=2026-11-20T17:00:00%2B08:00&limit=1&unit=working_day"
    body = client.get(f"/api/v1/calendars/default/deadline?{query}", headers=planner).get_json()
    assert body["due_at"] == "2026-11-23T09:00:00+00:00" and body["holidays_known"] is True
    beyond = client.get("/api/v1/calendars/default/deadline?start=2026-12-31T17:00:00Z&limit=3&unit=working_day", headers=planner)
    assert beyond.get_json()["holidays_known"] is False


@pytest.mark.parametrize("city", ["nowhere", "12x4", "99999"])
def test_what_is_no_city_has_no_calendar(app: Flask, client: FlaskClient, planner: dict[str, str], city: str) -> None:
    answer = client.get(f"/api/v1/calendars/{city}", headers=planner)
    assert answer.status_code == (200 if city == "99999" else 404)
