"""An open case follows its place when the grid changes under it; a finished one keeps what it had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cityops.cases import queries
from cityops.cases.operations import follow_grid, recell
from cityops.cases.verify import Walk, walk
from cityops.db.session import unit_of_work
from cityops.grid.events import Publication
from tests.factories.cases import Town, saved_town


@pytest.fixture(scope="module")
def town(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return saved_town(database, tmp_path_factory.mktemp("media"))


def test_an_open_case_moves_with_its_ground_and_a_closed_one_stays(database: Engine, town: Town) -> None:
    first, second = town.ground.codes[0], town.ground.codes[1]
    with unit_of_work(database) as session:
        open_case = town.bring_to(session, "handling")
        closed_case = town.bring_to(session, "closed")
    with unit_of_work(database) as session:
        # The first cell is merged into the second: it ends, and its ground belongs to its neighbour now.
        session.execute(
            text(
                "UPDATE grid.cells SET geom = (SELECT ST_Union(g.geom) FROM grid.cells AS g WHERE g.code IN (:a, :b))"
                " WHERE code = CAST(:b AS text)"
            ),
            {"a": first, "b": second},
        )
        session.execute(
            text("UPDATE grid.cells SET ended_on = '2026-11-16', end_reason = 'merged' WHERE code = CAST(:a AS text)"), {"a": first}
        )
        publication = Publication(None, None, town.now, town.now.date(), "合并", ended={first: (second,)}, reshaped=(second,))
        assert recell(session, publication) == 1
    with unit_of_work(database) as session:
        assert recell(session, publication) == 0, "a second telling changes nothing"
        moved = json.loads(queries.detail_of(session, town.people["everybody"], open_case.id, town.now)[0])
        stayed = json.loads(queries.detail_of(session, town.people["everybody"], closed_case.id, town.now)[0])
    assert (moved["cell_code"], moved["reported_cell_code"], moved["state"]) == (second, first, "handling")
    assert moved["events"][-1]["act"] == "recell" and moved["events"][-1]["actor_post"] == "system"
    assert moved["version"] == open_case.version + 1
    assert stayed["cell_code"] == first and stayed["version"] == closed_case.version
    assert "recell" not in {act["act"] for act in moved["acts"]}, "nobody does it by hand"


def test_the_case_goes_on_and_its_chain_holds(database: Engine, town: Town) -> None:
    with unit_of_work(database) as session:
        number = session.execute(text("SELECT number FROM cases.cases WHERE state = 'handling'")).scalar_one()
        assert town.act(session, "handler", number, "handle").state == "handled"
    found = [finding for batch in walk(database, town.media_dir, Walk(), number) for finding in batch]
    assert found == []


def test_a_case_and_its_task_follow_a_cell_into_another_beat(database: Engine, town: Town) -> None:
    cell = town.ground.codes[3]
    with unit_of_work(database) as session:
        written = town.report(session, "acceptor", source="hotline", lon=None, lat=None, cell_code=cell)
        town.act(session, "acceptor", written.number, "send_verification")
        old = session.execute(text("SELECT beat_id FROM cases.cases WHERE id = :id"), {"id": written.id}).scalar_one()
        new = next(beat for beat in town.beats if beat != old)
        session.execute(
            text("UPDATE grid.beat_cells SET until = '2026-11-16' WHERE cell_code = CAST(:c AS text) AND until IS NULL"), {"c": cell}
        )
        session.execute(
            text("INSERT INTO grid.beat_cells (beat_id, cell_code, since) VALUES (:b, CAST(:c AS text), '2026-11-16')"),
            {"b": new, "c": cell},
        )
        assert follow_grid(session, None, town.now, [cell], "责任网格调整") == 1
    with database.connect() as connection:
        beats = connection.execute(
            text(
                "SELECT c.beat_id, t.beat_id AS task_beat FROM cases.cases AS c JOIN cases.tasks AS t ON t.case_id = c.id WHERE c.id = :id"
            ),
            {"id": written.id},
        ).one()
    assert tuple(beats) == (new, new)
    assert [finding for batch in walk(database, Path("/nowhere"), Walk(), written.number) for finding in batch] == []
