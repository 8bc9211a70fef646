"""The inspector's side over HTTP: tasks in walking order, and writes as actions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops import clock
from cityops.config import Settings
from cityops.db.session import unit_of_work
from tests.factories.cases import REFUSE, Town, saved_town
from tests.factories.identity import bearer


@pytest.fixture(scope="module")
def town(database: Engine, settings: Settings) -> Town:
    made = saved_town(database, settings.media_dir)
    made.now = clock.now()
    return made


@pytest.fixture(scope="module")
def headers(database: Engine, town: Town) -> dict[str, dict[str, str]]:
    return {name: bearer(database, user) for name, user in town.users.items()}


def tasks(client: FlaskClient, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:  # Any: query values, JSON
    answer = client.get("/api/v1/tasks", query_string=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def test_tasks_come_to_the_inspector_of_the_beat_the_nearest_first(
    client: FlaskClient, database: Engine, town: Town, headers: dict[str, dict[str, str]]
) -> None:
    lon, lat = town.at
    with unit_of_work(database) as session:
        near = town.report(session, "acceptor", source="hotline")
        further = town.report(session, "acceptor", source="hotline", lat=lat + 0.0003)
        other = town.report(session, "acceptor", source="hotline", lon=town.elsewhere[0], lat=town.elsewhere[1])
        for written in (further, near, other):
            town.act(session, "acceptor", written.number, "send_verification")
        checking = town.bring_to(session, "checking")
    mine = tasks(client, headers["inspector"], lon=lon, lat=lat)
    assert [task["case_number"] for task in mine if task["kind"] == "verify"] == [near.number, further.number]
    assert {task["case_number"] for task in mine} == {near.number, further.number, checking.number}
    assert mine[0]["distance_m"] == 0 and next(t for t in mine if t["case_number"] == further.number)["distance_m"] == pytest.approx(
        33.4, abs=0.3
    )
    assert all(task["due_at"] and task["class_name_zh"] and task["light"] in ("ok", "soon", "late") for task in mine)
    assert [task["case_number"] for task in tasks(client, headers["inspector2"])] == [other.number]
    assert tasks(client, headers["stranger"], mine=0) == []
    assert {task["case_number"] for task in tasks(client, headers["acceptor"], mine=0)} == {
        t.number for t in (near, further, other, checking)
    }
    assert tasks(client, headers["acceptor"]) == []
    assert {task["kind"] for task in tasks(client, headers["inspector"], kind="check")} == {"check"}


def test_a_done_task_leaves_the_list_and_is_remembered(
    client: FlaskClient, database: Engine, town: Town, headers: dict[str, dict[str, str]]
) -> None:
    with unit_of_work(database) as session:
        number = town.report(session, "acceptor", source="public").number
        town.act(session, "acceptor", number, "send_verification")
    answer = client.post(f"/api/v1/cases/{number}/verification", json={"result": "exists"}, headers=headers["inspector"])
    assert answer.status_code == 200, answer.text
    assert number not in {task["case_number"] for task in tasks(client, headers["inspector"])}
    assert number in {task["case_number"] for task in tasks(client, headers["inspector"], state="done")}


@pytest.mark.parametrize("query", [{"lon": "112"}, {"kind": "dance"}, {"lon": "x", "lat": "1"}, {"limit": "0"}, {"lon": "200", "lat": "0"}])
def test_a_wrong_question_names_its_field(client: FlaskClient, headers: dict[str, dict[str, str]], query: dict[str, str]) -> None:
    answer = client.get("/api/v1/tasks", query_string=query, headers=headers["inspector"])
    assert answer.status_code == 422 and answer.get_json()["field"] in query


def envelope(kind: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:  # Any: JSON
    return {"id": str(uuid.uuid4()), "kind": kind, "made_at": "2026-11-16T01:00:00Z", "body": body, **more}


def test_an_action_does_what_the_front_door_does_and_only_once(
    client: FlaskClient, database: Engine, town: Town, headers: dict[str, dict[str, str]]
) -> None:
    with unit_of_work(database) as session:
        photo = town.photo(session, "inspector")
    action = envelope("report", {"source": "inspector", **REFUSE, "lon": town.at[0], "lat": town.at[1], "photos": [photo]})
    first = client.post("/api/v1/actions", json=action, headers=headers["inspector"])
    assert first.status_code == 201, first.text
    again = [client.post("/api/v1/actions", json=action, headers=headers["inspector"]) for _ in range(2)]
    assert {answer.data for answer in again} == {first.data}
    number = first.get_json()["number"]
    with database.connect() as connection:
        made_at = connection.execute(
            text(
                "SELECT CAST(body AS json) -> 'body' ->> 'made_at' FROM cases.events e"
                " JOIN cases.cases c ON c.id = e.case_id WHERE c.number = :n"
            ),
            {"n": number},
        ).scalar_one()
    assert made_at == "2026-11-16T01:00:00.000000Z"

    accepted = client.post("/api/v1/actions", json=envelope("acceptance", {}, number=number), headers=headers["acceptor"])
    assert accepted.status_code == 200 and accepted.get_json()["state"] == "to_file"
    late = client.post("/api/v1/actions", json=envelope("acceptance", {}, number=number), headers=headers["acceptor"])
    assert late.status_code == 409 and late.get_json()["reason_code"] == "not_in_state"


def test_a_phone_whose_clock_runs_ahead_cannot_date_its_work_into_the_future(
    client: FlaskClient, database: Engine, town: Town, headers: dict[str, dict[str, str]]
) -> None:
    with unit_of_work(database) as session:
        number = town.report(session).number
    action = envelope("acceptance", {}, number=number) | {"made_at": "2099-01-01T00:00:00Z"}
    assert client.post("/api/v1/actions", json=action, headers=headers["acceptor"]).status_code == 200
    with database.connect() as connection:
        body = connection.execute(
            text("SELECT body FROM cases.events e JOIN cases.cases c ON c.id = e.case_id WHERE c.number = :n AND seq = 2"), {"n": number}
        ).scalar_one()
    assert "2099" not in body


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "not-a-uuid"}, "id"),
        ({"kind": "dance"}, "kind"),
        ({"number": "411303-20261116-00001"}, "number"),
        ({"body": {"kind": "event"}}, "body."),
        ({"body": {**REFUSE, "source": "inspector", "lon": "east", "lat": 3}}, "body.lon"),
        ({"made_at": "yesterday"}, "made_at"),
    ],
)
def test_a_wrong_action_names_its_field(
    client: FlaskClient, headers: dict[str, dict[str, str]], change: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/v1/actions", json=envelope("report", {}) | change, headers=headers["inspector"])
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["field"].startswith(field)
