"""The in-memory locator answers exactly what an exhaustive search would, edges and corners included."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.grid.locator import Locator
from tests.factories.grid import ground


def oracle(codes: list[str], shapes: list[shapely.Polygon], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The lowest code that covers each point, by geopandas."""
    cells = geopandas.GeoDataFrame({"code": codes}, geometry=shapes, crs=4490)
    points = geopandas.GeoDataFrame(geometry=shapely.points(x, y), crs=4490)
    joined = geopandas.sjoin(points, cells, how="left", predicate="intersects").sort_values("code")
    return joined[~joined.index.duplicated()].sort_index()["code"].fillna("").to_numpy().astype(str)


def awkward_points(shapes: list[shapely.Polygon], rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points anywhere, on corners, on the middle of edges, and a hair beside them."""
    west, south, east, north = shapely.total_bounds(shapes)
    anywhere = rng.uniform((west - 0.001, south - 0.001), (east + 0.001, north + 0.001), (count, 2))
    corners = shapely.get_coordinates(shapes)
    corners = corners[rng.integers(len(corners), size=count)]
    middles = np.vstack([(c[1:] + c[:-1]) / 2 for c in map(shapely.get_coordinates, shapes)])
    middles = middles[rng.integers(len(middles), size=count)]
    beside = middles + rng.normal(0, 1e-9, middles.shape)
    every = np.vstack([anywhere, corners, middles, beside])
    return every[:, 0], every[:, 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([3.0, 100.0, 2000.0]))
def test_every_point_gets_the_lowest_code_that_covers_it(seed: int, cell_m: float) -> None:
    rng = np.random.default_rng(seed)
    made = ground(seed, communities=(2, 1), cells=(5, 4), cell_m=cell_m)
    # Holes in the ground: some cells are not there at all.
    kept = rng.random(len(made.codes)) > 0.1
    codes = [c for c, k in zip(made.codes, kept, strict=True) if k]
    shapes = [s for s, k in zip(made.shapes, kept, strict=True) if k]
    x, y = awkward_points(shapes, rng, 500)
    assert (Locator(codes, shapes).locate_many(x, y) == oracle(codes, shapes, x, y)).all()


def test_boundaries_on_round_numbers_do_not_disturb_the_pixels() -> None:
    shapes = [shapely.box(112 + i / 1000, 33 + j / 1000, 112 + (i + 1) / 1000, 33 + (j + 1) / 1000) for j in range(8) for i in range(8)]
    codes = [f"411303005001{n + 1:03d}" for n in range(64)]
    lattice = np.linspace(0, 0.008, 257)
    x, y = (112 + np.repeat(lattice, 257)), (33 + np.tile(lattice, 257))
    assert (Locator(codes, shapes).locate_many(x, y) == oracle(codes, shapes, x, y)).all()


def test_a_cell_with_a_yard_of_another_inside_is_told_from_it() -> None:
    outer = shapely.box(112, 33, 112.01, 33.01)
    inner = shapely.Point(112.005, 33.005).buffer(0.002)
    codes, shapes = ["411303005001001", "411303005001002"], [shapely.difference(outer, inner), inner]
    rng = np.random.default_rng(0)
    x, y = rng.uniform(111.999, 112.011, 20_000), rng.uniform(32.999, 33.011, 20_000)
    assert (Locator(codes, shapes).locate_many(x, y) == oracle(codes, shapes, x, y)).all()


def test_the_order_in_which_cells_are_given_does_not_matter() -> None:
    made = ground(3)
    x, y = awkward_points(made.shapes, np.random.default_rng(3), 200)
    forward = Locator(made.codes, made.shapes).locate_many(x, y)
    backward = Locator(made.codes[::-1], made.shapes[::-1]).locate_many(x, y)
    assert (forward == backward).all()


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 0.0), (float("nan"), 33.0), (float("inf"), 33.0), (-180.0, 90.0), (1e300, -1e300)])
def test_a_place_off_the_map_has_no_cell(lon: float, lat: float) -> None:
    assert Locator(ground(1).codes, ground(1).shapes).locate(lon, lat) is None


def test_a_city_without_cells_has_no_answer_and_no_error() -> None:
    empty = Locator([], [])
    assert empty.locate(112.5, 33.0) is None
    assert list(empty.locate_many([112.5, 112.6], [33.0, 33.0])) == ["", ""]
