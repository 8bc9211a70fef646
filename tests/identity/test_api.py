"""Users, departments and posts over HTTP: the conventions every room keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops.http import auth
from cityops.identity.rules import POST_IDS, Scope
from tests.factories.identity import PASSWORD, bearer, personal, saved_user

Client = tuple[FlaskClient, dict[str, str]]


@pytest.fixture
def admin(app: Flask, database: Engine) -> Iterator[Client]:
    """A client with the bearer token of the city's administrator."""
    user = saved_user(database, "administrator", scopes=[Scope()])
    yield app.test_client(), bearer(database, user)


def _body(login: str, **more: Any) -> dict[str, Any]:  # Any: JSON
    return {"login": login, "name": "某人", "posts": ["acceptor"], "password": PASSWORD, **more}


def test_a_user_is_made_read_changed_and_scoped(admin: Client) -> None:
    client, headers = admin
    made = client.post("/api/v1/users", json=_body("li.hua", scopes=[{"division_code": "411303"}], phone="138-1234-5678"), headers=headers)
    assert made.status_code == 201 and made.headers["ETag"] == '"1"'
    body, path = made.get_json(), made.headers["Location"]
    assert body["phone_masked"] == "138****5678" and "phone" not in body and "password" not in str(body)
    assert client.get(path, headers=headers).get_json() == body
    changed = client.patch(path, json={"name": "李华", "posts": ["planner", "acceptor"]}, headers={**headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.get_json()["posts"] == ["acceptor", "planner"]
    scoped = client.put(f"{path}/scopes", json={"scopes": [{"beat_id": 7}, {"layer": "cases"}]}, headers={**headers, "If-Match": '"2"'})
    assert scoped.status_code == 200
    assert [{axis: value for axis, value in scope.items() if value} for scope in scoped.get_json()["scopes"]] == [
        {"beat_id": 7},
        {"layer": "cases"},
    ]


def test_a_change_needs_the_newest_etag(admin: Client) -> None:
    client, headers = admin
    path = client.post("/api/v1/users", json=_body("etag.user"), headers=headers).headers["Location"]
    for url, method, body in ((path, client.patch, {"name": "x"}), (f"{path}/scopes", client.put, {"scopes": []})):
        missing, old = method(url, json=body, headers=headers), method(url, json=body, headers={**headers, "If-Match": '"99"'})
        assert (missing.status_code, old.status_code) == (428, 412)
        assert missing.mimetype == old.mimetype == "application/problem+json"
    department = client.post("/api/v1/departments", json={"code": "ETAG", "name_zh": "一", "name_en": "One"}, headers=headers)
    path = department.headers["Location"]
    assert client.patch(path, json={"name_en": "Two"}, headers=headers).status_code == 428
    assert client.patch(path, json={"name_en": "Two"}, headers={**headers, "If-Match": '"7"'}).status_code == 412
    assert client.patch(path, json={"name_en": "Two"}, headers={**headers, "If-Match": '"1"'}).headers["ETag"] == '"2"'


def test_an_unchanged_record_is_not_sent_again(admin: Client) -> None:
    client, headers = admin
    path = client.post("/api/v1/users", json=_body("cached.user"), headers=headers).headers["Location"]
    tag = client.get(path, headers=headers).headers["ETag"]
    assert client.get(path, headers={**headers, "If-None-Match": tag}).status_code == 304


def test_a_retried_request_makes_one_user(admin: Client, database: Engine) -> None:
    client, headers = admin
    keyed = {**headers, "Idempotency-Key": "one-user"}
    first, again = (client.post("/api/v1/users", json=_body("once.only"), headers=keyed) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data and again.headers["Idempotency-Replayed"] == "true"
    other = client.post("/api/v1/users", json=_body("once.more"), headers=keyed)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-key-reused")
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM identity.users WHERE login LIKE 'once.%'")).scalar() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"login": "x"}, "login"),
        ({"posts": ["king"]}, "posts.0"),
        ({"password": "short"}, "password"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"scopes": [{"division_code": "4113"}]}, "scopes.0.division_code"),
        ({"scopes": [{"beat_id": 2**40}]}, "scopes.0.beat_id"),
        ({"scopes": [{"beat_id": "7"}]}, "scopes.0.beat_id"),
        ({"department_id": 2**31}, "department_id"),
        ({"department_id": 999_999}, "department_id"),
        ({"adminstrator": True}, "adminstrator"),
    ],
)
def test_bad_input_is_answered_with_the_field_and_what_to_do(admin: Client, body: dict[str, Any], field: str) -> None:
    client, headers = admin
    # Written as ASCII here, because half of a surrogate pair can only be sent escaped.
    sent = json.dumps({**_body("bad.input"), **body})
    answer = client.post("/api/v1/users", data=sent, content_type="application/json", headers=headers)
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype, problem["field"]) == (422, "application/problem+json", field)
    assert problem["detail"] and problem["fix"]


def test_users_are_listed_page_by_page(admin: Client, database: Engine) -> None:
    client, headers = admin
    for number in range(5):
        saved_user(database, "planner", login=f"list.{number}")
    seen: list[str] = []
    query: dict[str, object] = {"q": "list.", "limit": 2}
    while True:
        page = client.get("/api/v1/users", query_string=query, headers=headers).get_json()
        seen += [user["login"] for user in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"list.{number}" for number in range(5)]
    for wrong in ({"limit": 0}, {"limit": 1000}, {"cursor": "nonsense"}, {"post": "king"}):
        assert client.get("/api/v1/users", query_string=wrong, headers=headers).status_code == 422, wrong


def test_nothing_is_answered_without_credentials(client: FlaskClient) -> None:
    for path in ("users", "users/1", "departments", "departments/1", "posts", "audit", "sessions", "session"):
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json"), path
    for method, path in (
        ("post", "users"),
        ("patch", "users/1"),
        ("put", "users/1/scopes"),
        ("post", "departments"),
        ("delete", "sessions/1"),
    ):
        answer = getattr(client, method)(f"/api/v1/{path}", json={"scopes": []} if path.endswith("scopes") else _valid(path))
        assert answer.status_code == 401, (method, path, answer.text)


def _valid(path: str) -> dict[str, Any]:  # Any: JSON
    if path == "users":
        return _body("nobody")
    return {"code": "X", "name_zh": "一", "name_en": "One"} if path == "departments" else {}


def test_numbers_beyond_the_database_are_not_found(admin: Client) -> None:
    client, headers = admin
    for path in (f"users/{2**31}", f"departments/{2**40}"):
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 404
    assert client.delete(f"/api/v1/sessions/{2**63}", headers=headers).status_code == 404
    assert client.delete("/api/v1/sessions/999999", headers=headers).get_json()["code"] == "no-such-session"


def test_everybody_reads_departments_and_posts(app: Flask, admin: Client, database: Engine) -> None:
    client, headers = admin
    top = client.post("/api/v1/departments", json={"code": "TOP", "name_zh": "上", "name_en": "Top"}, headers=headers).get_json()
    body = {"code": "LOW", "name_zh": "下", "name_en": "Low", "parent_id": top["id"], "division_code": "411303"}
    low = client.post("/api/v1/departments", json=body, headers=headers).get_json()
    inspector = bearer(database, saved_user(database, "inspector"))
    items = {item["code"]: item for item in client.get("/api/v1/departments", headers=inspector).get_json()["items"]}
    assert items["LOW"] == low and items["LOW"]["parent_id"] == top["id"]
    assert {post["id"] for post in client.get("/api/v1/posts", headers=inspector).get_json()["items"]} == POST_IDS
    refused = client.post("/api/v1/departments", json={**body, "code": "NEW"}, headers=inspector)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "post-missing")


def test_ones_own_password_needs_the_present_one_and_ends_the_other_sessions(app: Flask, database: Engine) -> None:
    user = saved_user(database, "planner")
    mine, other, client = bearer(database, user), personal(database, user), app.test_client()
    path = f"/api/v1/users/{user.id}/password"
    for present in ({}, {"present_password": "not this one"}):
        answer = client.put(path, json={"password": "a quite new one", **present}, headers=mine)
        assert (answer.status_code, answer.get_json()["field"]) == (422, "present_password")
    assert client.put(path, json={"password": "a quite new one", "present_password": PASSWORD}, headers=mine).status_code == 204
    assert client.get("/api/v1/session", headers=mine).status_code == 200
    assert client.get("/api/v1/session", headers=other).status_code == 401


def test_a_refusal_over_http_says_why_and_what_to_do(admin: Client, app: Flask, database: Engine) -> None:
    client, _ = admin
    district = bearer(database, saved_user(database, "administrator", scopes=[Scope(division_code="411303")]))
    answer = client.post("/api/v1/users", json=_body("too.much", scopes=[{}]), headers=district)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "outside-your-scope")
    path = client.post("/api/v1/users", json=_body("in.district", scopes=[{"division_code": "411303001"}]), headers=district).headers[
        "Location"
    ]
    answer = client.put(
        f"{path}/scopes", json={"scopes": [{"division_code": "411303"}, {"beat_id": 1}]}, headers={**district, "If-Match": '"1"'}
    )
    assert answer.status_code == 403 and answer.get_json()["fix"]
    assert client.get(path, headers=district).get_json()["scopes"][0]["division_code"] == "411303001", (
        "a refused change leaves nothing behind"
    )


def test_the_viewer_of_a_request_is_looked_up_once(app: Flask, database: Engine) -> None:
    headers = bearer(database, saved_user(database, "planner"))
    with app.test_request_context("/", headers=headers):
        assert auth.viewer() is auth.viewer()
        assert auth.refresh() == auth.viewer()
        assert auth.presence().kind == "bearer"
    with app.test_request_context("/"):
        assert auth.viewer_or_none() is None


def test_every_operation_is_described(app: Flask) -> None:
    document = app.test_client().get("/api/openapi.json").get_json()
    mine = {
        path: item
        for path, item in document["paths"].items()
        if any("identity" in op.get("tags", []) for op in item.values() if isinstance(op, dict))
    }
    assert len(mine) >= 14
    for path, item in mine.items():
        for method, operation in item.items():
            if method != "parameters":
                assert operation.get("summary"), (method, path)
                named = {p["name"] for p in operation.get("parameters", []) if "name" in p}
                if method in ("patch",) or path.endswith("/scopes"):
                    assert "If-Match" in named, (method, path)
