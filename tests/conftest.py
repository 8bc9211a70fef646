"""One private PostGIS for the whole run, a migrated template in it, and a cheap copy for whoever writes for good."""

from __future__ import annotations

import os

for name in [name for name in os.environ if name.startswith("CITYOPS_")]:
    # A developer's own settings must not decide how a test goes.
    del os.environ[name]

import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cityops.app import close_app, create_app, seeds, wire
from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.db.engine import make_engine
from cityops.db.migrate import upgrade
from cityops.sample import load

# How fast an example runs on a busy machine is no fault of the code; `make bench` is where speed is measured.
hypothesis_settings.register_profile("cityops", deadline=None)
hypothesis_settings.load_profile("cityops")

TEMPLATE = "cityops_template"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of our own, not durable, gone when the run ends."""
    # pytest's temporary folders are closed to other users, and as root the server runs as one.
    with TemporaryDirectory(prefix="cityops-tests-") as folder:
        Path(folder).chmod(0o755)
        with Cluster(Path(folder) / "data", durable=False) as running:
            yield running


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a migrated and seeded database that others are copied from."""
    cluster.create_database(TEMPLATE)
    wire()
    engine = make_engine(cluster.url(TEMPLATE))
    upgrade(engine, seeds())
    engine.dispose()  # CREATE DATABASE … TEMPLATE needs the template to be without connections
    return TEMPLATE


def _copy(cluster: Cluster, template: str) -> Engine:
    name = f"test_{uuid.uuid4().hex[:12]}"
    cluster.create_database(name, template=template)
    return make_engine(cluster.url(name))


@pytest.fixture(scope="session")
def engine(cluster: Cluster, template: str) -> Iterator[Engine]:
    """The shared migrated database; tests on it roll back."""
    made = _copy(cluster, template)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose outermost transaction is rolled back, however often the test commits."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as made:
            yield made
        outer.rollback()


@pytest.fixture(scope="module")
def database(cluster: Cluster, template: str) -> Iterator[Engine]:
    """A fresh copy for one module, for tests that commit."""
    made = _copy(cluster, template)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a city that lives in a temporary folder."""
    return Settings.from_env({"CITYOPS_HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture(scope="module")
def app(database: Engine, settings: Settings) -> Iterator[Flask]:
    """The whole application on the module's own database."""
    made = create_app(settings, database)
    made.testing = True
    # Errors must take the way they take in production, so that tests see problem documents.
    made.config["PROPAGATE_EXCEPTIONS"] = False
    yield made
    close_app(made)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without credentials."""
    return app.test_client()


@pytest.fixture(scope="session")
def city_template(cluster: Cluster, template: str, settings: Settings) -> str:
    """The name of a database that holds the smallest sample city."""
    name = "cityops_city"
    cluster.create_database(name, template=template)
    engine = make_engine(cluster.url(name))
    load(engine, settings, size="XS", seed=1)
    engine.dispose()
    return name


@pytest.fixture(scope="module")
def city(cluster: Cluster, city_template: str) -> Iterator[Engine]:
    """A sample city of 40 cells for one module, to read and to write in."""
    made = _copy(cluster, city_template)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parent.parent
