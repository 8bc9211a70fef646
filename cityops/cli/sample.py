"""`cityops sample`: fill an empty city with invented data."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from cityops.cli.city import open_city, say

SIZES = ("XS", "S", "M", "L", "XL")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `sample`."""
    parser = subparsers.add_parser("sample", help="fill an empty city with a sample of a size")
    parser.add_argument(
        "--size", default="S", choices=SIZES, help="XS 40 cells, S 1,000, M 16,500 (Nanyang), L 60,000, XL 200,000 (default S)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed and end make the same city (default 1)")
    parser.add_argument(
        "--until", type=instant, metavar="TIME", help="the sample's present, such as 2026-11-20T17:00:00+08:00 (default now)"
    )
    parser.set_defaults(run=run)


def instant(text: str) -> datetime:
    """An ISO time; one without an offset is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-20T17:00:00+08:00") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def run(arguments: argparse.Namespace) -> None:
    """Make the sample in the city of this machine, in one transaction."""
    with open_city() as city:
        from cityops import sample  # numpy and shapely take half a second, which a refused command line need not wait for

        began_at = time.monotonic()
        done = sample.load(city.engine, city.settings, size=arguments.size, seed=arguments.seed, until=arguments.until, say=say)
        print(
            f"sample {done.size}, seed {done.seed}, until {done.until:%Y-%m-%dT%H:%MZ}: {done.cells:,} cells,"
            f" {done.components:,} components, {done.cases:,} cases with {done.events:,} events in {time.monotonic() - began_at:.1f} s"
        )
