"""Shapes: projection there and back, measures in metres, and what an opening keeps."""

from __future__ import annotations

import pytest
import shapely
from shapely import Polygon, box

from cityops.geo import shapes
from cityops.geo.crs import GCJ02, from_storage
from cityops.geo.errors import CoordinatesOutOfRange


def test_a_hectare_measures_a_hectare_in_metres_and_survives_the_way_back() -> None:
    square = box(362000, 3652000, 362100, 3652100)
    in_degrees = shapes.unproject(square, 4547)
    assert shapes.area_m2([in_degrees], 4547)[0] == pytest.approx(10_000, abs=1e-3)
    assert shapes.project(in_degrees, 4547).equals_exact(square, 1e-5)


def test_geometries_come_into_storage_from_any_system_and_lose_their_heights() -> None:
    lon, lat = from_storage(112.53, 32.99, GCJ02)
    point = shapely.Point(float(lon), float(lat), 120.0)
    stored = shapes.into_storage(point, "gcj02")
    assert not stored.has_z
    assert (stored.x, stored.y) == pytest.approx((112.53, 32.99), abs=1e-9)
    with pytest.raises(CoordinatesOutOfRange):
        shapes.into_storage(shapely.Point(362000, 3652000), 4490)


def test_mean_width_tells_a_strip_from_a_square() -> None:
    strip, square = shapes.mean_width([box(0, 0, 1000, 0.1), box(0, 0, 10, 10)])
    assert strip == pytest.approx(0.1, rel=1e-3)
    assert square == pytest.approx(5.0)


def test_an_opening_drops_hairs_and_finds_the_body_that_hangs_on_one() -> None:
    hair = box(0, 0, 2000, 0.001)
    body = box(500, 0, 505, 5)
    found = shapes.parts_thicker_than(shapely.union(hair, body), 0.05)
    assert len(found) == 1
    assert found[0].area == pytest.approx(25.0, rel=0.01)
    assert shapes.parts_thicker_than(hair, 0.05) == []


def test_two_bodies_on_one_hair_are_two() -> None:
    shape = shapely.union_all([box(0, 0, 100, 0.001), box(10, 0, 14, 4), box(80, 0, 84, 4)])
    assert len(shapes.parts_thicker_than(shape, 0.05)) == 2


def test_convexity_of_an_l_is_below_one() -> None:
    l_shape = Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])
    assert shapes.convexity([box(0, 0, 1, 1), l_shape]) == pytest.approx([1.0, 3 / 3.5])
