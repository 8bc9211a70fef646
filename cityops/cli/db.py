"""`cityops db`: the database under the city."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess

from sqlalchemy import text

from cityops.cli.city import open_city, say
from cityops.config import Settings
from cityops.db.cluster import Cluster, find_binaries
from cityops.db.migrate import is_current
from cityops.db.readpool import libpq_url
from cityops.errors import SetupError


class NotConfirmed(SetupError):
    """This deletes the whole private database of the city in {data_dir}."""


class NoPrivateDatabase(SetupError):
    """This city uses the database of CITYOPS_DATABASE_URL, which cityops does not own."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `db`."""
    parser = subparsers.add_parser("db", help="the database: status, upgrade, shell, url, reset")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    acts.add_parser("status", help="versions, size and schema").set_defaults(run=status)
    acts.add_parser("upgrade", help="bring the schema up to date").set_defaults(run=upgrade)
    acts.add_parser("url", help="print the address of the database").set_defaults(run=url)
    shell_parser = acts.add_parser("shell", help="open psql; what follows -- is given to it")
    shell_parser.add_argument("psql_arguments", nargs="*", metavar="ARGUMENT")
    shell_parser.set_defaults(run=shell)
    reset_parser = acts.add_parser("reset", help="delete the private database with all that is in it")
    reset_parser.add_argument("--yes", action="store_true", help="yes, delete it")
    reset_parser.set_defaults(run=reset)


def status(arguments: argparse.Namespace) -> None:
    """Print what runs, how large it is and whether the schema is current."""
    with open_city(migrate=False) as city, city.engine.connect() as connection:
        version = connection.execute(text("SELECT current_setting('server_version')")).scalar_one()
        size = connection.execute(text("SELECT pg_size_pretty(pg_database_size(current_database()))")).scalar_one()
        where = city.cluster.data_dir if city.cluster else "the city's own server"
        print(f"PostgreSQL {version} in {where}")
        print(f"size {size}")
        print("schema up to date" if is_current(city.engine) else "schema behind: run `cityops db upgrade`")


def upgrade(arguments: argparse.Namespace) -> None:
    """Migrate and load the seed tables."""
    with open_city():
        print("schema up to date")


def url(arguments: argparse.Namespace) -> None:
    """Print the libpq address, as psql, QGIS and ogr2ogr take it."""
    with open_city(migrate=False) as city:
        print(libpq_url(city.engine.url))


def shell(arguments: argparse.Namespace) -> int:
    """Run psql on the city's database."""
    with open_city(migrate=False) as city:
        psql = find_binaries().program("psql") if city.cluster else shutil.which("psql") or "psql"
        return subprocess.run([psql, libpq_url(city.engine.url), *arguments.psql_arguments], check=False, env=dict(os.environ)).returncode


def reset(arguments: argparse.Namespace) -> None:
    """Delete the private cluster; the next start makes a new one."""
    settings = Settings.from_env()
    if settings.database_url is not None:
        raise NoPrivateDatabase(fix="drop and create that database with its own tools")
    cluster = Cluster(settings.home / "pg")
    if not arguments.yes:
        raise NotConfirmed(data_dir=cluster.data_dir, fix="cityops db reset --yes")
    cluster.destroy()
    say("the private database is gone; the next start makes a new one")
