"""`cityops serve`: the city on its address, with whatever its database holds."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from cityops.cli.city import City, open_city, say
from cityops.config import Settings
from cityops.serve.ports import require_free
from cityops.serve.supervisor import Supervisor


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `serve`."""
    parser = subparsers.add_parser("serve", help="run the city: database, web server, map")
    add_address(parser)
    parser.set_defaults(run=run)


def add_address(parser: argparse.ArgumentParser) -> None:
    """The options that say where to listen; they stand above CITYOPS_HOST and CITYOPS_PORT."""
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8000)")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings with the address of the command line."""
    settings = Settings.from_env()
    port = settings.port if arguments.port is None else arguments.port  # 0 is a number somebody wrote, and refused as one
    return replace(settings, host=arguments.host or settings.host, port=port)


def run(arguments: argparse.Namespace) -> None:
    """Start everything and stay until Ctrl-C."""
    serve(settings_of(arguments))


def serve(
    settings: Settings, *, prepare: Callable[[City], None] = lambda city: None, greet: Callable[[City], None] = lambda city: None
) -> None:
    """Open the city, `prepare` it, serve it, and `greet` when it answers. SIGTERM ends it as Ctrl-C does."""
    require_free(settings.host, settings.port)
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with open_city(settings) as city:
        prepare(city)
        city.engine.dispose()  # the supervisor needs no connection while it watches

        def ready() -> None:
            say(f"serving http://{_shown(city.settings.host)}:{city.settings.port} (Ctrl-C ends it, the database too)")
            greet(city)

        Supervisor(city.settings, city.cluster, say).run(ready)
        say("stopping")
    say("stopped")


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(host: str) -> str:
    if host in {"0.0.0.0", "::"}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
