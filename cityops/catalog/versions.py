"""What version each layer has in each area, known in memory and never stale after an acknowledged write.

The number itself always comes from `core.layer_versions`, so it is the same on every process and machine and survives a
restart. In memory it is kept together with the marks (`cityops.db.marks`) under which it was read. A listener thread hears
NOTIFY from writers that share no memory with us; while it is not connected, every question goes to the database.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg

from cityops.db.marks import Marks, slot_of
from cityops.db.versions import AREA_ZOOM, CHANNEL

if TYPE_CHECKING:
    from cityops.db.readpool import ReadPool

log = logging.getLogger("cityops.catalog.versions")

AreaBox = tuple[int, int, int, int]
"""x0, y0, x1, y1 of area tiles, inclusive."""

READ_AREAS = (
    "SELECT coalesce(sum(version), 0)::bigint FROM core.layer_versions"
    " WHERE layer = %(layer)s AND x BETWEEN %(x0)s AND %(x1)s AND y BETWEEN %(y0)s AND %(y1)s"
)
READ_LAYER = "SELECT coalesce(sum(version), 0)::bigint FROM core.layer_versions WHERE layer = %(layer)s"
HEARTBEAT_S = 10.0
MAX_KEPT = 50_000


def areas_of_tile(z: int, x: int, y: int) -> AreaBox | None:
    """The areas a tile and its 1/64 margin lie in, or None for "the whole layer" (tiles larger than an area).

    The margin matters: a feature just across the border is drawn in this tile too, and moves there without touching the
    area the tile lies in.
    """
    if z < AREA_ZOOM:
        return None
    shift = z - AREA_ZOOM
    mask = (1 << shift) - 1
    ax, ay = x >> shift, y >> shift
    return (
        ax - (x & mask == 0),
        ay - (y & mask == 0),
        ax + (x & mask == mask),
        ay + (y & mask == mask),
    )


class LayerVersions:
    """Versions of layers by area; one per application and process. Safe for threads."""

    def __init__(self, pool: ReadPool, marks: Marks, listen_url: str | None, *, trusts_marks: bool = True) -> None:
        """`listen_url` is a libpq URL of the writing server, or None when no listener is wanted.

        With `trusts_marks` false (reads come from a replica that lags behind) every question goes to the database that
        the tiles are read from, because only that database knows what it has already replayed.
        """
        self._pool = pool
        self._marks = marks
        self._listen_url = listen_url
        self._trusts_marks = trusts_marks
        self._known: dict[tuple[str, AreaBox | None], tuple[tuple[int, ...], int]] = {}
        self._heard: dict[int, int] = {}
        self._era = 0
        self._connected = threading.Event()
        self._starting = threading.Lock()
        self._pid: int | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    # -- asking -----------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the listener hears NOTIFY now."""
        return self._connected.is_set()

    def version(self, layer: str, box: AreaBox | None = None) -> int:
        """The version of a layer in some areas; grows with every commit that touches them."""
        if self._pid != os.getpid():
            self._start()
        if not (self._trusts_marks and self._connected.is_set()):
            return self._read(layer, box)
        key = (layer, box)
        # The marks are read before the row: a commit in between makes the next comparison differ, never agree wrongly.
        marks = self.marks(layer, box)
        known = self._known.get(key)
        if known is not None and known[0] == marks:
            return known[1]
        version = self._read(layer, box)
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[key] = (marks, version)
        return version

    def marks(self, layer: str, box: AreaBox | None = None) -> tuple[int, ...]:
        """Equal as long as nothing was committed to the layer in these areas, as far as this machine has been told."""
        heard = self._heard.get
        read = self._marks.read
        every = slot_of(layer, -1, -1)
        if box is None:
            slot = slot_of(layer)
            return (self._era, read(slot), heard(slot, 0))
        found = [self._era, heard(every, 0)]
        x0, y0, x1, y1 = box
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                slot = slot_of(layer, x, y)
                found += (read(slot), heard(slot, 0))
        return tuple(found)

    def _read(self, layer: str, box: AreaBox | None) -> int:
        with self._pool.connection() as connection:
            if box is None:
                row = connection.execute(READ_LAYER, {"layer": layer}, prepare=True).fetchone()
            else:
                values = {"layer": layer, "x0": box[0], "y0": box[1], "x1": box[2], "y1": box[3]}
                row = connection.execute(READ_AREAS, values, prepare=True).fetchone()
        return int(row[0]) if row else 0

    # -- listening --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start the listener of this process; a fork leaves threads behind, so the child starts its own."""
        with self._starting:
            if self._pid == os.getpid():
                return
            self._connected.clear()
            self._known.clear()
            self._stop = threading.Event()
            if self._listen_url is not None and self._trusts_marks:
                self._thread = threading.Thread(target=self._listen, args=(self._stop,), name="layer-versions", daemon=True)
                self._thread.start()
            self._pid = os.getpid()

    def stop(self) -> None:
        """End the listener, within a second; later questions go to the database."""
        self._stop.set()
        self._connected.clear()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(5)

    def wait_until_connected(self, timeout_s: float) -> bool:
        """Start the listener if need be and wait for it; for start-up and tests."""
        if self._pid != os.getpid():
            self._start()
        return self._connected.wait(timeout_s)

    def _listen(self, stop: threading.Event) -> None:
        pause_s = 0.2
        while not stop.is_set():
            try:
                with psycopg.connect(self._listen_url or "", autocommit=True, application_name="cityops versions") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    # What was missed while we were deaf is unknown, so nothing known before counts any more.
                    self._era += 1
                    self._connected.set()
                    pause_s = 0.2
                    self._hear(connection, stop)
            except psycopg.Error as error:
                if stop.is_set():
                    return
                log.warning("the version listener lost its connection (%s); reading versions from the database until it is back", error)
            finally:
                self._connected.clear()
            stop.wait(pause_s)
            pause_s = min(pause_s * 2, 5.0)

    def _hear(self, connection: psycopg.Connection, stop: threading.Event) -> None:
        asked = time.monotonic()
        while not stop.is_set():
            for notice in connection.notifies(timeout=0.5):
                self.hear(notice.payload)
            if time.monotonic() - asked > HEARTBEAT_S:
                # A connection that died without a word would leave us trusting silence.
                connection.execute("SELECT 1")
                asked = time.monotonic()

    def hear(self, payload: str) -> None:
        """Take in one notification: a JSON list of [layer, x, y], or of [layer] when all its areas may have changed."""
        for area in json.loads(payload):
            layer = area[0]
            slots = [slot_of(layer), slot_of(layer, -1, -1) if len(area) == 1 else slot_of(layer, area[1], area[2])]
            for slot in slots:
                self._heard[slot] = self._heard.get(slot, 0) + 1


VersionOf = Callable[[str, AreaBox | None], int]
