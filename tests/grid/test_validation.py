"""Validation: a clean grid is clean, every planted fault is found once, and nothing else is."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.geo.shapes import as_array
from cityops.grid.rules.validation import Cells, validate
from tests.factories.grid import Ground, bow_tie, ground, push_edge


def look(made: Ground, *, beats: bool = True, rows: bool = False):
    cells = Cells.of(made.codes, made.shapes, range(1, len(made.codes) + 1) if rows else None)
    return validate(made.communities, cells, made.beats if beats else None, srid=4547)


def inner_edge(made: Ground, slot: int) -> int:
    """Any edge of a slot is shared with a cell of the same community: slots lie inside."""
    return slot % 4


PLANTS = ("gap", "overlap", "thin gap", "thin overlap", "bow-tie", "other community", "bad form", "duplicate", "missing cell", "thin cell")


def plant(made: Ground, slot: int, what: str, rng: np.random.Generator) -> tuple[str, set[str]]:
    """Plant one fault at a slot; gives the kind to be found and cells that the finding must name."""
    code, edge = made.codes[slot], int(rng.integers(4))
    match what:
        case "gap":
            made.shapes[slot] = push_edge(made.shapes[slot], edge, -rng.uniform(5, 20))
            return "gap", {code}
        case "overlap":
            made.shapes[slot] = push_edge(made.shapes[slot], edge, rng.uniform(5, 20))
            return "overlap", {code}
        case "thin gap":
            made.shapes[slot] = push_edge(made.shapes[slot], edge, -rng.uniform(0.3, 0.9))
            return "sliver", {code}
        case "thin overlap":
            made.shapes[slot] = push_edge(made.shapes[slot], edge, rng.uniform(0.3, 0.9))
            return "sliver", {code}
        case "bow-tie":
            made.shapes[slot] = bow_tie(made.shapes[slot])
            return "invalid_geometry", {code}
        case "other community":
            others = [c for c in made.communities if c != code[:12]]
            return rename(made, slot, f"{others[int(rng.integers(len(others)))]}{900 + made.slots.index(slot):03d}"), {made.codes[slot]}
        case "bad form":
            return rename(
                made,
                slot,
                ["", "4113030050010", "41130300500100A", code[:12] + "000", f"999999999999{made.slots.index(slot) + 1:03d}"][
                    int(rng.integers(5))
                ],
            ), {made.codes[slot]}
        case "duplicate":
            twin = next(p for p in made.slots if made.codes[p][:12] == code[:12] and p != slot)
            made.codes[slot] = made.codes[twin]
            return "duplicate_code", {made.codes[slot]}
        case "missing cell":
            made.shapes.pop(slot), made.codes.pop(slot)
            return "gap", set()
        case "thin cell":
            ring = shapely.get_coordinates(made.shapes[slot])
            strip = shapely.LineString([ring[0], ring[1]]).buffer(3e-6, cap_style="flat")
            made.shapes.append(shapely.intersection(strip, made.shapes[slot]))
            made.shapes[slot] = shapely.difference(made.shapes[slot], strip)
            made.codes.append(f"{code[:12]}{800 + made.slots.index(slot):03d}")
            return "sliver", {made.codes[-1]}
    raise AssertionError(what)


def rename(made: Ground, slot: int, code: str) -> str:
    made.codes[slot] = code
    return "wrong_code"


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_grid_has_no_finding(seed: int) -> None:
    report = look(ground(seed))
    assert report.findings == ()
    assert report.checked == {"cells": 144, "communities": 4, "beats": 8}


@pytest.mark.parametrize("what", PLANTS)
@pytest.mark.parametrize("seed", range(4))
def test_one_planted_fault_is_found_once_and_nothing_else(what: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = ground(seed, communities=(2, 1))
    slot = made.slots[int(rng.integers(len(made.slots)))]
    kind, names = plant(made, slot, what, rng)
    report = look(made, beats=False)
    assert [finding.kind for finding in report] == [kind], report.as_text()
    assert names <= set(report.findings[0].cells)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from([p for p in PLANTS if p not in ("duplicate", "missing cell")]), min_size=1, max_size=12),
)
def test_many_planted_faults_are_each_found_once(seed: int, what: list[str]) -> None:
    rng = np.random.default_rng(seed)
    made = ground(seed, communities=(2, 2))
    slots = rng.permutation(made.slots)[: len(what)]
    expected = sorted(plant(made, int(slot), name, rng)[0] for slot, name in zip(slots, what, strict=False))
    report = look(made, beats=False)
    assert sorted(finding.kind for finding in report) == expected, report.as_text()


def test_a_gap_is_shown_as_the_ground_that_is_missing() -> None:
    made = ground(3)
    slot = made.slots[5]
    lost = made.shapes.pop(slot)
    made.codes.pop(slot)
    (found,) = look(made, beats=False).findings
    assert found.geometry is not None
    assert shapely.area(shapely.symmetric_difference(found.geometry, lost)) < 1e-6 * lost.area
    assert found.area_m2 == pytest.approx(float(shapely.area(shapely.transform(lost, lambda c: c * (93_350, 110_900)))), rel=0.01)
    assert len(found.cells) >= 4


def test_an_overlap_is_shown_with_both_cells_and_its_ground() -> None:
    made = ground(4)
    slot = made.slots[0]
    before = made.shapes[slot]
    made.shapes[slot] = push_edge(before, 1, 12.0)
    (found,) = look(made, beats=False).findings
    assert len(found.cells) == 2 and made.codes[slot] in found.cells
    added = shapely.difference(made.shapes[slot], before)
    assert shapely.area(shapely.symmetric_difference(found.geometry, added)) < 1e-3 * added.area
    assert "overlap" in found.message_en and "重叠" in found.message_zh


def test_a_cell_that_crosses_into_a_neighbours_cell_is_one_crossing_and_one_overlap() -> None:
    made = ground(6, communities=(2, 1))
    position = made.east_edge[2]  # its neighbour in the east is a cell of another community
    made.shapes[position] = push_edge(made.shapes[position], 1, 15.0)
    found = {finding.kind: finding for finding in look(made, beats=False)}
    assert len(look(made, beats=False).findings) == 2 and found.keys() == {"crosses_community", "overlap"}
    assert found["crosses_community"].cells == (made.codes[position],)
    one, other = found["overlap"].cells
    assert made.codes[position] in (one, other) and one[:12] != other[:12]
    assert found["overlap"].area_m2 == pytest.approx(found["crosses_community"].area_m2, rel=0.01)


def test_a_hair_across_the_boundary_of_a_community_is_a_crossing_only() -> None:
    made = ground(6, communities=(2, 1))
    position = made.east_edge[2]
    made.shapes[position] = push_edge(made.shapes[position], 1, 0.5)
    assert [finding.kind for finding in look(made, beats=False)] == ["crosses_community"]


def test_two_cells_that_overlap_by_a_quarter_outside_their_community_are_told_as_crossing_and_as_overlapping() -> None:
    made = ground(2, communities=(1, 1))
    made.shapes[:], made.codes[:] = [], [f"{next(iter(made.communities))}{number:03d}" for number in (1, 2)]
    west, south, east, _ = next(iter(made.communities.values())).bounds
    side = (east - west) / 4
    made.shapes += [shapely.box(east + at * side, south, east + (at + 1) * side, south + side) for at in (0.5, 1.25)]
    report = look(made, beats=False, rows=True)
    assert [f.cells for f in report if f.kind == "crosses_community"] == [(code,) for code in made.codes]
    (overlap,) = [finding for finding in report if finding.kind == "overlap"]
    assert overlap.cells == tuple(made.codes) and overlap.rows == (1, 2)
    assert overlap.area_m2 == pytest.approx(sum(f.area_m2 for f in report if f.kind == "crosses_community") / 8, rel=0.01)


def test_the_same_cell_twice_is_a_code_used_twice_and_not_also_an_overlap() -> None:
    made = ground(2)
    made.shapes.append(made.shapes[7])
    made.codes.append(made.codes[7])
    report = look(made, beats=False, rows=True)
    assert [finding.kind for finding in report] == ["duplicate_code"]
    assert report.findings[0].rows == (8, 145)


def test_a_beat_of_two_pieces_is_shown_with_the_piece_that_lies_apart() -> None:
    made = ground(5)
    far = made.codes[0]
    north = made.beats["B001S"]
    north.remove(far)
    made.beats["B004N"].append(far)
    report = look(made)
    assert [(f.kind, f.details["beat"]) for f in report] == [("split_beat", "B004N")]
    assert report.findings[0].cells == (far,)


def test_cells_that_touch_in_a_corner_only_are_not_adjacent() -> None:
    made = ground(1, communities=(1, 1), cells=(2, 2))
    diagonal = {"B1": [made.codes[0], made.codes[3]], "B2": [made.codes[1], made.codes[2]]}
    positions = dict(zip(made.codes, made.shapes, strict=True))
    assert shapely.touches(positions[diagonal["B1"][0]], positions[diagonal["B1"][1]])
    made.beats = diagonal
    assert [f.kind for f in look(made)] == ["split_beat", "split_beat"]


def test_a_cell_without_a_beat_is_a_warning_and_no_fault() -> None:
    made = ground(5)
    lost = made.beats["B001S"].pop(0)
    report = look(made)
    assert [(f.kind, f.severity, f.cells) for f in report] == [("no_beat", "warning", (lost,))]
    assert report.faults == ()


def test_corners_that_lie_on_the_middle_of_a_neighbours_edge_are_no_fault() -> None:
    made = ground(9, communities=(1, 1), cells=(4, 4))
    ring = shapely.get_coordinates(made.shapes[5])[:-1]
    made.shapes[5] = shapely.Polygon(np.insert(ring, 1, ring[0] + (ring[1] - ring[0]) * 0.37, axis=0))
    assert look(made).findings == ()


def test_a_report_speaks_text_json_and_geojson() -> None:
    made = ground(8)
    made.shapes[made.slots[0]] = bow_tie(made.shapes[made.slots[0]])
    report = look(made, rows=True)
    text = report.as_text()
    assert "invalid_geometry" in text and "row" in text and text.endswith("1 faults in 144 cells, 4 communities, 8 beats")
    assert report.as_json()["kinds"] == {"invalid_geometry": 1}
    feature = report.as_geojson()["features"][0]
    assert feature["geometry"]["type"] == "Point"
    assert {"kind", "cells", "area_m2", "message_zh", "message_en"} <= feature["properties"].keys()


def test_a_city_of_sixteen_thousand_cells_is_validated_in_seconds() -> None:
    made = ground(1, communities=(20, 15), cells=(8, 7))
    made.shapes[made.slots[3]] = push_edge(made.shapes[made.slots[3]], 0, -10)
    begun = time.perf_counter()
    report = look(made)
    took = time.perf_counter() - begun
    print(f"{len(made.codes)} cells validated in {took:.2f} s")
    assert [f.kind for f in report] == ["gap"]
    # Generous on purpose: it guards against a quadratic slip, the figure itself belongs to the bench.
    assert took < 30
    assert len(as_array(made.shapes)) == 16_800
