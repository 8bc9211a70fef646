"""The private PostgreSQL of a city: made, started, recovered and stopped by cityops itself.

`Cluster` owns one data folder. It listens on a Unix socket only, in a folder that nobody else may enter, so no password is
needed and no port can be taken. Every interruption is expected: a folder half made, a stale pid file, a server that outlived
its owner, children that outlived their server. Whoever starts a cluster holds `<data folder>.lock` as long as it lives; a
second process that finds the lock taken uses the running server and leaves it running when it goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from cityops.db.postgres_binaries import Binaries, find_binaries
from cityops.db.postgres_making import SUPERUSER, ClusterFailed, failure, make, own_tree, remove_half_made
from cityops.db.postgres_process import (
    Account,
    account_for,
    as_user,
    cluster_mark,
    die_with_parent,
    end_leftovers,
    recorded_postmaster,
    server_processes,
)
from cityops.db.postgres_settings import settings_text
from cityops.errors import SetupError

__all__ = ["Binaries", "Cluster", "ClusterFailed", "ClusterLost", "find_binaries"]

_DEFAULT_PORT = 5432
_LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes


class ClusterLost(SetupError):
    """The private PostgreSQL in {data_dir} has stopped."""


class ClusterInUse(SetupError):
    """The private PostgreSQL in {data_dir} is in use."""


class SocketFolderTaken(SetupError):
    """The folder {folder} for the database socket belongs to somebody else."""


class HomeUnusable(SetupError):
    """The private PostgreSQL cannot be kept in {data_dir} ({reason})."""


class Cluster:
    """One private PostgreSQL cluster in `data_dir`, as a context manager or by start() and stop().

    `durable=False` switches off every protection against a crash of the machine and is for tests. `say` receives plain lines
    about work that takes more than a moment. start() must be called from the main thread: the kernel ties the life of the
    server to the thread that started it.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._asked_dir = Path(data_dir).absolute()
        self._port = port or _DEFAULT_PORT
        self._durable = durable
        self._say = say
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._postmaster: int | None = None

    # -- where things are ---------------------------------------------------------------------------------------------

    @property
    def data_dir(self) -> Path:
        """The data folder with symbolic links followed (root may have had to put it elsewhere, see `postgres_making.py`)."""
        return self._asked_dir.resolve()

    @property
    def log_file(self) -> Path:
        """Where the server writes its warnings."""
        return self._asked_dir.with_name(self._asked_dir.name + ".log")

    @property
    def socket_dir(self) -> Path:
        """The folder of the Unix socket: the data folder, or a short path of our own when that is too long for the kernel."""
        if len(os.fsencode(self.data_dir / f".s.PGSQL.{self._port}")) <= _LONGEST_SOCKET_PATH:
            return self.data_dir
        own = Path(f"/run/user/{os.geteuid()}")
        base = own if os.geteuid() != 0 and os.access(own, os.W_OK) else Path("/tmp")
        return base / cluster_mark(self.data_dir)

    @property
    def owned(self) -> bool:
        """Whether this object started (or adopted) the server and will stop it."""
        return self._lock is not None

    def url(self, database: str = "cityops") -> str:
        """The SQLAlchemy URL of a database of this cluster, over the Unix socket."""
        return URL.create(
            "postgresql+psycopg",
            username=SUPERUSER,
            database=database,
            query={"host": str(self.socket_dir), "port": str(self._port)},
        ).render_as_string(hide_password=False)

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> Cluster:
        """Make the cluster if there is none, start it if it does not run, and wait until it answers.

        A server already running under another living owner is used as it is. Raises SetupError with the fix.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a cluster must be started from the main thread, or it would end with the thread that started it")
        while True:
            self._take_lock()
            if not self.owned:
                if self._answers():
                    return self
                time.sleep(0.2)  # its owner is just starting or stopping it
                continue
            try:
                self._recover_and_start()
            except BaseException:
                self._end_postmaster(signal.SIGQUIT, patience_s=5)
                self._abandon()
                raise
            return self

    def stop(self) -> None:
        """Stop the server if we own it: first letting transactions be rolled back in order, then by force."""
        if self.owned:
            try:
                self._end_postmaster(signal.SIGINT, patience_s=60)
            finally:
                self._abandon()

    def destroy(self) -> None:
        """Delete the data folder and what it links to. Refused while another process uses the cluster."""
        if not self.owned:
            self._take_lock()
        if not self.owned:
            raise ClusterInUse(data_dir=self._asked_dir, fix="stop `make run` or `cityops serve` first")
        try:
            remove_half_made(self._asked_dir)
            if self._asked_dir.exists():
                end_leftovers(self.data_dir)
                shutil.rmtree(self.data_dir)
            if self._asked_dir.is_symlink():
                self._asked_dir.unlink()
        finally:
            self._abandon()

    def alive(self) -> bool:
        """Whether the server we own still runs; for one that another process owns, whether it answers."""
        if self._process is not None:
            return self._process.poll() is None
        if self._postmaster is not None:
            return self._postmaster in server_processes(self.data_dir)
        return self._answers()

    def __enter__(self) -> Cluster:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # -- databases ----------------------------------------------------------------------------------------------------

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or as a copy of `template` (which nobody may be using), and return its URL."""
        statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8'").format(sql.Identifier(name))
        if template:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with self._maintenance() as connection:
            connection.execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it; nothing happens when there is none."""
        with self._maintenance() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def ensure_database(self, name: str = "cityops") -> str:
        """Create the database unless it exists, and return its URL."""
        with self._maintenance() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        return self.url(name) if known else self.create_database(name)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        try:
            self._asked_dir.parent.mkdir(parents=True, exist_ok=True)
            lock = open(self._asked_dir.with_name(self._asked_dir.name + ".lock"), "a")  # noqa: SIM115 - held while we live
        except OSError as error:
            raise HomeUnusable(data_dir=self._asked_dir, reason=error.strerror, fix="set CITYOPS_HOME to a writable folder") from error
        if self._asked_dir.exists() and not self._asked_dir.is_dir():
            lock.close()
            fix = f"move {self._asked_dir} away, or set CITYOPS_HOME to another folder"
            raise HomeUnusable(data_dir=self._asked_dir, reason="it is not a folder", fix=fix)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            self._lock = lock

    def _abandon(self) -> None:
        """Forget the server and give the lock back."""
        self._process = self._postmaster = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _recover_and_start(self) -> None:
        """The lock is ours: make what is missing, clear what is stale, adopt what runs, start what does not."""
        remove_half_made(self._asked_dir)
        if not (self._asked_dir / "PG_VERSION").exists():
            make(self._asked_dir, durable=self._durable, log_file=self.log_file, say=self._say)
        version = int((self._asked_dir / "PG_VERSION").read_text().split(".")[0])
        binaries = find_binaries(version, data_dir=self._asked_dir)
        account = account_for(self.data_dir)
        own_tree(self.data_dir, account)
        running = recorded_postmaster(self.data_dir)
        if running is not None and self._settles(running):
            self._postmaster = running
            return
        end_leftovers(self.data_dir)
        # Nobody lives who could own these. PostgreSQL itself would take an unburied process, or a stranger who got the same
        # number, for the living owner, and refuse to start.
        for stale in (
            self.data_dir / "postmaster.pid",
            self.socket_dir / f".s.PGSQL.{self._port}.lock",
            self.socket_dir / f".s.PGSQL.{self._port}",
        ):
            stale.unlink(missing_ok=True)
        self._launch(binaries, account)

    def _settles(self, postmaster: int) -> bool:
        """Wait until an orphaned server answers (true) or is gone (false); the death of its owner told it to stop."""
        self._say("the database of an earlier run is still there, waiting for it")
        quiet_until = time.monotonic() + 3.0
        while postmaster in server_processes(self.data_dir):
            # Shutting down, it refuses connections; only one that keeps answering is taken over.
            if time.monotonic() > quiet_until and self._answers():
                return True
            time.sleep(0.1)
        return False

    def _launch(self, binaries: Binaries, account: Account) -> None:
        mark = cluster_mark(self.data_dir)
        self._make_socket_dir(account)
        conf = self.data_dir / "cityops.conf"
        conf.write_text(settings_text(self.socket_dir, self._port, mark, durable=self._durable))
        account.own(conf)
        start_of_log = self.log_file.stat().st_size if self.log_file.exists() else 0
        if start_of_log > 10 * 2**20:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
            start_of_log = 0
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [binaries.program("postgres"), "-D", str(self.data_dir), "-c", f"cluster_name={mark}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the server when its users are done
                preexec_fn=die_with_parent(os.getpid(), signal.SIGINT if self._durable else signal.SIGQUIT),
                **as_user(account),
            )
        self._postmaster = self._process.pid
        asked_at = time.monotonic()
        told = False
        while not self._answers():
            if self._process.poll() is not None:
                raise failure(self._asked_dir, self.log_file, self._log_since(start_of_log))
            if not told and time.monotonic() - asked_at > 3:
                self._say("the database is bringing itself up to date after an interruption")
                told = True
            time.sleep(0.05)

    def _make_socket_dir(self, account: Account) -> None:
        folder = self.socket_dir
        if folder == self.data_dir:
            return
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            account.own(folder)
        status = os.lstat(folder)
        if folder.is_symlink() or status.st_uid != account.uid or status.st_mode & 0o077:
            raise SocketFolderTaken(folder=folder, fix=f"rm -rf {folder}")

    def _answers(self) -> bool:
        """Whether the server accepts a connection now."""
        try:
            psycopg.connect(host=str(self.socket_dir), port=self._port, user=SUPERUSER, dbname="postgres", connect_timeout=5).close()
        except (psycopg.OperationalError, FileNotFoundError):
            return False
        return True

    @contextlib.contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection]:
        connection = psycopg.connect(
            host=str(self.socket_dir), port=self._port, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=10
        )
        try:
            yield connection
        finally:
            connection.close()

    def _end_postmaster(self, number: signal.Signals, patience_s: float) -> None:
        if self._postmaster is None:
            return
        deadline = time.monotonic() + patience_s
        with contextlib.suppress(ProcessLookupError):
            if self._process is None or self._process.poll() is None:
                os.kill(self._postmaster, number)
        while self._process.poll() is None if self._process else self._postmaster in server_processes(self.data_dir):
            if time.monotonic() > deadline:
                # An immediate stop loses nothing that was committed: the next start replays the log.
                end_leftovers(self.data_dir, patience_s=5)
            time.sleep(0.02)

    def _log_since(self, position: int) -> str:
        with open(self.log_file, "rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")
