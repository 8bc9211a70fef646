"""`cityops demo`: what `make run` runs. An empty city is filled with the sample, then served, and the accounts are printed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sqlalchemy.orm import Session

from cityops.cli.city import City, say
from cityops.cli.serve import add_address, serve, settings_of


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `demo`."""
    parser = subparsers.add_parser("demo", help="serve the sample city, made on the first start")
    parser.add_argument("--size", default="S", choices=["XS", "S", "M", "L", "XL"], help="how large a sample to make (default S)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same city (default 1)")
    add_address(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Fill the city when it is empty, or when an earlier filling was interrupted; then serve it."""

    def prepare(city: City) -> None:
        from cityops import sample  # numpy and shapely take half a second, which a refused command line need not wait for

        if sample.state(city.engine) != "complete":
            say(f"making the sample city, size {arguments.size}; this happens once")
            sample.load(city.engine, city.settings, size=arguments.size, seed=arguments.seed, say=say)

    serve(settings_of(arguments), prepare=prepare, greet=_print_accounts)


def _print_accounts(city: City) -> None:
    from cityops.identity import operations

    with Session(city.engine) as session:
        accounts = operations.demo_accounts(session)
    rows = [(account.login, account.name, ", ".join(account.posts)) for account in accounts]
    if rows:
        print(f"\nSample data, made by a program. Sign in with any of these accounts; the password is {accounts[0].password}\n")
        print(_table(rows))
        print("\nThe console is at / and the inspectors' phone page at /inspect.", flush=True)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns aligned for a terminal, where a Chinese character is two cells wide."""
    widths = [max(_cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  " + "  ".join(text + " " * (width - _cells(text)) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(text: str) -> int:
    return sum(2 if ord(character) >= 0x1100 else 1 for character in text)
