"""An acknowledged write is in the next tile of every process of the machine, at once and not "soon"."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cityops.config import Settings
from cityops.db.session import unit_of_work
from tests.factories.catalog import NANYANG, add_green, tile_at
from tests.factories.identity import WHOLE_CITY, bearer, saved_user

PROCESS = """
import json, sys, time
from pathlib import Path
from cityops.app import close_app, create_app
from cityops.config import Settings
from cityops.db.engine import make_engine
from cityops.db.session import unit_of_work
from tests.factories.catalog import add_green

url, home, token = sys.argv[1:]
app = create_app(Settings(home=Path(home), media_dir=Path(home) / "media"), make_engine(url))
client = app.test_client()
headers = {"Authorization": token}
assert app.extensions["cityops_catalog"].versions.wait_until_connected(10)
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if order["do"] == "read":
        answer = client.get(order["url"], headers={**headers, "If-None-Match": order.get("tag", "")})
        found = {"status": answer.status_code, "tag": answer.headers.get("ETag"), "features": answer.headers.get("Cityops-Features")}
        print(json.dumps(found), flush=True)
    elif order["do"] == "write":
        with unit_of_work(app.extensions["cityops_engine"]) as session:
            add_green(session, order["name"], order["lon"], order["lat"])
        print("{}", flush=True)
    elif order["do"] == "deaf":
        # From here on no notification is taken in; only the shared marks can tell.
        app.extensions["cityops_catalog"].versions.hear = lambda payload: None
        print("{}", flush=True)
close_app(app)
"""


class Neighbour:
    """A process with its own application on the same database and the same home."""

    def __init__(self, engine: Engine, settings: Settings, token: str) -> None:
        url = engine.url.render_as_string(hide_password=False)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, url, str(settings.home), token], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(15)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def neighbours(database: Engine, settings: Settings) -> Iterator[tuple[Neighbour, Neighbour]]:
    token = bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))["Authorization"]
    pair = Neighbour(database, settings, token), Neighbour(database, settings, token)
    yield pair
    for one in pair:
        one.close()


Z, X, Y = tile_at(*NANYANG, 15)
URL = f"/tiles/green/{Z}/{X}/{Y}.mvt"


def test_every_write_of_one_process_is_in_the_next_tile_of_the_other(neighbours: tuple[Neighbour, Neighbour], database: Engine) -> None:
    writer, reader = neighbours
    with unit_of_work(database) as session:
        add_green(session, "起点", *NANYANG)
    before = reader.ask(do="read", url=URL)
    # With its ears stopped the reader would be stale for ever if it lived on notifications.
    reader.ask(do="deaf")
    assert reader.ask(do="read", url=URL)["status"] == 200
    tag, count = before["tag"], int(before["features"].split("/")[0])
    for number in range(40):
        writer.ask(do="write", name=f"新{number}", lon=NANYANG[0] + number * 1e-5, lat=NANYANG[1])
        # The write is acknowledged; from here on 304 would be a lie.
        answer = reader.ask(do="read", url=URL, tag=tag)
        assert answer["status"] == 200, f"write {number} was not seen"
        assert int(answer["features"].split("/")[0]) == count + number + 1
        tag = answer["tag"]
        assert reader.ask(do="read", url=URL, tag=tag)["status"] == 304


def test_both_processes_name_the_same_state_by_the_same_tag(neighbours: tuple[Neighbour, Neighbour]) -> None:
    first, second = neighbours
    assert first.ask(do="read", url=URL)["tag"] == second.ask(do="read", url=URL)["tag"]


def test_a_write_in_this_process_is_seen_by_both(neighbours: tuple[Neighbour, Neighbour], database: Engine, settings: Settings) -> None:
    from cityops.db.marks import open_marks

    open_marks(settings.home)  # what `cityops` commands do, too
    tags = [one.ask(do="read", url=URL)["tag"] for one in neighbours]
    with unit_of_work(database) as session:
        add_green(session, "命令行", *NANYANG)
    assert [one.ask(do="read", url=URL, tag=tag)["status"] for one, tag in zip(neighbours, tags, strict=True)] == [200, 200]


def test_versions_only_grow_and_a_rollback_bumps_nothing(database: Engine) -> None:
    def version() -> int:
        with database.connect() as connection:
            return int(connection.scalar(text("SELECT coalesce(sum(version), 0) FROM core.layer_versions WHERE layer = 'green'")) or 0)

    before = version()
    with pytest.raises(RuntimeError), unit_of_work(database) as session:
        add_green(session, "未提交", *NANYANG)
        raise RuntimeError
    assert version() == before
