"""Fifty writers at once: numbers without a duplicate or a gap, chains without a gap, one winner of every race."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cityops.cases.errors import ActNotPossible
from cityops.cases.verify import Walk, walk
from cityops.db.engine import make_engine
from cityops.db.session import unit_of_work
from tests.factories.cases import Town, saved_town

WRITERS = 50
CASES = 1_000


@pytest.fixture(scope="module")
def crowd(database: Engine) -> Engine:
    """An engine with a connection for every writer."""
    return make_engine(database.url.render_as_string(hide_password=False), pool_size=WRITERS, max_overflow=4)


@pytest.fixture(scope="module")
def town(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return saved_town(database, tmp_path_factory.mktemp("media"))


def all_at_once(work: Callable[[int], str], times: int, crowd: Engine) -> list[str]:
    """Run the work so many times in WRITERS threads that start together."""
    gate = threading.Barrier(WRITERS)

    def begin(i: int) -> str:
        if i < WRITERS:
            gate.wait()
        return work(i)

    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            return list(pool.map(begin, range(times)))
    finally:
        crowd.dispose()


def test_fifty_writers_file_a_thousand_cases(
    crowd: Engine, town: Town, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Every case is reported, accepted and filed by racing threads, each in its own transaction."""
    (lon, lat), (far_lon, far_lat) = town.at, town.elsewhere

    def file_one(i: int) -> str:
        place = {"lon": lon, "lat": lat} if i % 2 else {"lon": far_lon, "lat": far_lat}
        with unit_of_work(crowd) as session:
            number = town.report(session, "acceptor", source="video", **place).number
        for who, act in (("acceptor", "accept"), ("leader", "file")):
            with unit_of_work(crowd) as session:
                town.act(session, who, number, act)
        return number

    begun = time.perf_counter()
    numbers = all_at_once(file_one, CASES, crowd)
    record_property("cases_per_second", round(CASES / (time.perf_counter() - begun), 1))
    assert sorted(numbers) == [f"411303-20261116-{i:05d}" for i in range(1, CASES + 1)]
    seen = Walk()
    assert [finding for batch in walk(crowd, tmp_path, seen) for finding in batch] == []
    assert (seen.cases, seen.events) == (CASES, 3 * CASES)
    with crowd.connect() as connection:
        gaps = connection.execute(text("SELECT count(*) FROM cases.cases WHERE state <> 'to_dispatch' OR event_count <> 3 OR version <> 3"))
        assert gaps.scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM core.outbox WHERE topic = 'case'")).scalar_one() == 3 * CASES
    crowd.dispose()


def test_of_fifty_who_press_the_same_button_one_wins_and_all_others_are_told_why(crowd: Engine, town: Town, tmp_path: Path) -> None:
    with unit_of_work(crowd) as session:
        number = town.report(session, "acceptor", source="video").number

    def press(_: int) -> str:
        try:
            with unit_of_work(crowd) as session:
                return town.act(session, "acceptor", number, "accept").state
        except ActNotPossible as refused:
            return refused.reason.code

    assert Counter(all_at_once(press, WRITERS, crowd)) == {"to_file": 1, "not_in_state": WRITERS - 1}
    assert [finding for batch in walk(crowd, tmp_path, Walk(), number) for finding in batch] == []
    crowd.dispose()
