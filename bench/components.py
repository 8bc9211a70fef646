"""A million components with codes, cells and history, against ogr2ogr loading the same file with none of that."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import geopandas
import numpy as np
import shapely
from sqlalchemy import Engine, text

from bench.frame import Ratio, alternate, times
from bench.stand import UNTIL, Stand
from cityops.components.bulk import Registrations, register_many
from cityops.db.base import SRID
from cityops.db.readpool import libpq_url
from cityops.db.session import unit_of_work
from cityops.errors import SetupError

ROWS = 1_000_000


def run(stand: Stand) -> list[Ratio]:
    """Each round loads into empty tables: ours into components, theirs into a table of its own making."""
    ogr2ogr = shutil.which("ogr2ogr")
    if ogr2ogr is None:
        raise SetupError(reason="ogr2ogr is missing; apt-get install gdal-bin")
    grid = stand.city("S")
    engine, fresh = stand.database("components")
    if fresh:
        _copy_grid(stand, grid, engine)
    path = _file(stand, engine)
    target = libpq_url(engine.url)

    def ours() -> float:
        _empty(engine)
        began = time.perf_counter()
        frame = geopandas.read_file(path)
        with unit_of_work(engine) as session:
            register_many(
                session,
                None,
                UNTIL,
                Registrations(class_code=frame["class_code"].to_numpy(), geom=frame.geometry.to_numpy(), name=frame["name"].to_numpy()),
            )
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        command = [
            ogr2ogr,
            "-f",
            "PostgreSQL",
            f"PG:{target}",
            str(path),
            "-nln",
            "public.by_ogr",
            "-overwrite",
            "-lco",
            "GEOMETRY_NAME=geom",
        ]
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - began

    stand.say(f"loading {ROWS:,} components, in turn with ogr2ogr")
    note = "ours reads the file too, and gives codes, cells, departments, a change, five more indexes"
    return [times("1 M components from one GeoPackage", "ogr2ogr", alternate(ours, theirs, stand.rounds), 2.0, note)]


def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text("TRUNCATE components.components, components.history, components.code_counters, components.code_aliases CASCADE")
        )


def _copy_grid(stand: Stand, source: Engine, target: Engine) -> None:
    """Departments, divisions and cells of the sample city, so that components have somewhere to lie."""
    for table in ("identity.departments", "grid.divisions", "grid.cells"):
        with source.connect() as reading, target.begin() as writing:
            writing.execute(text("SET LOCAL session_replication_role = replica"))
            out = reading.connection.driver_connection
            into = writing.connection.driver_connection
            assert out is not None
            assert into is not None
            with out.cursor().copy(f"COPY {table} TO STDOUT") as rows, into.cursor().copy(f"COPY {table} FROM STDIN") as sink:
                for block in rows:
                    sink.write(block)


def _file(stand: Stand, engine: Engine) -> Path:
    """Points inside the cells, with a class each, as the GeoPackage a surveyor would hand over."""
    path = stand.workdir / "components.gpkg"
    if path.is_file():
        return path
    with engine.connect() as connection:
        cells = connection.execute(text("SELECT ST_AsBinary(geom) FROM grid.cells WHERE ended_on IS NULL")).scalars().all()
        classes = (
            connection.execute(
                text(
                    "SELECT code FROM components.classes"
                    " WHERE edition = 'gbt30428.2-2013' AND kind = 'component' AND geometry = 'point' AND active"
                )
            )
            .scalars()
            .all()
        )
    shapes = shapely.from_wkb([bytes(cell) for cell in cells])
    chosen = np.random.default_rng(2)
    west, south, east, north = shapely.bounds(shapes).T
    points = np.empty(0, dtype=object)
    while len(points) < ROWS:
        cell = chosen.integers(0, len(shapes), ROWS // 2)
        made = shapely.points(chosen.uniform(west[cell], east[cell]), chosen.uniform(south[cell], north[cell]))
        points = np.concatenate([points, made[shapely.contains_properly(shapes[cell], made)]])
    frame = geopandas.GeoDataFrame(
        {"class_code": chosen.choice(classes, ROWS), "name": chosen.choice(["路灯", "井盖", "行道树"], ROWS)},
        geometry=points[:ROWS],
        crs=SRID,
    )
    frame.to_file(path, layer="components", driver="GPKG")
    return path
