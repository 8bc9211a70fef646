"""`GET /api/v1/events`: what happens in the city, as it happens, as Server-Sent Events.

`id:` is a cursor; a browser sends the last one back as `Last-Event-ID` and misses nothing, though it may hear an event a
second time (`seq` in the data tells them apart). Events about a case or a component reach only viewers who may see it now.
A stream holds one thread of its worker, asleep; some threads are always left for other requests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, request
from flask_smorest import Blueprint

from cityops.db.readpool import libpq_url
from cityops.errors import Invalid, Unauthenticated, Unavailable
from cityops.http import auth
from cityops.http.hub import CursorLost, Event, Hub
from cityops.identity.visibility import Viewer

blp = Blueprint("events", __name__, url_prefix="/api/v1", description="The live stream.")

BEAT_S = 15.0
RETRY_MS = 3000


class TopicUnknown(Invalid):
    """There is no topic {topic}."""


class StreamFull(Unavailable):
    """This server has no more room for live streams."""


class EventsQuerySchema(ma.Schema):
    """Which events to hear."""

    topics = ma.fields.String(metadata={"description": "comma-separated; all when absent", "example": "case,component"})
    after = ma.fields.String(metadata={"description": "a cursor to go on from, for a client that cannot send the header Last-Event-ID"})


class LastEventSchema(ma.Schema):
    """Where to go on."""

    last_event_id = ma.fields.String(
        data_key="Last-Event-ID", metadata={"description": "the last `id:` received; sent by browsers on reconnection"}
    )


def hub() -> Hub:
    """The hub of this process."""
    found: Hub | None = current_app.extensions.get("cityops_stream")
    if found is None:
        raise Unavailable(fix="the server was started without a database")
    return found


def frame(kind: str, data: Any, cursor: str | None = None) -> str:
    """One event on the wire. Any: JSON."""
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _told(events: list[Event], cursor: str) -> str:
    """The frames of a batch; only the last carries the cursor, so that an interrupted batch is told again from its start."""
    last = len(events) - 1
    return "".join(
        frame(
            event.topic,
            {"seq": event.id, "topic": event.topic, "subject": event.subject, "at": event.at, **event.payload},
            cursor if place == last else None,
        )
        for place, event in enumerate(events)
    )


def _wanted(found: Hub, text: str | None) -> frozenset[str]:
    if not text:
        return found.topics
    wanted = frozenset(part.strip() for part in text.split(","))
    for topic in wanted - found.topics:
        raise TopicUnknown(topic=topic, field="topics", fix=f"one of {', '.join(sorted(found.topics))}")
    return wanted


@blp.route("/events")
@blp.arguments(EventsQuerySchema, location="query")
@blp.arguments(LastEventSchema, location="headers", unknown=ma.EXCLUDE)
@blp.response(200, {"type": "string"}, content_type="text/event-stream", description="a stream that does not end")
@blp.alt_response(503, description="no more room for live streams; try again in a moment")
def events(query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Hear what happens, as Server-Sent Events."""
    viewer = auth.viewer()
    found = hub()
    topics = _wanted(found, query.get("topics"))
    if not found.enter():
        raise StreamFull(fix="try again in a moment, or raise CITYOPS_THREADS")
    try:
        number, cursor = found.start()
    except ConnectionError as error:
        found.leave()
        raise Unavailable(fix="the database cannot be reached; try again in a moment") from error
    lines = _lines(found, viewer, _asker(), topics, number, cursor, headers.get("last_event_id") or query.get("after"))
    response = Response(lines, mimetype="text/event-stream")
    response.call_on_close(found.leave)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _asker() -> Callable[[], Viewer]:
    """A function that finds out anew who sent this request; raises Unauthenticated once the session has ended.

    The stream itself holds no request context: it would be in the way of whatever else its thread does.
    """
    app, environ = current_app._get_current_object(), request.environ  # type: ignore[attr-defined]  # the proxy's own method

    def ask() -> Viewer:
        with app.request_context(environ):
            return auth.viewer()

    return ask


def _lines(
    found: Hub, viewer: Viewer, ask: Callable[[], Viewer], topics: frozenset[str], number: int, cursor: str, last: str | None
) -> Iterator[str]:
    """What one listener is sent, until it leaves, its session ends, or the server does."""
    if last is None:
        yield f"retry: {RETRY_MS}\n" + frame("open", {}, cursor)
    else:
        try:
            missed = found.visible(found.replay(last, cursor), viewer, topics)
        except CursorLost:
            yield f"retry: {RETRY_MS}\n" + frame("reset", {"reason": "too-old"}, cursor)
        else:
            yield f"retry: {RETRY_MS}\n" + _told(missed, cursor) + frame("open", {}, cursor)
    sent = time.monotonic()
    while True:
        batches = found.since(number, BEAT_S)
        if found.stopped:
            return
        try:
            viewer = ask()
        except Unauthenticated:
            yield frame("end", {"reason": "session-ended"})
            return
        lines = []
        if batches is None:
            number, cursor = found.start()
            lines.append(frame("reset", {"reason": "too-slow"}, cursor))
        for batch in batches or ():
            number, cursor = batch.number, batch.cursor
            if batch.reset:
                lines.append(frame("reset", {"reason": "too-many"}, cursor))
            elif told := found.visible(batch.events, viewer, topics, batch):
                lines.append(_told(told, cursor))
        if lines:
            yield "".join(lines)
            sent = time.monotonic()
        elif time.monotonic() - sent >= BEAT_S:
            # A block with an id and no data moves the browser's cursor past what this viewer was not told.
            yield f": still here\nid: {cursor}\n\n"
            sent = time.monotonic()


def register(app: Flask) -> None:
    """Give the application its hub; a quarter of the threads is kept for other requests."""
    engine, settings = app.extensions["cityops_engine"], app.extensions["cityops_settings"]
    if engine is not None:
        app.extensions["cityops_stream"] = Hub(libpq_url(engine.url), most_listeners=max(1, settings.threads * 3 // 4))
