"""Whatever happens to components and cells: every code ever given leads to one component, every past instant is as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.components import operations as op
from cityops.components.operations import ComponentChange, NewComponent
from cityops.components.queries import by_code
from cityops.grid.events import Publication
from tests.factories.components import LAMP, MANHOLE, NOW, TREE, Register, make_register

CLASSES = (LAMP, MANHOLE, TREE, "0130")
STATES = ("intact", "damaged", "missing", "occupied")


@dataclass(frozen=True)
class Thing:
    """The model's idea of one version of a component."""

    code: str
    class_code: str
    state: str
    cell_code: str
    lon: float
    retired: bool = False


class Machine(RuleBasedStateMachine):
    """Random acts on a real register, beside a model in memory that keeps every version of everything."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        self.now = NOW
        self.codes: dict[str, int] = {}
        """Every code ever given, and the component it was given to."""
        self.past: dict[int, list[tuple[datetime, Thing]]] = {}
        self.next_cell = 900

    @initialize()
    def found_the_city(self) -> None:
        self.city: Register = make_register(self.session)
        self.cells = dict(enumerate(self.city.ground.codes))
        """Position on the ground -> the live cell there."""

    def teardown(self) -> None:
        """History only grows, so what holds for every instant at the end held all along."""
        try:
            self.every_code_ever_given_leads_to_its_component()
            self.every_past_instant_is_as_it_was()
        finally:
            self.leave()

    def leave(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def keep(self, component_id: int, thing: Thing) -> None:
        self.past.setdefault(component_id, []).append((self.now, thing))
        assert self.codes.setdefault(thing.code, component_id) == component_id, "a code was given to two components"

    def current(self, component_id: int) -> Thing:
        return self.past[component_id][-1][1]

    def pick(self, n: int, *, retired: bool = False) -> tuple[int, Thing] | None:
        found = [(i, self.current(i)) for i in self.past if self.current(i).retired == retired]
        return found[n % len(found)] if found else None

    positions = st.integers(0, 20)
    nth = st.integers(0, 1000)

    @rule(position=positions, class_code=st.sampled_from(CLASSES), east=st.floats(-1, 1))
    def register(self, position: int, class_code: str, east: float) -> None:
        spot = self.city.spot(position, east)
        made = op.register(self.session, None, self.tick(), NewComponent(class_code=class_code, geom=spot))
        self.keep(made.id, Thing(made.code, class_code, "intact", self.cells[position], spot.x))

    @rule(position=positions, count=st.integers(1, 5), class_code=st.sampled_from(CLASSES))
    def register_a_batch(self, position: int, count: int, class_code: str) -> None:
        spots = [self.city.spot(position, n / 10) for n in range(count)]
        batch = op.Registrations(class_code=class_code, geom=spots)
        for code, spot in zip(op.register_many(self.session, None, self.tick(), batch).codes, spots, strict=True):
            made = by_code(self.session, str(code))
            assert made is not None
            self.keep(made.id, Thing(str(code), class_code, "intact", self.cells[position], spot.x))

    @precondition(lambda self: self.past)
    @rule(n=nth, state=st.sampled_from(STATES))
    def update(self, n: int, state: str) -> None:
        if (found := self.pick(n)) and found[1].state != state:
            op.update(self.session, None, self.tick(), found[1].code, ComponentChange(state=state), reason="seen on patrol")
            self.keep(found[0], replace(found[1], state=state))

    @precondition(lambda self: self.past)
    @rule(n=nth, position=positions)
    def move(self, n: int, position: int) -> None:
        if found := self.pick(n):
            spot = self.city.spot(position)
            op.relocate(self.session, None, self.tick(), found[1].code, spot, reason="seen on patrol")
            self.keep(found[0], replace(found[1], cell_code=self.cells[position], lon=spot.x))

    @precondition(lambda self: self.past)
    @rule(n=nth, class_code=st.sampled_from(CLASSES), by_old_code=st.booleans())
    def recode(self, n: int, class_code: str, by_old_code: bool) -> None:
        if found := self.pick(n):
            known_as = self.past[found[0]][0][1].code if by_old_code else found[1].code
            made = op.recode(self.session, None, self.tick(), known_as, class_code=class_code, reason="test")
            assert made.code not in self.codes, "a code was given again"
            self.keep(found[0], replace(found[1], code=made.code, class_code=class_code))

    @precondition(lambda self: self.past)
    @rule(n=nth)
    def retire(self, n: int) -> None:
        if found := self.pick(n):
            op.retire(self.session, None, self.tick(), found[1].code, reason="test")
            self.keep(found[0], replace(found[1], retired=True))

    @precondition(lambda self: self.past)
    @rule(n=nth)
    def reinstate(self, n: int) -> None:
        if found := self.pick(n, retired=True):
            made = op.reinstate(self.session, None, self.tick(), found[1].code, reason="test")
            self.keep(found[0], replace(found[1], retired=False, cell_code=made.cell_code))
            assert made.cell_code in self.cells.values()

    @rule(position=positions)
    def renew_a_cell(self, position: int) -> None:
        """The cell is ended and another takes its ground, as a published draft does it."""
        old, now = self.cells[position], self.tick()
        self.next_cell += 1
        new = f"{old[:12]}{self.next_cell}"
        values = {"old": old, "new": new}
        self.session.execute(
            text(
                "INSERT INTO grid.cells (code, community_code, geom, area_m2, started_on)"
                " SELECT :new, community_code, geom, area_m2, '2026-11-16' FROM grid.cells WHERE code = CAST(:old AS bpchar)"
            ),
            values,
        )
        self.session.execute(
            text("UPDATE grid.cells SET ended_on = '2026-11-16', end_reason = 'x' WHERE code = CAST(:old AS bpchar)"), values
        )
        self.cells[position] = new
        op.recell(self.session, Publication(None, 1, now, now.date(), "renewed", ended={old: (new,)}, created=(new,)))
        for component_id in self.past:
            thing = self.current(component_id)
            if thing.cell_code == old and not thing.retired:
                self.keep(component_id, replace(thing, cell_code=new))

    @invariant()
    def nothing_refers_to_nothing(self) -> None:
        orphans = self.session.execute(
            text(
                "SELECT count(*) FROM (SELECT cell_code, change_id FROM components.components UNION ALL"
                " SELECT cell_code, change_id FROM components.history) AS v"
                " WHERE NOT EXISTS (SELECT 1 FROM grid.cells AS g WHERE g.code = v.cell_code)"
                " OR NOT EXISTS (SELECT 1 FROM components.changes AS h WHERE h.id = v.change_id)"
            )
        ).scalar_one()
        stranded = self.session.execute(
            text(
                "SELECT count(*) FROM components.components AS c JOIN grid.cells AS g ON g.code = c.cell_code"
                " WHERE c.retired_at IS NULL AND g.ended_on IS NOT NULL"
            )
        ).scalar_one()
        assert (orphans, stranded) == (0, 0)

    def every_code_ever_given_leads_to_its_component(self) -> None:
        for code, component_id in self.codes.items():
            found = by_code(self.session, code)
            assert found is not None and found.id == component_id and found.code == self.current(component_id).code

    def every_past_instant_is_as_it_was(self) -> None:
        for component_id, versions in self.past.items():
            code, first = self.current(component_id).code, versions[0][0]
            assert by_code(self.session, code, first - timedelta(microseconds=1)) is None
            for (since, thing), until in zip(versions, [at for at, _ in versions[1:]] + [self.now + timedelta(days=1)], strict=True):
                for instant in {since, since + (until - since) / 2, until - timedelta(microseconds=1)}:
                    found = by_code(self.session, code, instant)
                    assert found is not None
                    retired = found.retired_at is not None
                    assert Thing(found.code, found.class_code, found.state, found.cell_code, found.lon, retired) == thing


def test_random_acts_never_lose_a_code_an_instant_or_a_reference(engine: Engine) -> None:
    Machine.engine = engine
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
        ),
    )
