"""How scopes and posts become grants, and what "nobody grants more than he holds" means: pure rules, checked by brute force."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.identity.rules import (
    ACCOUNT_BACK_OFF,
    Scope,
    all_held,
    grants_of,
    holds,
    home_division,
    mask_phone,
    merge,
)
from cityops.identity.visibility import Grant, Viewer, sees

DIVISIONS = ("411302", "411303", "411303001", "411303002", "411303001001")
CELLS = ("411302001001001", "411303001001001", "411303001002001", "411303002001001", "999999001001001")
LAYERS = ("cases", "components")

grants = st.builds(
    Grant,
    divisions=st.none() | st.lists(st.sampled_from(DIVISIONS), min_size=1, max_size=3, unique=True).map(tuple),
    beat_ids=st.none() | st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True).map(tuple),
    department_ids=st.none() | st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True).map(tuple),
    layers=st.none() | st.sets(st.sampled_from(LAYERS), min_size=1).map(frozenset),
)
scopes = st.builds(
    Scope,
    division_code=st.none() | st.sampled_from(DIVISIONS),
    beat_id=st.none() | st.integers(1, 3),
    department_id=st.none() | st.integers(1, 3),
    layer=st.none() | st.sampled_from(LAYERS),
)


def _seen(*held: Grant) -> set[tuple[str, str, int, int]]:
    """Every combination of layer, cell, beat and department that these grants allow."""
    viewer = Viewer(1, "x", "x", frozenset(), None, held)
    return {
        (layer, cell, beat, department)
        for layer, cell, beat, department in product(LAYERS, CELLS, range(1, 5), range(1, 5))
        if sees(viewer, layer, cell=cell, beat=beat, departments=(department,))
    }


@given(st.lists(grants, max_size=6))
def test_merging_grants_changes_nothing_but_their_number(held: list[Grant]) -> None:
    merged = merge(held)
    assert _seen(*merged) == _seen(*held)
    assert len(merged) <= len(held)
    assert merge(merged) == merged


@given(st.lists(grants, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_scopes_does_not_change_what_is_seen(held: list[Grant], random: object) -> None:
    shuffled = list(held)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert _seen(*merge(shuffled)) == _seen(*merge(held))


@given(grants, grants)
def test_a_grant_holds_another_only_if_it_shows_all_of_its_rows(one: Grant, other: Grant) -> None:
    if holds(one, other):
        assert _seen(other) <= _seen(one)


@settings(max_examples=300)
@given(st.lists(grants, max_size=3), st.lists(grants, max_size=3))
def test_whoever_may_give_grants_sees_everything_they_show(actor: list[Grant], given_to_him: list[Grant]) -> None:
    if all_held(merge(actor), given_to_him):
        assert _seen(*given_to_him) <= _seen(*actor)


@given(grants)
def test_everybody_may_give_what_he_has(held: Grant) -> None:
    assert holds(held, held) and holds(Grant(), held)
    assert all_held(merge([held]), [held])


SUBTREES = {1: (1, 2), 2: (2,), 3: (3,)}


@given(st.lists(scopes, max_size=4))
def test_a_handler_never_sees_a_row_of_another_department(given_scopes: list[Scope]) -> None:
    for post in ("handler", "department_head"):
        held = grants_of([post], (1, 2), given_scopes, SUBTREES)
        assert {department for *_, department in _seen(*held)} <= {1, 2}


@given(st.lists(scopes, max_size=4))
def test_an_inspector_never_sees_a_row_outside_his_beats(given_scopes: list[Scope]) -> None:
    held = grants_of(["inspector"], (1, 2), given_scopes, SUBTREES)
    assert {beat for _, _, beat, _ in _seen(*held)} <= {scope.beat_id for scope in given_scopes if scope.beat_id is not None}


@given(st.lists(scopes, max_size=4), st.sampled_from(["handler", "inspector", "department_head"]))
def test_a_further_post_never_takes_anything_away(given_scopes: list[Scope], post: str) -> None:
    alone = _seen(*grants_of([post], (1, 2), given_scopes, SUBTREES))
    assert _seen(*grants_of(["handler", "inspector", "department_head"], (1, 2), given_scopes, SUBTREES)) >= alone or given_scopes


def test_a_handler_without_a_scope_sees_his_department_and_those_below_it() -> None:
    assert grants_of(["handler"], (1, 2), [], SUBTREES) == (Grant(department_ids=(1, 2)),)


def test_a_handler_without_a_department_sees_nothing() -> None:
    assert grants_of(["handler"], None, [Scope()], SUBTREES) == ()


def test_a_desk_without_a_scope_sees_nothing() -> None:
    assert grants_of(["dispatcher"], (1, 2), [], SUBTREES) == ()


def test_a_planner_who_also_handles_is_not_held_inside_his_department() -> None:
    assert grants_of(["handler", "planner"], (1, 2), [Scope()], SUBTREES) == (Grant(),)


def test_an_inspectors_beats_become_one_grant() -> None:
    assert grants_of(["inspector"], None, [Scope(beat_id=n) for n in (3, 1, 2)], {}) == (Grant(beat_ids=(1, 2, 3)),)


def test_the_home_of_a_user_is_the_smallest_division_that_holds_all_his_scopes() -> None:
    assert home_division("411303", [Scope()]) == "411303"
    assert home_division(None, []) is None
    assert home_division(None, [Scope()]) is None
    assert home_division(None, [Scope("411303001"), Scope("411303002")]) == "411303"
    assert home_division(None, [Scope("411303001001"), Scope("411303001002")]) == "411303001"
    assert home_division(None, [Scope("411303001001")]) == "411303001001"
    assert home_division(None, [Scope("411303"), Scope("411302")]) is None
    assert home_division(None, [Scope("411303"), Scope(beat_id=1)]) is None


def test_the_pause_doubles_up_to_its_longest_and_never_overflows() -> None:
    pauses = [ACCOUNT_BACK_OFF.pause(n).total_seconds() for n in (0, 4, 5, 6, 7, 11, 12, 10_000)]
    assert pauses == [0, 0, 15, 30, 60, 900, 900, 900]


@given(st.text("0123456789", min_size=1, max_size=20))
def test_a_masked_phone_hides_at_least_half_of_a_long_number_and_all_of_a_short_one(phone: str) -> None:
    masked = mask_phone(phone)
    assert len(masked) == len(phone)
    assert masked.count("*") >= min(3, len(phone))
    if len(phone) < 7:
        assert set(masked) == {"*"}
    assert mask_phone("13812345678") == "138****5678"
