"""The short way to a tile decides as the ordinary view does, and is never taken when it should not be."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from cityops.db.session import unit_of_work
from cityops.identity.rules import Scope
from tests.factories.catalog import NANYANG, add_green, tile_at
from tests.factories.identity import WHOLE_CITY, bearer, personal, saved_user, signed_in

Z, X, Y = tile_at(*NANYANG, 15)
URL = f"/tiles/green/{Z}/{X}/{Y}.mvt"


@pytest.fixture
def inside(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that reached the framework."""
    reached: list[str] = []
    door: Any = app.wsgi_app  # Any: the middleware in place of Flask's method
    ordinary = door._inside

    def watched(environ: Any, start_response: Any) -> Any:
        reached.append(environ["PATH_INFO"])
        return ordinary(environ, start_response)

    monkeypatch.setattr(door, "_inside", watched)
    assert app.extensions["cityops_catalog"].versions.wait_until_connected(5)
    return reached


def test_a_tile_never_reaches_the_framework_whoever_asks_by_token_or_cookie(app: Flask, database: Engine, inside: list[str]) -> None:
    with unit_of_work(database) as session:
        add_green(session, "公园", *NANYANG)
    user = saved_user(database, "planner", scopes=WHOLE_CITY)
    for client, headers in ((app.test_client(), bearer(database, user)), (signed_in(app, user)[0], {})):
        tag = client.get(URL, headers=headers).headers["ETag"]
        inside.clear()
        answer = client.get(URL, headers={**headers, "If-None-Match": tag})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
        assert inside == []
        with unit_of_work(database) as session:
            add_green(session, "又一处", *NANYANG)
        assert client.get(URL, headers={**headers, "If-None-Match": tag}).status_code == 200
        assert client.get("/tiles/green/15/1/1.mvt", headers=headers).status_code == 204
        assert inside == []


def test_both_ways_give_the_same_answer_to_the_byte(app: Flask, database: Engine, inside: list[str]) -> None:
    user = saved_user(database, "planner", scopes=WHOLE_CITY)
    with unit_of_work(database) as session:
        for number in range(20):
            add_green(session, f"绿地{number}", NANYANG[0] + number * 1e-4, NANYANG[1])
    for accepted in ("gzip", "identity"):
        short, ordinary = (
            app.test_client().get(URL, headers={**headers, "Accept-Encoding": accepted})
            for headers in (bearer(database, user), personal(database, user))
        )
        assert inside == [URL]
        inside.clear()
        assert short.data == ordinary.data
        own = (
            "ETag",
            "Vary",
            "Cache-Control",
            "Content-Type",
            "Content-Length",
            "Content-Encoding",
            "Cityops-Features",
            "X-Content-Type-Options",
        )
        assert [short.headers.get(name) for name in own] == [ordinary.headers.get(name) for name in own]


def test_basic_credentials_take_the_ordinary_way_to_the_same_answer(app: Flask, database: Engine, inside: list[str]) -> None:
    headers = personal(database, saved_user(database, "planner", scopes=WHOLE_CITY))
    tag = app.test_client().get(URL, headers=headers).headers["ETag"]
    assert app.test_client().get(URL, headers={**headers, "If-None-Match": tag}).status_code == 304
    assert len(inside) == 2


def test_without_a_valid_session_the_tag_alone_opens_nothing(app: Flask, database: Engine, inside: list[str]) -> None:
    user = saved_user(database, "planner", scopes=WHOLE_CITY)
    headers = bearer(database, user)
    client = app.test_client()
    known = {"If-None-Match": client.get(URL, headers=headers).headers["ETag"]}
    assert client.get(URL, headers=known).status_code == 401
    assert client.get(URL, headers={**known, "Authorization": "Bearer cityops-b-made-up"}).status_code == 401
    token = headers["Authorization"].removeprefix("Bearer ")
    # A bearer token is not a cookie, and the view would refuse it there too.
    assert app.test_client().get(URL, headers={**known, "Cookie": f"cityops_session={token}"}).status_code == 401
    with database.begin() as connection:
        connection.execute(text("UPDATE identity.sessions SET revoked_at = now() WHERE user_id = :id"), {"id": user.id})
    app.extensions["cityops_viewers"]._entries.clear()
    assert client.get(URL, headers={**known, **headers}).status_code == 401


def test_the_tag_of_another_sight_is_not_accepted(app: Flask, database: Engine, inside: list[str]) -> None:
    everything = bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))
    roads_only = bearer(database, saved_user(database, "planner", scopes=(Scope(layer="roads"),)))
    client = app.test_client()
    tag = client.get(URL, headers=everything).headers["ETag"]
    assert client.get(URL, headers={**roads_only, "If-None-Match": tag}).status_code == 404


@pytest.mark.parametrize(
    "address", ["/tiles/nothing/3/1/1.mvt", "/tiles/green/30/1/1.mvt", "/tiles/green/3/9/1.mvt", "/tiles/green/1/1.mvt"]
)
def test_an_address_it_does_not_understand_is_left_to_the_view(app: Flask, database: Engine, inside: list[str], address: str) -> None:
    headers = bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))
    answer = app.test_client().get(address, headers={**headers, "If-None-Match": 'W/"x"'})
    assert answer.status_code in (404, 422)
    assert answer.mimetype == "application/problem+json"
