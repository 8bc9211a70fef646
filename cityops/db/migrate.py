"""Bring a database to the present schema, then let each room load the seed tables it cannot work without."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.db.session import unit_of_work
from cityops.paths import migrations_dir

MIGRATION_LOCK = 0x6369_7479
"""Advisory lock that lets one process migrate while others wait for it."""

VERSION_TABLE = "schema_revision"
"""Where Alembic notes the revision; `migrations/env.py` uses the same name."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    return config


def upgrade(engine: Engine, seeds: Sequence[Callable[[Session], None]] = (), revision: str = "head") -> None:
    """Run the missing migrations in one transaction each, then every seed; both are safe to run again."""
    with engine.connect() as gate:
        gate.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        try:
            with engine.begin() as connection:
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
            for seed in seeds:
                with unit_of_work(engine) as session:
                    seed(session)
        finally:
            gate.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            gate.commit()


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision this code knows."""
    with engine.connect() as connection:
        present = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    return present == ScriptDirectory.from_config(_config()).get_current_head()
