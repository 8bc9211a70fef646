"""Marks: one small shared file by which the processes of a machine tell one another that a layer has changed.

An acknowledged write must be seen by the next request on every process. NOTIFY alone cannot promise that: it arrives a
moment after the commit, and a neighbour process may answer "unchanged" in that moment. So the committing process writes
a fresh random number into the mark of each touched area after the commit and before it answers; a reader compares the
mark with the one under which it last read the version row and reads the row again when they differ. A mark is never
decremented, summed or locked: two writers that meet in one mark both leave a number nobody has seen, and two areas that
share a mark by hashing cost one needless read. Other machines, and writers that do not map this file, are heard by
NOTIFY (`cityops.catalog.versions`).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import secrets
import zlib
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from cityops.db import versions
from cityops.db.versions import Area
from cityops.errors import SetupError

SLOTS = 1 << 15
_OPEN: dict[Path, Marks] = {}
_OPENING = Lock()


def slot_of(layer: str, x: int | None = None, y: int | None = None) -> int:
    """The mark of an area, or of "anything in this layer" when no area is given; equal in every process."""
    return zlib.crc32(f"{layer}/{x}/{y}".encode()) % SLOTS


class Marks:
    """`SLOTS` 64-bit numbers mapped from a file; aligned, so one store is seen whole."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SetupError(reason=f"cannot open {path} ({error.strerror}); set CITYOPS_HOME to a writable folder") from error
        try:
            os.ftruncate(descriptor, SLOTS * 8)
            self._map = mmap.mmap(descriptor, SLOTS * 8)
        finally:
            os.close(descriptor)
        self._slots = (ctypes.c_uint64 * SLOTS).from_buffer(self._map)

    def read(self, slot: int) -> int:
        """The present number of a mark."""
        return self._slots[slot]

    def stamp(self, areas: Iterable[Area]) -> None:
        """Write fresh numbers for the areas and for the layers they lie in."""
        layers = set()
        for layer, x, y in areas:
            self._slots[slot_of(layer, x, y)] = secrets.randbits(64)
            layers.add(layer)
        for layer in layers:
            self._slots[slot_of(layer)] = secrets.randbits(64)


def open_marks(home: Path) -> Marks:
    """The marks of an installation, mapped once per process; from now on every commit of this process stamps them."""
    path = (home / "marks").absolute()
    with _OPENING:
        marks = _OPEN.get(path)
        if marks is None:
            marks = _OPEN[path] = Marks(path)
            versions.COMMITTED.append(marks.stamp)
        return marks
