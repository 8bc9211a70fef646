"""The visibility predicate against an oracle that knows nothing of grants, SQL or merging."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.identity import queries
from cityops.identity.models import ScopeRow, User
from cityops.identity.rules import POST_IDS, Scope
from cityops.identity.visibility import Grant, ScopedColumns, Viewer, prefix_range, sees, visibility_key, visible
from tests.factories.identity import make_department, make_user, make_viewer

CASES = ScopedColumns(
    layer="cases", cell="r.cell_code", beat="r.beat_id", departments=("r.department_id",), persons=("r.reporter_id", "r.assignee_id")
)
COMPONENTS = ScopedColumns(
    layer="components", cell="r.cell_code", beat="r.beat_id", departments=("r.department_id", "r.second_id", "r.third_id")
)
ROADS = ScopedColumns(layer="roads")
CELLS_WITHOUT_BEAT = ScopedColumns(layer="cells", cell="r.cell_code")
LAYERS = {"cases": CASES, "components": COMPONENTS, "roads": ROADS, "cells": CELLS_WITHOUT_BEAT}


@dataclass(frozen=True)
class Row:
    """One row of a generated city."""

    id: int
    cell_code: str
    beat_id: int | None
    department_id: int | None
    second_id: int | None
    third_id: int | None
    reporter_id: int | None
    assignee_id: int | None


@dataclass(frozen=True)
class Person:
    """A user as the oracle knows him: what was written down, nothing derived."""

    id: int
    posts: frozenset[str]
    department_id: int | None
    scopes: tuple[Scope, ...]


class Organisation:
    """The written facts of a generated organisation, and the rule of design decision D7 spelt out by hand."""

    def __init__(self, parents: dict[int, int | None]) -> None:
        self.parents = parents

    def is_below(self, department: int | None, ancestor: int | None) -> bool:
        """Whether a department is `ancestor` or somewhere below it: by walking up, where the SQL walks down."""
        while department is not None:
            if department == ancestor:
                return True
            department = self.parents[department]
        return False

    def may_see(self, person: Person, layer: str, row: Row) -> bool:
        if layer == "cases" and person.id in (row.reporter_id, row.assignee_id):
            return True
        departments = {"cases": [row.department_id], "components": [row.department_id, row.second_id, row.third_id]}.get(layer)
        desks = person.posts - {"inspector", "handler", "department_head"}
        held_in_department = bool(person.posts & {"handler", "department_head"}) and not desks
        scopes = list(person.scopes)
        if held_in_department and all(scope.beat_id is not None and "inspector" in person.posts for scope in scopes):
            scopes.append(Scope())  # a handler needs no scope to see his own department
        for scope in scopes:
            as_inspector = "inspector" in person.posts and scope.beat_id is not None
            if not (desks or as_inspector or held_in_department):
                continue
            if scope.layer is not None and scope.layer != layer:
                continue
            if layer != "roads" and scope.division_code is not None and row.cell_code[: len(scope.division_code)] != scope.division_code:
                continue
            if scope.beat_id is not None:
                if layer == "cells":
                    continue  # the row lies in some beat, but does not say in which
                if layer != "roads" and row.beat_id != scope.beat_id:
                    continue
            if scope.department_id is not None and not self._names(departments, scope.department_id):
                continue
            if held_in_department and not as_inspector:
                if person.department_id is None or not self._names(departments, person.department_id):
                    continue
                if departments is None and scope.department_id is not None and not self._overlap(scope.department_id, person.department_id):
                    continue
                if departments is not None and not any(
                    self.is_below(d, person.department_id) and (scope.department_id is None or self.is_below(d, scope.department_id))
                    for d in departments
                ):
                    continue
            return True
        return False

    def _names(self, departments: list[int | None] | None, ancestor: int) -> bool:
        return departments is None or any(self.is_below(department, ancestor) for department in departments)

    def _overlap(self, one: int, other: int) -> bool:
        return self.is_below(one, other) or self.is_below(other, one)


DISTRICTS = ("411302", "411303", "411399")


def _cell(rng: random.Random) -> str:
    return rng.choice(DISTRICTS) + f"{rng.randrange(1, 4):03d}{rng.randrange(1, 4):03d}{rng.randrange(1, 30):03d}"


def _maybe(rng: random.Random, values: list[int], chance: float = 0.75) -> int | None:
    return rng.choice(values) if rng.random() < chance else None


def _scope(rng: random.Random, beats: list[int], departments: list[int]) -> Scope:
    division = _cell(rng)[: rng.choice((6, 9, 12))] if rng.random() < 0.6 else None
    return Scope(
        division_code=division,
        beat_id=_maybe(rng, beats, 0.3),
        department_id=_maybe(rng, departments, 0.3),
        layer=rng.choice(list(LAYERS)) if rng.random() < 0.15 else None,
    )


@dataclass(frozen=True)
class City:
    """A generated city: the facts for the oracle, and the same facts in the database."""

    organisation: Organisation
    people: list[Person]
    rows: list[Row]


@pytest.fixture
def city(session: Session) -> City:
    """200 users with every mixture of posts and scopes, 30 departments, 1,500 rows."""
    rng = random.Random(20261120)
    departments = [make_department(session)]
    parents: dict[int, int | None] = {departments[0].id: None}
    for _ in range(29):
        parent = rng.choice(departments) if rng.random() < 0.8 else None
        departments.append(make_department(session, parent=parent))
        parents[departments[-1].id] = parent.id if parent else None
    ids, beats = [department.id for department in departments], list(range(1, 41))
    people = []
    for number in range(200):
        posts = rng.sample(sorted(POST_IDS), rng.choice((0, 1, 1, 1, 1, 2, 3)))
        if number % 3 == 0:
            posts = rng.sample(["inspector", "handler", "department_head"], rng.choice((1, 1, 2)))
        scopes = [_scope(rng, beats, ids) for _ in range(rng.choice((0, 1, 1, 2, 3, 12)))]
        if posts == ["inspector"]:
            scopes = [Scope(beat_id=rng.choice(beats)) for _ in range(rng.randrange(4))]
        scopes = list(dict.fromkeys(scopes))
        department = rng.choice(departments) if rng.random() < 0.8 else None
        user = make_user(session, *posts, department=department, scopes=scopes)
        people.append(Person(user.id, frozenset(posts), user.department_id, tuple(scopes)))
    users = [person.id for person in people]
    rows = [
        Row(
            n,
            _cell(rng),
            _maybe(rng, beats),
            _maybe(rng, ids),
            _maybe(rng, ids, 0.5),
            _maybe(rng, ids, 0.3),
            _maybe(rng, users, 0.1),
            _maybe(rng, users, 0.1),
        )
        for n in range(1500)
    ]
    session.execute(
        text(
            "CREATE TEMPORARY TABLE r (id int, cell_code char(15), beat_id int, department_id int, second_id int, third_id int,"
            " reporter_id int, assignee_id int) ON COMMIT DROP"
        )
    )
    session.execute(
        text("INSERT INTO r VALUES (:id, :cell_code, :beat_id, :department_id, :second_id, :third_id, :reporter_id, :assignee_id)"),
        [vars(row) for row in rows],
    )
    return City(Organisation(parents), people, rows)


def _viewer(session: Session, person: Person) -> Viewer:
    viewer = queries.load_viewer(session, person.id)
    assert viewer is not None
    return viewer


def test_two_hundred_users_see_exactly_what_the_rule_says_on_every_kind_of_row(session: Session, city: City) -> None:
    seen = hidden = 0
    for person in city.people:
        viewer = _viewer(session, person)
        for layer, columns in LAYERS.items():
            predicate, params = visible(viewer, columns)
            found = set(session.scalars(text(f"SELECT r.id FROM r WHERE {predicate}"), params))
            expected = {row.id for row in city.rows if city.organisation.may_see(person, layer, row)}
            assert found == expected, (person, layer, predicate, params)
            seen, hidden = seen + len(expected), hidden + len(city.rows) - len(expected)
    # The comparison means something only if both answers are frequent.
    assert seen > 100_000 and hidden > 100_000


def test_the_live_stream_agrees_with_the_database(session: Session, city: City) -> None:
    for person in city.people:
        viewer = _viewer(session, person)
        for row in city.rows[::10]:
            for layer, values in _values(row).items():
                assert sees(viewer, layer, **values) == city.organisation.may_see(person, layer, row), (person, layer, row)


def _values(row: Row) -> dict[str, dict[str, Any]]:  # Any: keyword arguments of `sees`
    place = {"cell": row.cell_code, "beat": row.beat_id}
    return {
        "cases": {**place, "departments": (row.department_id,), "persons": (row.reporter_id, row.assignee_id)},
        "components": {**place, "departments": (row.department_id, row.second_id, row.third_id)},
        "roads": {},
        "cells": {"cell": row.cell_code},
    }


def test_equal_visibility_keys_mean_equal_rows(session: Session, city: City) -> None:
    by_key: dict[tuple[str, str], set[int]] = {}
    shared = 0
    for person in city.people:
        viewer = _viewer(session, person)
        for layer, columns in LAYERS.items():
            predicate, params = visible(viewer, columns)
            found = set(session.scalars(text(f"SELECT r.id FROM r WHERE {predicate}"), params))
            key = (layer, visibility_key(viewer, columns))
            shared += key in by_key
            assert by_key.setdefault(key, found) == found
    assert shared > 100


def test_two_predicates_in_one_statement_do_not_mix_their_parameters(session: Session, city: City) -> None:
    viewer = next(
        v for v in (_viewer(session, person) for person in city.people) if any(g.divisions and g.department_ids for g in v.grants)
    )
    one, params_one = visible(viewer, CASES)
    other, params_other = visible(viewer, COMPONENTS, prefix="w")
    assert not set(params_one) & set(params_other)
    both = set(session.scalars(text(f"SELECT r.id FROM r WHERE {one} AND {other}"), {**params_one, **params_other}))
    alone = [set(session.scalars(text(f"SELECT r.id FROM r WHERE {p}"), q)) for p, q in ((one, params_one), (other, params_other))]
    assert both == alone[0] & alone[1]


def test_a_user_without_a_post_sees_nothing_whatever_his_scopes_say(session: Session) -> None:
    assert visible(make_viewer(session, scopes=[Scope()]), COMPONENTS) == ("FALSE", {})


def test_a_scope_on_everything_costs_nothing(session: Session) -> None:
    assert visible(make_viewer(session, "supervisor", scopes=[Scope()]), COMPONENTS) == ("TRUE", {})


def test_the_signature_changes_with_every_change_of_what_is_seen(session: Session) -> None:
    top = make_department(session)
    user = make_user(session, "handler", department=top)
    signatures = []

    def note() -> None:
        session.flush()
        viewer = queries.load_viewer(session, user.id)
        assert viewer is not None
        signatures.append(viewer.signature)

    note()
    make_department(session, parent=top)
    note()
    session.get_one(User, user.id).posts = ["acceptor"]
    note()
    session.add(ScopeRow(user_id=user.id, division_code="411303"))
    note()
    assert len(set(signatures)) == 4


digits = st.text("0123456789", min_size=15, max_size=15)


@given(prefix=st.sampled_from([6, 9, 12]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)), cell=digits, near=st.booleans())
def test_a_prefix_is_a_range(prefix: str, cell: str, near: bool) -> None:
    cell = (prefix + cell)[:15] if near else cell
    low, high = prefix_range(prefix)
    assert (low <= cell < high) == cell.startswith(prefix)


@given(prefix=st.sampled_from(["999999", "999999999", "411399", "000000"]), cell=digits)
def test_a_prefix_of_nines_is_a_range_too(prefix: str, cell: str) -> None:
    for candidate in (cell, (prefix + cell)[:15]):
        low, high = prefix_range(prefix)
        assert (low <= candidate < high) == candidate.startswith(prefix)


# --- plans -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def big(session: Session) -> None:
    """100,000 rows in 3,000 cells, with the indexes the rooms have."""
    session.execute(
        text(
            """
            CREATE TEMPORARY TABLE big ON COMMIT DROP AS
            SELECT n AS id, ('4113' || lpad((n % 3000)::text, 5, '0') || '001001')::char(15) AS cell_code, n % 500 AS beat_id,
                   n % 300 AS department_id, n % 20000 AS reporter_id,
                   ST_SetSRID(ST_MakePoint(112 + (n % 3000) / 3000.0, 32 + (n % 317) / 317.0), 4490) AS geom
            FROM generate_series(1, 100000) AS n
            """
        )
    )
    for column in ("cell_code", "beat_id", "department_id", "reporter_id"):
        session.execute(text(f"CREATE INDEX big_{column} ON big ({column})"))
    session.execute(text("CREATE INDEX big_geom ON big USING gist (geom)"))
    session.execute(text("ANALYZE big"))


BIG = ScopedColumns(layer="cases", cell="b.cell_code", beat="b.beat_id", departments=("b.department_id",), persons=("b.reporter_id",))


def _plan(session: Session, viewer: Viewer, columns: ScopedColumns, more: str = "") -> str:
    predicate, params = visible(viewer, columns)
    return "\n".join(session.scalars(text(f"EXPLAIN SELECT b.id FROM big AS b WHERE {predicate} {more}"), params))


def _someone(*grants: Grant) -> Viewer:
    return Viewer(7, "someone", "某人", frozenset({"acceptor"}), None, grants)


@pytest.mark.parametrize(
    ("grant", "index"),
    [
        (Grant(divisions=("411300010",)), "big_cell_code"),
        (Grant(divisions=("411300010", "411300020", "411300999")), "big_cell_code"),
        (Grant(divisions=tuple(f"4113000{n}" for n in range(10, 18))), "big_cell_code"),
        (Grant(beat_ids=(3, 9)), "big_beat_id"),
        (Grant(department_ids=(4,)), "big_department_id"),
    ],
)
def test_each_axis_alone_is_served_by_its_index_and_persons_by_theirs(session: Session, big: None, grant: Grant, index: str) -> None:
    plan = _plan(session, _someone(grant), BIG)
    assert index in plan and "big_reporter_id" in plan and "Seq Scan" not in plan, plan


def test_an_index_on_a_text_column_is_used_as_well(session: Session, big: None) -> None:
    session.execute(text("ALTER TABLE big ALTER cell_code TYPE text"))
    session.execute(text("ANALYZE big"))
    assert "big_cell_code" in _plan(session, _someone(Grant(divisions=("411300010",))), ScopedColumns("cases", cell="b.cell_code"))


def test_the_predicate_does_not_hide_the_spatial_index(session: Session, big: None) -> None:
    box = "AND b.geom && ST_MakeEnvelope(112.3, 32.3, 112.31, 32.31, 4490)"
    wide = _someone(Grant(divisions=("4113",)), Grant(department_ids=tuple(range(200))))
    assert "big_geom" in _plan(session, wide, BIG, box)


def test_the_generic_plan_of_a_prepared_statement_still_uses_the_range(session: Session, big: None) -> None:
    predicate, _ = visible(_someone(Grant(divisions=("411300010",))), ScopedColumns("cases", cell="b.cell_code"))
    numbered = predicate.replace(":v_0_a0", "$1").replace(":v_0_z0", "$2")
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    session.connection().exec_driver_sql(f"PREPARE generic (bpchar, bpchar) AS SELECT b.id FROM big AS b WHERE {numbered}")
    plan = "\n".join(session.connection().exec_driver_sql("EXPLAIN EXECUTE generic ('411300010', '411300011')").scalars())
    session.connection().exec_driver_sql("DEALLOCATE generic")
    assert "big_cell_code" in plan, plan


def test_viewers_of_one_kind_share_their_sql_text() -> None:
    texts = {visible(_someone(Grant(divisions=(f"4113{n:02d}", f"4114{n:02d}", "410000"))), BIG)[0] for n in range(50)}
    assert len(texts) == 1


def test_a_viewer_with_five_hundred_divisions_is_answered(session: Session, big: None) -> None:
    divisions = tuple(f"41130{n:04d}" for n in range(0, 1000, 2))
    predicate, params = visible(_someone(Grant(divisions=divisions)), ScopedColumns("cases", cell="b.cell_code"))
    assert len(params) == 5
    count = session.execute(text(f"SELECT count(*) FROM big AS b WHERE {predicate}"), params).scalar_one()
    assert (
        count
        == session.execute(text("SELECT count(*) FROM big WHERE left(cell_code, 9) = ANY(:d)"), {"d": list(divisions)}).scalar_one()
        > 0
    )


def test_making_the_predicate_costs_microseconds() -> None:
    viewer = _someone(Grant(divisions=("411303",)), Grant(beat_ids=tuple(range(20))))
    started = time.perf_counter()
    for _ in range(1000):
        visible(viewer, BIG)
    assert time.perf_counter() - started < 0.2
