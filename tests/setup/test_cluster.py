"""The private PostgreSQL survives what happens to it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from cityops.db.cluster import Cluster, ClusterFailed, ClusterInUse
from cityops.db.postgres_binaries import NoPostgres, WrongPostgresVersion, find_binaries
from cityops.db.postgres_process import server_processes
from cityops.db.readpool import libpq_url

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that another user may pass through, as PostgreSQL does when the tests run as root."""
    with TemporaryDirectory(prefix="cityops-cluster-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def write(cluster: Cluster, value: int) -> None:
    """One committed row."""
    with psycopg.connect(libpq_url(cluster.url("postgres")), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def read(cluster: Cluster) -> list[int]:
    with psycopg.connect(libpq_url(cluster.url("postgres"))) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY value")]


def wait_until_gone(data_dir: Path, patience_s: float = 30) -> None:
    deadline = time.monotonic() + patience_s
    while server_processes(data_dir):
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)


OWNER = """
import sys, time
from pathlib import Path
from cityops.db.cluster import Cluster
cluster = Cluster(Path(sys.argv[1])).start()
print(cluster.owned, flush=True)
time.sleep(600)
"""


def owner_process(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that has started the cluster and holds it."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_cluster_is_made_started_stopped_and_keeps_its_data(home: Path) -> None:
    with Cluster(home / "pg") as cluster:
        write(cluster, 1)
    assert server_processes(home / "pg") == []
    with Cluster(home / "pg") as cluster:
        assert read(cluster) == [1]


def test_it_listens_on_no_network_port(home: Path) -> None:
    with Cluster(home / "pg", durable=False) as cluster, psycopg.connect(libpq_url(cluster.url("postgres"))) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
def test_as_root_the_server_runs_as_the_user_postgres(home: Path) -> None:
    with Cluster(home / "pg", durable=False):
        owners = {os.stat(f"/proc/{pid}").st_uid for pid in server_processes(home / "pg")}
    assert owners == {pwd.getpwnam("postgres").pw_uid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user who may not enter")
def test_in_a_folder_closed_to_postgres_the_data_goes_elsewhere_and_a_link_leads_there(home: Path) -> None:
    home.chmod(0o700)
    lines: list[str] = []
    cluster = Cluster(home / "pg", durable=False, say=lines.append)
    with cluster:
        write(cluster, 7)
        place = cluster.data_dir
    assert (home / "pg").is_symlink()
    assert any(str(place) in line for line in lines)
    with cluster:
        assert read(cluster) == [7]
    cluster.destroy()
    assert not place.exists() and not (home / "pg").is_symlink()


def test_a_path_too_long_for_a_socket_gets_a_short_one(home: Path) -> None:
    with Cluster(home / ("n" * 110) / "pg", durable=False) as cluster:
        write(cluster, 3)
        assert read(cluster) == [3]
        socket_dir = cluster.socket_dir
    assert len(str(socket_dir)) < 80
    shutil.rmtree(socket_dir)


def test_killing_the_owner_ends_the_server_and_loses_nothing(home: Path) -> None:
    owner = owner_process(home / "pg")
    write(Cluster(home / "pg"), 5)
    end(owner)
    with Cluster(home / "pg") as cluster:
        assert cluster.owned
        assert read(cluster) == [5]
    assert server_processes(home / "pg") == []


def test_killing_the_server_is_seen_and_the_next_start_has_every_commit(home: Path) -> None:
    cluster = Cluster(home / "pg").start()
    write(cluster, 8)
    postmaster = int((home / "pg/postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while cluster.alive():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cluster.stop()
    with cluster:
        assert read(cluster) == [8]


def test_everything_acknowledged_before_all_is_killed_at_once_is_there_afterwards(home: Path) -> None:
    owner = owner_process(home / "pg")
    acknowledged: list[int] = []

    def keep_writing() -> None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(libpq_url(Cluster(home / "pg").url("postgres"))) as connection:
            connection.autocommit = True
            for value in range(1_000_000):
                connection.execute("INSERT INTO kept VALUES (%s)", [value])
                acknowledged.append(value)

    write(Cluster(home / "pg"), -1)
    writer = threading.Thread(target=keep_writing)
    writer.start()
    while len(acknowledged) < 200:
        time.sleep(0.01)
    for pid in [owner.pid, *server_processes(home / "pg")]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    writer.join()
    end(owner)
    with Cluster(home / "pg") as cluster:
        assert set(acknowledged) - set(read(cluster)) == set()


def test_a_query_that_outlives_a_killed_server_does_not_block_the_next_start(home: Path) -> None:
    cluster = Cluster(home / "pg").start()
    write(cluster, 9)
    connection = psycopg.connect(libpq_url(cluster.url("postgres")), autocommit=True)
    # A loop that never looks at its connection: such a child stays when its server is killed.
    busy = "DO $$ DECLARE n bigint := 0; BEGIN LOOP n := n + 1; END LOOP; END $$"
    connection.pgconn.send_query(busy.encode())
    connection.pgconn.flush()
    time.sleep(0.3)
    os.kill(int((home / "pg/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    time.sleep(0.3)
    assert server_processes(home / "pg"), "the busy child should still be there, or this test shows nothing"
    cluster.stop()
    with cluster:
        assert read(cluster) == [9]
    connection.close()


def test_a_second_process_uses_the_running_server_and_leaves_it_running(home: Path) -> None:
    owner = owner_process(home / "pg")
    guest = Cluster(home / "pg")
    with guest:
        assert not guest.owned
        write(guest, 2)
        with pytest.raises(ClusterInUse):
            guest.destroy()
    assert server_processes(home / "pg") != []
    end(owner)
    wait_until_gone(home / "pg")


def test_a_stale_pid_file_naming_a_living_stranger_is_no_obstacle(home: Path) -> None:
    with Cluster(home / "pg") as cluster:
        write(cluster, 4)
        lines = (home / "pg/postmaster.pid").read_text().split("\n")
    lines[0] = str(os.getpid())
    (home / "pg/postmaster.pid").write_text("\n".join(lines))
    with Cluster(home / "pg") as cluster:
        assert read(cluster) == [4]


def test_a_half_made_data_folder_of_an_earlier_run_is_cleared_away(home: Path) -> None:
    half = home / "pg.making-abc"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    with Cluster(home / "pg", durable=False) as cluster:
        write(cluster, 1)
    assert not half.exists()


def test_a_database_of_a_version_that_is_gone_is_named_with_its_packages(home: Path) -> None:
    (home / "pg").mkdir()
    (home / "pg/PG_VERSION").write_text("13\n")
    with pytest.raises(WrongPostgresVersion) as refusal:
        Cluster(home / "pg").start()
    assert "13" in refusal.value.message
    assert "postgresql-13-postgis-3" in str(refusal.value.fix)


def test_an_installation_without_postgis_is_passed_over_and_named(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    bare = home / "bin"
    bare.mkdir()
    for name, text in {"postgres": "postgres (PostgreSQL) 17.1", "initdb": "", "pg_config": str(home / "share")}.items():
        (bare / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (bare / name).chmod(0o755)
    monkeypatch.setattr("cityops.db.postgres_binaries._FOLDERS", (str(bare),))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(NoPostgres) as refusal:
        find_binaries()
    assert "has no PostGIS" in refusal.value.message
    (home / "share/extension").mkdir(parents=True)
    (home / "share/extension/postgis.control").touch()
    assert find_binaries().version == 17


def test_a_copied_database_is_equal_to_its_template(home: Path) -> None:
    with Cluster(home / "pg", durable=False) as cluster:
        first = cluster.create_database("first")
        with psycopg.connect(libpq_url(first), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 11 AS value")
        second = cluster.create_database("second", template="first")
        with psycopg.connect(libpq_url(second)) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (11,)
        assert cluster.ensure_database("second") == second
        cluster.drop_database("second")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(libpq_url(second))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have copied what belongs to postgres")
def test_a_data_folder_that_root_has_copied_starts(home: Path) -> None:
    with Cluster(home / "pg") as cluster:
        write(cluster, 6)
    shutil.copytree(home / "pg", home / "copy/pg")
    (home / "copy").chmod(0o755)
    with Cluster(home / "copy/pg") as cluster:
        assert read(cluster) == [6]


def test_a_folder_with_strange_content_is_left_alone(home: Path) -> None:
    (home / "pg").mkdir()
    (home / "pg/letter.txt").write_text("mine")
    with pytest.raises(ClusterFailed) as refusal:
        Cluster(home / "pg").start()
    assert "mv " in str(refusal.value.fix)
    assert (home / "pg/letter.txt").read_text() == "mine"
