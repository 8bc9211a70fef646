"""The web server's process: gunicorn with threads, embedded, one `create_app` per worker.

Run as `python -m cityops.serve.web` by the supervisor, which has put the database URL into the environment. A worker ends
with its master, and the master with the supervisor, because the kernel is told so; nothing is left listening on the port.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cityops.app import close_app, create_app
from cityops.config import Settings

_PR_SET_PDEATHSIG = 1


class CityServer(BaseApplication):
    """gunicorn configured from our Settings; it reads no file and no command line of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Hand over the options."""
        for name, value in options(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The WSGI application, made in each worker after the fork, so no connection or thread is shared."""
        return create_app(self._settings)


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's options for this city."""
    return {
        "bind": f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": "cityops.serve.worker.CityWorker",
        "keepalive": 75,
        "timeout": 60,
        "graceful_timeout": 5,  # for requests being answered; live streams and idle connections end at once, see worker.py
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
        "loglevel": "warning",
        "proc_name": "cityops",
        "control_socket_disable": True,
        "post_fork": _end_with_master,
        "worker_exit": _close_application,
    }


def _end_with_master(server: Any, worker: Any) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != server.pid:
        os._exit(0)  # the master ended between the fork and this line


def _close_application(server: Any, worker: Any) -> None:
    """A worker leaves: end its live streams and give its connections back, so that the database can stop in order."""
    if worker.app.callable is not None:
        close_app(worker.app.callable)


if __name__ == "__main__":
    CityServer(Settings.from_env()).run()
