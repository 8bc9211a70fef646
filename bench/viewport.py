"""One viewport - tiles, list, detail - in the larger sample city against S: the p95 must not grow with the city."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
from sqlalchemy import Engine, text

from bench.frame import Ratio
from bench.stand import Stand
from bench.tiles import tile_of
from cityops.errors import SetupError

VIEWS = 120
ZOOM = 16


def run(stand: Stand) -> list[Ratio]:
    """The same walk over both cities, nothing kept, one person looking."""
    size = stand.size if stand.size != "S" else "M"
    small, large = _walk(stand, "S"), _walk(stand, size)
    return [
        Ratio(
            f"p95 of one {what}, {size} against S",
            f"{large[what] * 1000:.1f} ms",
            f"S {small[what] * 1000:.1f} ms",
            large[what] / small[what],
            1.3,
            "at most",
        )
        for what in small
    ]


def _walk(stand: Stand, size: str) -> dict[str, float]:
    engine = stand.city(size)
    headers = {"Authorization": stand.token(engine), "Accept-Encoding": "gzip"}
    places, numbers = _places(engine)
    stand.say(f"walking through {size}")
    with stand.served(engine, CITYOPS_TILE_CACHE_MB="0", CITYOPS_WORKERS="1") as root:
        asked: dict[str, Callable[[int], list[str]]] = {
            "tile": lambda at: [f"/tiles/components/{z}/{x}/{y}.mvt" for z, x, y in [tile_of(*places[at], ZOOM)]],
            "list": lambda at: ["/api/v1/cases?limit=50&bbox=" + ",".join(f"{edge:.5f}" for edge in _box(*places[at]))],
            "detail": lambda at: [f"/api/v1/cases/{numbers[at]}"],
        }
        asked["viewport"] = lambda at: [*asked["tile"](at), *asked["list"](at), *asked["detail"](at)]
        connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=60)
        found = {}
        for what, paths in asked.items():
            spent = []
            for at in range(len(places)):
                began = time.perf_counter()
                for path in paths(at):
                    connection.request("GET", path, headers=headers)
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status not in (200, 204):
                        raise SetupError(reason=f"{path} answers {answer.status}: {json.loads(body).get('detail')}")
                spent.append(time.perf_counter() - began)
            found[what] = float(np.percentile(spent[10:], 95))
        connection.close()
    return found


def _box(lon: float, lat: float) -> tuple[float, float, float, float]:
    return lon - 0.008, lat - 0.004, lon + 0.008, lat + 0.004


def _places(engine: Engine) -> tuple[list[tuple[float, float]], list[str]]:
    """Where open cases are, and their numbers: what a dispatcher really opens."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT ST_X(geom), ST_Y(geom), number FROM cases.cases"
                " WHERE state NOT IN ('closed', 'voided') AND geom IS NOT NULL ORDER BY number"
            )
        ).all()
    chosen = random.Random(3).sample(rows, min(VIEWS, len(rows)))
    return [(row[0], row[1]) for row in chosen], [row[2] for row in chosen]
