"""Point to cell: a million points against geopandas, one point through the API against an empty request."""

from __future__ import annotations

import sys
import time

import geopandas
import numpy as np
import shapely
from sqlalchemy import Engine, text

from bench.frame import Ratio, alternate, times
from bench.load import wrk
from bench.stand import Stand, web_server
from cityops.db.base import SRID
from cityops.errors import SetupError
from cityops.grid.locator import Locator

POINTS = 1_000_000
MOST_MS = 1.0


def run(stand: Stand) -> list[Ratio]:
    """Both questions on the cells of the sample city."""
    engine = stand.city(stand.size)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT code, ST_AsBinary(geom) FROM grid.cells WHERE ended_on IS NULL ORDER BY code")).all()
    codes = [code for code, _ in rows]
    shapes = shapely.from_wkb([bytes(geom) for _, geom in rows])
    west, south, east, north = shapely.total_bounds(shapes)
    chosen = np.random.default_rng(1)
    lon, lat = chosen.uniform(west, east, POINTS), chosen.uniform(south, north, POINTS)
    cells = geopandas.GeoDataFrame({"code": codes}, geometry=shapes, crs=SRID)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lon, lat), crs=SRID)
    _agree(Locator(codes, shapes).locate_many(lon, lat), geopandas.sjoin(points, cells, how="left", predicate="intersects"))

    def ours() -> float:
        began = time.perf_counter()
        Locator(codes, shapes).locate_many(lon, lat)
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        geopandas.sjoin(points, cells, how="left", predicate="intersects")
        return time.perf_counter() - began

    stand.say(f"a million points in {len(codes):,} cells")
    measured = alternate(ours, theirs, stand.rounds)
    note = "ours with building its index from shapes; theirs with points ready as geometries"
    return [times(f"1 M points to {len(codes):,} cells", "geopandas.sjoin", measured, 0.333, note), _single(stand, engine, lon, lat)]


def _agree(found: np.ndarray, joined: geopandas.GeoDataFrame) -> None:
    """Both must give the same cells; a point on a shared edge, which the join gives twice, takes the lowest code."""
    expected = joined.groupby(level=0)["code"].min().reindex(range(len(found))).fillna("").to_numpy(dtype=str)
    wrong = int((expected != found).sum())
    if wrong:
        raise SetupError(reason=f"{wrong} of {len(found)} points were given another cell than geopandas.sjoin gives them")


def _single(stand: Stand, engine: Engine, lon: np.ndarray, lat: np.ndarray) -> Ratio:
    """Milliseconds one look-up takes beyond an empty request, one connection, kept alive."""
    headers = {"Authorization": stand.token(engine)}
    with engine.connect() as connection:
        inside = connection.execute(
            text("SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM grid.cells WHERE ended_on IS NULL LIMIT 500) AS t")
        ).all()
    paths = [f"/api/v1/locate?lon={x:.6f}&lat={y:.6f}" for x, y in inside]
    with stand.served(engine) as root, web_server([sys.executable, "-m", "bench.empty_flask"], {"CITYOPS_WORKERS": "2"}) as empty:
        mine, other, _ = alternate(
            lambda: 1 / wrk(root, paths, headers, connections=1, seconds=stand.seconds, workdir=stand.workdir),
            lambda: 1 / wrk(empty, ["/healthz"], {}, connections=1, seconds=stand.seconds, workdir=stand.workdir),
            stand.rounds,
        )
    added_ms = (mine - other) * 1000
    return Ratio(
        "one look-up in the API (the value is the difference in ms)",
        f"{mine * 1000:.2f} ms",
        f"empty Flask {other * 1000:.2f} ms",
        added_ms,
        MOST_MS,
        "at most",
    )
