"""A city from a map extract: base layers, communities, cells along the real streets, components, beats, an organisation.

Everything is written through the operations of the rooms it belongs to, in the caller's transaction. Data of OpenStreetMap
is © OpenStreetMap contributors under the ODbL; the city remembers that as its attribution.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.catalog.manifest import load_manifests
from cityops.catalog.operations import sync
from cityops.components.bulk import Registrations, register_many
from cityops.db.versions import touch_box
from cityops.exchange.emptiness import refuse_unless_empty
from cityops.exchange.errors import DistrictCodeInvalid, NoGround
from cityops.exchange.osm_grid import Ground, draw_grid
from cityops.exchange.osm_people import make_people
from cityops.exchange.osm_reading import Extract, read_extract
from cityops.exchange.osm_report import OsmReport
from cityops.exchange.osm_sea import sea_areas
from cityops.exchange.osm_tags import read_tag_table
from cityops.exchange.osm_things import Sorted, sort_things
from cityops.gazetteer.operations import gather
from cityops.geo.crs import metric_srid
from cityops.geo.shapes import as_array, project
from cityops.grid.queries import locate_many
from cityops.grid.rules.numbering import is_code
from cityops.grid.rules.proposal import TARGET_M2
from cityops.identity.accounts import DemoAccount
from cityops.paths import layers_dir
from cityops.standards.operations import CalendarChange, change_calendar
from cityops.standards.queries import DEFAULT_CITY

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL-1.0"
SYNTHETIC_DISTRICT = "990101"
"""No province of China begins with 99: codes under it are never mistaken for real ones."""
SMALLEST_GROUND_M2 = 5_000.0


@dataclass(frozen=True)
class OsmOptions:
    """How a place is brought in. Without a name the largest town named in the extract gives it, else the file."""

    district_code: str = SYNTHETIC_DISTRICT
    name: str | None = None
    tags: Path | None = None
    timezone: str | None = None
    """The zone its deadlines and case numbers count in; None leaves the city's calendar as it is."""
    target_m2: float = TARGET_M2
    demo_accounts: bool = True
    dry_run: bool = False


@dataclass(frozen=True)
class OsmImport:
    """The report, and the demo accounts that were made."""

    report: OsmReport
    accounts: list[DemoAccount]


def import_extract(
    session: Session,
    now: datetime,
    path: Path,
    options: OsmOptions,
    *,
    srid: int,
    timezone: str,
    say: Callable[[str], None] = lambda line: None,
) -> OsmImport:
    """Make a city of an extract in the session's transaction.

    `srid` is the preferred projected system; where it cannot be used, the belt or UTM zone of the place is taken. Raises
    ExtractUnreadable, TagTableInvalid, DistrictCodeInvalid, NoGround, and CityNotEmpty; then nothing is written.
    """
    if not is_code(options.district_code, 6):
        raise DistrictCodeInvalid(value=repr(options.district_code), field="district_code", fix="six digits, such as 990101")
    table = read_tag_table(options.tags)
    say(f"reading {path.name}")
    extract = read_extract(path)
    things = sort_things(extract, table)
    report = _begin_report(extract, things, path)
    report.district, report.dry_run = options.district_code, options.dry_run
    report.name = options.name or things.town or path.name.split(".")[0]
    west, south, east, north = extract.box
    metric = metric_srid((west + east) / 2, (south + north) / 2, srid)
    box = shapely.box(west, south, east, north)
    if project(box, metric).area < SMALLEST_GROUND_M2:
        raise NoGround(box=", ".join(f"{v:.5f}" for v in extract.box), field="file", fix="use an extract that covers at least a block")
    _name_classes(session, report)
    if options.dry_run:
        return OsmImport(report, [])
    refuse_unless_empty(session)
    if options.timezone is not None:
        change_calendar(session, None, DEFAULT_CITY, CalendarChange(timezone=options.timezone))
        timezone = options.timezone
    say("base layers")
    sync(session, load_manifests(layers_dir()), now)
    sea = _write_layers(session, things, box)
    say("communities and cells along the streets")
    ground = Ground(box=box, srid=metric, name=report.name, district=options.district_code, sea=sea, target_m2=options.target_m2)
    grid = draw_grid(session, now, ground, things, timezone=timezone, say=say)
    report.communities, report.cells, report.beats = grid.communities, grid.cells, len(grid.beats)
    say("names of places")
    gather(session, now)
    say("departments and accounts")
    accounts = make_people(session, now, report.name, options.district_code, grid, demo=options.demo_accounts)
    say("components")
    report.components = _write_components(session, now, things, report, path)
    _finish(session, report, extract, metric, timezone)
    return OsmImport(report, accounts)


def _begin_report(extract: Extract, things: Sorted, path: Path) -> OsmReport:
    report = OsmReport(path.name, extract.nodes, extract.ways, extract.relations, len(extract.things) + extract.incomplete.total())
    for (where, kind), count in things.mapped.items():
        if where in ("roads", "water", "green", "buildings"):
            report.layers[f"{where}/{kind}" if kind else where] += count
        else:
            report.mapped[f"{where}/{kind}"] += count
    report.unmapped, report.unfit, report.outside = things.unmapped, things.unfit, things.outside
    report.incomplete = extract.incomplete
    return report


def _name_classes(session: Session, report: OsmReport) -> None:
    rows = session.execute(text("SELECT edition, code, name_zh, name_en FROM components.classes WHERE kind = 'component'"))
    report.classes = {f"{row.edition}/{row.code}": (row.name_zh, row.name_en) for row in rows}


def _write_layers(session: Session, things: Sorted, box: shapely.Polygon) -> list[shapely.Geometry]:
    """The base layers, cut at the box; gives the areas of sea."""
    sea = sea_areas(box, things.coast)

    def insert(layer: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
        shaped = shapely.intersection(as_array([row[0] for row in rows]), box)
        names, marks = ", ".join(f'"{column}"' for column in columns), ", ".join(f":{column}" for column in columns)
        wanted = (1, 5) if layer == "roads" else (3, 6)
        values = [
            {"geom": shapely.to_wkb(shape), **dict(zip(columns, row[1:], strict=True))}
            for shape, row in zip(shaped, rows, strict=True)
            if shapely.get_type_id(shape) in wanted and not shape.is_empty
        ]
        if values:
            session.execute(text(f"INSERT INTO layer_{layer}.items (geom, {names}) VALUES (ST_GeomFromWKB(:geom, 4490), {marks})"), values)
        touch_box(session, layer, *box.bounds)

    insert("roads", ("name", "class", "width_m"), list(things.roads))
    insert("water", ("name",), [*things.water, *((area, None) for area in sea)])
    insert("green", ("name",), list(things.green))
    insert("buildings", ("height_m", "name"), list(things.buildings))
    return sea


def _write_components(session: Session, now: datetime, things: Sorted, report: OsmReport, path: Path) -> int:
    """Register what lies in a cell, as one batch of the system's; the rest is counted."""
    found = things.components
    if not found:
        return 0
    inside = shapely.get_coordinates(shapely.point_on_surface(as_array([one.geom for one in found])))
    cells = np.asarray(locate_many(session, inside[:, 0], inside[:, 1]))
    placed = np.array([bool(code) for code in cells.tolist()])
    for k in np.flatnonzero(~placed).tolist():
        report.off_grid[f"{found[k].edition}/{found[k].class_code}"] += 1
    total = 0
    for edition in sorted({one.edition for one in found}):
        own = [k for k in np.flatnonzero(placed).tolist() if found[k].edition == edition]
        if not own:
            continue
        records = Registrations(
            class_code=[found[k].class_code for k in own],
            geom=as_array([found[k].geom for k in own]),
            edition=edition,
            cell_code=cells[own],
            name=[found[k].name for k in own],
            source="OpenStreetMap",
            attributes=[found[k].attributes for k in own],
        )
        total += register_many(session, None, now, records, reason=f"{path.name}, {ATTRIBUTION}").rows
    return total


def _finish(session: Session, report: OsmReport, extract: Extract, metric: int, timezone: str) -> None:
    about = {
        "origin": "osm", "name_zh": report.name, "name_en": report.name, "bounds": list(extract.box), "projected_srid": metric,
        "attribution": ATTRIBUTION, "licence": LICENCE, "timezone": timezone, "source": report.file, "report": _short(report),
    }  # fmt: skip
    session.execute(
        text(
            "INSERT INTO core.settings (key, value) VALUES ('city', CAST(:about AS jsonb))"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_at = clock_timestamp()"
        ),
        {"about": json.dumps(about, ensure_ascii=False)},
    )


def _short(report: OsmReport) -> dict[str, int]:
    parts: dict[str, Counter[str]] = {part: getattr(report, part) for part in report.PARTS}
    return {part: counts.total() for part, counts in parts.items()}
