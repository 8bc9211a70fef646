"""Point to cell: a million points against geopandas.sjoin, and one place over HTTP against an empty answer of the same server."""

from __future__ import annotations

import http.client
import statistics
import time
from urllib.parse import urlsplit

import geopandas
import numpy as np
import shapely
from sqlalchemy.orm import Session

from bench.frame import Ratio, alternate, times
from bench.stand import Stand
from cityops.db.session import unit_of_work
from cityops.grid import queries
from cityops.grid.gridindex import grid_index
from tests.factories.grid import ground, store

POINTS = 1_000_000
REQUESTS = 400
ADDED_MS = 1.0
"""What a look-up may add to an empty request."""


def run(stand: Stand) -> list[Ratio]:
    """A synthetic city of 16,800 cells, the size of Nanyang."""
    engine, fresh = stand.database("locate")
    if fresh:
        stand.say("storing 16,800 cells")
        with unit_of_work(engine) as session:
            store(session, ground(1, communities=(20, 15), cells=(8, 7)))
    with Session(engine) as session:
        cells = queries.live_cells(session)
        locator = grid_index(session).locator
    west, south, east, north = shapely.total_bounds([cell.shape for cell in cells.values()])
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(west, east, POINTS), rng.uniform(south, north, POINTS)
    frame = geopandas.GeoDataFrame({"code": list(cells)}, geometry=[cell.shape for cell in cells.values()], crs=4490)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lon, lat), crs=4490)

    def ours() -> float:
        begun = time.perf_counter()
        locator.locate_many(lon, lat)
        return time.perf_counter() - begun

    def theirs() -> float:
        begun = time.perf_counter()
        geopandas.sjoin(points, frame, how="left", predicate="within")
        return time.perf_counter() - begun

    million = times(
        "1 M points to cells",
        "geopandas.sjoin",
        alternate(ours, theirs, stand.rounds),
        1 / 3,
        "index and points made before, on both sides",
    )
    return [million, _single(stand, engine, lon[:REQUESTS], lat[:REQUESTS])]


def _single(stand: Stand, engine: object, lon: np.ndarray, lat: np.ndarray) -> Ratio:
    """What `/locate` takes beyond `/healthz`, one request after another over one connection."""
    token = stand.token(engine)  # type: ignore[arg-type]  # an Engine
    with stand.served(engine) as address:  # type: ignore[arg-type]  # an Engine
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        places = [f"/api/v1/locate?lon={x:.7f}&lat={y:.7f}" for x, y in zip(lon, lat, strict=True)]
        headers = {"Authorization": token}

        def median_s(paths: list[str]) -> float:
            taken = []
            for path in paths:
                begun = time.perf_counter()
                connection.request("GET", path, headers=headers)
                connection.getresponse().read()
                taken.append(time.perf_counter() - begun)
            return statistics.median(taken)

        median_s(places[:50])
        mine, empty, _ = alternate(lambda: median_s(places), lambda: median_s(["/healthz"] * REQUESTS), stand.rounds)
    added_ms = (mine - empty) * 1000
    return Ratio(
        "one place over HTTP, beyond an empty answer", f"{mine * 1000:.2f} ms", f"/healthz {empty * 1000:.2f} ms",
        added_ms / ADDED_MS, 1.0, "at most", "the ratio is added milliseconds to 1 ms",
    )  # fmt: skip
