"""`cityops import cells|divisions|…`: files into the city, whole or not at all."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from cityops import clock
from cityops.cli.city import open_city
from cityops.db.session import unit_of_work
from cityops.exchange.cells import import_cells
from cityops.exchange.cells_file import Fields
from cityops.geo.crs import ACCEPTED
from cityops.grid import operations
from cityops.grid.rules.findings import Report

MORE = ("cityops.cli.import_osm",)
"""Modules that bring a kind of file of their own, by `add_kind(kinds)`."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # argparse gives it no usable parameter
    """The noun `import` and the kinds of files."""
    parser = subparsers.add_parser("import", help="files into the city: cells, divisions, map extracts")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    cells = kinds.add_parser("cells", help="unit cells from GeoJSON, GeoPackage or Shapefile; loads all or nothing")
    cells.add_argument("file", type=Path)
    cells.add_argument("--crs", help=f"the system the coordinates are in, whatever the file says: {ACCEPTED}")
    cells.add_argument("--crs-field", help="a column that names the system of each row")
    cells.add_argument("--code-field", default="code", help="column of the 15-digit code (default: code); without it cells are numbered")
    cells.add_argument("--community-field", help="column of the 12-digit community, for files without codes (default: by place)")
    cells.add_argument("--grade-field", help="column of the area grade A, B or C (default: B)")
    cells.add_argument("--note-field", help="column of a remark")
    cells.add_argument("--layer", help="layer of the file, when it has several")
    cells.add_argument("--dry-run", action="store_true", help="examine and load nothing")
    add_report_options(cells)
    cells.set_defaults(run=run_cells)
    divisions = kinds.add_parser("divisions", help="codes and names from CSV: code, name_zh, name_en, synthetic")
    divisions.add_argument("file", type=Path)
    divisions.set_defaults(run=run_divisions)
    for name in MORE:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name).add_kind(kinds)


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """How a report is to be written."""
    parser.add_argument("--report", choices=("text", "json", "geojson"), default="text", help="form of the report (default: text)")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the text")
    parser.add_argument("--out", type=Path, help="write the report to a file")


def write_report(report: Report, arguments: argparse.Namespace) -> None:
    """Print the report, or write it where it was asked for."""
    if arguments.report == "text":
        body = report.as_text(arguments.lang)
    else:
        body = json.dumps(report.as_geojson() if arguments.report == "geojson" else report.as_json(), ensure_ascii=False, indent=1)
    if arguments.out is None:
        print(body)
    else:
        arguments.out.write_text(body + "\n", encoding="utf-8")


def run_cells(arguments: argparse.Namespace) -> int:
    """Import cells; exit code 1 when the report names a fault."""
    fields = Fields(arguments.code_field, arguments.community_field, arguments.grade_field, arguments.note_field, arguments.crs_field)
    with open_city() as city, unit_of_work(city.engine) as session:
        done = import_cells(
            session, None, clock.now(), arguments.file, fields=fields, crs=arguments.crs, layer=arguments.layer,
            srid=city.settings.projected_srid, timezone=city.settings.timezone, dry_run=arguments.dry_run,
        )  # fmt: skip
    write_report(done.report, arguments)
    if done.report.faults:
        print("cityops: nothing was loaded. Fix: mend the faults above and import again", file=sys.stderr)
        return 1
    loaded = len(done.publication.created) if done.publication else 0
    print(
        f"cityops: {loaded} cells loaded" if not arguments.dry_run else "cityops: no fault; nothing was loaded because of --dry-run",
        file=sys.stderr,
    )
    return 0


def run_divisions(arguments: argparse.Namespace) -> None:
    """Write codes and names; boundaries that are there stay."""
    records = operations.read_divisions(arguments.file)
    with open_city() as city, unit_of_work(city.engine) as session:
        count = operations.save_divisions(session, None, records)
    print(f"{count} divisions")
