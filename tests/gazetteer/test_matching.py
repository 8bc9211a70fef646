"""From words to places and from points to addresses, on a small town."""

from __future__ import annotations

import pytest
from pyproj import Geod
from sqlalchemy.orm import Session

from cityops.gazetteer.matching import find, reverse
from tests.factories.gazetteer import LAT, LON, small_town

METRES = Geod(ellps="GRS80")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("人民路", "人民路"),
        ("人民 路", "人民路"),
        ("renminlu", "人民路"),
        ("ren min lu", "人民路"),
        ("rml", "人民路"),
        ("renming lu", "人民路"),
        ("人明路", "人民路"),
        ("中山街", "人民路"),
        ("梅溪泵", "梅溪泵站"),
        ("泵站", "梅溪泵站"),
        ("mxbz", "梅溪泵站"),
        ("河南省南阳市人民公园", "人民公园"),
    ],
)
def test_a_place_is_found_by_what_people_type(session: Session, said: str, found: str) -> None:
    small_town(session)
    hits = find(session, said)
    assert hits and hits[0].name == found, [(hit.name, hit.score) for hit in hits]


def test_an_equal_name_scores_one_and_everything_else_less(session: Session) -> None:
    small_town(session)
    assert find(session, "人民路")[0].score == 1.0
    assert all(0 < find(session, said)[0].score < 1.0 for said in ("人民", "rml", "人明路", "中山街"))
    assert find(session, "中山街")[0].matched == "中山街"


def test_a_name_nothing_resembles_finds_nothing(session: Session) -> None:
    small_town(session)
    assert find(session, "xyzzy") == [] and find(session, "！？") == []


def test_a_house_number_is_found_in_its_street(session: Session) -> None:
    ids = small_town(session)
    for said in ("梅溪路86号", "梅溪路八十六号", "meixilu 86号"):
        best = find(session, said)[0]
        assert (best.level, best.place_id) == ("plate", ids["梅溪路86号"]), said


def test_a_number_between_two_plates_lies_between_them_with_a_lower_score(session: Session) -> None:
    small_town(session)
    best = find(session, "梅溪路88号")[0]
    assert best.level == "interpolated" and best.place_id is None and best.score == 0.85
    assert best.lon == pytest.approx(LON + 0.002) and best.lat == pytest.approx(LAT + 0.0051)


def test_a_number_beyond_the_plates_falls_back_to_the_street(session: Session) -> None:
    ids = small_town(session)
    best = find(session, "梅溪路999号")[0]
    assert (best.level, best.place_id, best.score) == ("street", ids["梅溪路"], 0.6)


@pytest.mark.parametrize(
    "said", ["人民路与建设路交叉口", "建设路和人民路路口", "人民路建设路交叉口", "renminlu & jianshelu", "中山街与建设路交汇处"]
)
def test_a_crossing_is_where_the_streets_meet(session: Session, said: str) -> None:
    small_town(session)
    best = find(session, said)[0]
    assert best.level == "crossing"
    assert METRES.inv(best.lon, best.lat, LON, LAT)[2] < 1.0


def test_streets_that_do_not_meet_have_no_crossing(session: Session) -> None:
    small_town(session)
    assert [hit for hit in find(session, "建设路与梅溪路交叉口") if hit.level == "crossing"] == []


@pytest.mark.parametrize(
    ("said", "bearing", "metres"),
    [
        ("人民路与建设路交叉口以北50米", 0, 50),
        ("人民路与建设路交叉口西侧120米", -90, 120),
        ("人民路与建设路交叉口东南方向1公里", 135, 1000),
    ],
)
def test_an_offset_is_measured_in_metres_on_the_ellipsoid(session: Session, said: str, bearing: float, metres: float) -> None:
    small_town(session)
    best = find(session, said)[0]
    way, _, far = METRES.inv(LON, LAT, best.lon, best.lat)
    assert best.level == "offset"
    assert far == pytest.approx(metres, abs=0.5) and way == pytest.approx(bearing, abs=0.6)


def test_kinds_restrict_the_answer(session: Session) -> None:
    small_town(session)
    assert {hit.kind for hit in find(session, "梅溪", kinds=("poi",))} == {"poi"}


@pytest.mark.parametrize(
    ("lon", "lat", "level", "name"),
    [
        (LON + 0.001, LAT + 0.00515, "plate", "梅溪路86号"),
        (LON - 0.008, LAT + 0.0052, "street", "梅溪路"),
        (LON - 0.0052, LAT - 0.0052, "poi", "梅溪泵站"),
        (LON + 0.002, LAT + 0.0025, "tract", "人民公园"),
        (LON + 0.5, LAT + 0.5, "none", None),
    ],
)
def test_a_point_is_called_by_plate_then_street_then_poi_then_area(session: Session, lon: float, lat: float, level: str, name: str) -> None:
    small_town(session)
    address = reverse(session, lon, lat)
    assert (address.level, address.name) == (level, name)


def test_reverse_finds_what_a_search_found(session: Session) -> None:
    small_town(session)
    best = find(session, "梅溪路90号")[0]
    address = reverse(session, best.lon, best.lat)
    assert (address.name, address.distance_m) == ("梅溪路90号", 0.0)
