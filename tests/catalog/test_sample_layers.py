"""Every layer of the house on the sample city: tile, items, list entry and stream agree, near and far."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from cityops.app import close_app, create_app
from cityops.catalog import queries, sqlbuild
from cityops.catalog.registry import Catalog
from cityops.catalog.sources import LayerSource
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.identity.rules import Scope
from cityops.identity.visibility import Viewer
from tests import mvt
from tests.factories.identity import WHOLE_CITY, bearer, make_viewer, saved_user

LAYERS = ("divisions", "cells", "beats", "components", "cases", "roads", "water", "green", "buildings")


@pytest.fixture(scope="module")
def house(city: Engine, settings: Settings) -> Iterator[Flask]:
    app = create_app(settings, city)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    close_app(app)


@pytest.fixture(scope="module")
def catalog(house: Flask) -> Catalog:
    found: Catalog = house.extensions["cityops_catalog"]
    return found


@pytest.fixture(scope="module")
def box(city: Engine) -> tuple[float, float, float, float]:
    with unit_of_work(city) as session:
        west, south, east, north = queries.city_facts(session)["bounds"]
    return west, south, east, north


@pytest.fixture
def client(house: Flask) -> FlaskClient:
    return house.test_client()


@pytest.fixture(scope="module")
def planner(city: Engine) -> dict[str, str]:
    return bearer(city, saved_user(city, "planner", scopes=WHOLE_CITY))


@pytest.fixture(params=LAYERS)
def source(request: pytest.FixtureRequest, catalog: Catalog) -> LayerSource:
    found = catalog.sources.get(request.param)
    assert found is not None, f"{request.param} is not in the catalogue"
    return found


def _tiles(box: tuple[float, float, float, float], z: int) -> list[tuple[int, int, int]]:
    from tests.factories.catalog import tile_at

    _, x0, y1 = tile_at(box[0], box[1], z)
    _, x1, y0 = tile_at(box[2], box[3], z)
    return [(z, x, y) for x in range(x0 - 1, x1 + 2) for y in range(y0 - 1, y1 + 2)]


def _drawn(client: FlaskClient, headers: dict[str, str], layer: str, box: tuple[float, float, float, float], z: int) -> dict[int, dict]:
    """The features of all tiles of a zoom over the city, by id."""
    found: dict[int, dict] = {}
    for z_, x, y in _tiles(box, z):
        answer = client.get(f"/tiles/{layer}/{z_}/{x}/{y}.mvt", headers=headers)
        assert answer.status_code in (200, 204), answer.text
        if answer.status_code == 200:
            shown, total = answer.headers["Cityops-Features"].split("/")
            assert shown == total
            found.update({feature.id: feature.properties for feature in mvt.read(answer.data)[layer] if feature.id is not None})
    return found


def _items(client: FlaskClient, headers: dict[str, str], layer: str) -> list[dict]:
    found: list[dict] = []
    cursor = ""
    while True:
        page = client.get(f"/api/v1/layers/{layer}/items?limit=1000{cursor}", headers=headers).get_json()
        found += page["features"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_the_tiles_near_hold_what_the_items_hold(
    source: LayerSource, client: FlaskClient, planner: dict[str, str], box: tuple[float, float, float, float]
) -> None:
    items = _items(client, planner, source.id)
    drawn = _drawn(client, planner, source.id, box, min(max(source.from_zoom, 16), source.max_zoom))
    assert items, "the sample city has none"
    assert len(drawn) == len(items)
    names = [name for name, _ in source.properties]
    for properties in drawn.values():
        assert set(properties) <= set(names)


def test_what_is_counted_from_afar_is_what_is_drawn_near(
    catalog: Catalog, client: FlaskClient, planner: dict[str, str], box: tuple[float, float, float, float]
) -> None:
    source = catalog.sources.get("components")
    assert source is not None
    near = _drawn(client, planner, "components", box, source.from_zoom)
    for zoom in (source.min_zoom, source.from_zoom - 1):
        far = _drawn(client, planner, "components", box, zoom)
        assert sum(cell["n"] for cell in far.values()) == len(near)


def test_a_viewer_of_one_community_gets_only_its_rows_near_far_and_in_items(
    city: Engine, catalog: Catalog, client: FlaskClient, box: tuple[float, float, float, float]
) -> None:
    with city.connect() as connection:
        community = connection.scalar(
            text("SELECT left(cell_code, 12) FROM components.components GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
        )
        expected = connection.scalar(
            text("SELECT count(*) FROM components.components WHERE retired_at IS NULL AND left(cell_code, 12) = :code"), {"code": community}
        )
    headers = bearer(city, saved_user(city, "dispatcher", scopes=(Scope(division_code=community),)))
    source = catalog.sources.get("components")
    assert source is not None
    near = _drawn(client, headers, "components", box, source.from_zoom)
    assert len(near) == expected == len(_items(client, headers, "components"))
    assert all(thing["code"].startswith(str(community)[:6]) for thing in near.values())
    assert sum(cell["n"] for cell in _drawn(client, headers, "components", box, source.from_zoom - 1).values()) == expected
    cells = _drawn(client, headers, "cells", box, 15)
    assert cells
    assert all(cell["code"].startswith(str(community)) for cell in cells.values())


def test_the_stream_asks_for_subjects_by_an_index(catalog: Catalog, city: Engine) -> None:
    with unit_of_work(city) as session:
        viewer: Viewer = make_viewer(session, "dispatcher", scopes=(Scope(division_code="411303"),))
    topics = [source for source in catalog.sources if source.topic]
    assert {source.topic for source in topics} >= {"case", "component"}
    from cityops.identity.visibility import visible

    for source in topics:
        sql, params = visible(viewer, source.columns)
        with catalog.pool.connection() as connection:
            # The sample city is so small that reading it whole is cheaper; the question is whether the index can serve at all.
            connection.execute("SET enable_seqscan = off")
            plan = "\n".join(
                row[0] for row in connection.execute("EXPLAIN " + sqlbuild.visible_keys_sql(source, sql), {**params, "keys": ["1", "2"]})
            )
            connection.execute("RESET enable_seqscan")
        assert "Seq Scan" not in plan, plan
        assert "= ANY ('{1,2}'" in plan.split("Filter")[0], plan


def test_the_basemap_knows_the_city(client: FlaskClient, planner: dict[str, str], box: tuple[float, float, float, float]) -> None:
    found = client.get("/api/v1/basemap", headers=planner).get_json()
    assert found["city"]["bounds"] == list(box)
    assert found["city"]["name_zh"] == "南阳"
    assert found["timezone"] == "Asia/Shanghai"
    assert found["light"]["sources"]["roads"]["attribution"] == found["city"]["attribution"]
