"""A new layer is one file: written, synced, and at once in the catalogue, in REST, in a tile, counted per cell from afar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops import clock
from cityops.app import close_app, create_app
from cityops.catalog.manifest import load_manifests
from cityops.catalog.operations import sync
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.db.versions import touch
from cityops.identity.rules import Scope
from tests import mvt
from tests.factories.catalog import NANYANG, tile_at
from tests.factories.identity import WHOLE_CITY, bearer, saved_user

ACCESS_POINTS = """
title: { zh: 无线接入点, en: Wireless access points }
abstract: { zh: 公共场所的无线接入点。, en: Wireless access points in public places. }
geometry: point
fields:
  operator: { type: text, title: { zh: 运营商, en: Operator }, required: true }
  power_w: { type: number, unit: W, title: { zh: 功率, en: Power } }
  public: { type: boolean, title: { zh: 公开, en: Public } }
  since_on: { type: date, title: { zh: 启用日期, en: In use since } }
  note: { type: text, title: { zh: 备注, en: Note }, tile: false }
zoom: { min: 9, from: 14, max: 16 }
style:
  - name: dot
    type: circle
    paint: { circle-radius: 4, circle-color: "@info" }
source: { zh: 测试, en: Test }
licence: CC0-1.0
"""


@pytest.fixture(scope="module")
def client(database: Engine, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The application of a city that has one layer of its own, and one access point in it."""
    folder = tmp_path_factory.mktemp("layers")
    (folder / "access_points").mkdir()
    (folder / "access_points" / "layer.yaml").write_text(ACCESS_POINTS, encoding="utf-8")
    with unit_of_work(database) as session:
        sync(session, load_manifests(folder), clock.now())
        session.execute(
            text(
                "INSERT INTO layer_access_points.items (geom, operator, power_w, public, since_on, note)"
                " VALUES (ST_Point(:lon, :lat, 4490), '移动', 2.5, true, '2026-05-01', '内部备注')"
            ),
            {"lon": NANYANG[0], "lat": NANYANG[1]},
        )
        touch(session, "access_points", *NANYANG)
    app = create_app(replace(settings, layers_dir=folder), database)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app.test_client()
    close_app(app)


@pytest.fixture(scope="module")
def planner(database: Engine) -> dict[str, str]:
    return bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))


def test_it_is_in_the_catalogue(client: FlaskClient, planner: dict[str, str]) -> None:
    entry = client.get("/api/v1/layers/access_points", headers=planner).get_json()
    assert entry["title"]["zh"] == "无线接入点"
    assert entry["role"] == "theme"
    assert entry["properties"][1] == {"name": "power_w", "type": "number", "title": {"zh": "功率", "en": "Power"}, "unit": "W"}
    assert entry["style"][0]["paint"]["circle-color"] == "@info"
    listed = [item["id"] for item in client.get("/api/v1/layers", headers=planner).get_json()["items"]]
    assert "access_points" in listed
    assert "roads" in listed


def test_it_is_in_rest_as_geojson(client: FlaskClient, planner: dict[str, str]) -> None:
    answer = client.get("/api/v1/layers/access_points/items", headers=planner)
    assert answer.mimetype == "application/geo+json"
    (feature,) = answer.get_json()["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": list(NANYANG)}
    assert feature["properties"] == {"operator": "移动", "power_w": 2.5, "public": True, "since_on": "2026-05-01", "note": "内部备注"}
    assert answer.get_json()["next"] is None


def test_it_is_in_a_tile(client: FlaskClient, planner: dict[str, str]) -> None:
    z, x, y = tile_at(*NANYANG, 15)
    (feature,) = mvt.read(client.get(f"/tiles/access_points/{z}/{x}/{y}.mvt", headers=planner).data)["access_points"]
    assert feature.properties == {"operator": "移动", "power_w": 2.5, "public": True, "since_on": "2026-05-01"}
    assert feature.kind == 1


def test_from_afar_it_is_counted_per_cell(client: FlaskClient, planner: dict[str, str], database: Engine) -> None:
    lon, lat = NANYANG
    with unit_of_work(database) as session:
        session.execute(
            text(
                "INSERT INTO grid.divisions (code, level, name_zh, geom, parent_code, synthetic) VALUES"
                " ('411303', 'district', '区', ST_Multi(ST_MakeEnvelope(:w, :s, :e, :n, 4490)), NULL, true),"
                " ('411303001', 'street', '街道', ST_Multi(ST_MakeEnvelope(:w, :s, :e, :n, 4490)), '411303', true),"
                " ('411303001001', 'community', '社区', ST_Multi(ST_MakeEnvelope(:w, :s, :e, :n, 4490)), '411303001', true)"
            ),
            {"w": lon - 0.001, "s": lat - 0.001, "e": lon + 0.001, "n": lat + 0.001},
        )
        session.execute(
            text(
                "INSERT INTO grid.cells (code, community_code, geom, area_m2, started_on)"
                " VALUES ('411303001001001', '411303001001', ST_MakeEnvelope(:w, :s, :e, :n, 4490), 10000, '2026-01-01')"
            ),
            {"w": lon - 0.001, "s": lat - 0.001, "e": lon + 0.001, "n": lat + 0.001},
        )
        touch(session, "cells", lon, lat)
    z, x, y = tile_at(lon, lat, 11)
    (cell,) = mvt.read(client.get(f"/tiles/access_points/{z}/{x}/{y}.mvt", headers=planner).data)["access_points"]
    assert (cell.id, cell.properties) == (411303001001001, {"n": 1})


def test_pages_of_features_follow_one_another_without_gap_or_repeat(client: FlaskClient, planner: dict[str, str], database: Engine) -> None:
    with unit_of_work(database) as session:
        session.execute(
            text(
                "INSERT INTO layer_access_points.items (geom, operator)"
                " SELECT ST_Point(113 + n / 10000.0, 33, 4490), '联通' FROM generate_series(1, 25) AS n"
            )
        )
        touch(session, "access_points", 113, 33)
    box = "bbox=113,32.9,113.1,33.1"
    seen: list[str] = []
    url = f"/api/v1/layers/access_points/items?{box}&limit=10"
    while url:
        page = client.get(url, headers=planner).get_json()
        seen += [feature["id"] for feature in page["features"]]
        url = f"/api/v1/layers/access_points/items?{box}&limit=10&cursor={page['next']}" if page["next"] else ""
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=9,1,3,4", "bbox"),
        ("bbox=nan,1,3,4", "bbox"),
        ("bbox=0,0,0,91", "bbox"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("cursor=xx", "cursor"),
    ],
)
def test_a_wrong_question_names_the_field(client: FlaskClient, planner: dict[str, str], query: str, field: str) -> None:
    answer = client.get(f"/api/v1/layers/access_points/items?{query}", headers=planner)
    assert answer.status_code == 422
    assert answer.get_json()["field"] == field


def test_who_may_not_see_the_layer_finds_it_nowhere(client: FlaskClient, database: Engine) -> None:
    stranger = bearer(database, saved_user(database, "planner", scopes=(Scope(layer="roads"),)))
    listed = [item["id"] for item in client.get("/api/v1/layers", headers=stranger).get_json()["items"]]
    assert "access_points" not in listed
    for path in (
        "/api/v1/layers/access_points",
        "/api/v1/layers/access_points/items",
        "/tiles/access_points/15/1/1.mvt",
        "/tiles/access_points.json",
    ):
        assert client.get(path, headers=stranger).status_code == 404, path


def test_before_its_sync_a_new_layer_says_what_to_do(
    database: Engine, settings: Settings, planner: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("unsynced")
    (folder / "kiosks").mkdir()
    (folder / "kiosks" / "layer.yaml").write_text(ACCESS_POINTS, encoding="utf-8")
    app = create_app(replace(settings, layers_dir=folder), database)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/tiles/kiosks/15/26623/13198.mvt", "/api/v1/layers/kiosks/items"):
        answer = app.test_client().get(path, headers=planner)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "layer-not-synced")
        assert "layers sync" in answer.get_json()["fix"]
    close_app(app)
