"""The live hub of one process: one reader of the outbox, many listeners, nothing missed.

A cursor is a PostgreSQL snapshot (`pg_current_snapshot()` as text). "What is new since the cursor" is then exactly the rows
whose transaction the old snapshot could not see and the present one can. A transaction that took its number early and
committed late is found all the same, and a long import does not hold back the events of everyone else, as waiting for the
oldest running transaction would.

No Flask here: `stream.py` speaks HTTP.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from cityops.db.outbox import CHANNEL
from cityops.db.sqlfiles import sql

if TYPE_CHECKING:
    from cityops.identity.visibility import Viewer

log = logging.getLogger("cityops.http.hub")

MOST_EVENTS = 2000
"""A batch or a gap larger than this is not told event by event: the client is asked to load its lists again."""
KEPT_BATCHES = 256
POLL_S = 5.0
GATHER_S = 0.05
"""Events that come within this time travel together."""
KEPT_DAYS = 7
PRUNE_S = 3600.0
CURSOR = re.compile(r"^\d{1,19}:\d{1,19}:(\d{1,19}(,\d{1,19})*)?$")

Guard = Callable[["Viewer", list[str]], set[str]]
"""Which of these subjects the viewer may see now."""


@dataclass(frozen=True)
class Event:
    """One row of the outbox; `id` only orders and names it, the cursor is what one resumes from."""

    id: int
    at: str
    topic: str
    subject: str
    payload: dict[str, Any]  # Any: JSON


@dataclass
class Batch:
    """Events that became visible together, and the cursor after them. `reset` means: too much to tell one by one."""

    number: int
    cursor: str
    events: tuple[Event, ...]
    reset: bool = False
    _seen: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)


class CursorLost(Exception):
    """The events since this cursor are no longer all there."""


class Hub:
    """Reads the outbox once per process. `connection_url` is a libpq URL of the writing server."""

    def __init__(self, connection_url: str, *, most_listeners: int) -> None:
        self._url = connection_url
        self._guards: dict[str, Guard] = {}
        self._open: dict[str, tuple[str, ...]] = {}
        self._batches: deque[Batch] = deque(maxlen=KEPT_BATCHES)
        self._changed = threading.Condition()
        self._number = 0
        self._cursor: str | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._places = threading.BoundedSemaphore(most_listeners)

    # -- wiring -----------------------------------------------------------------------------------------------------

    def guard(self, topic: str, seen: Guard) -> None:
        """Events of `topic` reach a viewer only for subjects that `seen` returns. A topic without a guard reaches nobody."""
        self._guards[topic] = seen

    def open_topic(self, topic: str, fields: Sequence[str] = ()) -> None:
        """Events of `topic` reach every signed-in viewer, with these fields of their payload and no others."""
        self._open[topic] = tuple(fields)

    @property
    def topics(self) -> frozenset[str]:
        """The topics that reach anyone."""
        return frozenset(self._guards) | frozenset(self._open)

    # -- listening --------------------------------------------------------------------------------------------------

    def enter(self) -> bool:
        """Take a place among the listeners; False when all are taken."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    @property
    def stopped(self) -> bool:
        """Whether the process is leaving."""
        return self._stop.is_set()

    def start(self, timeout_s: float = 10.0) -> tuple[int, str]:
        """Where the hub is now: number of the last batch, and the cursor after it. Starts the reader if need be."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="outbox-reader", daemon=True)
                self._thread.start()
            if not self._changed.wait_for(lambda: self._cursor is not None or self.stopped, timeout_s) or self._cursor is None:
                raise ConnectionError("the outbox cannot be read")
            return self._number, self._cursor

    def since(self, number: int, timeout_s: float) -> list[Batch] | None:
        """The batches after `number`; empty after the timeout; None when they are no longer all there."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self.stopped, timeout_s)
            if self._number == number:
                return []
            found = [batch for batch in self._batches if batch.number > number]
            return found if found and found[0].number == number + 1 else None

    def replay(self, cursor: str, until: str) -> list[Event]:
        """The events between two cursors; raises CursorLost when they are too many or no longer kept."""
        if not CURSOR.match(cursor):
            raise CursorLost(cursor)
        values = {"after": cursor, "until": until, "limit": MOST_EVENTS + 1}
        try:
            with psycopg.connect(self._url, autocommit=True, application_name="cityops replay") as connection:
                kept = connection.execute(sql(__package__, "outbox_reaches"), {"after": cursor}).fetchone()
                rows = connection.execute(sql(__package__, "read_outbox_between"), values).fetchall() if kept and kept[0] else None
        except psycopg.DataError as error:
            raise CursorLost(cursor) from error
        if rows is None or len(rows) > MOST_EVENTS:
            raise CursorLost(cursor)
        return [Event(*row) for row in rows]

    def visible(self, events: Iterable[Event], viewer: Viewer, topics: frozenset[str], batch: Batch | None = None) -> list[Event]:
        """The events the viewer may hear of now. With a batch, viewers who see alike are asked for once."""
        wanted = [event for event in events if event.topic in topics]
        seen: dict[str, set[str]] = {}
        for topic in {event.topic for event in wanted} & self._guards.keys():
            subjects = sorted({event.subject for event in wanted if event.topic == topic})
            if batch is None:
                seen[topic] = self._guards[topic](viewer, subjects)
                continue
            with batch._lock:
                key = (viewer.signature, topic)
                if key not in batch._seen:
                    batch._seen[key] = self._guards[topic](viewer, subjects)
                seen[topic] = batch._seen[key]
        told = []
        for event in wanted:
            if event.topic in seen:
                if event.subject in seen[event.topic]:
                    told.append(event)
            elif event.topic in self._open:
                kept = {name: event.payload[name] for name in self._open[event.topic] if name in event.payload}
                told.append(Event(event.id, event.at, event.topic, event.subject, kept))
        return told

    def end(self) -> None:
        """Wake every listener for the last time; whoever comes later is not kept. Waits for nobody."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End the listeners and then the reader."""
        self.end()
        if self._thread is not None:
            self._thread.join(5)

    # -- reading ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = 0.2
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, application_name="cityops stream") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    pause_s = 0.2
                    self._read(connection)
            except psycopg.Error as error:
                if self._stop.is_set():
                    return
                # The cursor is kept: what happens meanwhile is told after the connection is back.
                log.warning("the outbox reader lost its connection (%s); trying again in %.1f s", error, pause_s)
                self._stop.wait(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    def _read(self, connection: psycopg.Connection) -> None:
        prune_at = time.monotonic() + PRUNE_S
        self._take(connection)
        while not self._stop.is_set():
            waited = time.monotonic()
            while not self._stop.is_set() and time.monotonic() - waited < POLL_S:
                if list(connection.notifies(timeout=0.5, stop_after=1)):
                    self._stop.wait(GATHER_S)
                    break
            self._take(connection)
            if time.monotonic() > prune_at:
                connection.execute(sql(__package__, "prune_outbox"), {"days": KEPT_DAYS})
                prune_at = time.monotonic() + PRUNE_S

    def _take(self, connection: psycopg.Connection) -> None:
        """Read what became visible since the last time, in one statement, so that rows and cursor belong together."""
        row = connection.execute(sql(__package__, "read_outbox"), {"after": self._cursor, "limit": MOST_EVENTS + 1}).fetchone()
        assert row is not None
        cursor, events = row
        with self._changed:
            known, self._cursor = self._cursor, cursor
            if known is None or events:
                if events:
                    self._number += 1
                    reset = len(events) > MOST_EVENTS
                    told = () if reset else tuple(Event(*event) for event in events)
                    self._batches.append(Batch(self._number, cursor, told, reset))
                self._changed.notify_all()
