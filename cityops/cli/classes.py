"""`cityops classes list|load`: the class tables by edition."""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import select

from cityops.cli.city import open_city
from cityops.components.errors import EditionNotFound
from cityops.components.models import Class, Edition
from cityops.components.operations import load_classes
from cityops.db.session import unit_of_work


def add_parser(subparsers: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # argparse gives it no usable parameter
    """The noun `classes` and its verbs."""
    parser = subparsers.add_parser("classes", help="class tables by edition: list them, load one from a CSV file")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    verb = verbs.add_parser("list", help="the editions, or the classes of one")
    verb.add_argument("edition", nargs="?", help="for example gbt30428.2-2013")
    verb.set_defaults(run=list_classes)
    verb = verbs.add_parser("load", help="load a class table; its rows are the city's own from then on")
    verb.add_argument("file", type=Path, help="CSV in UTF-8 with the columns of data/classes/local.csv")
    verb.add_argument("--edition", default="local", help="an existing edition (default: local)")
    verb.set_defaults(run=load)


def list_classes(arguments: argparse.Namespace) -> None:
    """Print the editions, or the classes of one: kind, code, geometry, default department, mark and names."""
    with open_city() as city, unit_of_work(city.engine) as session:
        if arguments.edition is None:
            for edition in session.scalars(select(Edition).order_by(Edition.id)):
                state = "in force" if edition.in_force else "not in force"
                print(f"{edition.id:20} {state:14} {edition.title_zh} / {edition.title_en}")
            return
        if session.get(Edition, arguments.edition) is None:
            raise EditionNotFound(edition=arguments.edition, fix="run `cityops classes list`")
        rows = session.scalars(select(Class).where(Class.edition == arguments.edition).order_by(Class.kind, Class.code))
        for row in rows:
            state = "" if row.active else "  (off)"
            department = row.department_code or "-"
            print(
                f"{row.kind:9} {row.code} {row.geometry:7} {department:4} {row.source_mark} {row.mark} {row.name_zh} / {row.name_en}{state}"
            )


def load(arguments: argparse.Namespace) -> None:
    """Load the file and say how many rows changed."""
    with open_city() as city, unit_of_work(city.engine) as session:
        changed = load_classes(session, arguments.edition, arguments.file, overwrite=True)
    print(f"{changed} classes of {arguments.edition} changed")
