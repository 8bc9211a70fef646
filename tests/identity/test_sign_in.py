"""Signing in, at the console and by token: who gets in, who is slowed down, and what an outsider can learn (nothing)."""

from __future__ import annotations

import base64
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops import clock
from cityops.db.session import unit_of_work
from cityops.identity import operations, passwords, rules, sessions
from cityops.identity.errors import SignInFailed, SignInPaused
from cityops.identity.models import User
from cityops.identity.rules import ACCOUNT_BACK_OFF, ADDRESS_BACK_OFF, Scope
from cityops.identity.sessions import Caller
from tests.factories.identity import PASSWORD, bearer, make_department, personal, saved_user, sign_in, signed_in


@pytest.fixture(autouse=True)
def forgiven(database: Engine) -> None:
    """Every test starts without failed attempts of the test client's address."""
    with database.begin() as connection:
        connection.execute(text("DELETE FROM identity.attempts"))


def _audit(database: Engine, act: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        rows = connection.execute(
            text("SELECT actor_id, outcome, reason, object FROM identity.audit WHERE act = :act ORDER BY id"), {"act": act}
        )
        return [tuple(row) for row in rows]


# --- cookie ------------------------------------------------------------------------------------------------------------


def test_signing_in_sets_a_cookie_scripts_cannot_read_and_one_they_must(app: Flask, database: Engine) -> None:
    with unit_of_work(database) as session:
        department = make_department(session)
    user = saved_user(database, "acceptor", department=department, scopes=[Scope(division_code="411303"), Scope(beat_id=4)])
    answer = sign_in(app.test_client(), user.login)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["user"] == {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "posts": ["acceptor"],
        "department": {"id": department.id, "code": department.code, "name_zh": department.name_zh, "name_en": department.name_en},
        "divisions": ["411303"],
        "whole_city": False,
        "beats": [4],
    }
    cookies = {line.split("=", 1)[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert "HttpOnly" in cookies["cityops_session"] and "SameSite=Lax" in cookies["cityops_session"]
    assert "HttpOnly" not in cookies["cityops_csrf"] and body["csrf_token"] in cookies["cityops_csrf"]
    assert "Secure" not in cookies["cityops_session"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_cookies_are_secure_on_https(app: Flask, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    answer = sign_in(app.test_client(), user.login, base_url="https://city.example")
    assert all("Secure" in line for line in answer.headers.getlist("Set-Cookie"))


def test_a_login_is_found_in_any_case(app: Flask, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    assert sign_in(app.test_client(), f" {user.login.upper()} ").status_code == 200


def test_nobody_is_signed_in_without_a_cookie(client: FlaskClient) -> None:
    answer = client.get("/api/v1/session")
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_change_by_cookie_needs_the_second_half_of_the_session(app: Flask, database: Engine) -> None:
    client, header = signed_in(app, saved_user(database, "acceptor"))
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "made-up"}, {"X-CSRF-Token": "\u00e9"}):
        answer = client.delete("/api/v1/session", headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "csrf-token-missing")
    assert client.get("/api/v1/session").status_code == 200
    assert client.delete("/api/v1/session", headers=header).status_code == 204


def test_signing_out_ends_the_session_and_not_only_the_cookie(app: Flask, database: Engine) -> None:
    client, header = signed_in(app, saved_user(database, "acceptor"))
    cookie = client.get_cookie("cityops_session")
    assert cookie is not None
    assert client.get("/api/v1/session").status_code == 200
    assert client.delete("/api/v1/session", headers=header).status_code == 204
    assert client.get_cookie("cityops_session") is None
    client.set_cookie("cityops_session", cookie.value)
    assert client.get("/api/v1/session").status_code == 401


def test_a_stale_cookie_does_not_stand_in_the_way_of_signing_in(app: Flask, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    client = app.test_client()
    client.set_cookie("cityops_session", "cityops-c-long-gone")
    assert client.get("/api/v1/session").status_code == 401
    assert sign_in(client, user.login).status_code == 200
    assert client.get("/api/v1/session").status_code == 200


def test_another_site_cannot_sign_somebody_in(app: Flask, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    answer = sign_in(app.test_client(), user.login, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "cross-site-sign-in")


def test_a_console_session_lasts_a_shift(app: Flask, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    now = clock.now()
    issued = sessions.sign_in(database, login=user.login, password=PASSWORD, kind="cookie", label="", caller=Caller(), now=now)
    assert issued.expires_at - now == timedelta(hours=12)


# --- tokens ------------------------------------------------------------------------------------------------------------


def test_a_phone_gets_a_bearer_token_by_password(app: Flask, client: FlaskClient, database: Engine) -> None:
    user = saved_user(database, "inspector")
    answer = client.post("/api/v1/tokens", json={"login": user.login, "password": PASSWORD, "kind": "bearer", "label": "phone"})
    assert answer.status_code == 201
    token = answer.get_json()["token"]
    assert token.startswith("cityops-b-")
    found = client.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert found.status_code == 200 and found.get_json()["user"]["login"] == user.login
    assert found.get_json()["csrf_token"] is None


def test_a_bearer_token_needs_no_csrf_token(app: Flask, database: Engine) -> None:
    headers = bearer(database, saved_user(database, "inspector"))
    assert app.test_client().delete("/api/v1/session", headers=headers).status_code == 204
    assert app.test_client().get("/api/v1/session", headers=headers).status_code == 401


def test_a_personal_token_works_as_bearer_and_as_basic_password(app: Flask, database: Engine) -> None:
    user = saved_user(database, "planner")
    basic = personal(database, user)
    token = base64.b64decode(basic["Authorization"][6:]).decode().partition(":")[2]
    client = app.test_client()
    assert client.get("/api/v1/session", headers=basic).status_code == 200
    assert client.get("/api/v1/session", headers={"Authorization": f"bearer {token}"}).status_code == 200


def _basic(login: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


def test_nothing_else_is_accepted_in_the_authorization_header(app: Flask, database: Engine) -> None:
    user, other = saved_user(database, "planner"), saved_user(database, "planner")
    token = base64.b64decode(personal(database, user)["Authorization"][6:]).decode().partition(":")[2]
    phone = bearer(database, user)["Authorization"][7:]
    client, _ = signed_in(app, user)
    cookie = client.get_cookie("cityops_session")
    assert cookie is not None
    wrong = [
        _basic(other.login, token),
        _basic(user.login, PASSWORD),
        _basic(user.login, phone),
        f"Bearer {cookie.value}",
        "Bearer ",
        "Basic !!!",
        "Basic /w==",
        "Digest x",
        "Bearer \u00e9",
    ]
    for header in wrong:
        answer = client.get("/api/v1/session", headers={"Authorization": header})
        assert (answer.status_code, answer.get_json()["code"]) == (401, "session-ended"), header
    fresh = app.test_client()
    fresh.set_cookie("cityops_session", phone)
    assert fresh.get("/api/v1/session").status_code == 401, "a bearer token is not a cookie"


def test_whoever_is_signed_in_at_the_console_makes_tokens_and_a_token_cannot(app: Flask, database: Engine) -> None:
    user = saved_user(database, "planner")
    client, header = signed_in(app, user)
    wanted = {"kind": "personal", "label": "QGIS"}
    assert client.post("/api/v1/tokens", json=wanted).status_code == 403
    made = client.post("/api/v1/tokens", json=wanted, headers=header)
    assert made.status_code == 201
    refused = app.test_client().post("/api/v1/tokens", json=wanted, headers={"Authorization": f"Bearer {made.get_json()['token']}"})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "token-cannot-issue-tokens")
    assert app.test_client().post("/api/v1/tokens", json=wanted).status_code == 401


def test_tokens_are_kept_as_digests_only(app: Flask, database: Engine) -> None:
    client, header = signed_in(app, saved_user(database, "planner"))
    token = client.post("/api/v1/tokens", json={"kind": "personal", "label": "x"}, headers={**header, "Idempotency-Key": "k-1"}).get_json()[
        "token"
    ]
    with database.connect() as connection:
        for table in ("identity.sessions", "identity.audit", "core.idempotency", "core.outbox"):
            assert not connection.execute(
                text(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || :token || '%'"), {"token": token}
            ).scalar()


def test_sessions_are_listed_and_ended_one_by_one(app: Flask, database: Engine) -> None:
    user, other = saved_user(database, "planner"), saved_user(database, "planner")
    client, header = signed_in(app, user)
    phone, foreign = bearer(database, user), bearer(database, other)
    items = client.get("/api/v1/sessions").get_json()["items"]
    assert [item["kind"] for item in items] == ["bearer", "cookie"]
    assert [item["current"] for item in items] == [False, True]
    assert app.test_client().get("/api/v1/session", headers=phone).status_code == 200
    assert client.delete(f"/api/v1/sessions/{items[0]['id']}", headers=header).status_code == 204
    assert app.test_client().get("/api/v1/session", headers=phone).status_code == 401
    assert len(client.get("/api/v1/sessions").get_json()["items"]) == 1
    theirs = app.test_client().get("/api/v1/sessions", headers=foreign).get_json()["items"][0]["id"]
    assert client.delete(f"/api/v1/sessions/{theirs}", headers=header).status_code == 404
    assert client.get(f"/api/v1/sessions?user_id={other.id}").status_code == 404, "a planner without a scope sees himself only"


# --- lock-out ----------------------------------------------------------------------------------------------------------


def test_after_five_failures_each_further_one_doubles_the_pause(database: Engine) -> None:
    user = saved_user(database, "acceptor")
    now = clock.now()

    def attempt(password: str) -> str:
        try:
            sessions.sign_in(database, login=user.login, password=password, kind="cookie", label="", caller=Caller(), now=now)
        except SignInFailed:
            return "wrong"
        except SignInPaused as paused:
            return f"wait {paused.values['wait_s']}"
        return "in"

    assert [attempt("wrong") for _ in range(5)] == ["wrong"] * 5
    pauses = []
    for _ in range(8):
        assert attempt(PASSWORD).startswith("wait"), "even the right password waits"
        pause = int(attempt("wrong").split()[1])
        pauses.append(pause)
        now += timedelta(seconds=pause)
        assert attempt("wrong") == "wrong"
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900]
    now += timedelta(seconds=900)
    assert attempt(PASSWORD) == "in"
    assert [attempt("wrong") for _ in range(5)] == ["wrong"] * 5, "a success starts the count anew"


def test_an_unknown_login_is_answered_and_slowed_down_exactly_like_a_known_one(client: FlaskClient, database: Engine) -> None:
    user = saved_user(database, "acceptor")
    inactive = saved_user(database, "acceptor", active=False)

    def story(login: str, password: str) -> list[tuple[int, object, object, object]]:
        answers = [sign_in(client, login, password) for _ in range(7)]
        return [(a.status_code, a.get_json(), a.headers.get("Retry-After"), a.headers.get("WWW-Authenticate")) for a in answers]

    known, unknown, closed = story(user.login, "wrong"), story("nobody.at.all", "wrong"), story(inactive.login, PASSWORD)
    assert known == unknown == closed
    assert [status for status, *_ in known] == [401] * 5 + [429] * 2


def test_an_unknown_login_takes_as_long_as_a_known_one(database: Engine) -> None:
    user = saved_user(database, "acceptor")
    passwords.warm()

    def measured(login: str) -> float:
        times = []
        for _ in range(9):
            with database.begin() as connection:
                connection.execute(text("DELETE FROM identity.attempts"))
            started = time.perf_counter()
            with pytest.raises(SignInFailed):
                sessions.sign_in(
                    database, login=login, password="wrong", kind="cookie", label="", caller=Caller("192.0.2.1"), now=clock.now()
                )
            times.append(time.perf_counter() - started)
        return statistics.median(times)

    # Without the hash an unknown login would be ten times faster.
    assert 0.5 < measured("nobody.at.all") / measured(user.login) < 2


def test_an_address_is_slowed_down_over_all_logins(database: Engine) -> None:
    now = clock.now()

    def attempt(number: int, ip: str) -> bool:
        try:
            sessions.sign_in(database, login=f"guess{number}", password="x", kind="cookie", label="", caller=Caller(ip), now=now)
        except SignInFailed:
            return True
        except SignInPaused:
            return False
        raise AssertionError

    free = ADDRESS_BACK_OFF.free
    with ThreadPoolExecutor(4) as pool:
        checked = list(pool.map(lambda n: attempt(n, "203.0.113.9"), range(free + 10)))
    assert sum(checked) == free
    assert attempt(1000, "203.0.113.10"), "another address is not held up"
    with database.begin() as connection:
        connection.execute(text("DELETE FROM identity.attempts"))
    assert sum(attempt(n, f"2001:db8::{n + 1:x}") for n in range(free + 5)) == free, "a /64 is one address"


def test_a_hundred_guesses_at_once_are_not_one_guess(database: Engine) -> None:
    user = saved_user(database, "acceptor")
    now = clock.now()

    def guess(number: int) -> str:
        try:
            sessions.sign_in(database, login=user.login, password=f"guess {number}", kind="cookie", label="", caller=Caller(), now=now)
        except (SignInFailed, SignInPaused) as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(40)))
    assert answers.count("SignInFailed") == ACCOUNT_BACK_OFF.free
    assert answers.count("SignInPaused") == 40 - ACCOUNT_BACK_OFF.free


def test_one_own_account_does_not_reset_the_count_of_its_address(database: Engine) -> None:
    user = saved_user(database, "acceptor")
    now = clock.now()
    failures = 0
    for number in range(ADDRESS_BACK_OFF.free * 2):
        try:
            sessions.sign_in(
                database, login=f"victim{number}", password="x", kind="cookie", label="", caller=Caller("198.51.100.1"), now=now
            )
        except SignInFailed:
            failures += 1
        except SignInPaused:
            break
        try:
            sessions.sign_in(database, login=user.login, password=PASSWORD, kind="cookie", label="", caller=Caller("198.51.100.1"), now=now)
        except SignInPaused:
            break
    assert failures == ADDRESS_BACK_OFF.free


def test_an_administrator_unlocks_whoever_locked_himself_out(app: Flask, database: Engine) -> None:
    admin = saved_user(database, "administrator", scopes=[Scope()])
    user = saved_user(database, "acceptor", scopes=[Scope(division_code="411303")])
    client, header = signed_in(app, admin)
    outside = app.test_client()
    assert [sign_in(outside, user.login, "wrong").status_code for _ in range(6)][-1] == 429
    assert client.delete(f"/api/v1/users/{user.id}/lock", headers=header).status_code == 204
    assert sign_in(outside, user.login).status_code == 200
    until = (clock.now() + timedelta(days=1)).isoformat()
    assert client.put(f"/api/v1/users/{user.id}/lock", json={"until": until}, headers=header).status_code == 204
    assert outside.get("/api/v1/session").status_code == 401
    assert sign_in(outside, user.login).status_code == 401


def test_every_sign_in_and_every_failure_is_in_the_audit_without_the_password_and_without_an_unknown_login(
    app: Flask, database: Engine
) -> None:
    user = saved_user(database, "acceptor")
    client = app.test_client()
    sign_in(client, user.login, "a wrong secret")
    sign_in(client, "my-secret-typed-here", "another secret")
    sign_in(client, user.login)
    mine = [row for row in _audit(database, "sign-in") if row[0] == user.id]
    assert [row[1:3] for row in mine] == [("failed", "password-wrong"), ("ok", None)]
    assert (None, "failed", "login-unknown") in [row[:3] for row in _audit(database, "sign-in")]
    with database.connect() as connection:
        for secret in ("secret", PASSWORD):
            for table in ("audit", "attempts", "sessions"):
                found = connection.execute(
                    text(f"SELECT count(*) FROM identity.{table} AS t WHERE t::text LIKE '%' || :s || '%'"), {"s": secret}
                )
                assert found.scalar() == 0


def test_a_password_changed_during_the_check_does_not_let_the_old_one_in(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    user = saved_user(database, "acceptor")
    real = passwords.check_password

    def check_while_the_password_changes(password_hash: str | None, password: str) -> bool:
        right = real(password_hash, password)
        with unit_of_work(database) as session:
            operations.set_password(session, None, session.get_one(User, user.id), "quite another one", now=clock.now())
        return right

    monkeypatch.setattr(passwords, "check_password", check_while_the_password_changes)
    with pytest.raises(SignInFailed):
        sessions.sign_in(database, login=user.login, password=PASSWORD, kind="cookie", label="", caller=Caller(), now=clock.now())


def test_a_hash_with_older_parameters_is_renewed_at_the_next_sign_in(database: Engine) -> None:
    from argon2 import PasswordHasher

    user = saved_user(database, "acceptor")
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with unit_of_work(database) as session:
        session.get_one(User, user.id).password_hash = old
    sessions.sign_in(database, login=user.login, password=PASSWORD, kind="cookie", label="", caller=Caller(), now=clock.now())
    with unit_of_work(database) as session:
        new = session.get_one(User, user.id).password_hash
    assert new != old and passwords.check_password(new, PASSWORD) and not passwords.needs_new_hash(new)


@pytest.mark.parametrize(
    ("password", "login", "fine"),
    [
        ("nanyang-2026", "admin", True),
        ("long enough to pass", "li", True),
        ("short", "li", False),
        ("xx inspector1 xx", "inspector1", False),
        ("aaaaaaaaaaaa", "li", False),
        ("password123!", "li", False),
        ("x" * 201, "li", False),
        ("监督员每天走过白河边的街道", "li", True),
    ],
)
def test_passwords_are_judged_by_length_and_not_by_character_classes(password: str, login: str, fine: bool) -> None:
    assert (rules.password_fault(password, login) is None) == fine
