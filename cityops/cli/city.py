"""Opening a city for a command: the settings, a running database at the present schema, an engine, and an orderly end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from psycopg import errors as postgres
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.db.engine import make_engine
from cityops.db.marks import open_marks
from cityops.db.migrate import upgrade
from cityops.errors import SetupError


class SchemaRefused(SetupError):
    """The database does not take the schema of cityops: {reason}."""


@dataclass(frozen=True)
class City:
    """What a command works with. `settings.database_url` is set, whether the database is private or the city's own."""

    settings: Settings
    engine: Engine
    cluster: Cluster | None
    """The private PostgreSQL, or None with CITYOPS_DATABASE_URL."""


def say(line: str) -> None:
    """One plain line about what is going on, kept apart from the output of the command."""
    print(f"cityops: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def running_database(settings: Settings, tell: Callable[[str], None] = say) -> Iterator[tuple[Settings, Cluster | None]]:
    """The settings completed with a database URL: the city's own, or that of the private cluster, running while we are inside."""
    if settings.database_url is not None:
        yield settings, None
        return
    with Cluster(settings.home / "pg", say=tell) as cluster:
        yield replace(settings, database_url=cluster.ensure_database()), cluster


@contextlib.contextmanager
def open_city(settings: Settings | None = None, *, migrate: bool = True) -> Iterator[City]:
    """The city of this machine. Starts the private PostgreSQL, or joins the one that `cityops serve` is running."""
    with running_database(settings or Settings.from_env()) as (complete, cluster):
        from cityops.app import wire  # every room at once; a refused command line need not wait for them

        assert complete.database_url is not None
        wire()
        open_marks(complete.home)  # a server running beside this command sees what it commits at once
        engine = make_engine(complete.database_url)
        try:
            if migrate:
                _upgrade(engine)
            yield City(complete, engine, cluster)
        finally:
            engine.dispose()


def _upgrade(engine: Engine) -> None:
    """Migrate; a server without our extensions, or an account that may not create them, is refused by name."""
    from cityops.app import seeds

    try:
        upgrade(engine, seeds())
    except DBAPIError as error:
        if not isinstance(error.orig, postgres.InsufficientPrivilege | postgres.FeatureNotSupported | postgres.UndefinedFile):
            raise
        raise SchemaRefused(
            reason=str(error.orig).strip().splitlines()[0],
            fix="install PostGIS there, then in this database as its superuser: CREATE EXTENSION postgis; CREATE EXTENSION pg_trgm; "
            "GRANT CREATE ON DATABASE to the account in CITYOPS_DATABASE_URL",
        ) from error
