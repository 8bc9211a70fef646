"""The place of the sample, made without a database: a seamless partition, furniture where it belongs, the same for the same seed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import shapely

from cityops.grid.rules.adjacency import pieces
from cityops.sample import names
from cityops.sample.loading import _middle_ranks
from cityops.sample.places import assign_streets, cell_quotas
from cityops.sample.sizes import SIZES, Size
from cityops.sample.streets import ARTERIAL, WIDTH_M, Skeleton, build_skeleton
from cityops.sample.terrain import Terrain, make_terrain
from cityops.sample.tile import Tile, arterial_roads, make_tile

Small = tuple[Size, Terrain, Skeleton, list[Tile]]
CENTRE = (362_481.0, 3_652_678.0)


def _make(name: str, seed: int) -> Small:
    size = SIZES[name]
    terrain = make_terrain(size, seed, CENTRE)
    skeleton = build_skeleton(size, seed, terrain)
    quotas = cell_quotas(size, skeleton, terrain)
    line_names = names.name_lines(skeleton.lines, _middle_ranks(skeleton, terrain))
    share = size.components // size.cells
    tiles = [
        make_tile(number, skeleton, size, seed, quotas[number], quotas[number] * share, 0.3, line_names)
        for number in range(len(skeleton.faces))
    ]
    return size, terrain, skeleton, tiles


@pytest.fixture(scope="module")
def small() -> Small:
    return _make("S", 1)


def test_the_city_has_exactly_the_cells_that_were_asked_for(small: Small) -> None:
    size, _, _, tiles = small
    assert sum(len(tile.cells) for tile in tiles) == size.cells


@pytest.mark.parametrize(("name", "seed"), [("XS", 1), ("XS", 7), ("S", 1), ("S", 2), ("S", 3)])
def test_cells_are_a_seamless_partition_whose_neighbours_share_every_vertex(name: str, seed: int) -> None:
    tiles = _make(name, seed)[3]
    cells = np.concatenate([tile.cells for tile in tiles])
    assert shapely.is_valid(cells).all()
    assert shapely.coverage_is_valid(cells)
    whole = shapely.union_all(cells)
    assert whole.area == pytest.approx(shapely.area(cells).sum(), rel=1e-9)
    assert all(not part.interiors for part in shapely.get_parts(whole)), "there is a hole in the city"


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_every_community_hangs_together_river_included(seed: int) -> None:
    for tile in _make("S", seed)[3]:
        for number in range(int(tile.community.max()) + 1):
            assert len(pieces(list(tile.cells[tile.community == number]))) == 1


def test_most_cells_are_about_a_hectare(small: Small) -> None:
    area = np.concatenate([shapely.area(tile.cells) for tile in small[3]])
    assert 8_000 < np.median(area) < 13_000
    assert area.min() > 2_000
    assert np.percentile(area, 99) < 30_000


def test_every_component_stands_in_the_cell_it_names(small: Small) -> None:
    for tile in small[3]:
        things = tile.furniture
        # A railing lies on the border between bank and water; everything else stands inside.
        assert shapely.dwithin(tile.cells[things.cell], shapely.points(things.x, things.y), 0.01).all()
        inside = shapely.intersects(tile.cells[things.cell], shapely.points(things.x, things.y))
        assert set(things.class_code[~inside].tolist()) <= {"0507"}


def test_lamps_and_trees_stand_beside_the_carriageway_and_never_in_a_street_mouth(
    small: Small,
) -> None:
    _, _, skeleton, tiles = small
    roads = arterial_roads(skeleton, [names.Name("", "")] * len(skeleton.lines)) + [road for tile in tiles for road in tile.roads]
    ways = shapely.buffer(np.array([road.geom for road in roads]), np.array([road.width_m / 2 - 0.5 for road in roads]), cap_style="flat")
    on_road = 0
    count = 0
    for tile in tiles:
        things = tile.furniture
        own = np.isin(things.class_code, ("0137", "0402"))
        spots = shapely.points(things.x[own], things.y[own])
        on_road += len(np.unique(shapely.STRtree(ways).query(spots, predicate="within")[0]))
        count += int(own.sum())
    assert count > 15_000
    assert on_road / count < 0.004


def test_lamps_along_an_arterial_are_thirty_metres_apart(small: Small) -> None:
    _, _, skeleton, tiles = small
    gaps = []
    for tile in tiles:
        things = tile.furniture
        lamps = (things.class_code == "0137") & (things.street < 0)
        for street in np.unique(things.street[lamps]):
            if street < -len(skeleton.lines) - 1:
                continue
            line = skeleton.lines[-1 - street].geom
            own = lamps & (things.street == street)
            spots = shapely.points(things.x[own], things.y[own])
            assert np.allclose(shapely.distance(spots, line), WIDTH_M[ARTERIAL] / 2 + 0.8, atol=1.0)
            gaps += np.diff(np.sort(shapely.line_locate_point(line, spots))).tolist()
    assert 29.0 < np.median(gaps) < 31.0


def test_houses_stand_on_their_block_and_not_on_the_street(small: Small) -> None:
    for tile in small[3]:
        town = tile.town
        assert len(town.buildings) > 100
        assert shapely.covered_by(shapely.buffer(town.buildings, -0.01), tile.cells[town.building_cell]).all()
        assert (town.heights_m > 3).all()


def test_the_real_streets_of_both_districts_lie_in_the_city(small: Small) -> None:
    _, terrain, skeleton, _ = small
    offices = assign_streets(skeleton, terrain)
    assert {office.district for office in offices} == {"411302", "411303"}
    assert "411303005" in {office.code for office in offices}
    assert sorted(face for office in offices for face in office.faces) == list(range(len(skeleton.faces)))


def _digest(tiles: list[Tile]) -> str:
    work = hashlib.sha256()
    for tile in tiles:
        for shape in [*tile.cells, *tile.town.buildings]:
            work.update(shapely.to_wkb(shape))
        work.update(tile.furniture.x.tobytes() + tile.furniture.y.tobytes() + "".join(tile.furniture.class_code).encode())
        work.update(str(sorted(tile.street_names.items())).encode())
    return work.hexdigest()


def test_the_same_seed_makes_the_same_place_and_another_seed_another() -> None:
    assert _digest(_make("XS", 5)[3]) == _digest(_make("XS", 5)[3])
    assert _digest(_make("XS", 5)[3]) != _digest(_make("XS", 6)[3])


def test_street_names_of_a_large_city_do_not_repeat_among_its_arterials() -> None:
    size = SIZES["M"]
    terrain = make_terrain(size, 1, CENTRE)
    skeleton = build_skeleton(size, 1, terrain)
    given = [name.zh for name in names.name_lines(skeleton.lines, _middle_ranks(skeleton, terrain))]
    assert len(given) == len(set(given))
    assert "梅溪路" in given
