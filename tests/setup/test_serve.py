"""`cityops serve` keeps the city alive, ends as a whole, and refuses in one line."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text

from cityops.db.cluster import Cluster
from cityops.db.postgres_process import server_processes
from cityops.serve.ports import listener

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """`cityops serve` in a process group of its own, as a terminal would have it."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.log = home.parent / "serve.log"
        environment = os.environ | {"CITYOPS_HOME": str(home), "CITYOPS_PORT": str(self.port), "CITYOPS_WORKERS": "1"} | settings
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cityops", "serve"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self) -> None:
        until(self.ready, lambda: f"the city does not answer:\n{self.log.read_text()}", 90)

    def web_master(self) -> int:
        holder = listener(self.port)
        assert holder is not None
        web = next(pid for pid in [holder[0], *ancestors(holder[0])] if parent(pid) == self.process.pid)
        return web

    def web(self) -> list[int]:
        """The web server's processes: the master and its workers."""
        master = self.web_master()
        return [
            master,
            *(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and parent(int(entry.name)) == master),
        ]

    def cityops(self, *arguments: str, given: str = "") -> str:
        """What another command prints about this city."""
        return subprocess.run(
            [sys.executable, "-m", "cityops", *arguments],
            cwd=ROOT,
            env=os.environ | {"CITYOPS_HOME": str(self.home)},
            input=given,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    @contextlib.contextmanager
    def listening(self, token: str, streams: int) -> Iterator[list[http.client.HTTPResponse]]:
        """Live streams whose first line was read."""
        with contextlib.ExitStack() as stack:
            answers = []
            for _ in range(streams):
                connection = stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)))
                connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {token}"})
                answers.append(stack.enter_context(connection.getresponse()))
                assert answers[-1].status == 200
                assert answers[-1].readline().startswith(b"retry:")
            yield answers

    def database(self) -> int:
        try:
            return int((self.home / "pg/postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=60)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def ancestors(pid: int) -> list[int]:
    found = []
    while (pid := parent(pid)) > 1:
        found.append(pid)
    return found


def until(condition: Callable[[], bool], complaint: Callable[[], str] = lambda: "it did not happen", patience_s: float = 30) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(complaint())
        time.sleep(0.1)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The home of one city, kept for all tests here, as a person keeps it over many starts."""
    with TemporaryDirectory(prefix="cityops-serve-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


@pytest.fixture
def city(home: Path) -> Iterator[Running]:
    running = Running(home)
    try:
        running.wait_ready()
        yield running
    finally:
        running.end()


@pytest.fixture
def token(city: Running) -> str:
    """A token of somebody who may listen to the live stream."""
    if "listener" not in city.cityops("users", "list"):
        city.cityops("users", "add", "listener", "--name", "听众", "--post", "supervisor", "--whole-city", "--generate")
    return city.cityops("users", "token", "listener", "--kind", "bearer").split()[-1]


def nothing_left(home: Path, port: int) -> bool:
    return server_processes(home / "pg") == [] and listener(port) is None


def test_ctrl_c_ends_the_web_server_and_the_database(city: Running) -> None:
    assert city.interrupt() == 0
    assert nothing_left(city.home, city.port)
    assert "Traceback" not in city.log.read_text()


def test_ctrl_c_waits_for_no_live_stream_and_no_idle_connection(city: Running, token: str) -> None:
    with city.listening(token, 3) as streams, contextlib.closing(http.client.HTTPConnection("127.0.0.1", city.port, timeout=20)) as kept:
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        asked_at = time.monotonic()
        city.process.send_signal(signal.SIGINT)
        for stream in streams:
            stream.read()  # to its end
        assert time.monotonic() - asked_at < 3  # a worker waits five seconds for requests that are being answered
        assert city.process.wait(timeout=60) == 0
        print(f"ended in {time.monotonic() - asked_at:.2f} s")
    assert "Traceback" not in city.log.read_text()


def test_no_web_process_outlives_a_killed_supervisor_though_streams_are_open(city: Running, token: str) -> None:
    with city.listening(token, 2):
        web = city.web()
        assert len(web) >= 2
        city.process.kill()
        city.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in web), lambda: f"still there: {web}", 2)
    until(lambda: nothing_left(city.home, city.port))


def test_a_second_process_sees_the_running_city_and_its_schema_as_current(city: Running) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cityops", "db", "status"],
        cwd=ROOT,
        env=os.environ | {"CITYOPS_HOME": str(city.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "schema up to date" in answer.stdout
    assert city.ready()


def test_a_killed_web_server_comes_back(city: Running) -> None:
    master = city.web_master()
    os.kill(master, signal.SIGKILL)
    until(lambda: parent(master) != city.process.pid)
    city.wait_ready()
    assert city.web_master() != master


def test_a_killed_database_comes_back_with_what_was_written(city: Running) -> None:
    engine = create_engine(Cluster(city.home / "pg").url())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS public.kept AS SELECT 42 AS value"))
    engine.dispose()
    killed = city.database()
    os.kill(killed, signal.SIGKILL)
    # Children of the killed server may answer for another moment; the new server is there when its own number is.
    until(lambda: city.database() not in (0, killed) and city.ready())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM public.kept")).scalar_one() == 42
    engine.dispose()


def test_killing_the_supervisor_leaves_nothing_behind_and_the_next_start_works(city: Running, home: Path) -> None:
    city.process.kill()
    city.process.wait()
    again = Running(home)
    try:
        again.wait_ready()
    finally:
        again.end()
    until(lambda: nothing_left(home, city.port))


def test_the_citys_own_server_is_used_when_its_address_is_set(home: Path) -> None:
    with Cluster(home.with_name("own"), durable=False) as own:
        elsewhere = home.with_name("no-cluster-here")
        running = Running(elsewhere, CITYOPS_DATABASE_URL=own.create_database("ours"))
        try:
            running.wait_ready()
            assert not (elsewhere / "pg").exists()
            assert own.alive()
        finally:
            running.end()
        engine = create_engine(own.url("ours"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT to_regnamespace('core') IS NOT NULL")).scalar_one()
        engine.dispose()


def refused(home: Path, *arguments: str, **settings: str) -> str:
    """The single line with which a command refuses."""
    answer = subprocess.run(
        [sys.executable, "-m", "cityops", *arguments],
        cwd=ROOT,
        env=os.environ | {"CITYOPS_HOME": str(home)} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    return answer.stderr


def test_a_taken_port_is_refused_with_its_holder_and_a_free_one(home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        line = refused(home.with_name("unused"), "serve", "--port", str(port))
    assert f"Port {port}" in line
    assert f"process {os.getpid()}" in line
    assert "Fix: kill" in line and "CITYOPS_PORT=" in line


def test_a_setting_that_is_no_number_is_refused_by_name(home: Path) -> None:
    assert "CITYOPS_PORT" in refused(home, "serve", CITYOPS_PORT="eight")


@pytest.mark.parametrize("port", ["0", "70000", "22222222"])
def test_a_number_that_is_no_port_is_refused(home: Path, port: str) -> None:
    assert f"{port} is not a port" in refused(home, "serve", CITYOPS_PORT=port)


def test_a_server_without_workers_is_refused(home: Path) -> None:
    assert "CITYOPS_WORKERS" in refused(home, "serve", CITYOPS_WORKERS="0")


def test_an_unknown_address_is_refused(home: Path) -> None:
    assert "203.0.113.7" in refused(home, "serve", "--host", "203.0.113.7")


def test_a_database_that_does_not_answer_is_refused_in_one_line(home: Path) -> None:
    line = refused(home.with_name("unused"), "db", "status", CITYOPS_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert "CITYOPS_DATABASE_URL" in line


def test_a_server_account_without_rights_is_told_what_the_superuser_must_do(home: Path) -> None:
    with Cluster(home.with_name("strict"), durable=False) as strict:
        url = strict.create_database("theirs")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE ROLE clerk LOGIN"))
        engine.dispose()
        line = refused(home.with_name("unused"), "db", "upgrade", CITYOPS_DATABASE_URL=url.replace("cityops@", "clerk@"))
    assert "CREATE EXTENSION postgis" in line


def test_deleting_the_database_needs_a_yes(home: Path) -> None:
    assert "--yes" in refused(home, "db", "reset")
