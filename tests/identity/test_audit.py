"""The audit grows and never changes; a refused act is in it although its transaction is gone."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cityops.db.engine import make_engine
from cityops.db.session import unit_of_work
from cityops.identity import audit, queries
from cityops.identity.models import User
from cityops.identity.rules import Scope
from tests.factories.identity import NOW, PASSWORD, bearer, make_department, make_user, make_viewer, saved_user, signed_in


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.audit SET outcome = 'ok'",
        "DELETE FROM identity.audit",
        "TRUNCATE identity.audit",
        "TRUNCATE identity.audit CASCADE",
    ],
)
def test_the_audit_cannot_be_changed_or_emptied(session: Session, statement: str) -> None:
    audit.record(session, now=NOW, actor_id=1, act="x", subject="y")
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(text(statement))


def test_a_user_who_is_deleted_leaves_his_lines_behind(session: Session) -> None:
    user = make_user(session, "planner")
    audit.record(session, now=NOW, actor_id=user.id, act="x", subject="y")
    session.execute(text("DELETE FROM identity.users WHERE id = :id"), {"id": user.id})
    assert session.execute(text("SELECT count(*) FROM identity.audit WHERE actor_id = :id"), {"id": user.id}).scalar() == 1


def test_a_refused_act_is_audited_although_it_was_rolled_back(app: Flask, database: Engine) -> None:
    handler = saved_user(database, "handler")
    body = {"login": "smuggled", "name": "x", "posts": ["administrator"], "password": PASSWORD, "scopes": [{}]}
    answer = app.test_client().post("/api/v1/users", json=body, headers=bearer(database, handler))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "post-missing")
    with database.connect() as connection:
        line = connection.execute(text("SELECT * FROM identity.audit WHERE actor_id = :id"), {"id": handler.id}).one()
        assert connection.execute(text("SELECT count(*) FROM identity.users WHERE login = 'smuggled'")).scalar() == 0
    assert (line.act, line.object, line.outcome, line.reason, line.ip) == (
        "POST /api/v1/users",
        "/api/v1/users",
        "denied",
        "post-missing",
        "127.0.0.1",
    )


def test_a_refusal_stays_a_refusal_when_the_audit_cannot_take_it(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@/nothing?host=/nowhere")
    audit.record_denial(nowhere, now=NOW, actor_id=7, act="close", subject="case", reason="post-missing")
    assert "user 7 was refused close on case (post-missing)" in caplog.text


def test_every_change_of_permission_leaves_a_line_that_says_who_what_and_from_where(app: Flask, database: Engine) -> None:
    admin = saved_user(database, "administrator", scopes=[Scope()])
    with unit_of_work(database) as session:
        department = make_department(session)
    client, header = signed_in(app, admin)
    body = {"login": "watched", "name": "某人", "posts": ["acceptor"], "password": PASSWORD, "phone": "13812345678"}
    user = client.post("/api/v1/users", json=body, headers=header).get_json()
    path, tag = f"/api/v1/users/{user['id']}", '"{}"'
    client.patch(path, json={"posts": ["planner"], "department_id": department.id}, headers={**header, "If-Match": tag.format(1)})
    client.put(f"{path}/scopes", json={"scopes": [{"division_code": "411303"}]}, headers={**header, "If-Match": tag.format(2)})
    client.put(f"{path}/password", json={"password": "another long word"}, headers=header)
    client.put(f"{path}/lock", json={"until": "2099-01-01T00:00:00Z"}, headers=header)
    client.delete(f"{path}/lock", headers=header)
    client.post(f"{path}/phone-disclosure", json={"purpose": "call back"}, headers=header)
    client.patch(f"/api/v1/departments/{department.id}", json={"name_en": "New"}, headers={**header, "If-Match": tag.format(1)})
    client.post("/api/v1/tokens", json={"kind": "personal", "label": "QGIS"}, headers=header)
    client.delete("/api/v1/session", headers=header)
    with database.connect() as connection:
        lines = connection.execute(
            text("SELECT act, ip, detail FROM identity.audit WHERE actor_id = :id ORDER BY id"), {"id": admin.id}
        ).all()
    assert [line.act for line in lines] == [
        "sign-in",
        "user-created",
        "user-changed",
        "scopes-changed",
        "password-changed",
        "user-locked",
        "user-unlocked",
        "phone-shown",
        "department-changed",
        "token-issued",
        "sign-out",
    ]
    assert {line.ip for line in lines} == {"127.0.0.1"}
    assert lines[3].detail == {"before": [], "after": [{"division_code": "411303"}]}
    assert "13812345678" not in str(lines) and "another long word" not in str(lines)


def test_the_audit_is_read_by_two_posts_and_within_their_scope(session: Session) -> None:
    mine, other = make_department(session, division_code="411303"), make_department(session, division_code="411302")
    inside, outside = make_user(session, "handler", department=mine), make_user(session, "handler", department=other)
    for user in (inside, outside):
        audit.record(session, now=NOW, actor_id=user.id, act="scope-test", subject="y")
    audit.record(session, now=NOW, actor_id=None, act="scope-test", subject="y")

    def actors(viewer: object) -> set[int | None]:
        return {line.actor_id for line in queries.list_audit(session, viewer, act="scope-test")}  # type: ignore[arg-type]  # a Viewer

    assert actors(make_viewer(session, "administrator", scopes=[Scope(division_code="411303")])) == {inside.id}
    assert actors(make_viewer(session, "supervisor", scopes=[Scope()])) == {inside.id, outside.id, None}


def test_reading_the_audit_needs_a_post(app: Flask, database: Engine) -> None:
    client = app.test_client()
    for post, status in (("administrator", 200), ("supervisor", 200), ("evaluator", 403), ("handler", 403)):
        assert client.get("/api/v1/audit", headers=bearer(database, saved_user(database, post, scopes=[Scope()]))).status_code == status


def test_the_audit_is_paged_newest_first_without_gaps_or_repeats(app: Flask, database: Engine) -> None:
    user: User = saved_user(database, "supervisor", scopes=[Scope()])
    with unit_of_work(database) as session:
        for number in range(7):
            audit.record(session, now=NOW, actor_id=user.id, act="paged", subject=f"thing:{number}")
    client, headers = app.test_client(), bearer(database, user)
    seen, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/audit", query_string={"act": "paged", "limit": 3, **({"cursor": cursor} if cursor else {})}, headers=headers
        )
        seen += [item["object"] for item in page.get_json()["items"]]
        cursor = page.get_json()["next"]
        if cursor is None:
            break
    assert seen == [f"thing:{number}" for number in reversed(range(7))]
    later = {"act": "paged", "since": "2026-11-20T01:00:01Z"}
    assert client.get("/api/v1/audit", query_string=later, headers=headers).get_json()["items"] == []
