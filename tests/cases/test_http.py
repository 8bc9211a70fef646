"""The case file over HTTP: the whole loop with six accounts, retries, double clicks, problem documents."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from cityops import clock
from cityops.config import Settings
from tests.factories.cases import MANHOLE, REFUSE, Town, jpeg, saved_town
from tests.factories.identity import bearer


@pytest.fixture(scope="module")
def town(database: Engine, settings: Settings) -> Town:
    made = saved_town(database, settings.media_dir)
    made.now = clock.now()
    return made


@pytest.fixture(scope="module")
def headers(database: Engine, town: Town) -> dict[str, dict[str, str]]:
    return {name: bearer(database, user) for name, user in town.users.items()}


class Desk:
    """A person at a client."""

    def __init__(self, client: FlaskClient, headers: dict[str, dict[str, str]], town: Town) -> None:
        self.client, self.headers, self.town = client, headers, town

    def get(self, who: str, path: str, **kwargs: Any) -> TestResponse:  # Any: werkzeug's own arguments
        return self.client.get(f"/api/v1{path}", headers=self.headers[who], **kwargs)

    def post(self, who: str, path: str, body: Any = None, key: str | None = None, **more: str) -> TestResponse:  # Any: JSON
        extra = {"Idempotency-Key": key} if key else {}
        return self.client.post(f"/api/v1{path}", json={} if body is None else body, headers={**self.headers[who], **extra, **more})

    def photo(self, who: str, data: bytes | None = None, **fields: Any) -> int:  # Any: form values
        form = {"file": (io.BytesIO(data or jpeg()), "photo.jpg"), **fields}
        answer = self.client.post("/api/v1/media", data=form, headers=self.headers[who])
        assert answer.status_code == 201, answer.text
        photo_id: int = answer.get_json()["id"]
        return photo_id

    def report(self, who: str = "inspector", key: str | None = None, **changes: Any) -> TestResponse:  # Any: JSON
        lon, lat = self.town.at
        body = {"source": "inspector", **REFUSE, "lon": lon, "lat": lat, "description": "垃圾"} | changes
        if "photos" not in body and body["source"] == "inspector":
            body["photos"] = [self.photo(who)]
        return self.post(who, "/cases", body, key)


@pytest.fixture
def desk(client: FlaskClient, headers: dict[str, dict[str, str]], town: Town) -> Desk:
    return Desk(client, headers, town)


def test_six_accounts_walk_a_case_from_report_to_closing(desk: Desk) -> None:
    answer = desk.report()
    assert answer.status_code == 201 and answer.headers["Location"].endswith(answer.get_json()["number"])
    path = f"/cases/{answer.get_json()['number']}"
    steps = [
        ("acceptor", "acceptance", {}, "to_file"),
        ("leader", "filing", {}, "to_dispatch"),
        ("dispatcher", "dispatch", {}, "to_handle"),
        ("handler", "receipt", {}, "handling"),
        ("handler", "handling", {"photos": [desk.photo("handler")], "note": "已清理"}, "handled"),
        ("dispatcher", "feedback", {}, "to_check"),
        ("acceptor", "check-request", {}, "checking"),
        ("inspector", "check", {"result": "pass", "photos": [desk.photo("inspector")]}, "to_close"),
        ("leader", "closure", {}, "closed"),
    ]
    for who, noun, body, state in steps:
        offered = {act["noun"]: act for act in desk.get(who, path).get_json()["acts"]}
        assert offered[noun]["allowed"], (noun, offered[noun])
        done = desk.post(who, f"{path}/{noun}", body)
        assert (done.status_code, done.get_json()["state"]) == (200, state), done.text
        assert done.headers["ETag"] == f'"{done.get_json()["version"]}"'
    events = desk.get("leader", f"{path}/events").get_json()
    assert [event["seq"] for event in events] == list(range(1, 11))
    assert json.loads(events[4]["text"])["act"] == "receive"


def test_what_is_offered_and_what_is_done_agree_for_everybody(desk: Desk, town: Town) -> None:
    """Each act that a detail offers succeeds when its inputs are given, and each it refuses fails with the same reason."""
    for source in ("inspector", "public"):
        number = desk.report("inspector" if source == "inspector" else "acceptor", source=source).get_json()["number"]
        for who in ("inspector", "acceptor", "leader", "dispatcher", "everybody"):
            for act in desk.get(who, f"/cases/{number}").get_json()["acts"]:
                if not act["allowed"]:
                    answer = desk.post(who, f"/cases/{number}/{act['noun']}", {"reason": "x", "result": "exists"})
                    assert answer.status_code in (403, 409)
                    assert answer.get_json()["reason_code"] == act["reason_code"]
                    assert answer.get_json()["reason_zh"] == act["reason_zh"]


def test_the_same_key_replays_the_same_bytes(desk: Desk, database: Engine) -> None:
    key, photo = str(uuid.uuid4()), desk.photo("inspector")
    first = desk.report(key=key, photos=[photo])
    again = desk.report(key=key, photos=[photo])
    assert first.status_code == again.status_code == 201
    assert first.data == again.data and first.headers["ETag"] == again.headers["ETag"]
    assert again.headers["Idempotency-Replayed"] == "true"

    number, key = first.get_json()["number"], str(uuid.uuid4())
    done = [desk.post("acceptor", f"/cases/{number}/acceptance", {}, key) for _ in range(3)]
    assert [answer.status_code for answer in done] == [200] * 3
    assert len({answer.data for answer in done}) == 1


def test_a_double_click_with_another_key_is_a_typed_conflict(desk: Desk) -> None:
    number = desk.report().get_json()["number"]
    assert desk.post("acceptor", f"/cases/{number}/acceptance", {}, str(uuid.uuid4())).status_code == 200
    second = desk.post("acceptor", f"/cases/{number}/acceptance", {}, str(uuid.uuid4()))
    assert second.status_code == 409
    assert second.mimetype == "application/problem+json"
    assert second.get_json()["code"] == "act-not-possible" and second.get_json()["reason_code"] == "not_in_state"


def test_if_match_guards_an_act_and_is_not_demanded(desk: Desk) -> None:
    answer = desk.report()
    number, tag = answer.get_json()["number"], answer.headers["ETag"]
    assert desk.post("acceptor", f"/cases/{number}/acceptance", {}, **{"If-Match": '"99"'}).status_code == 412
    assert desk.post("acceptor", f"/cases/{number}/acceptance", {}, **{"If-Match": tag}).status_code == 200
    assert desk.post("leader", f"/cases/{number}/filing", {}, **{"If-Match": tag}).status_code == 412
    assert desk.post("leader", f"/cases/{number}/filing", {}, **{"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lon": 0.0, "lat": 0.0}, "lon"),
        ({"lon": 112.5}, None),
        ({"lat": None}, "lon"),
        ({"class_code": "99"}, "class_code"),
        ({"class_code": "AB"}, "class_code"),
        ({"crs": "EPSG:99999999"}, "crs"),
        ({"source": "rumour"}, "source"),
        ({"photos": [-1]}, "photos.0"),
        ({"photos": []}, "photos"),
        ({"condition_id": 2_000_000_000}, "condition_id"),
        ({"component_code": "4113030103999999"}, "component_code"),
        ({"description": "a\x00b"}, "description"),
        ({"no_such_field": 1}, "no_such_field"),
    ],
)
def test_bad_input_is_answered_with_the_field_and_the_fix(desk: Desk, change: dict[str, Any], field: str | None) -> None:
    answer = desk.report(**({"photos": [desk.photo("inspector")]} | change))
    if field is None:
        assert answer.status_code in (201, 422)
        return
    assert answer.status_code == 422, answer.text
    problem = answer.get_json()
    assert problem["field"] == field and problem["fix"] and problem["code"]


def test_without_credentials_nothing_is_told(client: FlaskClient) -> None:
    for path in ("/cases", "/cases/summary", "/cases/workflow", "/cases/export", "/cases/411303-20261116-00001", "/tasks", "/media/1/full"):
        assert client.get(f"/api/v1{path}").status_code == 401
    assert client.post("/api/v1/cases", json={}).status_code in (401, 422)


def test_a_refused_act_is_kept_in_the_audit(desk: Desk, database: Engine) -> None:
    number = desk.report().get_json()["number"]
    assert desk.post("acceptor", f"/cases/{number}/voiding", {"reason": "no"}).status_code == 403
    with database.connect() as connection:
        kept = connection.execute(
            text("SELECT * FROM identity.audit WHERE outcome = 'denied' AND actor_id = :id ORDER BY id DESC LIMIT 1"),
            {"id": desk.town.users["acceptor"].id},
        ).one()
    assert number in f"{kept.object} {kept.detail}" and "act-not-yours" in f"{kept.reason} {kept.detail}"


def test_a_case_beyond_ones_sight_is_not_there(desk: Desk) -> None:
    number = desk.report().get_json()["number"]
    for path in (f"/cases/{number}", f"/cases/{number}/events"):
        assert desk.get("stranger", path).status_code == 404
        assert desk.get("inspector2", path).status_code == 404
    assert desk.post("stranger", f"/cases/{number}/acceptance", {}).status_code == 404
    assert desk.get("acceptor", f"/cases/{number}").status_code == 200
    assert desk.get("acceptor", "/cases/411303-20000101-00001").status_code == 404
    assert desk.get("acceptor", "/cases/'; DROP TABLE cases;--").status_code == 404


def test_an_unknown_act_is_not_found(desk: Desk) -> None:
    number = desk.report().get_json()["number"]
    assert desk.post("acceptor", f"/cases/{number}/blessing", {}).status_code == 404
    assert desk.post("acceptor", f"/cases/{number}/recell", {}).status_code == 404


def test_the_list_pages_by_an_opaque_cursor(desk: Desk) -> None:
    for _ in range(3):
        desk.report()
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, "sort": "-reported"} | ({"cursor": cursor} if cursor else {})
        page = desk.get("acceptor", "/cases", query_string=query).get_json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == page["total"]
    wrong = desk.get("acceptor", "/cases", query_string={"cursor": "bm9uc2Vuc2U"})
    assert wrong.status_code == 422 and wrong.get_json()["field"] == "cursor"
    first = desk.get("acceptor", "/cases", query_string={"limit": 1, "sort": "-reported"}).get_json()["next"]
    assert desk.get("acceptor", "/cases", query_string={"cursor": first, "sort": "due"}).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"state": "asleep"},
        {"bbox": "1,2,3"},
        {"bbox": "3,2,1,4"},
        {"limit": "0"},
        {"light": "blue"},
        {"division": "4"},
        {"since": "yesterday"},
        {"nonsense": "1"},
    ],
)
def test_a_wrong_filter_is_a_422_that_names_it(desk: Desk, query: dict[str, str]) -> None:
    answer = desk.get("acceptor", "/cases", query_string=query)
    assert answer.status_code == 422 and answer.get_json()["field"] == next(iter(query))


def test_exports_stream_in_every_form(desk: Desk) -> None:
    number = desk.report().get_json()["number"]
    geo = desk.get("acceptor", "/cases/export", query_string={"format": "geojson", "state": "open"})
    assert geo.mimetype == "application/geo+json" and number in {f["id"] for f in geo.get_json()["features"]}
    table = desk.get("acceptor", "/cases/export", query_string={"format": "csv"})
    assert table.mimetype == "text/csv" and number in table.text
    assert len(desk.get("acceptor", "/cases/export", query_string={"format": "pins", "limit": 1}).get_json()["features"]) == 1


def test_the_summary_and_the_workflow_are_told(desk: Desk) -> None:
    assert set(desk.get("acceptor", "/cases/summary").get_json()) >= {
        "open",
        "late",
        "soon",
        "on_time_rate",
        "inspectors",
        "inspectors_on_duty",
    }
    flow = desk.get("acceptor", "/cases/workflow").get_json()
    assert [stage["number"] for stage in flow["stages"]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(state["title_zh"] and state["title_en"] for state in flow["states"])


def test_photos_are_shown_to_who_may_see_the_case_and_to_nobody_else(desk: Desk) -> None:
    photo = desk.photo("inspector")
    assert desk.get("inspector", f"/media/{photo}/full").status_code == 200
    assert desk.get("acceptor", f"/media/{photo}/full").status_code == 404, "no case holds it yet"
    desk.report(photos=[photo])
    shown = desk.get("acceptor", f"/media/{photo}/thumb")
    assert shown.status_code == 200 and shown.mimetype == "image/jpeg"
    assert "immutable" in shown.headers["Cache-Control"] and "private" in shown.headers["Cache-Control"]
    for who in ("stranger", "inspector2", "drainer"):
        assert desk.get(who, f"/media/{photo}/full").status_code == 404
    again = desk.client.get(f"/api/v1/media/{photo}/thumb", headers={**desk.headers["acceptor"], "If-None-Match": shown.headers["ETag"]})
    assert again.status_code == 304
    assert desk.get("acceptor", "/media/99999999999999999999999/full").status_code == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "file"),
        ({"file": "text"}, "file"),
        ({"file": (io.BytesIO(b"GIF89a"), "a.gif")}, "file"),
        ({"file": (io.BytesIO(b"x"), "a.jpg"), "phase": "never"}, "phase"),
        ({"file": (io.BytesIO(b"x"), "a.jpg"), "lon": "1"}, "lon"),
        ({"file": (io.BytesIO(b"x"), "a.jpg"), "mood": "good"}, "mood"),
    ],
)
def test_a_wrong_upload_names_its_field(desk: Desk, form: dict[str, Any], field: str) -> None:
    answer = desk.client.post("/api/v1/media", data=form, headers=desk.headers["inspector"], content_type="multipart/form-data")
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"] == field


def test_no_answer_of_the_loop_is_undocumented(app: Flask, client: FlaskClient) -> None:
    paths = client.get("/api/openapi.json").get_json()["paths"]
    act = paths["/api/v1/cases/{number}/{noun}"]
    noun = next(p for p in [*act.get("parameters", []), *act["post"]["parameters"]] if p.get("name") == "noun")
    assert "closure" in noun["schema"]["enum"]
    assert {"200", "403", "404", "409", "412"} <= set(act["post"]["responses"])


def test_the_stored_photo_of_a_case_is_the_one_in_its_chain(desk: Desk, database: Engine, settings: Settings) -> None:
    photo = desk.photo("inspector")
    number = desk.report(photos=[photo]).get_json()["number"]
    body = desk.get("acceptor", f"/cases/{number}/events").get_json()[0]["text"]
    digest = json.loads(body)["body"]["photos"][0]["digest"]
    with database.connect() as connection:
        stored = connection.execute(text("SELECT encode(digest, 'hex') FROM media.photos WHERE id = :id"), {"id": photo}).scalar_one()
    assert stored == digest
    path: Path = settings.media_dir / digest[:2] / digest[2:4] / f"{digest}.jpg"
    assert path.exists()


def test_a_component_case_names_its_component(desk: Desk, town: Town) -> None:
    body = desk.report(**MANHOLE, component_code=town.component_code, lon=None, lat=None).get_json()
    assert body["component"]["code"] == town.component_code
    assert body["routing"]["rule"] == "component_maintainer"


def test_a_delay_and_a_suspension_are_asked_for_and_granted_over_http(desk: Desk, town: Town) -> None:
    path = f"/cases/{desk.report().get_json()['number']}"
    for who, noun, body in (
        ("leader", "simplified-filing", {}), ("dispatcher", "dispatch", {}), ("handler", "receipt", {}),
        ("handler", "delay-request", {"reason": "需调配机械"}),
    ):  # fmt: skip
        answer = desk.post(who, f"{path}/{noun}", body)
        assert answer.status_code == 200, answer.text
    assert answer.get_json()["pending"] == "delay" and answer.get_json()["simplified"]
    due_at = answer.get_json()["due_at"]
    granted = desk.post("dispatcher", f"{path}/delay-decision", {"result": "approved"}).get_json()
    assert granted["due_at"] > due_at and granted["delay_count"] == 1 and granted["pending"] is None

    wrong = desk.post("handler", f"{path}/suspension-request", {"reason": "等待施工季节"})
    assert (wrong.status_code, wrong.get_json()["field"], wrong.get_json()["reason_code"]) == (422, "until_on", "until_missing")
    nonsense = desk.post("handler", f"{path}/suspension-request", {"reason": "x", "until_on": "someday"})
    assert nonsense.status_code == 422 and "until_on" in nonsense.text
    until_on = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    assert desk.post("head", f"{path}/suspension-request", {"reason": "等待施工季节", "until_on": until_on}).status_code == 200
    offered = {act["noun"]: act for act in desk.get("dispatcher", path).get_json()["acts"]}
    assert offered["suspension-decision"]["allowed"] and offered["suspension-decision"]["requires"] == ["result"]
    paused = desk.post("dispatcher", f"{path}/suspension-decision", {"result": "approved"}).get_json()
    assert (paused["state"], paused["light"]) == ("suspended", "paused")
    refused = desk.post("handler", f"{path}/handling", {"photos": [desk.photo("handler")]})
    assert (refused.status_code, refused.get_json()["reason_code"]) == (409, "not_in_state")
    assert desk.post("handler", f"{path}/resumption", {}).get_json()["state"] == "handling"


def test_the_list_can_be_asked_for_marks(desk: Desk) -> None:
    number = desk.report().get_json()["number"]
    assert desk.post("acceptor", f"/cases/{number}/urgency", {"result": "urgent"}).get_json()["urgent"] is True
    found = desk.get("leader", "/cases?mark=urgent").get_json()["items"]
    assert [item["number"] for item in found] == [number] and found[0]["urgent"] is True
    assert desk.get("leader", "/cases?mark=delay,appeal").get_json()["items"] == []
    wrong = desk.get("leader", "/cases?mark=holy")
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "mark")
