"""Tiles through the whole stack against the same ST_AsMVT statement in pgbench, and unchanged tiles against an empty answer."""

from __future__ import annotations

import http.client
import math
import random
import re
import sys
from urllib.parse import urlsplit

import yaml
from sqlalchemy import Engine, text

from bench.frame import Ratio, alternate, rates
from bench.load import pgbench, wrk
from bench.stand import Stand, web_server
from cityops import clock
from cityops.catalog import sqlbuild
from cityops.catalog.manifest import load_manifests
from cityops.catalog.operations import sync
from cityops.catalog.sources import LayerSource
from cityops.catalog.tables import source_of
from cityops.catalog.tiles import tile_box
from cityops.db.readpool import libpq_url
from cityops.db.session import unit_of_work
from cityops.db.versions import touch_box

POINTS = 1_000_000
WEST, SOUTH, SIDE = 112.42, 32.90, 0.22
"""A square of about 20 km over Nanyang, degrees."""

LAMPS = {
    "title": {"zh": "路灯", "en": "Lamps"},
    "geometry": "point",
    "fields": {
        "code": {"type": "text", "title": {"zh": "编码", "en": "Code"}},
        "class_code": {"type": "text", "title": {"zh": "类别", "en": "Class"}},
        "state": {"type": "text", "title": {"zh": "状态", "en": "State"}},
    },
    "zoom": {"min": 10, "max": 18},
    "style": [{"type": "circle", "paint": {"circle-radius": 3, "circle-color": "@brand"}}],
    "source": {"zh": "合成数据", "en": "synthetic"},
    "licence": "CC0-1.0",
}

FILL = """
INSERT INTO layer_lamps.items (geom, code, class_code, state)
SELECT ST_Point(x, y, 4490), lpad(n::text, 16, '4113030010010100'), lpad((n % 60)::text, 4, '0'), 'intact'
FROM (
    -- Along streets: one coordinate lies on a grid of street lines, the other is free.
    SELECT n,
        CASE WHEN n % 2 = 0 THEN :w + :s * round(random() * 150) / 150 + 0.00003 * random() ELSE :w + :s * random() END AS x,
        CASE WHEN n % 2 = 1 THEN :b + :s * round(random() * 150) / 150 + 0.00003 * random() ELSE :b + :s * random() END AS y
    FROM generate_series(1, :n) AS n
) AS p
ORDER BY ST_Point(x, y)
"""


def run(stand: Stand) -> list[Ratio]:
    """Heavy, middle and light tiles at one and four connections; then the tile that has not changed."""
    engine, layers_dir, source = _prepare(stand)
    token = stand.token(engine)
    headers = {"Authorization": token, "Accept-Encoding": "gzip"}
    results = []
    with stand.served(engine, CITYOPS_LAYERS_DIR=layers_dir, CITYOPS_TILE_CACHE_MB="0") as root:
        for zoom, budget in ((14, 0.8), (15, 0.8), (16, 0.8), (17, None)):
            tiles = _tiles(zoom, 40)
            count = _features(root, tiles[0], headers)
            scripts = [_script(source, *tile) for tile in tiles]
            paths = [f"/tiles/lamps/{z}/{x}/{y}.mvt" for z, x, y in tiles]
            for connections in (1, 4):
                stand.say(f"tiles z{zoom}, {connections} connections")
                measured = alternate(
                    lambda: wrk(root, paths, headers, connections=connections, seconds=stand.seconds, workdir=stand.workdir),  # noqa: B023 called before the loop goes on
                    lambda: pgbench(libpq_url(engine.url), scripts, clients=connections, seconds=stand.seconds, workdir=stand.workdir),  # noqa: B023 the same
                    stand.rounds,
                )
                wanted = budget if count >= 500 else None
                results.append(
                    rates(
                        f"tile z{zoom}, about {count} features, c{connections}, nothing kept, gzip",
                        "pgbench, tile not sent",
                        measured,
                        wanted,
                    )
                )
    with (
        stand.served(engine, CITYOPS_LAYERS_DIR=layers_dir) as root,
        web_server([sys.executable, "-m", "bench.empty_flask"], {"CITYOPS_WORKERS": "2"}) as empty,
    ):
        results += _unchanged(stand, root, empty, headers)
    return results


def _unchanged(stand: Stand, root: str, empty: str, headers: dict[str, str]) -> list[Ratio]:
    z, x, y = _tiles(15, 1)[0]
    path = f"/tiles/lamps/{z}/{x}/{y}.mvt"
    tag = _ask(root, path, headers).headers["ETag"]
    results = []
    for connections in (1, 4):
        stand.say(f"unchanged tile, {connections} connections")

        def nothing(connections: int = connections) -> float:
            return wrk(empty, ["/healthz"], {}, connections=connections, seconds=stand.seconds, workdir=stand.workdir)

        def unchanged(connections: int = connections) -> float:
            known = {**headers, "If-None-Match": tag}
            return wrk(root, [path], known, connections=connections, seconds=stand.seconds, workdir=stand.workdir, status=304)

        def kept(connections: int = connections) -> float:
            return wrk(root, [path], headers, connections=connections, seconds=stand.seconds, workdir=stand.workdir)

        results.append(rates(f"unchanged tile (304), c{connections}", "empty Flask", alternate(unchanged, nothing, stand.rounds), 0.8))
        results.append(rates(f"tile from memory, c{connections}", "empty Flask", alternate(kept, nothing, stand.rounds), None))
    return results


def _prepare(stand: Stand) -> tuple[Engine, str, LayerSource]:
    folder = stand.workdir / "layers" / "lamps"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "layer.yaml").write_text(yaml.safe_dump(LAMPS, allow_unicode=True), encoding="utf-8")
    manifests = load_manifests(folder.parent)
    engine, fresh = stand.database("tiles")
    if fresh:
        stand.say(f"loading {POINTS:,} points")
        with unit_of_work(engine) as session:
            sync(session, manifests, clock.now())
            session.execute(text("SELECT setseed(0.5)"))
            session.execute(text(FILL), {"w": WEST, "b": SOUTH, "s": SIDE, "n": POINTS})
            touch_box(session, "lamps", WEST, SOUTH, WEST + SIDE, SOUTH + SIDE)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE layer_lamps.items"))
    return engine, str(folder.parent), source_of(manifests[0])


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int, int]:
    """The tile of a zoom that holds a point (degrees)."""
    n = 1 << zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return zoom, int((lon + 180) / 360 * n), int(y * n)


def _tiles(zoom: int, count: int) -> list[tuple[int, int, int]]:
    """Tiles over the middle of the city, the same in every run; as many as asked for, or as there are."""
    chosen = random.Random(zoom)
    found: set[tuple[int, int, int]] = set()
    for _ in range(count * 20):
        found.add(tile_of(WEST + SIDE * chosen.uniform(0.1, 0.9), SOUTH + SIDE * chosen.uniform(0.1, 0.9), zoom))
        if len(found) == count:
            break
    return sorted(found)


def _script(source: LayerSource, z: int, x: int, y: int) -> str:
    """The product's own statement for a viewer who sees everything, as pgbench runs it.

    pgbench would take the tile as hexadecimal text, twice its size; so only its length leaves the database, which makes the
    limit a little better than anything that has to send the tile.
    """
    values = {**tile_box(z, x, y), "z": z, "x": x, "y": y}
    statement = re.sub(r"%\((\w+)\)s", r":\1", sqlbuild.tile_sql(source, "TRUE", overview=False)).replace("%%", "%")
    return "".join(f"\\set {name} {value!r}\n" for name, value in values.items()) + (
        f"SELECT octet_length(t.tile), t.n FROM ({statement}) AS t (tile, n);\n"
    )


def _ask(root: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer


def _features(root: str, tile: tuple[int, int, int], headers: dict[str, str]) -> int:
    z, x, y = tile
    return int((_ask(root, f"/tiles/lamps/{z}/{x}/{y}.mvt", headers).headers["Cityops-Features"] or "0/0").split("/")[0])
