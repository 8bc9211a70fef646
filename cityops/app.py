"""`create_app`: the only place where rooms are wired together."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cityops import __version__
from cityops.catalog.tables import CellTable
from cityops.config import Settings
from cityops.db.engine import make_engine
from cityops.grid.events import on_beats_changed, on_published
from cityops.http import auth, health, openapi, problem, unit
from cityops.paths import layers_dir

API_ROOMS = (
    "cityops.identity.api",
    "cityops.catalog.api",
    "cityops.grid.api",
    "cityops.components.api",
    "cityops.standards.api",
    "cityops.media.api",
    "cityops.cases.api",
    "cityops.field.api",
    "cityops.http.stream",
    "cityops.http.pages",
)
"""Modules with a `blp` (part of the OpenAPI document), a `register(app)` (plain routes), or both."""

LAYER_ROOMS = ("cityops.grid.layers", "cityops.components.layers", "cityops.cases.layers")
"""Modules with `LAYER_SOURCES`: the core's own layers, in the catalogue beside those of the manifests."""

CELLS = CellTable(layer="cells", from_sql="grid.cells AS g", where_sql="g.ended_on IS NULL", geom_sql="g.geom", id_sql="g.code::bigint")
"""What the layers of the manifests are counted by at small zooms."""

OPEN_TOPICS = ("grid", "component_batch")
"""Events about no single row: everyone hears that something happened, and only what."""

SEED_ROOMS = ("cityops.catalog.operations", "cityops.components.operations", "cityops.standards.operations", "cityops.cases.operations")
"""Modules whose `seed(session)` loads the tables a city cannot run without; safe to run again."""


CELL_KEEPERS = ("cityops.components.operations", "cityops.cases.operations")
"""Modules whose `recell(session, publication)` moves what sat in a cell that the grid ended or reshaped."""


def _room(name: str) -> Any:
    """The module, or None while a room of the house is still being built."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not name.startswith(missing.name):
            raise
        return None


def seeds() -> list[Callable[[Session], None]]:
    """The seed functions of the rooms, in the order they stand on one another."""
    found = [_room(name) for name in SEED_ROOMS]
    return [module.seed for module in found if module is not None and hasattr(module, "seed")]


def wire() -> None:
    """Introduce the rooms to each other: what a lower room announces and a higher one must hear. Safe to call twice."""
    for name in CELL_KEEPERS:
        room = _room(name)
        if room is not None and hasattr(room, "recell"):
            on_published(room.recell)
        if room is not None and hasattr(room, "follow_grid"):
            on_beats_changed(room.follow_grid)


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
    if hasattr(auth, "register"):
        auth.register(app)
    health.register(app)
    for name in API_ROOMS:
        room = _room(name)
        if room is None:
            continue
        if hasattr(room, "blp"):
            api.register_blueprint(room.blp)
        if hasattr(room, "register"):
            room.register(app)
    _fill_catalog(app, settings)
    openapi.register(app)
    return app


def close_app(app: Flask) -> None:
    """End the threads and connections an application holds beside its engine: for tests and for a worker that leaves."""
    for name in ("cityops_stream", "cityops_catalog", "cityops_viewers"):
        held = app.extensions.get(name)
        if held is not None:
            held.close()


def _fill_catalog(app: Flask, settings: Settings) -> None:
    """Hand the catalogue its layers, and the live stream the way to ask who may see what an event is about."""
    catalog = app.extensions.get("cityops_catalog")
    if catalog is None:
        return
    for name in LAYER_ROOMS:
        room = _room(name)
        if room is not None:
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
