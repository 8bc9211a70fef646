"""Drafts: what they change, what they refuse, and what others hear of a publication."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from shapely.ops import split
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.grid import events, operations, queries
from cityops.grid.errors import (
    CellHasEnded,
    CellTwiceInDraft,
    ChangeNotUnderstood,
    DraftClosed,
    DraftEmpty,
    GridFaulty,
    NotYourGrid,
    UnknownCell,
)
from cityops.grid.rules.lifecycle import NewCell
from cityops.identity.rules import Scope
from tests.factories.grid import Ground, ground, push_edge, store
from tests.factories.identity import WHOLE_CITY, make_viewer

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
"""Already the 21st in Nanyang."""


@pytest.fixture
def city(session: Session) -> Ground:
    made = ground(1)
    store(session, made)
    return made


def shape_of(city: Ground, code: str) -> shapely.Polygon:
    return city.shapes[city.codes.index(code)]


def halves(cell: shapely.Polygon) -> list[shapely.Polygon]:
    """A cell cut through two of its corners, so that no neighbour's edge gets a new corner."""
    ring = shapely.get_coordinates(cell)
    return list(shapely.get_parts(split(cell, shapely.LineString([ring[0], ring[2]]))))


def draft_with(session: Session, act: str, ends: list[str], cells: list[NewCell]) -> int:
    draft_id = operations.open_draft(session, None, NOW, title="试", reason="道路改造")
    operations.add_change(session, None, NOW, draft_id, act=act, ends=ends, cells=cells)
    return draft_id


def publish(session: Session, draft_id: int, actor=None) -> events.Publication:
    return operations.publish_draft(session, actor, NOW, draft_id, srid=4547)


def cell_row(session: Session, code: str):
    return session.execute(text("SELECT * FROM grid.cells WHERE code = CAST(:code AS bpchar)"), {"code": code}).one()


def test_a_split_ends_the_old_cell_for_good_and_numbers_new_ones(session: Session, city: Ground) -> None:
    code = city.codes[7]
    done = publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    assert done.on.isoformat() == "2026-11-21"
    assert done.created == (f"{code[:12]}037", f"{code[:12]}038")
    old = cell_row(session, code)
    assert (old.ended_on, old.end_reason, old.successor_codes) == (done.on, "道路改造", list(done.created))
    for new in done.created:
        row = cell_row(session, new)
        assert row.started_on == done.on and row.ended_on is None
        assert row.area_m2 == pytest.approx(old.area_m2 / 2, rel=0.7)
    assert sum(cell_row(session, new).area_m2 for new in done.created) == pytest.approx(old.area_m2, rel=1e-6)


def test_new_cells_stay_in_the_beat_of_the_old_one(session: Session, city: Ground) -> None:
    code = city.codes[7]
    beat = queries.live_cells(session, codes=[code])[code].beat_id
    done = publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    assert {cell.beat_id for cell in queries.live_cells(session, codes=done.created).values()} == {beat}
    assert (
        session.execute(text("SELECT until FROM grid.beat_cells WHERE cell_code = CAST(:c AS bpchar)"), {"c": code}).scalar_one() == done.on
    )


def test_a_merge_makes_one_cell_of_two_and_keeps_the_history(session: Session, city: Ground) -> None:
    pair = city.beats["B001S"][:2]
    whole = shapely.coverage_union_all([shape_of(city, code) for code in pair])
    assert whole.geom_type == "Polygon", "the ground has changed: its first two cells are neighbours no more"
    done = publish(session, draft_with(session, "merge", pair, [NewCell("", whole)]))
    assert done.ended == dict.fromkeys(pair, done.created)
    history = session.execute(text("SELECT code, act, draft_id FROM grid.cell_history ORDER BY code")).all()
    assert [(row.code, row.act, row.draft_id) for row in history] == [(code, "end", done.draft_id) for code in sorted(pair)]


def test_a_boundary_change_keeps_both_codes_and_the_old_boundary_in_the_history(session: Session, city: Ground) -> None:
    slot = city.slots[0]
    code = city.codes[slot]
    before = city.shapes[slot]
    after = push_edge(before, 1, 10.0)
    grown = shapely.difference(after, before)
    neighbour = next(c for c, s in zip(city.codes, city.shapes, strict=True) if c != code and s.intersection(grown).area > 0.5 * grown.area)
    shrunk = shapely.difference(shape_of(city, neighbour), after)
    done = publish(
        session,
        draft_with(session, "reshape", [code, neighbour], [NewCell("", after, keeps_code=code), NewCell("", shrunk, keeps_code=neighbour)]),
    )
    assert done.ended == {} and done.created == () and done.reshaped == tuple(sorted((code, neighbour)))
    assert done.affected == done.reshaped
    row = cell_row(session, code)
    assert row.version == 2 and row.ended_on is None
    old = session.execute(
        text("SELECT ST_AsBinary(geom) AS geom, version FROM grid.cell_history WHERE code = CAST(:c AS bpchar)"), {"c": code}
    ).one()
    assert shapely.from_wkb(bytes(old.geom)).equals(before) and old.version == 1
    inside = grown.representative_point()
    assert queries.locate(session, inside.x, inside.y).cell_code == code


def test_a_draft_that_leaves_a_gap_is_refused_with_the_gap_and_changes_nothing(session: Session, city: Ground) -> None:
    code = city.codes[city.slots[0]]
    a, b = halves(shape_of(city, code))
    draft_id = draft_with(session, "split", [code], [NewCell("", a), NewCell("", push_edge(b, 1, -8.0))])
    report = operations.validate_draft(session, None, draft_id, srid=4547)
    assert [f.kind for f in report.faults] == ["gap"]
    with pytest.raises(GridFaulty) as caught:
        publish(session, draft_id)
    assert caught.value.details["findings"]["kinds"] == {"gap": 1}
    assert cell_row(session, code).ended_on is None
    assert operations.get_draft(session, draft_id).state == "open"


def test_a_draft_that_tears_a_beat_apart_is_refused(session: Session) -> None:
    made = ground(1, communities=(1, 1), cells=(3, 3))  # a ground whose southern middle cell is larger than the middle one
    west, south, middle, north, east = made.shapes[0::3], made.codes[1], made.codes[4], made.codes[7], made.shapes[2::3]
    sides = [made.codes[made.shapes.index(shape)] for shape in (*west, *east)]
    made.beats = {"B1": [*sides, middle], "B2": [south], "B3": [north]}
    store(session, made)
    assert shape_of(made, south).area > shape_of(made, middle).area
    # The merged cell goes to the beat that gave most ground, B2, and B1 loses the bridge between its sides.
    joined = shapely.coverage_union_all([shape_of(made, middle), shape_of(made, south)])
    draft_id = draft_with(session, "merge", [middle, south], [NewCell("", joined)])
    report = operations.validate_draft(session, None, draft_id, srid=4547)
    assert [(f.kind, f.details["beat"]) for f in report] == [("split_beat", "B1")]
    with pytest.raises(GridFaulty):
        publish(session, draft_id)


def test_faults_that_were_there_before_do_not_block_a_good_draft(session: Session) -> None:
    made = ground(1)
    made.shapes[made.slots[3]] = push_edge(made.shapes[made.slots[3]], 0, -10.0)
    store(session, made)
    code = made.codes[made.slots[0]]
    done = publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(made, code))]))
    assert len(done.created) == 2


def test_a_crossed_boundary_in_a_draft_is_reported_and_not_an_error(session: Session, city: Ground) -> None:
    code = city.codes[city.slots[0]]
    a, _ = halves(shape_of(city, code))
    ring = shapely.get_coordinates(shape_of(city, code))
    tie = shapely.Polygon([ring[0], ring[2], ring[1], ring[3]])
    draft_id = draft_with(session, "split", [code], [NewCell(code[:12], a), NewCell(code[:12], tie)])
    assert "invalid_geometry" in [f.kind for f in operations.validate_draft(session, None, draft_id, srid=4547).faults]


def test_subscribers_hear_of_a_publication_in_its_transaction(session: Session, city: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[int, tuple[str, ...]]] = []
    monkeypatch.setattr(events, "_subscribers", [])

    @events.on_published
    def listen(inner: Session, publication: events.Publication) -> None:
        live = inner.execute(text("SELECT count(*) FROM grid.cells WHERE ended_on IS NULL")).scalar_one()
        heard.append((live, publication.affected))

    code = city.codes[0]
    publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    assert heard == [(145, (code,))]
    topic = session.execute(text("SELECT payload FROM core.outbox WHERE topic = 'grid' ORDER BY id DESC LIMIT 1")).scalar_one()
    assert list(topic["ended"]) == [code]


def test_a_subscriber_that_fails_stops_the_publication(session: Session, city: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_session: Session, _publication: events.Publication) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(events, "_subscribers", [fail])
    code = city.codes[0]
    draft_id = draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))])
    with pytest.raises(RuntimeError), session.begin_nested():
        publish(session, draft_id)
    assert cell_row(session, code).ended_on is None


def test_an_ended_cell_cannot_be_changed_again_and_an_unknown_one_never(session: Session, city: Ground) -> None:
    code = city.codes[0]
    publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    with pytest.raises(CellHasEnded):
        draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))])
    with pytest.raises(UnknownCell):
        draft_with(session, "split", [f"{code[:12]}999"], [NewCell("", half) for half in halves(shape_of(city, code))])


def test_of_two_drafts_on_one_cell_the_second_is_overtaken(session: Session, city: Ground) -> None:
    code = city.codes[0]
    first, second = (draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]) for _ in range(2))
    publish(session, first)
    with pytest.raises(CellHasEnded):
        publish(session, second)


def test_a_closed_or_empty_draft_is_not_published(session: Session, city: Ground) -> None:
    draft_id = operations.open_draft(session, None, NOW, title="空", reason="空")
    with pytest.raises(DraftEmpty):
        publish(session, draft_id)
    operations.discard_draft(session, None, NOW, draft_id)
    with pytest.raises(DraftClosed):
        publish(session, draft_id)


def test_one_cell_in_two_changes_of_a_draft_is_refused(session: Session, city: Ground) -> None:
    code = city.codes[0]
    cells = [NewCell("", half) for half in halves(shape_of(city, code))]
    draft_id = draft_with(session, "split", [code], cells)
    operations.add_change(session, None, NOW, draft_id, act="split", ends=[code], cells=cells)
    with pytest.raises(CellTwiceInDraft):
        publish(session, draft_id)


def test_a_drawn_cell_outside_every_community_is_refused(session: Session, city: Ground) -> None:
    with pytest.raises(ChangeNotUnderstood):
        draft_with(session, "create", [], [NewCell("", shapely.box(10, 10, 10.001, 10.001))])


def test_codes_are_never_used_again_even_after_their_cells_have_ended(session: Session, city: Ground) -> None:
    code = city.codes[0]
    first = publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    second = publish(session, draft_with(session, "merge", list(first.created), [NewCell("", shape_of(city, code))]))
    assert not {*first.created, code} & set(second.created)


def test_the_database_itself_refuses_to_delete_or_revive_a_cell(session: Session, city: Ground) -> None:
    code = city.codes[0]
    publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    for statement in (
        "DELETE FROM grid.cells WHERE code = CAST(:c AS bpchar)",
        "UPDATE grid.cells SET ended_on = NULL, end_reason = NULL WHERE code = CAST(:c AS bpchar)",
    ):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(statement), {"c": code})


def test_an_inspector_may_not_draw_and_a_planner_only_in_his_division(session: Session, city: Ground) -> None:
    code = city.codes[0]
    inspector = make_viewer(session, "inspector", scopes=WHOLE_CITY)
    elsewhere = make_viewer(session, "planner", scopes=(Scope(division_code="411303006"),))
    at_home = make_viewer(session, "planner", scopes=(Scope(division_code="411303005"),))
    with pytest.raises(NotYourGrid):
        operations.open_draft(session, inspector, NOW, title="试", reason="试")
    draft_id = operations.open_draft(session, elsewhere, NOW, title="试", reason="试")
    cells = [NewCell("", half) for half in halves(shape_of(city, code))]
    with pytest.raises(NotYourGrid):
        operations.add_change(session, elsewhere, NOW, draft_id, act="split", ends=[code], cells=cells)
    operations.add_change(session, at_home, NOW, draft_id, act="split", ends=[code], cells=cells)
    with pytest.raises(NotYourGrid):
        publish(session, draft_id, elsewhere)
    assert publish(session, draft_id, at_home).actor_id == at_home.user_id


def test_the_memory_index_answers_for_the_grid_as_it_is_after_a_publication(session: Session, city: Ground) -> None:
    code = city.codes[7]
    inside = shape_of(city, code).representative_point()
    assert list(queries.locate_many(session, [inside.x], [inside.y])) == [code]
    done = publish(session, draft_with(session, "split", [code], [NewCell("", half) for half in halves(shape_of(city, code))]))
    assert queries.locate_many(session, [inside.x], [inside.y])[0] in done.created


def test_sql_and_memory_give_the_same_cell_on_every_shared_corner(session: Session, city: Ground) -> None:
    corners = np.unique(shapely.get_coordinates(city.shapes), axis=0)[::5]
    by_memory = queries.locate_many(session, corners[:, 0], corners[:, 1])
    by_sql = [place.cell_code if (place := queries.locate(session, float(x), float(y))) else "" for x, y in corners]
    assert list(by_memory) == by_sql


def test_who_keeps_the_beat_of_a_cell_hears_when_it_moves_to_another(
    session: Session, city: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(events, "_beat_followers", [])
    events.on_beats_changed(lambda _session, _actor, _at, cells, why: heard.append((why, sorted(cells))))
    south = city.beats["B001S"]
    old = session.execute(text("SELECT id FROM grid.beats WHERE code = 'B001S'")).scalar_one()
    operations.change_beat(session, None, NOW, old, cells=south[6:])
    made = operations.create_beat(session, None, NOW, code="NEW", name_zh="新", name_en=None, shift=None, cells=south[:6])
    operations.change_beat(session, None, NOW, made, name_zh="更新")
    operations.dissolve_beat(session, None, NOW, made)
    assert heard == [("beat_changed", sorted(south[:6])), ("beat_created", sorted(south[:6])), ("beat_dissolved", sorted(south[:6]))]
