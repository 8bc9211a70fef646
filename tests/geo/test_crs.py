"""Coordinates: check values from the EPSG register and from the map offsets in use, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityops.geo.crs import BD09, GCJ02, from_storage, metric_srid, northing_first, parse_crs, to_storage
from cityops.geo.errors import CoordinatesOutOfRange, UnknownCrs
from cityops.geo.offset import bd09_to_gcj02, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02

NANYANG = (112.5287, 32.9907)
in_china = st.tuples(st.floats(73.6, 134.7), st.floats(18.2, 53.5))


@pytest.mark.parametrize(
    ("lon", "lat", "gcj_lon", "gcj_lat"),
    [
        # Values that the offset implementations in circulation agree on.
        (116.404, 39.915, 116.41024449916938, 39.91640428150164),
        (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
        (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
        (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    ],
)
def test_gcj02_meets_the_known_check_values(lon: float, lat: float, gcj_lon: float, gcj_lat: float) -> None:
    x, y = wgs84_to_gcj02(lon, lat)
    assert float(x) == pytest.approx(gcj_lon, abs=1e-7)
    assert float(y) == pytest.approx(gcj_lat, abs=1e-7)


def test_bd09_meets_the_known_check_value() -> None:
    x, y = gcj02_to_bd09(116.404, 39.915)
    assert float(x) == pytest.approx(116.41036949371029, abs=1e-9)
    assert float(y) == pytest.approx(39.92133699351021, abs=1e-9)


@given(in_china)
def test_every_offset_is_undone_to_a_tenth_of_a_millimetre(place: tuple[float, float]) -> None:
    tenth_of_a_mm_deg = 1e-9
    for there, back in ((wgs84_to_gcj02, gcj02_to_wgs84), (gcj02_to_bd09, bd09_to_gcj02)):
        lon, lat = back(*there(*place))
        assert float(lon) == pytest.approx(place[0], abs=tenth_of_a_mm_deg)
        assert float(lat) == pytest.approx(place[1], abs=tenth_of_a_mm_deg)


@given(in_china)
def test_the_offset_is_some_hundred_metres_and_never_a_kilometre(place: tuple[float, float]) -> None:
    lon, lat = wgs84_to_gcj02(*place)
    east_m = (float(lon) - place[0]) * 111_320 * np.cos(np.radians(place[1]))
    north_m = (float(lat) - place[1]) * 111_320
    assert 10 < np.hypot(east_m, north_m) < 1000


def test_outside_china_gcj02_is_wgs84() -> None:
    assert [float(v) for v in wgs84_to_gcj02(24.94, 60.17)] == [24.94, 60.17]
    assert [float(v) for v in gcj02_to_wgs84(24.94, 60.17)] == [24.94, 60.17]


@pytest.mark.parametrize(
    ("crs", "east", "north"),
    [("EPSG:4546", 642883.87, 3652754.68), ("EPSG:4547", 362481.66, 3652678.17), ("4526", 38362481.66, 3652678.17)],
)
def test_the_belts_of_nanyang_meet_their_check_values(crs: str, east: float, north: float) -> None:
    x, y = from_storage(*NANYANG, crs)
    assert (float(x), float(y)) == pytest.approx((east, north), abs=0.01)
    lon, lat = to_storage(x, y, crs)
    assert (float(lon), float(lat)) == pytest.approx(NANYANG, abs=1e-10)


@pytest.mark.parametrize(
    "name",
    ["4490", "EPSG:4490", "epsg:4490", "CGCS2000", "cgcs 2000", "urn:ogc:def:crs:EPSG::4490", "http://www.opengis.net/def/crs/EPSG/0/4490"],
)
def test_a_system_is_known_by_all_its_names(name: str) -> None:
    assert parse_crs(name).srid == 4490


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "GCJ_02"])
def test_gcj02_is_named_in_several_ways(name: str) -> None:
    assert parse_crs(name) == GCJ02
    assert parse_crs("BD-09") == BD09


@pytest.mark.parametrize(
    "name", ["", "EPSG:99999", "EPSG:", "Xian 80!", "4490; drop", "EPSG:5773", "ESRI:102100", "-1", "EPSG:4490.0", "9" * 30]
)
def test_an_unknown_system_is_refused_with_the_list_of_known_ones(name: str) -> None:
    with pytest.raises(UnknownCrs) as caught:
        parse_crs(name)
    assert caught.value.field == "crs"
    assert "GCJ-02" in (caught.value.fix or "")


@pytest.mark.parametrize(("x", "y", "crs"), [(32.99, 112.53, "4490"), (362481.0, 3652678.0, "4326"), (float("nan"), 1.0, "4326")])
def test_swapped_or_misnamed_coordinates_are_refused(x: float, y: float, crs: str) -> None:
    with pytest.raises(CoordinatesOutOfRange):
        to_storage(x, y, crs)


def test_arrays_keep_their_shape_and_gcj02_input_is_shifted_back() -> None:
    lon, lat = np.full((2, 3), NANYANG[0]), np.full((2, 3), NANYANG[1])
    x, y = to_storage(*from_storage(lon, lat, GCJ02), GCJ02)
    assert x.shape == (2, 3)
    np.testing.assert_allclose([x, y], [lon, lat], atol=1e-9)
    x, y = to_storage(*wgs84_to_bd09(lon, lat), BD09)
    np.testing.assert_allclose([x, y], [lon, lat], atol=1e-9)


def test_axis_order_of_the_authority_is_known() -> None:
    assert northing_first(4490) and northing_first(4547) and northing_first(4326)
    assert not northing_first(3857) and not northing_first(32649)


def test_a_city_is_measured_in_its_configured_system_and_a_far_one_in_its_own() -> None:
    assert metric_srid(*NANYANG, 4547) == 4547
    assert metric_srid(112.3, 32.8, 4547) == 4547
    assert metric_srid(24.9, 60.2, 4547) == 32635
    assert metric_srid(-70.7, -33.4, 4547) == 32719
    assert metric_srid(87.6, 43.8, 4547) == 4538
