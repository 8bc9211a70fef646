"""The stand: a private PostgreSQL for measuring, databases in it, and web servers on them; all gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from cityops import clock
from cityops.app import seeds, wire
from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.db.engine import make_engine
from cityops.db.migrate import upgrade
from cityops.db.session import unit_of_work
from cityops.errors import SetupError
from cityops.identity import accounts, sessions
from cityops.identity.models import User
from cityops.identity.rules import Scope
from cityops.sample import load

UNTIL = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
"""The present of the sample cities, so that every run measures the same rows."""


class Stand:
    """One cluster for the run. It is as durable as the city's own, so that writing costs what it costs there."""

    def __init__(self, *, seconds: float, rounds: int, size: str) -> None:
        self.seconds = seconds
        """Length of one measurement."""
        self.rounds = rounds
        self.size = size
        """The size of the sample city where one is wanted."""
        self.workdir = Path(tempfile.mkdtemp(prefix="cityops-bench-"))
        self.cluster = Cluster(self.workdir / "pg", say=self.say)
        self._engines: dict[str, Engine] = {}

    @staticmethod
    def say(line: str) -> None:
        """Progress, kept apart from the results."""
        print(f"bench: {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> Stand:
        self.cluster.start()
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self.cluster.stop()
        shutil.rmtree(self.workdir, ignore_errors=True)

    def database(self, name: str) -> tuple[Engine, bool]:
        """A migrated database of this name, and whether it was made just now."""
        if name in self._engines:
            return self._engines[name], False
        self.cluster.create_database(name)
        wire()
        engine = self._engines[name] = make_engine(self.cluster.url(name))
        upgrade(engine, seeds())
        return engine, True

    def city(self, size: str) -> Engine:
        """A database with the sample city of this size, loaded at first use."""
        engine, fresh = self.database(f"city_{size.lower()}")
        if fresh:
            self.say(f"loading the sample city {size}")
            load(engine, Settings.from_env({"CITYOPS_HOME": str(self.workdir / "home")}), size=size, seed=1, until=UNTIL)
        return engine

    def token(self, engine: Engine) -> str:
        """The Authorization header of a user who sees everything."""
        with unit_of_work(engine) as session:
            login = f"bench{time.monotonic_ns()}"
            accounts.create_users_bulk(
                session,
                clock.now(),
                [{"login": login, "name": "bench", "posts": ["planner", "supervisor"], "department_id": None, "scopes": [Scope()]}],
            )
            user = session.scalars(select(User).where(User.login == login)).one()
            return "Bearer " + sessions.issue_token_for(session, user, kind="bearer", label="bench", now=clock.now()).token

    @contextmanager
    def served(self, engine: Engine, **settings: str) -> Iterator[str]:
        """The address of the product's own server on this database, two workers, with further CITYOPS_ settings."""
        url = engine.url.render_as_string(hide_password=False)
        home = self.workdir / "home"
        environment = {"CITYOPS_DATABASE_URL": url, "CITYOPS_HOME": str(home), "CITYOPS_WORKERS": "2", **settings}
        with web_server([sys.executable, "-m", "cityops.serve.web"], environment) as address:
            yield address


@contextmanager
def web_server(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """A web server as a child process, from ready to gone; its address."""
    port = _free_port()
    process = subprocess.Popen([*command], env={**os.environ, **environment, "CITYOPS_PORT": str(port)})
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SetupError(reason=f"{' '.join(command)} did not start")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
