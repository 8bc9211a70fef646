"""The proposal of cells: a seamless partition along the streets that cuts no building."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.geo.shapes import convexity, unproject
from cityops.grid.rules.numbering import number_cells, reading_order
from cityops.grid.rules.proposal import propose_cells, whole_buildings
from cityops.grid.rules.validation import Cells, validate
from tests.factories.town import town

CRACK_M = 0.002
"""The last noding moves corners by up to a millimetre's half diagonal; anything thicker would be a real crack."""
CUT_M2 = 0.1


def check(community: shapely.Geometry, cells: list[shapely.Polygon], buildings: list) -> None:
    """The promises that hold for every input."""
    assert all(cell.is_valid and cell.geom_type == "Polygon" and cell.area > 0 for cell in cells)
    assert shapely.coverage_is_valid(np.array(cells, dtype=object))
    whole = shapely.union_all(cells)
    assert sum(cell.area for cell in cells) == pytest.approx(whole.area, rel=1e-9)
    assert whole.symmetric_difference(community).buffer(-CRACK_M / 2).is_empty
    solid = whole_buildings(community, np.array(buildings, dtype=object)) if buildings else []
    inside = [b for b in solid if community.contains(b)]
    if inside:
        tree = shapely.STRtree(cells)
        for building in inside:
            shares = shapely.area(shapely.intersection(np.array(cells, dtype=object)[tree.query(building)], building))
            assert building.area - shares.max() < CUT_M2, f"cut: {building.wkt}"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([150.0, 600.0, 1200.0]), st.sampled_from([0, 60, 500]))
def test_cells_tile_the_community_and_cut_no_building(seed: int, size_m: float, buildings: int) -> None:
    community, streets, stand = town(seed, size_m=size_m, buildings=buildings)
    check(community, propose_cells(community, streets, stand), stand)


@pytest.mark.parametrize("seed", range(8))
def test_nearly_all_cells_have_half_to_two_hectares_and_are_nearly_convex(seed: int) -> None:
    community, streets, stand = town(seed)
    cells = propose_cells(community, streets, stand)
    area = shapely.area(cells)
    assert np.mean((area >= 5_000) & (area <= 20_000)) >= 0.9
    assert area.min() > 2_500 and area.max() < 30_000
    assert np.mean(convexity(cells)) > 0.9
    assert 6_000 < np.median(area) < 15_000


def test_the_proposal_passes_the_validation_of_the_grid() -> None:
    community, streets, stand = town(5)
    placed, streets, stand = (
        shapely.transform(np.array(shapes, dtype=object), lambda c: c + np.array([362_500, 3_652_500]))
        for shapes in ([community], streets, stand)
    )
    cells = propose_cells(placed[0], streets, stand)
    codes = number_cells("411303005001", cells)
    assert codes == sorted(codes)
    report = validate({"411303005001": unproject(placed[0], 4547)}, Cells.of(codes, [unproject(c, 4547) for c in cells]))
    assert report.findings == (), report.as_text()


def test_a_community_without_streets_or_buildings_is_still_divided() -> None:
    community = shapely.box(0, 0, 300, 400)
    cells = propose_cells(community, [], [])
    check(community, cells, [])
    assert len(cells) == 12
    assert np.allclose(shapely.area(cells), 10_000, rtol=0.2)


def test_a_small_community_is_one_cell() -> None:
    community = shapely.box(0, 0, 90, 80)
    (cell,) = propose_cells(community, [shapely.LineString([(-5, 40), (200, 40)])], [])
    assert cell.equals(community)


def test_islands_and_yards_are_divided_each_for_itself() -> None:
    lake = shapely.box(150, 150, 250, 250)
    community = shapely.MultiPolygon([shapely.box(0, 0, 400, 400).difference(lake), shapely.box(500, 0, 560, 60)])
    cells = propose_cells(community, [shapely.LineString([(200, -10), (200, 500)])], [])
    check(community, cells, [])
    assert not any(cell.intersects(lake.buffer(-1)) for cell in cells)


def test_a_building_larger_than_a_cell_stays_whole() -> None:
    community = shapely.box(0, 0, 500, 500)
    hall = shapely.box(80, 90, 330, 310)
    cells = propose_cells(community, [shapely.LineString([(0, 200), (500, 200)])], [hall])
    check(community, cells, [hall])


def test_broken_outlines_and_overlapping_buildings_are_taken_as_they_are() -> None:
    community = shapely.box(0, 0, 400, 300)
    tie = shapely.Polygon([(50, 50), (90, 90), (90, 50), (50, 90)])
    stack = [shapely.box(200, 100, 240, 200), shapely.box(220, 150, 300, 180)]
    cells = propose_cells(
        community, [shapely.LineString([(230, -10), (230, 400)]), shapely.LineString([(70, 0), (70, 300)])], [tie, *stack]
    )
    check(community, cells, stack)


def test_nothing_comes_of_nothing() -> None:
    assert propose_cells(shapely.Polygon(), [], []) == []


def test_numbers_run_from_west_to_east_and_from_north_to_south() -> None:
    lattice = [shapely.box(100 * i, -100 * j, 100 * i + 100, -100 * j + 100) for j in range(3) for i in range(4)]
    shuffled = [lattice[p] for p in np.random.default_rng(1).permutation(12)]
    assert [shuffled[p] for p in reading_order(shuffled)] == lattice
    assert number_cells("411303005001", lattice) == [f"411303005001{n:03d}" for n in range(1, 13)]


def test_numbers_go_on_after_the_highest_ever_used() -> None:
    cells = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    assert number_cells("411303005001", cells, ["411303005001041", "411303005002900"]) == ["411303005001042", "411303005001043"]


def test_a_district_of_three_hundred_communities_takes_less_than_two_minutes() -> None:
    towns = [town(seed, size_m=900) for seed in range(12)]
    begun = time.process_time()
    made = sum(len(propose_cells(*parts)) for parts in towns)
    took = (time.process_time() - begun) / 12 * 300
    print(f"{made * 25} cells in 300 communities: {took:.0f} s")
    assert took < 120
