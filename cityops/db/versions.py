"""Layer versions: a counter per layer and area that says whether a tile drawn earlier is still right.

An area is a web-mercator tile of zoom `AREA_ZOOM` (about 10 km wide at Nanyang's latitude). Writers call `touch` with the
place they changed; the counters are bumped as the last statement before the commit, so that the row locks are held for
the length of one commit only. Readers compare counters; the catalogue keeps them in memory by LISTEN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

AREA_ZOOM = 12
CHANNEL = "cityops_layer_version"
TOUCHED = "cityops.touched"

Area = tuple[str, int, int]
"""Layer id, and x and y of the area tile."""

COMMITTED: list[Callable[[Iterable[Area]], None]] = []
"""Called in the writing process with the areas of each commit, before the writer is answered."""


def area_of(lon: float, lat: float) -> tuple[int, int]:
    """The area tile that holds a point given in degrees; poles are clamped to the edge tile."""
    n = 1 << AREA_ZOOM
    x = int((lon + 180.0) / 360.0 * n)
    lat_rad = math.radians(max(-85.05112878, min(85.05112878, lat)))
    y = int((1.0 - math.asinh(math.tan(lat_rad)) / math.pi) / 2.0 * n)
    return min(max(x, 0), n - 1), min(max(y, 0), n - 1)


def touch(session: Session, layer: str, lon: float, lat: float) -> None:
    """Note that `layer` changes at a point (degrees) in this transaction. A move touches both places."""
    session.info.setdefault(TOUCHED, set()).add((layer, *area_of(lon, lat)))


def touch_box(session: Session, layer: str, west: float, south: float, east: float, north: float) -> None:
    """Note that `layer` changes somewhere in a box given in degrees."""
    x0, y1 = area_of(west, south)
    x1, y0 = area_of(east, north)
    touched = session.info.setdefault(TOUCHED, set())
    touched.update((layer, x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))


def bump_touched(session: Session) -> list[Area]:
    """Bump every touched counter in sorted order and notify; returns the areas. Called by the unit of work only."""
    areas: list[Area] = sorted(session.info.pop(TOUCHED, ()))
    if not areas:
        return areas
    session.execute(
        text(
            """
            INSERT INTO core.layer_versions AS v (layer, x, y)
            SELECT * FROM unnest(CAST(:layers AS text[]), CAST(:xs AS int[]), CAST(:ys AS int[]))
            ON CONFLICT (layer, x, y) DO UPDATE SET version = v.version + 1
            """
        ),
        {"layers": [a[0] for a in areas], "xs": [a[1] for a in areas], "ys": [a[2] for a in areas]},
    )
    # A notification holds 8000 bytes; a change larger than that announces only its layers, which readers take as "all areas".
    payload = json.dumps(areas) if len(areas) <= 200 else json.dumps([[layer] for layer in sorted({a[0] for a in areas})])
    session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})
    return areas


def announce_committed(areas: list[Area]) -> None:
    """Tell the readers of this process at once, so that its own next answer is right without waiting for the notification."""
    if areas:
        for listener in COMMITTED:
            listener(areas)
