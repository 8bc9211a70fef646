"""`create_app`: the only place where rooms are wired together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cityops import __version__
from cityops.cases import api as cases_api
from cityops.cases import layers as case_layers
from cityops.cases import operations as cases
from cityops.catalog import api as catalog_api
from cityops.catalog import operations as catalog_operations
from cityops.catalog.tables import CellTable
from cityops.components import api as components_api
from cityops.components import layers as component_layers
from cityops.components import operations as components
from cityops.config import Settings
from cityops.db.engine import make_engine
from cityops.exchange.open311 import api as open311_api
from cityops.field import api as field_api
from cityops.gazetteer import api as gazetteer_api
from cityops.grid import api as grid_api
from cityops.grid import layers as grid_layers
from cityops.grid.events import on_beats_changed, on_published
from cityops.http import auth, health, openapi, pages, problem, stream, unit
from cityops.identity import api as identity_api
from cityops.media import api as media_api
from cityops.paths import layers_dir
from cityops.standards import api as standards_api
from cityops.standards import operations as standards

BLUEPRINTS = (
    identity_api,
    catalog_api,
    grid_api,
    gazetteer_api,
    components_api,
    standards_api,
    media_api,
    cases_api,
    field_api,
    open311_api,
    stream,
)
"""Modules whose `blp` makes the OpenAPI document, in the order it is read."""

PLAIN_ROUTES = (catalog_api, open311_api, stream, pages)
"""Modules whose `register(app)` adds what is no part of a blueprint."""

CORE_LAYERS = (grid_layers, component_layers, case_layers)
"""Modules with `LAYER_SOURCES`: the core's own layers, in the catalogue beside those of the manifests."""

CELLS = CellTable(layer="cells", from_sql="grid.cells AS g", where_sql="g.ended_on IS NULL", geom_sql="g.geom", id_sql="g.code::bigint")
"""What the layers of the manifests are counted by at small zooms."""

OPEN_TOPICS = ("grid", "component_batch", "class", "standard", "place")
"""Events about no single row: everyone hears that something happened, and only what."""


def seeds() -> list[Callable[[Session], None]]:
    """What loads the tables a city cannot run without, in the order the rooms stand on one another; safe to run again."""
    return [catalog_operations.seed, components.seed, standards.seed, cases.seed]


def wire() -> None:
    """Introduce the rooms to each other: what a lower room announces and a higher one must hear. Safe to call twice."""
    on_published(components.recell)
    on_published(cases.recell)
    on_beats_changed(cases.follow_grid)


def create_app(settings: Settings, engine: Engine | None = None) -> Flask:
    """The WSGI application for one city. `engine` is given by tests; otherwise it is made from the settings' database URL."""
    app = Flask("cityops", static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it; Chinese stays readable on the wire
    app.config.update(
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        API_TITLE="cityops",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=openapi.spec_options(__version__),
    )
    app.extensions["cityops_settings"] = settings
    if engine is None and settings.database_url is not None:
        engine = make_engine(settings.database_url)
    app.extensions["cityops_engine"] = engine
    wire()
    api = openapi.ProblemApi(app)
    problem.register(app)
    unit.register(app)
    auth.register(app)
    health.register(app)
    for room in BLUEPRINTS:
        api.register_blueprint(room.blp)
    for room in PLAIN_ROUTES:
        room.register(app)
    _fill_catalog(app, settings)
    openapi.register(app)
    return app


def close_app(app: Flask) -> None:
    """End the threads and connections an application holds beside its engine: for tests and for a worker that leaves.

    Each waits up to half a second for a listener of its own to look up; they wait at the same time.
    """
    held = [app.extensions.get(name) for name in ("cityops_stream", "cityops_catalog", "cityops_viewers")]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(each.close) for each in held if each is not None]:
            done.result()


def _fill_catalog(app: Flask, settings: Settings) -> None:
    """Hand the catalogue its layers, and the live stream the way to ask who may see what an event is about."""
    catalog = app.extensions.get("cityops_catalog")
    if catalog is None:
        return
    for room in CORE_LAYERS:
        catalog.register(room.LAYER_SOURCES)
    for folder in (layers_dir(), settings.layers_dir):
        if folder is not None:
            catalog.register_manifests(folder, CELLS)
    stream = app.extensions.get("cityops_stream")
    if stream is None:
        return
    for source in catalog.sources:
        if source.topic is not None:
            stream.guard(source.topic, catalog.visible_keys(source))
    for topic in OPEN_TOPICS:
        stream.open_topic(topic, ("act",))
