"""`cityops open311 key add|list|revoke`: which clients may make requests in the name of the public."""

from __future__ import annotations

import argparse

from sqlalchemy import select

from cityops import clock
from cityops.cli.city import open_city
from cityops.db.session import unit_of_work
from cityops.exchange.open311.models import ApiKey
from cityops.exchange.open311.operations import add_key, revoke_key


def add_parser(subparsers: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # argparse gives it no usable parameter
    """The noun `open311` and its verbs."""
    parser = subparsers.add_parser("open311", help="keys of the clients that report for the public: key add, list, revoke")
    nouns = parser.add_subparsers(metavar="WHAT", required=True)
    verbs = nouns.add_parser("key", help="give out, list and take back keys").add_subparsers(metavar="VERB", required=True)
    verb = verbs.add_parser("add", help="make a key and print it, this once")
    verb.add_argument("label", help="the client's name, for example city-app")
    verb.add_argument("--contact", required=True, help="who answers for it")
    verb.add_argument("--per-minute", type=int, default=60, choices=range(1, 100_001), metavar="N", help="requests a minute (default: 60)")
    verb.set_defaults(run=add)
    verb = verbs.add_parser("list", help="all keys, living and revoked")
    verb.set_defaults(run=list_keys)
    verb = verbs.add_parser("revoke", help="take a key back for good")
    verb.add_argument("label")
    verb.set_defaults(run=revoke)


def add(arguments: argparse.Namespace) -> None:
    """Print the new key."""
    with open_city() as city, unit_of_work(city.engine) as session:
        key = add_key(session, clock.now(), arguments.label, arguments.contact, arguments.per_minute)
    print(key)


def list_keys(_arguments: argparse.Namespace) -> None:
    """One line per key; the key itself is kept by nobody."""
    with open_city() as city, unit_of_work(city.engine) as session:
        for key in session.scalars(select(ApiKey).order_by(ApiKey.id)):
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else f"since {key.created_at:%Y-%m-%d}"
            print(f"{key.label:24} {key.per_minute:6}/min  {state}  {key.contact}")


def revoke(arguments: argparse.Namespace) -> None:
    """Revoke it."""
    with open_city() as city, unit_of_work(city.engine) as session:
        revoke_key(session, clock.now(), arguments.label)
    print(f"{arguments.label} is revoked")
