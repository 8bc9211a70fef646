"""Making the sample city: one transaction, so that an interrupted load leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import shapely
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops import clock
from cityops.catalog.manifest import load_manifests
from cityops.catalog.operations import sync
from cityops.components.rules import CodeFormat
from cityops.config import Settings
from cityops.db import versions
from cityops.db.session import unit_of_work
from cityops.exchange.default_organisation import COMMAND, SUPERVISION, Area, Organisation, build_organisation
from cityops.exchange.emptiness import refuse_unless_empty
from cityops.exchange.settling import settle
from cityops.gazetteer.operations import gather, number_streets
from cityops.geo.crs import transformer
from cityops.identity.accounts import create_demo_accounts, create_users_bulk
from cityops.identity.rules import Scope
from cityops.paths import layers_dir
from cityops.sample import names
from cityops.sample.anchors import Anchors
from cityops.sample.copying import ToStorage, copy_rows, relieved
from cityops.sample.desks import Desks, People, Router
from cityops.sample.errors import SizeNotKnown, UntilNotUsable
from cityops.sample.organisation import Person, build_people
from cityops.sample.pictures import Album
from cityops.sample.place_rows import ComponentClass, PlaceWriter
from cityops.sample.places import DISTRICTS, StreetOffice, assign_streets, cell_quotas, multi
from cityops.sample.sizes import SIZES, Size
from cityops.sample.story import Story
from cityops.sample.streets import Skeleton, build_skeleton
from cityops.sample.terrain import CENTRE_LONLAT, Terrain, make_terrain
from cityops.sample.tile import arterial_roads, make_tile

STORAGE_SRID = 4490
RELIEVED = (
    "components.components", "cases.cases", "cases.events", "cases.tasks",
    "layer_buildings.items", "layer_roads.items", "layer_green.items", "layer_water.items",
)  # fmt: skip
"""Tables that lose their indexes while they are filled."""
SILENT = ("cases.cases", "cases.events", "cases.tasks", "cases.photos")
"""Tables whose triggers would look at every row again; `cityops cases verify` proves the chains afterwards."""
RELIEF_FROM_CASES = 2_000
OPEN_PER_DESK = {"XS": 3, "S": 14, "M": 40, "L": 120, "XL": 200}
YEARS = timedelta(days=730)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """What a load wrote."""

    size: str
    seed: int
    until: datetime
    cells: int
    components: int
    cases: int
    events: int


def state(engine: Engine) -> str:
    """empty, or complete when there is a city. A load is one transaction, so there is no half."""
    with Session(engine) as session:
        found = session.execute(text("SELECT EXISTS (SELECT 1 FROM grid.cells) OR EXISTS (SELECT 1 FROM components.components)"))
        return "complete" if found.scalar_one() else "empty"


def load(
    engine: Engine, settings: Settings, *, size: str = "S", seed: int = 1, until: datetime | None = None, say: Say | None = None
) -> Loaded:
    """Fill an empty city with the sample of `size`; the same seed and `until` write the same rows.

    `until` is the present of the sample: cases run up to it and open work is due around it; without it, the current time
    to the full minute. Raises SizeNotKnown, UntilNotUsable and CityNotEmpty; nothing is written then.
    """
    if size not in SIZES:
        raise SizeNotKnown(size=size, field="size", fix="one of " + ", ".join(SIZES))
    until = (until or clock.now()).astimezone(UTC).replace(second=0, microsecond=0)
    if not datetime(2015, 1, 1, tzinfo=UTC) < until < datetime(2100, 1, 1, tzinfo=UTC):
        raise UntilNotUsable(until=until.isoformat(), field="until", fix="a time between 2015 and 2100, such as 2026-11-20T09:00:00Z")
    with unit_of_work(engine) as session:
        refuse_unless_empty(session)
        sync(session, load_manifests(layers_dir()), until)
        # The order of COPY, UPDATE and index building is chosen for one writer; a crash loses the whole load and nothing else.
        session.execute(text("SET LOCAL synchronous_commit = off"))
        session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        session.execute(text("SET LOCAL work_mem = '128MB'"))
        session.execute(text("SET LOCAL cityops.bulk_load = 'on'"))
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        with connection.cursor() as cursor:
            if SIZES[size].cases >= RELIEF_FROM_CASES:
                with relieved(cursor, RELIEVED, SILENT):
                    done = _fill(session, cursor, settings, SIZES[size], seed, until, say or (lambda line: None))
            else:
                done = _fill(session, cursor, settings, SIZES[size], seed, until, say or (lambda line: None))
        gather(session, until)
        number_streets(session, until, settings.projected_srid)
    settle(engine)
    return done


def _fill(
    session: Session, cursor: psycopg.Cursor[tuple[object, ...]], settings: Settings, size: Size, seed: int, until: datetime, say: Say
) -> Loaded:
    since = until - YEARS
    centre = transformer(STORAGE_SRID, settings.projected_srid).transform(*CENTRE_LONLAT)
    terrain = make_terrain(size, seed, centre)
    skeleton = build_skeleton(size, seed, terrain)
    storage = ToStorage(settings.projected_srid)
    offices = assign_streets(skeleton, terrain)
    organisation = _organisation(cursor, offices)
    _divisions(cursor, storage, offices)
    cursor.execute(
        "INSERT INTO components.changes (id, at, actor_id, act, reason, rows) VALUES (1, %s, NULL, 'register', %s, %s)",
        (since, "sample data / 示范数据", size.components),
    )
    anchors = Anchors.for_size(storage, seed, size.cells)
    writer = _write_place(cursor, storage, organisation, size, seed, since, terrain, skeleton, offices, anchors, say)
    people = _people(session, organisation, size, writer, until)
    story = Story(
        session,
        cursor,
        anchors,
        Router(organisation),
        Desks(people),
        seed=seed,
        cases=size.cases,
        since=since,
        until=until,
        album=Album(settings.media_dir),
    )
    told = 0

    def advance(count: int) -> None:
        nonlocal told
        before, told = told, told + count
        if told * 10 // size.cases > before * 10 // size.cases:
            say(f"{told:,} cases")

    done = story.tell(OPEN_PER_DESK[size.name], _demo_beats(writer), advance)
    _finish(session, cursor, settings, size, seed, until, skeleton, storage, writer)
    return Loaded(size.name, seed, until, writer.cells, writer.component_id, done.cases, done.events)


def _organisation(cursor: psycopg.Cursor[tuple[object, ...]], offices: list[StreetOffice]) -> Organisation:
    districts = [Area(code, *DISTRICTS[code]) for code in sorted({office.district for office in offices})]
    streets = [Area(office.code, office.name_zh, office.name_en) for office in sorted(offices, key=lambda one: one.code)]
    made = build_organisation("南阳市", "Nanyang", districts, streets)
    copy_rows(
        cursor,
        "identity.departments",
        ("id", "code", "name_zh", "name_en", "parent_id", "division_code"),
        [(d.id, d.code, d.name_zh, d.name_en, d.parent_id, d.division_code) for d in made.departments],
    )
    return made


def _divisions(cursor: psycopg.Cursor[tuple[object, ...]], storage: ToStorage, offices: list[StreetOffice]) -> None:
    """Districts and streets with the outline the sample gives them; rows that are known already only receive the outline."""
    rows: list[tuple[str, str, str, str, str | None, str]] = []
    for code in sorted({office.district for office in offices}):
        zh, en = DISTRICTS[code]
        outline = multi(shapely.union_all([office.geom for office in offices if office.district == code]))
        rows.append((code, "district", zh, en, None, storage.ewkb([outline])[0]))
    for office in sorted(offices, key=lambda one: one.code):
        rows.append((office.code, "street", office.name_zh, office.name_en, office.district, storage.ewkb([office.geom])[0]))
    cursor.executemany(
        "INSERT INTO grid.divisions (code, level, name_zh, name_en, parent_code, geom) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (code) DO UPDATE SET geom = excluded.geom",
        rows,
    )


def _write_place(
    cursor: psycopg.Cursor[tuple[object, ...]],
    storage: ToStorage,
    organisation: Organisation,
    size: Size,
    seed: int,
    since: datetime,
    terrain: Terrain,
    skeleton: Skeleton,
    offices: list[StreetOffice],
    anchors: Anchors,
    say: Say,
) -> PlaceWriter:
    centres = shapely.get_coordinates(shapely.centroid([face.polygon for face in skeleton.faces])) - np.asarray(terrain.centre)
    far = (np.hypot(centres[:, 0], centres[:, 1]) / (terrain.span_m / 2)).tolist()
    quotas = cell_quotas(size, skeleton, terrain)
    line_names = names.name_lines(skeleton.lines, _middle_ranks(skeleton, terrain))
    writer = PlaceWriter(
        cursor, storage, organisation, _component_classes(cursor),
        {face: office for office in offices for face in office.faces}, far, seed, since, anchors,
        _code_format(cursor, size),
    )  # fmt: skip
    given = 0
    for number in range(len(skeleton.faces)):
        # Running totals, so that rounding never drifts away from the number of components asked for.
        upto = round(size.components * sum(quotas[: number + 1]) / sum(quotas))
        writer.write(make_tile(number, skeleton, size, seed, quotas[number], upto - given, far[number], line_names))
        given = upto
        if number % 20 == 19:
            say(f"{writer.cells:,} cells, {writer.component_id:,} components")
    writer.roads(arterial_roads(skeleton, line_names))
    writer.river(skeleton)
    copy_rows(cursor, "components.code_counters", ("prefix", "last"), sorted(writer.counters.items()))
    return writer


def _code_format(cursor: psycopg.Cursor[tuple[object, ...]], size: Size) -> CodeFormat:
    """The usual width of component codes, or a wider one that is written down as the city's setting."""
    wanted = CodeFormat(sequence=size.sequence_digits)
    if wanted != CodeFormat():
        setting = {"district": wanted.district, "class": wanted.class_, "sequence": wanted.sequence}
        cursor.execute("INSERT INTO core.settings (key, value) VALUES ('components.code_format', %s)", (json.dumps(setting),))
    return wanted


def _middle_ranks(skeleton: Skeleton, terrain: Terrain) -> dict[str, int]:
    """For each family of streets, the rank of the one through the centre."""
    out = {}
    for family, axis in (("ns", 0), ("ew", 1)):
        own = [line for line in skeleton.lines if line.family == family]
        away = [abs(line.geom.centroid.coords[0][axis] - terrain.centre[axis]) for line in own]
        out[family] = own[int(np.argmin(away))].rank
    return out


def _component_classes(cursor: psycopg.Cursor[tuple[object, ...]]) -> dict[str, ComponentClass]:
    rows = cursor.execute(
        "SELECT code, edition, department_code, name_zh FROM components.classes WHERE kind = 'component' AND edition <> 'cjt214-2007'"
        " ORDER BY edition = 'local' DESC, code"
    ).fetchall()
    return {str(code): ComponentClass(str(edition), str(duty), str(name)) for code, edition, duty, name in rows}


def _people(session: Session, organisation: Organisation, size: Size, writer: PlaceWriter, until: datetime) -> People:
    made = build_people(organisation, size.name, writer.beats, size.inspectors_per_beat)
    everywhere = (Scope(),)

    def scopes(person: Person) -> tuple[Scope, ...]:
        if person.beat is not None:
            return (Scope(beat_id=person.beat + 1),)
        return () if set(person.posts) & {"handler", "department_head"} else everywhere

    ids = create_users_bulk(
        session,
        until,
        [
            {"login": one.login, "name": one.name, "posts": one.posts, "department_id": one.department_id, "scopes": scopes(one)}
            for one in made
        ],
    )
    by_code = organisation.by_code
    demo_beats = _demo_beats(writer)
    accounts = create_demo_accounts(
        session,
        until,
        departments={
            "centre": by_code[SUPERVISION].id,
            "command": by_code[COMMAND].id,
            "drainage": by_code["DR"].id,
            "sanitation": by_code["SN"].id,
        },
        division_code=None,
        beat_ids=demo_beats,
    )
    rows = session.execute(
        text("SELECT login, id, department_id FROM identity.users WHERE login = ANY(:logins)"), {"logins": [a.login for a in accounts]}
    )
    desks: dict[str, list[int]] = {"acceptor": [], "shift_leader": [], "dispatcher": []}
    handlers: dict[int, list[int]] = {}
    inspectors: dict[int, list[int]] = {}
    # The demo accounts come first in every list: they get their full share of the work.
    for account, row in zip(accounts, sorted(rows, key=lambda r: [a.login for a in accounts].index(r.login)), strict=True):
        for post in account.posts:
            if post in desks:
                desks[post].append(row.id)
            elif post == "handler":
                handlers.setdefault(row.department_id, []).append(row.id)
            elif post == "inspector":
                for beat in demo_beats:
                    inspectors.setdefault(beat, []).append(row.id)
    for one in made:
        user_id = ids[one.login]
        for post in one.posts:
            if post in desks:
                desks[post].append(user_id)
            elif post == "handler":
                handlers.setdefault(one.department_id, []).append(user_id)
        if one.beat is not None:
            inspectors.setdefault(one.beat + 1, []).append(user_id)
    started = (until - YEARS).date()
    session.execute(
        text("INSERT INTO grid.beat_inspectors (beat_id, user_id, since) VALUES (:beat, :user, :since)"),
        [{"beat": beat, "user": user, "since": started} for beat, users in sorted(inspectors.items()) for user in users],
    )
    return People(desks, handlers, inspectors)


def _demo_beats(writer: PlaceWriter) -> list[int]:
    """The two beats of the demo inspector: the busiest one, and the next to it in number."""
    weight = np.bincount(writer.anchors.beat, weights=writer.anchors.weight)
    busiest = int(np.argmax(weight))
    return sorted({busiest, busiest + 1 if busiest < writer.beats else max(1, busiest - 1)})


def _finish(
    session: Session,
    cursor: psycopg.Cursor[tuple[object, ...]],
    settings: Settings,
    size: Size,
    seed: int,
    until: datetime,
    skeleton: Skeleton,
    storage: ToStorage,
    writer: PlaceWriter,
) -> None:
    """Identity columns go on after the loaded rows, tiles are announced as changed, and the city says what it is."""
    for table in (
        "identity.departments",
        "grid.beats",
        "components.changes",
        "components.components",
        "cases.cases",
        "cases.tasks",
        "media.photos",
    ):
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest((SELECT max(id) FROM {table}), 1))")
    west, south, east, north = shapely.total_bounds(
        storage.shapes(np.array([face.polygon for face in skeleton.faces], dtype=object))
    ).tolist()
    for layer in ("divisions", "cells", "beats", "components", "cases", "roads", "buildings", "green", "water"):
        versions.touch_box(session, layer, west, south, east, north)
    about = {
        "origin": "sample", "name_zh": "南阳", "name_en": "Nanyang", "size": size.name, "seed": seed, "until": until.isoformat(),
        "projected_srid": settings.projected_srid, "bounds": [west, south, east, north],
        "attribution": "示范数据 · sample data", "licence": "CC0-1.0",
    }  # fmt: skip
    cursor.execute(
        "INSERT INTO core.settings (key, value) VALUES ('city', %s)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_at = clock_timestamp()",
        (json.dumps(about, ensure_ascii=False),),
    )
