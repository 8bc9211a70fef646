"""Loading many components at once: the same as one by one, whole or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
import shapely
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.components import operations as op
from cityops.components.errors import BatchRefused
from cityops.components.operations import Registrations
from cityops.components.queries import by_code
from cityops.db.session import unit_of_work
from tests.factories.components import CAR_PARK, GUARDRAIL, LAMP, MANHOLE, NOW, TREE, Register, make_register


@pytest.fixture
def city(session: Session) -> Register:
    return make_register(session)


def test_a_batch_is_the_same_as_registering_one_by_one(session: Session, city: Register) -> None:
    """Two registers with the same things, one loaded in a batch, differ in nothing but ids."""
    rng = np.random.default_rng(3)
    count = 60
    kinds = [[LAMP, MANHOLE, GUARDRAIL, CAR_PARK][n % 4] for n in range(count)]
    shapes = [city.spot(int(rng.integers(0, 100)), float(rng.uniform(-2, 2)), float(rng.uniform(-2, 2))) for _ in range(count)]
    for n, kind in enumerate(kinds):
        if kind == GUARDRAIL:
            shapes[n] = shapely.LineString([shapes[n], shapely.Point(shapes[n].x + 1e-4, shapes[n].y)])
        if kind == CAR_PARK:
            shapes[n] = shapes[n].buffer(1e-4)
    given = {
        "name": [None if n % 3 else f"名称{n}" for n in range(count)],
        "owner_id": [None if n % 2 else city.departments["UM"].id for n in range(count)],
        "maintainer_id": city.departments["DR"].id,
        "state": [["intact", "damaged"][n % 2] for n in range(count)],
        "started_on": [date(2020, 1, 1 + n % 28) for n in range(count)],
        "source": "survey",
        "note": [f"note {n}" for n in range(count)],
        "attributes": [{"n": n, "字": "值"} for n in range(count)],
    }
    columns = (
        "code, edition, class_code, name, ST_AsEWKB(geom) AS geom, cell_code, managing_id, owner_id, maintainer_id, state, started_on,"
        " changed_on, source, note, attributes, retired_at, valid_from, version"
    )

    def stored() -> list[tuple]:
        rows = session.execute(text(f"SELECT {columns} FROM components.components ORDER BY id")).all()
        return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]

    with session.begin_nested() as attempt:
        made = op.register_many(session, None, NOW, Registrations(class_code=kinds, geom=shapes, **given))
        batch = stored()
        attempt.rollback()
    one_by_one = []
    for n in range(count):
        mine = {name: value[n] if isinstance(value, list) else value for name, value in given.items()}
        one_by_one.append(op.register(session, None, NOW, op.NewComponent(class_code=kinds[n], geom=shapes[n], **mine)).code)
    assert made.codes.tolist() == one_by_one
    assert batch == stored()


def test_a_batch_is_one_change_and_one_event_with_its_reason(session: Session, city: Register) -> None:
    made = op.register_many(
        session, None, NOW, Registrations(class_code=TREE, geom=[city.spot(n) for n in range(30)]), reason="census 2026"
    )
    row = session.execute(text("SELECT act, reason, rows, batch_id FROM components.changes WHERE id = :id"), {"id": made.change_id}).one()
    assert (row.act, row.reason, row.rows, row.batch_id) == ("register", "census 2026", 30, made.batch_id)
    events = session.execute(text("SELECT topic, subject, payload FROM core.outbox")).all()
    assert [(event.topic, event.subject, event.payload["rows"]) for event in events] == [("component_batch", str(made.change_id), 30)]


def test_a_bad_batch_names_every_fault_and_loads_nothing(session: Session, city: Register) -> None:
    good = city.spot(0)
    bow_tie = shapely.Polygon([(good.x, good.y), (good.x + 1e-4, good.y + 1e-4), (good.x + 1e-4, good.y), (good.x, good.y + 1e-4)])
    shapes = [good, bow_tie, shapely.Point(900, 10), None, good, good, good, good.buffer(1e-4)]
    classes = [LAMP, CAR_PARK, LAMP, LAMP, "9999", LAMP, LAMP, LAMP]
    states = ["intact"] * 5 + ["rusty", "intact", "intact"]
    owners = [None] * 6 + [10**8, None]
    with pytest.raises(BatchRefused) as refusal:
        op.register_many(session, None, NOW, Registrations(class_code=classes, geom=shapes, state=states, owner_id=owners))
    found = {(fault["record"], fault["field"]) for fault in refusal.value.details["faults"]}
    assert found == {(1, "geom"), (2, "geom"), (3, "geom"), (4, "class_code"), (5, "state"), (6, "owner_id"), (7, "geom")}
    reasons = {fault["record"]: fault["reason"] for fault in refusal.value.details["faults"]}
    assert "Self-intersection" in reasons[1] and "no longitude" in reasons[2] and "empty" in reasons[3] and "drawn as a point" in reasons[7]
    assert session.execute(text("SELECT count(*) FROM components.components")).scalar_one() == 0
    assert session.execute(text("SELECT count(*) FROM components.code_counters")).scalar_one() == 0


def test_a_place_outside_the_grid_refuses_the_batch(session: Session, city: Register) -> None:
    with pytest.raises(BatchRefused) as refusal:
        op.register_many(session, None, NOW, Registrations(class_code=LAMP, geom=[city.spot(0), shapely.Point(100, 30)]))
    assert refusal.value.details["faults"] == [{"record": 1, "field": "geom", "reason": "the place lies in no grid cell"}]


def test_only_the_first_hundred_faults_are_named_and_all_are_counted(session: Session, city: Register) -> None:
    with pytest.raises(BatchRefused) as refusal:
        op.register_many(session, None, NOW, Registrations(class_code=LAMP, geom=[shapely.Point(100, 30)] * 250))
    assert len(refusal.value.details["faults"]) == 100
    assert refusal.value.details["fault_count"] == 250


def test_an_inventory_brings_its_codes_and_the_counter_goes_on_after_them(session: Session, city: Register) -> None:
    codes = ["4113030137000010", "4113030137000003", "4113030103000001"]
    spots = [city.spot(n) for n in range(3)]
    made = op.register_many(session, None, NOW, Registrations(class_code=[LAMP, LAMP, MANHOLE], geom=spots, code=codes))
    assert made.codes.tolist() == codes
    assert city.add(session, 5, LAMP).code == "4113030137000011"
    with pytest.raises(BatchRefused) as refusal:
        op.register_many(
            session,
            None,
            NOW,
            Registrations(class_code=LAMP, geom=[city.spot(9)] * 4, code=[codes[0], "4113030137000020", "4113030137000020", "41"]),
        )
    assert {(f["record"], f["reason"].split()[0]) for f in refusal.value.details["faults"]} == {(2, "the"), (3, "'41'")}
    with pytest.raises(BatchRefused, match="given before"):
        op.register_many(session, None, NOW, Registrations(class_code=LAMP, geom=[city.spot(9)], code=[codes[0]]))


def test_an_empty_batch_is_an_empty_batch(session: Session, city: Register) -> None:
    made = op.register_many(session, None, NOW, Registrations(class_code=[], geom=[]))
    assert made.rows == 0 and made.codes.tolist() == []


def test_a_large_first_load_has_all_indexes_afterwards(database: Engine) -> None:
    indexes = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'components' AND tablename = 'components' ORDER BY 1")
    rng = np.random.default_rng(4)
    with unit_of_work(database) as session:
        city = make_register(session)
        before = session.execute(indexes).all()
        cells = rng.integers(0, len(city.ground.codes), 25_000)
        spots = np.array([city.spot(int(cell)) for cell in range(len(city.ground.codes))])[cells]
        heard: list[int] = []
        made = op.register_many(
            session, None, datetime(2026, 11, 16, tzinfo=UTC), Registrations(class_code=LAMP, geom=spots), progress=heard.append
        )
    with unit_of_work(database) as session:
        assert session.execute(indexes).all() == before
        assert sum(heard) == made.rows == session.execute(text("SELECT count(*) FROM components.components")).scalar_one()
        wrong = session.execute(
            text(
                "SELECT count(*) FROM components.components AS c JOIN grid.cells AS g ON g.code = c.cell_code"
                " WHERE NOT ST_Intersects(g.geom, c.geom)"
            )
        ).scalar_one()
        assert wrong == 0
        last = by_code(session, str(made.codes[-1]))
        assert last is not None and last.cell_code == city.ground.codes[int(cells[-1])]
