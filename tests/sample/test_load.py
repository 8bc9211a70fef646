"""The sample in the database: a city that every room accepts, whose cases prove themselves, and which is the same again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops import sample
from cityops.cases.offline_verifier import ChainCheck
from cityops.cases.operations import advance
from cityops.cases.verify import Walk, walk
from cityops.components.queries import code_format
from cityops.components.rules import CodeFormat
from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.exchange.errors import CityNotEmpty
from cityops.grid.operations import validate_grid
from cityops.identity.accounts import demo_accounts
from cityops.identity.queries import load_viewer
from cityops.sample import names
from cityops.sample.errors import SizeNotKnown, UntilNotUsable
from cityops.sample.loading import Loaded
from cityops.sample.sizes import SIZES
from tests.conftest import _copy

UNTIL = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded(database: Engine, settings: Settings) -> Loaded:
    return sample.load(database, settings, size="XS", seed=3, until=UNTIL)


def _rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), {"until": UNTIL})]


def _one(engine: Engine, query: str) -> object:
    return _rows(engine, query)[0][0]


def test_an_empty_database_says_so_and_a_loaded_one_too(database: Engine, loaded: Loaded, engine: Engine) -> None:
    assert sample.state(engine) == "empty"
    assert sample.state(database) == "complete"


def test_what_was_promised_is_there(database: Engine, loaded: Loaded) -> None:
    assert loaded.cells == _one(database, "SELECT count(*) FROM grid.cells") == 40
    assert loaded.cases == _one(database, "SELECT count(*) FROM cases.cases") == 200
    assert loaded.events == _one(database, "SELECT count(*) FROM cases.events")
    assert loaded.components == _one(database, "SELECT count(*) FROM components.components")
    assert 1_400 < loaded.components < 1_600


def test_the_sample_passes_the_validation_of_the_grid(database: Engine, loaded: Loaded) -> None:
    with Session(database) as session:
        assert validate_grid(session, None, srid=4547).findings == ()


def test_every_community_is_flagged_synthetic_and_no_real_division_is(database: Engine, loaded: Loaded) -> None:
    flags = _rows(database, "SELECT DISTINCT level, synthetic FROM grid.divisions ORDER BY 1")
    assert flags == [("community", True), ("district", False), ("street", False)]


def test_each_component_lies_in_its_cell_and_has_a_code_of_its_district_and_class(database: Engine, loaded: Loaded) -> None:
    every = "SELECT count(*) FROM components.components AS c JOIN grid.cells AS g ON g.code = c.cell_code"
    assert _one(database, every) == loaded.components
    # A railing lies on the border between bank and water, so rounding may put it a hair beside its cell.
    assert _one(database, f"{every} WHERE NOT ST_DWithin(c.geom, g.geom, 1e-8)") == 0
    assert _one(database, f"{every} WHERE c.code NOT LIKE left(c.cell_code, 6) || c.class_code || '______'") == 0
    assert _one(database, f"{every} WHERE c.managing_id IS NULL OR c.owner_id IS NULL OR c.maintainer_id IS NULL") == 0


def test_counters_stand_on_the_last_number_given(database: Engine, loaded: Loaded) -> None:
    wrong = """
        SELECT count(*) FROM components.code_counters AS k
        WHERE last <> (SELECT count(*) FROM components.components AS c WHERE left(c.code, 10) = k.prefix)
           OR last <> (SELECT max(right(c.code, 6)::int) FROM components.components AS c WHERE left(c.code, 10) = k.prefix)
    """
    assert _one(database, wrong) == 0
    wrong_numbers = """
        SELECT count(*) FROM cases.number_counters AS k WHERE last <> (SELECT count(*) FROM cases.cases AS c
            WHERE c.number LIKE k.district || '-' || to_char(k.counted_on, 'YYYYMMDD') || '-%')
    """
    assert _one(database, wrong_numbers) == 0


def test_every_case_proves_itself_to_the_offline_verifier(database: Engine, loaded: Loaded) -> None:
    query = """
        SELECT c.number, e.body, e.digest, c.event_count, c.head_digest, c.state
        FROM cases.cases AS c JOIN cases.events AS e ON e.case_id = c.id ORDER BY c.id, e.seq
    """
    checks: dict[str, tuple[ChainCheck, int, bytes, str]] = {}
    for number, body, digest, count, head, state in _rows(database, query):
        check = checks.setdefault(str(number), (ChainCheck(number), int(str(count)), bytes(head), str(state)))[0]  # type: ignore[arg-type]  # bytea comes as bytes
        check.add(body, bytes(digest))  # type: ignore[arg-type]  # as above
    assert len(checks) == 200
    for check, count, head, state in checks.values():
        check.finish(count, head)
        assert check.faults == []
        assert check.state == state


def test_every_event_follows_an_edge_of_the_workflow_by_a_post_that_owns_it(database: Engine, loaded: Loaded) -> None:
    strange = """
        SELECT count(*) FROM cases.events AS e WHERE NOT EXISTS (
            SELECT 1 FROM cases.workflow_edges AS w WHERE w.act = e.act AND w.from_state IS NOT DISTINCT FROM e.from_state
                AND w.to_state = e.to_state AND e.actor_post = ANY (w.posts))
    """
    assert _one(database, strange) == 0
    wrong_person = (
        "SELECT count(*) FROM cases.events AS e JOIN identity.users AS u ON u.id = e.actor_id WHERE NOT e.actor_post = ANY (u.posts)"
    )
    assert _one(database, wrong_person) == 0


def test_the_words_of_a_case_and_its_filing_condition_speak_of_the_same_thing(database: Engine, loaded: Loaded) -> None:
    table = {(row["kind"], row["class_code"], row["phrase_zh"].split("{n}")[0]): row["condition"] for row in names.rows("case_mix")}
    query = (
        "SELECT c.kind, c.class_code, c.description, s.number FROM cases.cases AS c JOIN standards.conditions AS s ON s.id = c.condition_id"
    )
    rows = _rows(database, query)
    assert len(rows) == loaded.cases
    for kind, code, words, number in rows:
        wanted = {n for (k, c, start), n in table.items() if (k, c) == (kind, code) and str(words).startswith(start)}
        # A class without conditions of its own has one general condition, number 0.
        assert str(number) in wanted or number == 0, f"{kind} {code} {words}: {number}, wanted {wanted}"


def test_recent_cases_carry_pictures_that_are_in_the_photo_store(database: Engine, loaded: Loaded, settings: Settings) -> None:
    seen = Walk()
    assert [finding for found in walk(database, settings.media_dir, seen) for finding in found] == []
    assert seen.photos > 20
    missing = """
        SELECT count(*) FROM cases.events AS e WHERE act IN ('handle', 'check') AND at > CAST(:until AS timestamptz) - interval '13 days'
            AND (SELECT reported_at FROM cases.cases AS c WHERE c.id = e.case_id) > CAST(:until AS timestamptz) - interval '13 days'
            AND NOT EXISTS (SELECT 1 FROM cases.photos AS p WHERE (p.case_id, p.seq) = (e.case_id, e.seq))
    """
    assert _one(database, missing) == 0


def test_nothing_happens_after_the_present_of_the_sample(database: Engine, loaded: Loaded) -> None:
    assert _one(database, "SELECT count(*) FROM cases.events WHERE at > :until") == 0
    assert _one(database, "SELECT count(*) FROM cases.cases WHERE updated_at > :until") == 0


def _desks(engine: Engine, until: datetime) -> dict[str, tuple[int, int, int]]:
    """State -> how many open cases are late, soon due and in time."""
    query = """
        SELECT state, count(*) FILTER (WHERE state_due_at < :until),
               count(*) FILTER (WHERE state_soon_at < :until AND state_due_at >= :until),
               count(*) FILTER (WHERE state_soon_at >= :until)
        FROM cases.cases WHERE state NOT IN ('closed', 'voided') GROUP BY state
    """
    with engine.connect() as connection:
        return {state: (late, soon, ok) for state, late, soon, ok in connection.execute(text(query), {"until": until})}


DESKS = {"to_accept", "verifying", "to_file", "to_dispatch", "to_handle", "handling", "handled", "to_check", "checking", "to_close"}


def test_on_every_desk_lies_work_in_time_soon_due_and_late(database: Engine, loaded: Loaded) -> None:
    desks = _desks(database, UNTIL)
    assert set(desks) == DESKS
    assert all(min(lights) >= 1 for lights in desks.values()), desks


@pytest.mark.parametrize("hour", ["2026-11-21T19:00:00+00:00", "2026-10-03T02:30:00+00:00"], ids=["sunday before dawn", "a public holiday"])
def test_desks_are_full_whenever_the_sample_is_made(settings: Settings, cluster: Cluster, template: str, hour: str) -> None:
    until = datetime.fromisoformat(hour)
    quiet = _copy(cluster, template)
    try:
        sample.load(quiet, settings, size="XS", seed=3, until=until)
        desks = _desks(quiet, until)
        assert set(desks) == DESKS
        assert all(min(lights) >= 1 for lights in desks.values()), desks
        with quiet.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM cases.events WHERE at > :until"), {"until": until}).scalar_one() == 0
    finally:
        quiet.dispose()


def test_the_demo_accounts_find_work_in_their_scopes(database: Engine, loaded: Loaded) -> None:
    with Session(database) as session:
        assert {account.login for account in demo_accounts(session)} >= {
            "inspector1",
            "acceptor1",
            "leader1",
            "dispatcher1",
            "handler1",
            "handler2",
        }
    tasks = """
        SELECT count(DISTINCT t.kind) FROM cases.tasks AS t JOIN identity.users AS u ON u.id = t.assignee_id
        WHERE u.login = 'inspector1' AND t.state = 'open'
    """
    assert _one(database, tasks) == 2
    for login in ("handler1", "handler2"):
        work = f"""
            WITH RECURSIVE mine AS (
                SELECT department_id AS id FROM identity.users WHERE login = '{login}'
                UNION SELECT d.id FROM identity.departments AS d JOIN mine ON d.parent_id = mine.id
            ) SELECT count(*) FROM cases.cases AS c JOIN mine ON mine.id = c.department_id WHERE c.state IN ('to_handle', 'handling')
        """
        assert int(str(_one(database, work))) >= 1


def test_open_tasks_belong_to_the_states_that_wait_for_them(database: Engine, loaded: Loaded) -> None:
    query = """
        SELECT count(*) FROM cases.cases AS c FULL JOIN (SELECT * FROM cases.tasks WHERE state = 'open') AS t ON t.case_id = c.id
        WHERE (c.state = 'verifying') <> (coalesce(t.kind, '') = 'verify') OR (c.state = 'checking') <> (coalesce(t.kind, '') = 'check')
    """
    assert _one(database, query) == 0


def test_a_second_city_is_refused_with_the_way_out(database: Engine, settings: Settings, loaded: Loaded) -> None:
    with pytest.raises(CityNotEmpty) as refused:
        sample.load(database, settings, size="XS", seed=3, until=UNTIL)
    assert "cityops db reset" in str(refused.value.fix)


def test_an_unknown_size_and_an_impossible_present_are_refused(engine: Engine, settings: Settings) -> None:
    with pytest.raises(SizeNotKnown):
        sample.load(engine, settings, size="XXL")
    with pytest.raises(UntilNotUsable):
        sample.load(engine, settings, size="XS", until=datetime(1999, 1, 1, tzinfo=UTC))
    assert sample.state(engine) == "empty"


TABLES = {
    "grid.divisions": "code", "grid.cells": "code", "grid.beats": "id", "grid.beat_cells": "cell_code",
    "identity.departments": "id", "identity.scopes": "id", "components.components": "id", "cases.cases": "id",
    "cases.events": "case_id, seq", "cases.tasks": "id", "media.photos": "id", "layer_roads.items": "id", "layer_buildings.items": "id",
    "layer_green.items": "id", "layer_water.items": "id",
}  # fmt: skip


def _digests(engine: Engine) -> dict[str, str]:
    out = {}
    with engine.connect() as connection:
        for table, order in TABLES.items():
            rows = connection.execute(text(f"SELECT t::text FROM {table} AS t ORDER BY {order}")).scalars()
            out[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return out


def test_the_same_seed_and_present_write_the_same_rows(
    database: Engine, settings: Settings, loaded: Loaded, cluster: Cluster, template: str
) -> None:
    again = _copy(cluster, template)
    try:
        sample.load(again, settings, size="XS", seed=3, until=UNTIL)
        assert _digests(again) == _digests(database)
    finally:
        again.dispose()


def test_a_city_too_large_for_six_digits_gets_wider_codes_and_goes_on_with_them(
    settings: Settings, cluster: Cluster, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "XS", replace(SIZES["XS"], sequence_digits=7))
    wide = _copy(cluster, template)
    try:
        sample.load(wide, settings, size="XS", seed=3, until=UNTIL)
        assert _one(wide, "SELECT DISTINCT length(code) FROM components.components") == 17
        with Session(wide) as session:
            assert code_format(session) == CodeFormat(sequence=7)
    finally:
        wide.dispose()


def test_days_with_more_cases_than_fit_into_one_batch_keep_numbers_and_chains_whole(
    settings: Settings, cluster: Cluster, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityops.sample.story.BATCH", 3)
    split = _copy(cluster, template)
    try:
        done = sample.load(split, settings, size="XS", seed=3, until=UNTIL)
        assert done.cases == _one(split, "SELECT count(*) FROM cases.cases") == 200
        assert [finding for found in walk(split, settings.media_dir, Walk()) for finding in found] == []
        out_of_order = """
            SELECT count(*) FROM (
                SELECT number, lag(number) OVER (PARTITION BY left(number, 15) ORDER BY reported_at, id) AS before FROM cases.cases
            ) AS c WHERE before > number
        """
        assert _one(split, out_of_order) == 0
    finally:
        split.dispose()


def test_an_interrupted_load_leaves_an_empty_city(
    settings: Settings, cluster: Cluster, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = _copy(cluster, template)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("cityops.sample.loading._finish", fail)
    try:
        with pytest.raises(RuntimeError, match="the power went"):
            sample.load(half, settings, size="XS", seed=3, until=UNTIL)
        assert sample.state(half) == "empty"
        for table in ("cases.cases", "identity.departments", "grid.divisions", "components.code_counters"):
            assert _one(half, f"SELECT count(*) FROM {table}") == 0
    finally:
        half.dispose()


def test_indexes_and_triggers_are_all_there_after_a_load_that_took_them_off(
    settings: Settings, cluster: Cluster, template: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityops.sample.loading.RELIEF_FROM_CASES", 0)
    relieved = _copy(cluster, template)
    query = """
        SELECT indexdef FROM pg_indexes WHERE schemaname IN ('cases', 'components')
        UNION SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace::regnamespace::text IN ('cases', 'components')
        UNION SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1
    """
    try:
        sample.load(relieved, settings, size="XS", seed=3, until=UNTIL)
        assert _rows(relieved, query) == _rows(engine, query)
    finally:
        relieved.dispose()


def test_a_loaded_case_can_be_taken_on_by_the_rooms_own_operations(database: Engine, loaded: Loaded) -> None:

    with Session(database) as session, session.begin():
        number, user_id = session.execute(
            text(
                "SELECT c.number, u.id FROM cases.cases AS c, identity.users AS u WHERE c.state = 'to_file' AND u.login = 'leader1' LIMIT 1"
            )
        ).one()
        viewer = load_viewer(session, user_id)
        assert viewer is not None
        written = advance(session, viewer, UNTIL, number, "file")
        assert written.state == "to_dispatch"
