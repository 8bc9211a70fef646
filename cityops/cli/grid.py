"""`cityops grid validate|locate|propose`: the faults of the grid, where a place lies, a first grid for a community."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from cityops import clock
from cityops.cli.city import open_city
from cityops.cli.import_ import add_report_options, write_report
from cityops.db.readpool import ReadPool
from cityops.db.session import unit_of_work
from cityops.geo.crs import to_storage
from cityops.grid import operations, queries
from cityops.grid.errors import NoCellHere
from cityops.grid.rules.proposal import TARGET_M2


def add_parser(subparsers: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # argparse gives it no usable parameter
    """The noun `grid` and its verbs."""
    parser = subparsers.add_parser("grid", help="cells and beats: find faults, locate a place, propose a first grid")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    validate = verbs.add_parser(
        "validate", help="every gap, overlap, sliver, crossing, wrong code and torn beat; exit code 1 if there is one"
    )
    validate.add_argument("--division", default="", help="only below this code of 6, 9 or 12 digits")
    add_report_options(validate)
    validate.set_defaults(run=run_validate)
    locate = verbs.add_parser("locate", help="the cell, beat and divisions of a place")
    locate.add_argument("x", type=float, help="longitude or easting")
    locate.add_argument("y", type=float, help="latitude or northing")
    locate.add_argument("--crs", default="4490", help="EPSG number, gcj02 or bd09 (default: 4490)")
    locate.set_defaults(run=run_locate)
    propose = verbs.add_parser("propose", help="draw cells for communities along their streets, as one draft each")
    propose.add_argument("communities", nargs="+", help="codes of 12 digits")
    propose.add_argument("--target-m2", type=float, default=TARGET_M2, help="size of a cell (default: 10000)")
    propose.add_argument("--publish", action="store_true", help="publish each draft at once if it is without fault")
    propose.set_defaults(run=run_propose)


def run_validate(arguments: argparse.Namespace) -> int:
    """Print the report of the live grid."""
    with open_city() as city, unit_of_work(city.engine) as session:
        report = operations.validate_grid(session, None, division=arguments.division, srid=city.settings.projected_srid)
    write_report(report, arguments)
    return 1 if report.faults else 0


def run_locate(arguments: argparse.Namespace) -> None:
    """Print where a place lies, as JSON."""
    lon, lat = to_storage(arguments.x, arguments.y, arguments.crs)
    with open_city() as city, contextlib.closing(ReadPool(city.engine.url)) as pool:
        place = queries.describe_place(pool, float(lon), float(lat))
    if place is None:
        raise NoCellHere(fix="check the coordinates and --crs; the grid covers the built-up area only")
    print(json.dumps(json.loads(place), ensure_ascii=False, indent=1))


def run_propose(arguments: argparse.Namespace) -> None:
    """Make a draft for each community and say its number."""
    with open_city() as city:
        settings = city.settings
        for community in arguments.communities:
            with unit_of_work(city.engine) as session:
                now = clock.now()
                draft_id, count = operations.propose_for_community(
                    session, None, now, community, srid=settings.projected_srid, target_m2=arguments.target_m2
                )
                if arguments.publish:
                    operations.publish_draft(session, None, now, draft_id, srid=settings.projected_srid, timezone=settings.timezone)
            print(f"{community}: draft {draft_id}, {count} cells{', published' if arguments.publish else ''}", flush=True)
    if not arguments.publish:
        print("cityops: look at the drafts in the console, then publish them", file=sys.stderr)
