"""Tiles kept in memory: the least recently used leave first, and a tile many ask for at once is made once.

Keys hold the version of the area and the digest of the permission, so nothing is ever invalidated: a changed tile has
another key and the old one ages out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

OVERHEAD_BYTES = 300
"""What an entry costs beside its body."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A finished tile. `body` is gzip when `packed`, MVT otherwise; empty when nothing is there."""

    body: bytes
    packed: bool
    count: int
    """Features inside (before those too small to see fell away)."""
    total: int
    """Features there are; more than `count` when the tile was capped."""


class TileCache:
    """At most `limit_bytes` of tiles; safe for threads."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._tiles: OrderedDict[Hashable, Tile] = OrderedDict()
        self._making: dict[Hashable, Future[Tile]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._tiles)

    def get(self, key: Hashable, make: Callable[[], Tile]) -> Tile:
        """The tile, made by the first who asks; whoever asks meanwhile waits for that one and shares its error too."""
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
                return tile
            waiting = self._making.get(key)
            if waiting is None:
                mine = self._making[key] = Future()
        if waiting is not None:
            return waiting.result()
        try:
            tile = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._keep(key, tile)
        mine.set_result(tile)
        return tile

    def _keep(self, key: Hashable, tile: Tile) -> None:
        size = len(tile.body) + OVERHEAD_BYTES
        if size > self.limit_bytes:
            return
        self._tiles[key] = tile
        self.held_bytes += size
        while self.held_bytes > self.limit_bytes:
            _, old = self._tiles.popitem(last=False)
            self.held_bytes -= len(old.body) + OVERHEAD_BYTES
