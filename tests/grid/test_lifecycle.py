"""The plan of a draft: new codes, successors, inherited beats; pure values."""

from __future__ import annotations

import pytest
import shapely

from cityops.grid.errors import CellSequenceExhausted, CellTwiceInDraft, ChangeNotUnderstood, CodeInvalid
from cityops.grid.rules.lifecycle import Change, NewCell, OldCell, check_change, make_plan

HOME = "411303005001"
WEST, MIDDLE, EAST = f"{HOME}001", f"{HOME}002", f"{HOME}003"
OLD = {
    WEST: OldCell(WEST, shapely.box(0, 0, 100, 100), beat_id=1),
    MIDDLE: OldCell(MIDDLE, shapely.box(100, 0, 200, 100), beat_id=1),
    EAST: OldCell(EAST, shapely.box(200, 0, 300, 100), beat_id=2),
}
USED = [WEST, MIDDLE, EAST, f"{HOME}007"]


def plan(*changes: Change):
    return make_plan(changes, OLD, USED, lambda shape: shape)


def new(*box: float, **more) -> NewCell:
    return NewCell(HOME, shapely.box(*box), **more)


def test_a_split_ends_the_cell_and_numbers_its_parts_after_the_highest_code_ever_used() -> None:
    made = plan(Change("split", (WEST,), (new(50, 0, 100, 100), new(0, 0, 50, 100))))
    assert list(made.created) == [f"{HOME}009", f"{HOME}008"] or sorted(made.created) == [f"{HOME}008", f"{HOME}009"]
    assert made.created[f"{HOME}008"].shape.bounds[0] == 0
    assert made.ended == {WEST: (f"{HOME}008", f"{HOME}009")}
    assert made.beats == {f"{HOME}008": 1, f"{HOME}009": 1}


def test_a_merge_across_beats_goes_to_the_beat_that_gave_most_ground() -> None:
    made = plan(Change("merge", (MIDDLE, EAST), (new(120, 0, 300, 100),)))
    assert made.ended == {MIDDLE: (f"{HOME}008",), EAST: (f"{HOME}008",)}
    assert made.beats == {f"{HOME}008": 2}


def test_a_reshaped_cell_keeps_its_code_and_ends_nothing() -> None:
    made = plan(Change("reshape", (WEST, MIDDLE), (new(0, 0, 90, 100, keeps_code=WEST), new(90, 0, 200, 100, keeps_code=MIDDLE))))
    assert made.ended == {} and made.created == {}
    assert sorted(made.reshaped) == [WEST, MIDDLE]


def test_a_new_division_finds_all_successors_of_each_cell() -> None:
    made = plan(Change("redivide", (WEST, MIDDLE), (new(0, 0, 200, 50), new(0, 50, 150, 100), new(150, 50, 200, 100))))
    assert len(made.ended[WEST]) == 2 and len(made.ended[MIDDLE]) == 3
    assert made.communities == (HOME,)


def test_a_cell_changed_twice_in_one_draft_is_refused() -> None:
    with pytest.raises(CellTwiceInDraft):
        plan(Change("merge", (WEST, MIDDLE), (new(0, 0, 200, 100),)), Change("split", (WEST,), (new(0, 0, 50, 100), new(50, 0, 100, 100))))


def test_a_code_given_beforehand_is_kept_and_one_used_before_is_refused() -> None:
    made = plan(Change("create", (), (new(300, 0, 400, 100, code=f"{HOME}050"), new(400, 0, 500, 100))))
    assert sorted(made.created) == [f"{HOME}050", f"{HOME}051"]
    with pytest.raises(ChangeNotUnderstood):
        plan(Change("create", (), (new(300, 0, 400, 100, code=f"{HOME}007"),)))


def test_an_overflowing_community_is_refused() -> None:
    with pytest.raises(CellSequenceExhausted):
        make_plan([Change("create", (), (new(0, 0, 1, 1),))], {}, [f"{HOME}999"], lambda shape: shape)


@pytest.mark.parametrize(
    ("act", "ends", "cells"),
    [
        ("create", (WEST,), 1), ("create", (), 0), ("split", (WEST,), 1), ("split", (WEST, EAST), 2), ("merge", (WEST,), 1),
        ("merge", (WEST, EAST), 2), ("redivide", (), 2), ("reshape", (WEST,), 1), ("explode", (WEST,), 1), ("merge", (WEST, WEST), 1),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_its_act_is_refused(act: str, ends: tuple[str, ...], cells: int) -> None:
    with pytest.raises(ChangeNotUnderstood):
        check_change(act, ends, [new(0, 0, 1, 1)] * cells)


def test_a_malformed_code_and_a_line_are_refused() -> None:
    with pytest.raises(CodeInvalid):
        check_change("split", ("41",), [new(0, 0, 1, 1)] * 2)
    with pytest.raises(ChangeNotUnderstood):
        check_change("create", (), [NewCell(HOME, shapely.LineString([(0, 0), (1, 1)]))])
