"""The live stream: in order, resumable without a gap, and only for who may see what an event is about."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from cityops.catalog.sources import LayerSource
from cityops.db.outbox import emit
from cityops.db.session import unit_of_work
from cityops.http import hub as hub_module
from cityops.http import stream
from cityops.identity.rules import Scope
from cityops.identity.visibility import ScopedColumns
from tests.factories.identity import WHOLE_CITY, bearer, saved_user

POSTS = LayerSource(
    id="posts",
    title_zh="岗亭",
    title_en="Posts",
    geometry="point",
    from_sql="live.posts AS p",
    geom_sql="p.geom",
    id_sql="p.id",
    key_sql="p.code",
    properties=(),
    columns=ScopedColumns(layer="posts", cell="p.cell_code"),
    topic="post",
)
EAST, WEST = "411303001001001", "411302001001001"


@pytest.fixture(scope="module", autouse=True)
def posts(app: Flask, database: Engine) -> None:
    """Two things in two districts, and the stream's knowledge of who may see them."""
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA live"))
        connection.execute(text("CREATE TABLE live.posts (id bigint, code text, cell_code char(15), geom geometry(Point, 4490))"))
        connection.execute(text("INSERT INTO live.posts VALUES (1, 'east', :east), (2, 'west', :west)"), {"east": EAST, "west": WEST})
    app.extensions["cityops_stream"].guard("post", app.extensions["cityops_catalog"].visible_keys(POSTS))


@pytest.fixture(scope="module")
def planner(database: Engine) -> dict[str, str]:
    return bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))


@dataclass(frozen=True)
class Frame:
    """One block of the stream."""

    event: str
    data: Any
    id: str | None


class Listening:
    """One open stream, read by hand."""

    def __init__(self, app: Flask, headers: dict[str, str], query: str = "", last: str | None = None) -> None:
        self.answer = app.test_client().get(
            f"/api/v1/events{query}", headers={**headers, **({"Last-Event-ID": last} if last else {})}, buffered=False
        )
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.mimetype == "text/event-stream"
        self._frames = self._read()

    def _read(self) -> Iterator[Frame]:
        for chunk in self.answer.iter_encoded():
            for block in chunk.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                if lines:
                    data = json.loads(lines["data"]) if "data" in lines else None
                    yield Frame(lines.get("event", ""), data, lines.get("id"))

    def next(self, event: str | None = None) -> Frame:
        """The next frame, or the next of a kind."""
        return next(frame for frame in self._frames if event is None or frame.event == event)

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()


def tell(database: Engine, subject: str, topic: str = "post", **payload: Any) -> None:
    with unit_of_work(database) as session:
        emit(session, topic, subject, payload)


@pytest.fixture(autouse=True)
def short_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_S", 0.5)


def test_what_is_committed_is_heard_and_what_is_rolled_back_is_not(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        assert heard.next().event == "open"
        with pytest.raises(RuntimeError), unit_of_work(database) as session:
            emit(session, "post", "east", {"act": "never"})
            raise RuntimeError
        tell(database, "east", act="painted")
        told = heard.next()
    assert (told.event, told.data["subject"], told.data["act"]) == ("post", "east", "painted")
    assert told.data["at"].startswith("20")


def test_a_viewer_hears_only_of_what_he_may_see_now(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    eastern = bearer(database, saved_user(database, "dispatcher", scopes=(Scope(division_code="411303"),)))
    with Listening(app, planner) as all_of_it, Listening(app, eastern) as east:
        assert all_of_it.next().event == east.next().event == "open"
        tell(database, "west", n=1)
        tell(database, "east", n=2)
        assert [all_of_it.next("post").data["n"] for _ in range(2)] == [1, 2]
        assert east.next("post").data["n"] == 2
        with database.begin() as connection:
            connection.execute(text("UPDATE live.posts SET cell_code = :east WHERE code = 'west'"), {"east": EAST})
        tell(database, "west", n=3)
        assert east.next("post").data["n"] == 3
        with database.begin() as connection:
            connection.execute(text("UPDATE live.posts SET cell_code = :west WHERE code = 'west'"), {"west": WEST})


def test_a_topic_nobody_guards_reaches_nobody_and_an_open_one_is_stripped(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        heard.next()
        tell(database, "17", topic="secret", act="whispered")
        tell(database, "18", topic="grid", act="grid_published", reason="内部说明")
        told = heard.next()
    assert told.event == "grid"
    assert told.data["act"] == "grid_published"
    assert "reason" not in told.data


def test_topics_can_be_chosen_and_an_unknown_one_is_refused(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner, "?topics=grid") as heard:
        heard.next()
        tell(database, "east", n=1)
        tell(database, "19", topic="grid", act="x")
        assert heard.next().event == "grid"
    refused = app.test_client().get("/api/v1/events?topics=weather", headers=planner)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "topic-unknown")
    assert app.test_client().get("/api/v1/events").status_code == 401


def test_who_comes_back_with_the_last_id_misses_nothing(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        heard.next()
        tell(database, "east", n=1)
        last = heard.next("post").id
    assert last
    for n in (2, 3, 4):
        tell(database, "east", n=n)
    with Listening(app, planner, f"?after={last}") as opened_anew:
        assert [opened_anew.next("post").data["n"] for _ in range(3)] == [2, 3, 4]
    with Listening(app, planner, last=last) as again:
        assert [again.next("post").data["n"] for _ in range(3)] == [2, 3, 4]
        tell(database, "east", n=5)
        assert again.next("post").data["n"] == 5


def _slow_writer(database: Engine) -> tuple[Connection, Any]:
    """A transaction that took its number and its outbox row and is still open."""
    connection = database.connect()
    transaction = connection.begin()
    connection.execute(text("INSERT INTO core.outbox (topic, subject, payload) VALUES ('post', 'east', '{\"n\": \"slow\"}')"))
    connection.execute(text("SELECT pg_notify('cityops_outbox', '')"))
    return connection, transaction


def test_a_transaction_that_commits_late_is_heard_live_and_holds_nobody_back(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        heard.next()
        connection, transaction = _slow_writer(database)
        tell(database, "east", n="fast")
        assert heard.next("post").data["n"] == "fast"
        transaction.commit()
        connection.close()
        assert heard.next("post").data["n"] == "slow"


def test_a_transaction_that_commits_while_the_client_is_away_is_not_missed(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        heard.next()
        connection, transaction = _slow_writer(database)
        tell(database, "east", n="fast")
        last = heard.next("post").id
    transaction.commit()
    connection.close()
    with Listening(app, planner, last=last) as again:
        assert again.next("post").data["n"] == "slow"
        tell(database, "east", n="after")
        assert again.next("post").data["n"] == "after"


@pytest.mark.parametrize("cursor", ["nonsense", "5:3:", "9999999999:9999999999:", "1:1:"])
def test_a_cursor_that_cannot_be_resumed_from_is_told_to_begin_anew(
    app: Flask, database: Engine, planner: dict[str, str], cursor: str
) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO core.settings (key, value) VALUES ('outbox.pruned_txid', '5') ON CONFLICT (key) DO NOTHING"))
    with Listening(app, planner, last=cursor) as heard:
        assert heard.next().event == "reset"
        tell(database, "east", n=1)
        assert heard.next("post").data["n"] == 1


def test_too_many_events_at_once_ask_for_a_reload(
    app: Flask, database: Engine, planner: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_EVENTS", 10)
    with Listening(app, planner) as heard:
        heard.next()
        with unit_of_work(database) as session:
            for n in range(20):
                emit(session, "post", "east", {"n": n})
        assert heard.next().event == "reset"
        tell(database, "east", n="one")
        assert heard.next().data["n"] == "one"


def test_old_events_are_forgotten_and_their_cursors_with_them(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        cursor = heard.next().id
    tell(database, "east", n="old")
    with database.begin() as connection:
        connection.execute(text("UPDATE core.outbox SET at = at - interval '30 days'"))
        connection.exec_driver_sql(hub_module.sql("cityops.http", "prune_outbox"), {"days": 7})
        assert connection.scalar(text("SELECT count(*) FROM core.outbox")) == 0
    with Listening(app, planner, last=cursor) as again:
        assert again.next().event == "reset"


def test_silence_is_broken_by_a_beat_that_moves_the_cursor(app: Flask, database: Engine) -> None:
    nobody = bearer(database, saved_user(database, "handler", scopes=(Scope(division_code="999999"),)))
    with Listening(app, nobody) as heard:
        first = heard.next().id
        tell(database, "east", n=1)
        beat = heard.next()
    assert beat.event == ""
    assert beat.id not in (None, first)


def test_the_stream_ends_with_the_session(app: Flask, database: Engine) -> None:
    user = saved_user(database, "planner", scopes=WHOLE_CITY)
    with Listening(app, bearer(database, user)) as heard:
        heard.next()
        with database.begin() as connection:
            connection.execute(text("UPDATE identity.sessions SET revoked_at = now() WHERE user_id = :id"), {"id": user.id})
        app.extensions["cityops_viewers"]._entries.clear()
        assert heard.next("end").data == {"reason": "session-ended"}


def test_streams_leave_room_for_other_requests(app: Flask, planner: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.extensions["cityops_stream"], "_places", threading.BoundedSemaphore(2))
    with Listening(app, planner), Listening(app, planner):
        refused = app.test_client().get("/api/v1/events", headers=planner)
        assert (refused.status_code, refused.get_json()["code"]) == (503, "stream-full")
    with Listening(app, planner) as heard:
        assert heard.next().event == "open"


def test_the_reader_survives_the_loss_of_its_connection(app: Flask, database: Engine, planner: dict[str, str]) -> None:
    with Listening(app, planner) as heard:
        heard.next()
        with database.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'cityops stream' AND datname = current_database()"
                )
            )
        tell(database, "east", n="meanwhile")
        began = time.monotonic()
        assert heard.next("post").data["n"] == "meanwhile"
        assert time.monotonic() - began < 5
