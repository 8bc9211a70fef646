"""Tiles: what they hold, when they are unchanged, who may see them, and that PostgreSQL uses the spatial index."""

from __future__ import annotations

import gzip
import itertools
import re
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops.catalog import sqlbuild
from cityops.catalog.sources import LayerSource
from cityops.catalog.tilecache import Tile, TileCache
from cityops.catalog.tiles import tile_box
from cityops.catalog.versions import areas_of_tile
from cityops.db.readpool import ReadPool
from cityops.db.session import unit_of_work
from cityops.identity.visibility import Grant, ScopedColumns, Viewer, visible
from tests import mvt
from tests.factories.catalog import NANYANG, add_green, everyone, only_layers, tile_at

Z, X, Y = tile_at(*NANYANG, 14)
URL = f"/tiles/green/{Z}/{X}/{Y}.mvt"


@pytest.fixture
def planner(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("cityops.catalog.api.viewer", everyone)
    assert app.extensions["cityops_catalog"].versions.wait_until_connected(5)
    return app.test_client()


def test_a_changed_feature_is_in_the_next_answer_and_an_unchanged_tile_costs_no_query(
    planner: FlaskClient, app: Flask, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work(database) as session:
        first = add_green(session, "人民公园", *NANYANG)
    answer = planner.get(URL)
    assert {feature.id: feature.properties["name"] for feature in mvt.read(answer.data)["green"]}[first] == "人民公园"
    tag = answer.headers["ETag"]
    assert planner.get(URL, headers={"If-None-Match": tag}).status_code == 304

    with unit_of_work(database) as session:
        second = add_green(session, "白河湿地", *NANYANG)
    changed = planner.get(URL, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert {first, second} <= {feature.id for feature in mvt.read(changed.data)["green"]}

    # Our own notification also arrives, a moment after the commit, and makes the version be read once more.
    threading.Event().wait(0.3)
    assert planner.get(URL, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 304

    def no_database(_: Any) -> None:
        raise AssertionError("an unchanged tile asked the database")

    monkeypatch.setattr("cityops.db.readpool.ReadPool.connection", no_database)
    assert planner.get(URL, headers={"If-None-Match": changed.headers["ETag"]}).status_code == 304
    # The same tile for someone without the browser's copy comes from memory.
    assert planner.get(URL).data == changed.data


def test_a_change_elsewhere_leaves_the_tile_unchanged(planner: FlaskClient, database: Engine) -> None:
    tag = planner.get(URL).headers["ETag"]
    with unit_of_work(database) as session:
        add_green(session, "远处", NANYANG[0] + 2, NANYANG[1] + 1)
    assert planner.get(URL, headers={"If-None-Match": tag}).status_code == 304
    z, x, y = tile_at(*NANYANG, 9)
    wide = planner.get(f"/tiles/green/{z}/{x}/{y}.mvt").headers["ETag"]
    with unit_of_work(database) as session:
        add_green(session, "远处", NANYANG[0] + 2, NANYANG[1] + 1)
    # A tile larger than an area is as new as its layer; these squares are too small to be drawn so far out.
    assert planner.get(f"/tiles/green/{z}/{x}/{y}.mvt", headers={"If-None-Match": wide}).status_code == 204


def test_while_the_listener_is_down_versions_are_read_from_the_database(planner: FlaskClient, app: Flask, database: Engine) -> None:
    versions = app.extensions["cityops_catalog"].versions
    tag = planner.get(URL).headers["ETag"]
    versions._connected.clear()
    try:
        with database.begin() as connection:
            # Another machine's write of which we hear nothing.
            connection.execute(text("UPDATE core.layer_versions SET version = version + 1 WHERE layer = 'green'"))
        assert planner.get(URL, headers={"If-None-Match": tag}).status_code == 200
    finally:
        versions._connected.set()


def test_a_write_by_a_program_that_only_notifies_is_heard(planner: FlaskClient, app: Flask, database: Engine) -> None:
    tag = planner.get(URL).headers["ETag"]
    areas = areas_of_tile(Z, X, Y)
    assert areas is not None
    with database.begin() as connection:
        connection.execute(text("UPDATE core.layer_versions SET version = version + 1 WHERE layer = 'green'"))
        connection.execute(text("SELECT pg_notify('cityops_layer_version', :payload)"), {"payload": f'[["green",{areas[0]},{areas[1]}]]'})
    for _ in range(100):
        if planner.get(URL, headers={"If-None-Match": tag}).status_code == 200:
            return
        threading.Event().wait(0.02)
    pytest.fail("the notification was not heard within two seconds")


def test_an_empty_tile_is_204_and_a_zoom_the_layer_is_not_drawn_at_too(planner: FlaskClient) -> None:
    z, x, y = tile_at(10.0, 50.0, 14)
    assert planner.get(f"/tiles/green/{z}/{x}/{y}.mvt").status_code == 204
    assert planner.get("/tiles/green/2/3/1.mvt").status_code == 204


@pytest.mark.parametrize("address", ["/tiles/green/25/0/0.mvt", "/tiles/green/3/8/0.mvt", "/tiles/green/3/0/99.mvt"])
def test_an_impossible_tile_is_refused_with_the_rule(planner: FlaskClient, address: str) -> None:
    answer = planner.get(address)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "tile-not-there")
    assert "2^z" in answer.get_json()["fix"]


def test_an_unknown_layer_and_a_forbidden_one_are_the_same_404(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cityops.catalog.api.viewer", lambda: only_layers("roads"))
    client = app.test_client()
    unknown, forbidden = client.get("/tiles/nothing/3/1/1.mvt"), client.get("/tiles/green/3/1/1.mvt")
    assert unknown.status_code == forbidden.status_code == 404
    assert unknown.get_json()["code"] == forbidden.get_json()["code"] == "layer-unknown"
    assert "green" not in [entry["id"] for entry in client.get("/api/v1/layers").get_json()["items"]]
    assert "roads" in [entry["id"] for entry in client.get("/api/v1/layers").get_json()["items"]]
    assert client.get("/api/v1/layers/green/items").status_code == 404


def test_without_signing_in_there_is_no_tile(client: FlaskClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_tile_is_gzip_only_for_who_takes_it(planner: FlaskClient, database: Engine) -> None:
    with unit_of_work(database) as session:
        for number in range(30):
            add_green(session, f"游园{number}", NANYANG[0] + number * 1e-4, NANYANG[1])
    packed = planner.get(URL, headers={"Accept-Encoding": "gzip, br"})
    plain = planner.get(URL)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_tile_over_the_cap_says_so_and_shows_the_largest(
    planner: FlaskClient, app: Flask, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlbuild, "FEATURE_CAP", 5)
    monkeypatch.setattr("cityops.catalog.tiles.FEATURE_CAP", 5)
    app.extensions["cityops_catalog"].tiles._views.clear()
    lon, lat = NANYANG[0] + 1, NANYANG[1]
    with unit_of_work(database) as session:
        made = [add_green(session, f"{number}", lon, lat, size=0.0005 + number * 0.0001) for number in range(12)]
    z, x, y = tile_at(lon, lat, 14)
    answer = planner.get(f"/tiles/green/{z}/{x}/{y}.mvt")
    app.extensions["cityops_catalog"].tiles._views.clear()
    assert answer.headers["Cityops-Features"] == "5/12"
    assert {feature.id for feature in mvt.read(answer.data)["green"]} == set(made[-5:])


def test_tilejson_names_the_fields_zooms_and_the_cap(planner: FlaskClient) -> None:
    found = planner.get("/tiles/roads.json").get_json()
    assert found["tilejson"] == "3.0.0"
    assert found["tiles"] == ["http://localhost/tiles/roads/{z}/{x}/{y}.mvt"]
    assert found["vector_layers"][0]["fields"] == {"name": "String", "class": "String", "width_m": "Number"}
    assert (found["minzoom"], found["maxzoom"]) == (7, 16)
    assert found["cityops"]["feature_cap"] == 10_000


def test_both_documents_of_the_basemap_are_complete(planner: FlaskClient) -> None:
    found = planner.get("/api/v1/basemap").get_json()
    for theme in ("light", "dark"):
        assert found[theme]["layers"][0]["type"] == "background"
        used = {layer["source"] for layer in found[theme]["layers"] if "source" in layer}
        assert used == found[theme]["sources"].keys() >= {"roads", "water", "green", "buildings"}
        order = [layer["id"] for layer in found[theme]["layers"]]
        assert order.index("roads-casing-major") < order.index("roads-surface-minor"), "casings lie under all surfaces"
        assert order.index("buildings-area") < order.index("roads-casing-minor")
        assert order.index("water-area") < order.index("buildings-area")
    assert found["light"] != found["dark"]
    assert found["outside"] is None


# -- plan ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lamps(database: Engine) -> Iterator[tuple[ReadPool, LayerSource]]:
    """200,000 points over one degree, each with a cell code and a department, as components have."""
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA plan"))
        connection.execute(
            text(
                "CREATE TABLE plan.lamps AS SELECT n::bigint AS id, ('411303' || lpad((n % 5000)::text, 9, '0'))::char(15) AS cell_code,"
                " (n % 20)::int AS department_id,"
                " ST_Point(112 + (n * 7919 % 200000) / 200000.0, 32.5 + (n * 104729 % 200003) / 200003.0, 4490) AS geom"
                " FROM generate_series(1::bigint, 200000) AS n"
            )
        )
        connection.execute(text("CREATE INDEX ON plan.lamps USING gist (geom)"))
        connection.execute(text("CREATE INDEX ON plan.lamps (cell_code)"))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE plan.lamps"))
    pool = ReadPool(database.url)
    yield (
        pool,
        LayerSource(
            id="lamps",
            title_zh="路灯",
            title_en="Lamps",
            geometry="point",
            from_sql="plan.lamps AS c",
            geom_sql="c.geom",
            id_sql="c.id",
            properties=(("cell_code", "c.cell_code"),),
            columns=ScopedColumns(layer="lamps", cell="c.cell_code", departments=("c.department_id",)),
        ),
    )
    pool.close()


VIEWERS = {
    "everything": (Grant(),),
    "a district": (Grant(divisions=("411303",)),),
    "two departments of a street": (Grant(divisions=("411303000",), department_ids=(3, 4)),),
    "two grants": (Grant(divisions=("411303000",)), Grant(department_ids=(7,))),
    "twelve communities": (Grant(divisions=tuple(f"4113030000{number:02}" for number in range(12))),),
}


@pytest.mark.parametrize("who", VIEWERS)
def test_a_tile_finds_its_rows_by_the_spatial_index_whoever_asks(lamps: tuple[ReadPool, LayerSource], who: str) -> None:
    pool, source = lamps
    viewer = Viewer(user_id=9, login="u9", name="九", posts=frozenset(), department_id=None, grants=VIEWERS[who])
    sql, params = visible(viewer, source.columns)
    z, x, y = tile_at(112.5, 33.0, 15)
    values = {**params, **tile_box(z, x, y), "z": z, "x": x, "y": y}
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", numbered, sqlbuild.tile_sql(source, sql, overview=False)).replace("%%", "%")
    with pool.connection() as connection, psycopg.ClientCursor(connection) as cursor:
        given = [values[name] for name in names]
        places = ", ".join(["%s"] * len(names))
        cursor.execute(f"PREPARE tile AS {statement}".encode())
        for _ in range(7):
            # After five executions PostgreSQL would try a generic plan, which is the trap.
            cursor.execute(f"EXECUTE tile ({places})", given)
        cursor.execute(f"EXPLAIN (COSTS OFF) EXECUTE tile ({places})", given)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE tile")
    assert "lamps_geom_idx" in plan, plan
    assert "Seq Scan on lamps" not in plan, plan
    assert "cell_code_idx" not in plan, plan


def test_the_box_of_a_tile_holds_its_margin() -> None:
    box = tile_box(14, X, Y)
    width = box["east"] - box["west"]
    assert width == pytest.approx(360 / 2**14 * (1 + 2 / 64))
    assert box["south"] < NANYANG[1] < box["north"]
    assert tile_box(0, 0, 0)["west"] == -180


def test_a_tile_watches_every_area_its_margin_reaches() -> None:
    assert areas_of_tile(12, 5, 7) == (4, 6, 6, 8)
    assert areas_of_tile(14, 4 * 5 + 1, 4 * 7 + 2) == (5, 7, 5, 7)
    assert areas_of_tile(14, 4 * 5, 4 * 7 + 3) == (4, 7, 5, 8)
    assert areas_of_tile(11, 1, 1) is None


# -- memory -------------------------------------------------------------------------------------------------------------


def test_a_tile_many_ask_for_at_once_is_made_once() -> None:
    cache, made, gate = TileCache(1 << 20), itertools.count(), threading.Event()

    def make() -> Tile:
        gate.wait(5)
        return Tile(b"tile", packed=False, count=next(made), total=0)

    answers: list[Tile] = []
    threads = [threading.Thread(target=lambda: answers.append(cache.get("k", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(5)
    assert len(answers) == 8
    assert next(made) == 1


def test_an_error_reaches_everyone_who_waits_and_is_not_kept() -> None:
    cache = TileCache(1 << 20)

    def fail() -> Tile:
        raise RuntimeError("database gone")

    with pytest.raises(RuntimeError):
        cache.get("k", fail)
    assert cache.get("k", lambda: Tile(b"x", False, 1, 1)).body == b"x"


def test_the_least_recently_used_tiles_leave_first() -> None:
    cache = TileCache(4 * 1300)
    for name in "abcd":
        cache.get(name, lambda: Tile(bytes(1000), False, 1, 1))
    cache.get("a", lambda: pytest.fail("a was kept"))
    cache.get("e", lambda: Tile(bytes(1000), False, 1, 1))
    cache.get("a", lambda: pytest.fail("a was used last"))
    again = []
    cache.get("b", lambda: again.append(1) or Tile(b"", False, 0, 0))  # type: ignore[func-returns-value]  # append is the record
    assert again
    assert cache.held_bytes <= cache.limit_bytes
