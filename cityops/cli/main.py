"""The command `cityops`: collects the nouns, runs one, and turns every named error into one clear line.

A noun is a module in this folder with `add_parser(subparsers)`, which adds its parser and sets `run` to a function from the
parsed arguments to an exit code (None is success).
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

import cityops.cli
from cityops import __version__
from cityops.errors import CityopsError


def build_parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """The command line with the noun `wanted`, or with every noun that has a module here.

    One noun is enough to run it, and the rooms behind the others take seconds to load.
    """
    parser = argparse.ArgumentParser(prog="cityops", description="A city management platform on PostGIS.")
    parser.add_argument("--version", action="version", version=f"cityops {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    names = sorted(module.name for module in pkgutil.iter_modules(cityops.cli.__path__))
    # A noun that is a word of Python's has a trailing underscore in its file name.
    for name in [name for name in names if name.rstrip("_") == wanted] or names:
        noun = importlib.import_module(f"cityops.cli.{name}")
        if hasattr(noun, "add_parser"):
            noun.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a named error, 2 for a wrong command line, 130 for Ctrl-C."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = build_parser(given[0] if given else None).parse_args(given)
    try:
        return int(parsed.run(parsed) or 0)
    except CityopsError as error:
        print(one_line(error), file=sys.stderr)
        return 1
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        print(f"cityops: the database refuses the work: {reason}. Fix: see its log, or check CITYOPS_DATABASE_URL", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has gone (`cityops … | head`); nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("cityops: interrupted", file=sys.stderr)
        return 130


def one_line(error: CityopsError) -> str:
    """`cityops: what is wrong. Fix: what to do`."""
    place = f"{error.field}: " if error.field else ""
    fix = f" Fix: {error.fix}" if error.fix else ""
    return f"cityops: {place}{error.message.rstrip('.')}.{fix}"
