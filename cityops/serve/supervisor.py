"""The supervisor: the database first, then the web server, watched until someone asks for the end.

A part that dies is started again; one that dies again and again ends the whole with one clear line, because a city that
restarts for ever looks alive and is not. Ending goes in the other order, so that the last transactions find a database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from types import FrameType

from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.db.postgres_process import die_with_parent
from cityops.errors import SetupError

_MOST_RESTARTS = 3
_WITHIN_S = 60.0
_PATIENCE_S = 60.0


class ServerFailed(SetupError):
    """The web server does not stay up."""


class Supervisor:
    """Keeps one web server (and the private database, if there is one) running until SIGINT or SIGTERM."""

    def __init__(self, settings: Settings, cluster: Cluster | None, say: Callable[[str], None]) -> None:
        if settings.database_url is None:
            raise ValueError("settings without a database URL")
        self._settings = settings
        self._cluster = cluster
        self._say = say
        self._web: subprocess.Popen[bytes] | None = None
        self._restarts: deque[float] = deque(maxlen=_MOST_RESTARTS)
        self._ending = False

    def run(self, when_ready: Callable[[], None]) -> None:
        """Serve until asked to end. `when_ready` is called once, when the first request was answered."""
        before = {number: signal.signal(number, self._ask_to_end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start_web()
            if self._wait_ready():
                when_ready()
            while not self._ending:
                self._keep_up()
                time.sleep(0.25)
        finally:
            self._stop_web()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask_to_end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True

    def _keep_up(self) -> None:
        """Start again what has died."""
        if self._cluster is not None and not self._cluster.alive():
            self._count_restart()
            self._say("the database has stopped; starting it again")
            self._cluster.stop()
            self._cluster.start()
        if self._web is not None and self._web.poll() is not None:
            self._count_restart()
            self._say("the web server has stopped; starting it again")
            self._start_web()

    def _count_restart(self) -> None:
        now = time.monotonic()
        if len(self._restarts) == _MOST_RESTARTS and now - self._restarts[0] < _WITHIN_S:
            raise ServerFailed(fix="read the lines above, mend what they name, and start again")
        self._restarts.append(now)

    def _start_web(self) -> None:
        url = self._settings.database_url
        assert url is not None
        settings = self._settings
        environment = os.environ | {
            "CITYOPS_DATABASE_URL": url,
            "CITYOPS_HOME": str(settings.home),
            "CITYOPS_HOST": settings.host,
            "CITYOPS_PORT": str(settings.port),
        }
        self._web = subprocess.Popen(
            [sys.executable, "-m", "cityops.serve.web"],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us only; we end it in order
            # Without us nobody would end it in order or start it again; it must not outlive us by a graceful ending.
            preexec_fn=die_with_parent(os.getpid(), signal.SIGKILL),
        )

    def _wait_ready(self) -> bool:
        """Wait for the first answer; False when asked to end meanwhile. Raises ServerFailed when the server gives up."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)
        host = f"[{host}]" if ":" in host else host
        deadline = time.monotonic() + _PATIENCE_S
        # A proxy of the user's is no way to our own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not self._ending:
            try:
                with opener.open(f"http://{host}:{self._settings.port}/readyz", timeout=5):
                    return True
            except (urllib.error.URLError, OSError):
                if self._web is None or self._web.poll() is not None:
                    raise ServerFailed(fix="read the lines above") from None
                if time.monotonic() > deadline:
                    raise ServerFailed(fix=f"it did not answer within {_PATIENCE_S:.0f} seconds; read the lines above") from None
                time.sleep(0.1)
        return False

    def _stop_web(self) -> None:
        web = self._web
        if web is None or web.poll() is not None:
            return
        web.terminate()
        try:
            web.wait(timeout=10)
        except subprocess.TimeoutExpired:
            web.kill()  # its workers end with it
            web.wait()
