"""One transaction per write, and a repeat that changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import Engine, text

from cityops import http
from cityops.app import close_app, create_app
from cityops.config import Settings
from cityops.errors import Conflict


class AlreadyThere(Conflict):
    """The key {key} is taken."""


@pytest.fixture(scope="module")
def till(database: Engine, settings: Settings) -> Iterator[Flask]:
    """An application with one extra route that writes a row, so that the mechanism is seen without any room."""
    app = create_app(settings, database)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.post("/till/<key>")
    @http.writes
    def put(key: str) -> Any:
        http.session().execute(
            text("INSERT INTO core.settings (key, value) VALUES (:key, CAST(:value AS jsonb))"),
            {"key": key, "value": request.get_data(as_text=True)},
        )
        if key.startswith("refused"):
            raise AlreadyThere(key=key, field="key", fix="take another")
        if key.startswith("broken"):
            raise RuntimeError("a fault inside a view")
        return {"key": key}, 201

    yield app
    close_app(app)


def rows(engine: Engine, key: str) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM core.settings WHERE key = :key"), {"key": key}).scalar_one()


def test_a_repeated_request_replays_the_stored_answer_and_writes_once(till: Flask, database: Engine) -> None:
    first = till.test_client().post("/till/a", data="1", headers={"Idempotency-Key": "k-a"})
    again = till.test_client().post("/till/a", data="1", headers={"Idempotency-Key": "k-a"})
    assert (first.status_code, first.data) == (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert rows(database, "a") == 1


def test_the_same_key_with_another_body_is_refused(till: Flask, database: Engine) -> None:
    till.test_client().post("/till/b", data="1", headers={"Idempotency-Key": "k-b"})
    other = till.test_client().post("/till/b", data="2", headers={"Idempotency-Key": "k-b"})
    assert other.status_code == 422
    assert other.json["code"] == "idempotency-key-reused" and other.json["field"] == "Idempotency-Key" and other.json["fix"]


@pytest.mark.parametrize(("key", "status", "code"), [("refused", 409, "already-there"), ("broken", 500, "internal-error")])
def test_a_failed_write_leaves_neither_row_nor_key(till: Flask, database: Engine, key: str, status: int, code: str) -> None:
    for _ in range(2):
        answer = till.test_client().post(f"/till/{key}", data="1", headers={"Idempotency-Key": f"k-{key}"})
        assert (answer.status_code, answer.json["code"], answer.mimetype) == (status, code, "application/problem+json")
    assert rows(database, key) == 0


def test_twenty_twins_at_once_write_once_and_get_equal_answers(till: Flask, database: Engine) -> None:
    answers: list[tuple[int, bytes]] = []
    gate = threading.Barrier(20)

    def send() -> None:
        gate.wait()
        answer = till.test_client().post("/till/twin", data="1", headers={"Idempotency-Key": "k-twin"})
        answers.append((answer.status_code, answer.data))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and len(set(answers)) == 1 and answers[0][0] == 201
    assert rows(database, "twin") == 1


@pytest.mark.parametrize("key", ["x" * 129, "with\ttab", "汉"])
def test_an_unusable_key_is_named(till: Flask, key: str) -> None:
    answer = till.test_client().post("/till/c", data="1", headers={"Idempotency-Key": key.encode().decode("latin-1")})
    assert answer.status_code == 422 and answer.json["field"] == "Idempotency-Key"


def test_an_unknown_path_and_a_wrong_method_are_problem_documents(till: Flask) -> None:
    missing, wrong = till.test_client().get("/api/v1/nothing"), till.test_client().get("/till/a")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["Allow"]
    for answer in (missing, wrong):
        assert answer.mimetype == "application/problem+json"
        assert {"type", "title", "status", "code", "detail", "instance"} <= set(answer.json)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"login": ' + "9" * 5000 + "}", '{"login"', "\x00", "null", "[]"])
def test_a_body_that_cannot_be_read_is_a_problem_of_the_client(till: Flask, body: str) -> None:
    answer = till.test_client().post("/api/v1/session", data=body, content_type="application/json")
    assert 400 <= answer.status_code < 500 and answer.mimetype == "application/problem+json"


def test_a_misspelt_filter_is_named_and_not_passed_over(till: Flask) -> None:
    answer = till.test_client().get("/api/v1/divisions?levle=street")
    assert answer.status_code in (401, 422)
    if answer.status_code == 422:
        assert answer.json["field"] == "levle"
