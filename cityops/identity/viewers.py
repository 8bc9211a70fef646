"""From a token to a viewer: from the database once a minute, from memory in between.

`Viewers.of` is called on every request, the tile that has not changed included, so in the common case it does a hash, a
dictionary look-up and three reads of shared memory. It trusts its memory only while two things hold: the board could be
mapped (see `board.py`), and the listener of this process has heard from the database within the last seconds. Otherwise
every request asks the database: slower, never wrong.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import Engine, text

from cityops.clock import now as clock_now
from cityops.db.sqlfiles import sql
from cityops.identity import rules, tokens
from cityops.identity.board import ANY, EVERYBODY, Board, Change, session_slot, user_slot
from cityops.identity.visibility import Viewer

log = logging.getLogger("cityops.identity")

CHANNEL = "cityops_identity"
REMEMBERED_S = 60.0
"""After this an entry is loaded again; it is also how exact `last_seen_at` is."""
HEARD_WITHIN_S = 6.0
BEAT_S = 2.0
MOST_REMEMBERED = 50_000


class Presence(NamedTuple):
    """A valid session and who it belongs to."""

    viewer: Viewer
    session_id: int
    kind: str
    csrf: str | None
    expires_at: datetime


class _Entry(NamedTuple):
    presence: Presence
    expires: float
    reload_at: float
    everybody: int
    user: int
    session: int
    user_slot: int
    session_slot: int


class Viewers:
    """The signed-in viewers of one city as one process knows them. `board_path` None switches remembering off."""

    def __init__(self, engine: Engine, board_path: Path | None) -> None:
        self._engine = engine
        self._entries: dict[bytes, _Entry] = {}
        self._board: Board | None = None
        self._listener: _Listener | None = None
        self._lock = threading.Lock()
        if board_path is not None:
            try:
                self._board = Board(board_path)
            except (OSError, ValueError) as error:
                log.warning("cannot map %s (%s): every request will ask the database who is signed in", board_path, error)

    def of(self, token: str) -> Presence | None:
        """The session behind a token, or None when there is none, or no longer one."""
        digest = tokens.digest(token)
        entry = self._entries.get(digest)
        if entry is not None and self._holds(entry):
            return entry.presence
        return self._load(digest)

    def _holds(self, entry: _Entry) -> bool:
        """Whether a remembered entry may still be used."""
        if self._board is None or self._listener is None:
            return False
        slots, instant = self._board.slots, time.monotonic()
        return (
            slots[EVERYBODY] == entry.everybody
            and slots[entry.user_slot] == entry.user
            and slots[entry.session_slot] == entry.session
            and instant < entry.reload_at
            and self._listener.hears(instant)
            and time.time() < entry.expires
        )

    def _load(self, digest: bytes) -> Presence | None:
        board = self._board
        if board is None:
            return load_presence(self._engine, digest, clock_now())
        self._listen()
        in_session = session_slot(digest)
        before = (board.slots[ANY], board.slots[EVERYBODY], board.slots[in_session])
        presence = load_presence(self._engine, digest, clock_now())
        if presence is None:
            self._entries.pop(digest, None)
            return None
        in_user = user_slot(presence.viewer.user_id)
        entry = _Entry(
            presence=presence,
            expires=presence.expires_at.timestamp(),
            reload_at=time.monotonic() + REMEMBERED_S,
            everybody=before[1],
            user=board.slots[in_user],
            session=before[2],
            user_slot=in_user,
            session_slot=in_session,
        )
        if board.slots[ANY] == before[0]:
            if len(self._entries) >= MOST_REMEMBERED:
                self._entries.clear()
            self._entries[digest] = entry
        return presence

    def _listen(self) -> None:
        """Start the listener of this process; after a fork the child needs its own, because threads do not follow."""
        listener = self._listener
        if listener is None or listener.pid != os.getpid():
            with self._lock:
                if self._listener is None or self._listener.pid != os.getpid():
                    self._entries.clear()
                    self._listener = _Listener(self._engine, self)

    def forget(self, change: Change) -> None:
        """Called by the listener: mark the board, so that the other processes of the machine profit too."""
        if self._board is not None:
            self._board.mark(change)

    def close(self) -> None:
        """End the listener; the next look-up starts a new one."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()


def load_presence(engine: Engine, digest: bytes, now: datetime) -> Presence | None:
    """Ask the database whose session this is, and note (at most once a minute) that it was seen."""
    with engine.begin() as connection:
        row = connection.execute(text(sql(__package__, "load_viewer")), {"digest": digest, "now": now}).one_or_none()
        if row is None:
            return None
        if (now - row.last_seen_at).total_seconds() >= REMEMBERED_S:
            # The condition is repeated because other processes see the same session.
            connection.execute(
                text("UPDATE identity.sessions SET last_seen_at = :now WHERE id = :id AND last_seen_at < :now"),
                {"now": now, "id": row.session_id},
            )
    subtrees = {root: tuple(sorted(ids)) for root, ids in row.subtrees or ()}
    scopes = [rules.Scope(*scope) for scope in row.scopes or ()]
    grants = rules.grants_of(row.posts, subtrees.get(row.department_id), scopes, subtrees)
    viewer = Viewer(row.id, row.login, row.name, frozenset(row.posts), row.department_id, grants)
    return Presence(viewer, row.session_id, row.kind, row.csrf, row.expires_at)


class _Listener:
    """A thread that hears the database announce changes of permission, and knows when it last heard from it at all."""

    def __init__(self, engine: Engine, owner: Viewers) -> None:
        self.pid = os.getpid()
        self._heard_until = 0.0
        self._ended = threading.Event()
        self._owner = weakref.ref(owner)
        _, self._address = engine.dialect.create_connect_args(engine.url)
        threading.Thread(target=self._run, name="identity-listener", daemon=True).start()

    def hears(self, instant: float) -> bool:
        """Whether the database was heard within the last seconds (monotonic clock)."""
        return instant < self._heard_until

    def stop(self) -> None:
        self._heard_until = 0.0
        self._ended.set()

    def _run(self) -> None:
        pause = 0.2
        while not self._ended.is_set() and self._owner() is not None:
            try:
                self._listen_once()
                pause = 0.2
            except psycopg.Error as error:
                # Nothing is decided on this error: without a listener every request asks the database itself.
                self._heard_until = 0.0
                log.info("permission listener lost the database (%s); trying again in %.1f s", type(error).__name__, pause)
                self._ended.wait(pause)
                pause = min(pause * 2, 5.0)

    def _listen_once(self) -> None:
        wanted = {**self._address, "autocommit": True, "application_name": "cityops identity", "connect_timeout": 5}
        with psycopg.connect(**wanted) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            # Whatever was announced while nobody listened is unknown, so nothing remembered from before counts.
            if not self._tell(Change(everybody=True)):
                return
            while not self._ended.is_set():
                connection.execute("SELECT 1")
                self._heard_until = time.monotonic() + HEARD_WITHIN_S
                for notice in connection.notifies(timeout=BEAT_S, stop_after=1):
                    if not self._tell(understood(notice.payload)):
                        return
                if self._owner() is None:
                    return

    def _tell(self, change: Change) -> bool:
        """Pass a change on; False when nobody is left to hear it."""
        owner = self._owner()
        if owner is None:
            return False
        owner.forget(change)
        return True


def understood(payload: str) -> Change:
    """The change a notification names; one that is not understood counts as everything."""
    kind, _, rest = payload.partition(":")
    if kind == "u" and rest.isdigit():
        return Change(user_ids=(int(rest),))
    if kind == "s":
        try:
            return Change(digests=(bytes.fromhex(rest),))
        except ValueError:
            return Change(everybody=True)
    return Change(everybody=True)
