"""`cityops import osm FILE`: a map extract becomes a city."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cityops import clock
from cityops.cli.city import open_city, say
from cityops.db.session import unit_of_work
from cityops.exchange.settling import settle


def add_kind(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The kind of file `osm`."""
    osm = kinds.add_parser("osm", help="an OpenStreetMap extract (.osm.pbf, .osm) becomes a city; the city must be empty")
    osm.add_argument("file", type=Path)
    osm.add_argument("--name", help="the name of the place (default: the largest town named in the extract)")
    osm.add_argument(
        "--district-code", default="990101", metavar="DIGITS", help="six digits for its divisions (default 990101, which no real place has)"
    )
    osm.add_argument("--timezone", metavar="ZONE", help="zone of its working hours, such as Europe/Helsinki (default: the city's calendar)")
    osm.add_argument("--tags", type=Path, help="another table of tags than data/osm/tags.csv")
    osm.add_argument("--cell-m2", type=float, default=10_000.0, metavar="M2", help="usual size of a cell in square metres (default 10000)")
    osm.add_argument("--no-demo-accounts", action="store_true", help="make departments but no accounts with the demo password")
    osm.add_argument("--dry-run", action="store_true", help="read and report, load nothing")
    osm.add_argument("--report", choices=("text", "json"), default="text", help="form of the report (default: text)")
    osm.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the text")
    osm.add_argument("--out", type=Path, help="write the report to a file")
    osm.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Import in one transaction, then print the report and the accounts."""
    # pyosmium and shapely take half a second, which a refused command line need not wait for.
    from cityops.exchange.osm import OsmOptions, import_extract
    from cityops.exchange.osm_reading import require_file

    require_file(arguments.file)
    options = OsmOptions(
        district_code=arguments.district_code, name=arguments.name, tags=arguments.tags, timezone=arguments.timezone,
        target_m2=arguments.cell_m2, demo_accounts=not arguments.no_demo_accounts, dry_run=arguments.dry_run,
    )  # fmt: skip
    with open_city() as city:
        with unit_of_work(city.engine) as session:
            done = import_extract(
                session, clock.now(), arguments.file, options, srid=city.settings.projected_srid, timezone=city.settings.timezone, say=say
            )
        if not options.dry_run:
            settle(city.engine)
    body = (
        done.report.as_text(arguments.lang)
        if arguments.report == "text"
        else json.dumps(done.report.as_json(), ensure_ascii=False, indent=1)
    )
    if arguments.out is None:
        print(body)
    else:
        arguments.out.write_text(body + "\n", encoding="utf-8")
    if done.accounts:
        say(f"accounts, all with the password {done.accounts[0].password}: " + ", ".join(account.login for account in done.accounts))
