"""Tags and geometry: what an extract's objects become, and that none of them disappears without being counted."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cityops.exchange.osm_grid import grown
from cityops.exchange.osm_places import Seed, communities_of
from cityops.exchange.osm_reading import ExtractUnreadable, read_extract
from cityops.exchange.osm_sea import sea_areas
from cityops.exchange.osm_tags import TARGETS, TagTableInvalid, read_tag_table
from cityops.exchange.osm_things import metres, sort_things
from cityops.geo.shapes import as_array
from tests.factories.osm import helsinki, write_extract

CORNERS = [(1, 24.940, 60.170, {}), (2, 24.944, 60.170, {}), (3, 24.944, 60.172, {}), (4, 24.940, 60.172, {})]


def test_the_real_things_of_central_helsinki_become_components_of_their_class() -> None:
    things = sort_things(read_extract(helsinki()), read_tag_table())
    found = Counter(one.class_code for one in things.components)
    assert found["0137"] == 586, "street lamps"
    assert found["0401"] + found["0402"] + found["0403"] == 649, "trees"
    assert found["0124"] == 37, "hydrants"
    inside = found["0201"]
    outside = things.outside["amenity=parking"]
    assert 30 <= inside <= 43 and inside + outside <= 43, "car parks"
    assert len(things.roads) > 1_500


def test_every_tagged_object_is_placed_somewhere_or_counted() -> None:
    extract = read_extract(helsinki())
    table = read_tag_table()
    for thing in extract.things:
        alone = read_like(extract, [thing])
        sorted_things = sort_things(alone, table)
        seen = (
            sorted_things.mapped.total() + sorted_things.unmapped.total() + sorted_things.unfit.total() + sorted_things.outside.total()
            + len(sorted_things.boundaries) + len(sorted_things.quarters) + (sorted_things.town is not None)
        )  # fmt: skip
        assert seen >= 1, f"{thing.ref} {thing.tags} disappeared"


def read_like(extract: object, things: list[object]) -> object:
    from dataclasses import replace

    return replace(extract, things=things)  # type: ignore[type-var]  # an Extract


def test_the_special_line_of_the_table_wins_over_the_general_one() -> None:
    table = read_tag_table()
    assert table.meanings({"natural": "tree"})["component"].kind == "0402"
    assert table.meanings({"natural": "tree", "denotation": "natural_monument"})["component"].kind == "0401"
    assert table.meanings({"man_made": "manhole", "manhole": "sewer"})["component"].kind == "0102"
    assert set(table.meanings({"leisure": "park"})) == {"component", "green"}
    assert table.meanings({"building": "no"}) == {}


def test_every_class_of_the_table_is_in_the_class_tables_with_that_geometry(repository: Path) -> None:
    known: dict[tuple[str, str], str] = {}
    for edition in ("gbt30428.2-2013", "local"):
        for line in (repository / "data" / "classes" / f"{edition}.csv").read_text(encoding="utf-8").splitlines()[1:]:
            kind, code, *_ = line.split(",")
            if kind == "component":
                known[(edition, code)] = re.findall(r",(point|line|polygon),", line)[0]
    for rule in read_tag_table().rules:
        assert rule.target in TARGETS
        if rule.target == "component":
            assert (rule.edition, rule.kind) in known, rule
            wanted = ("point", "line", "polygon")
            assert wanted.index(rule.shape) <= wanted.index(known[(rule.edition, rule.kind)]), rule


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sky,natural,tree,,gbt30428.2-2013,0402,point,,", "target must be one of"),
        ("component,natural,tree,,gbt30428.2-2013,0402,blob,,", "shape must be one of"),
        ("component,natural,,,gbt30428.2-2013,0402,point,,", "key and value"),
        ("component,natural,tree,,,0402,point,,", "edition and class"),
        ("component,natural,tree,denotation,gbt30428.2-2013,0402,point,,", "also is written"),
        ("roads,highway,primary,,,primary,line,wide,", "not a number"),
    ],
)
def test_a_broken_line_of_the_table_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(f"target,key,value,also,edition,class,shape,width_m,note\n{line}\n", encoding="utf-8")
    with pytest.raises(TagTableInvalid) as refused:
        read_tag_table(path)
    assert reason in refused.value.message
    assert "Line 2" in refused.value.message


@pytest.mark.parametrize(
    "content", [b"", b"not a map", b"<osm version='0.6'></osm>", b"<?xml version='1.0'?><osm version='0.6'><node id='1'"]
)
def test_a_file_that_is_no_extract_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.osm"
    path.write_bytes(content)
    with pytest.raises(ExtractUnreadable):
        read_extract(path)
    with pytest.raises(ExtractUnreadable, match="no such file"):
        read_extract(tmp_path / "missing.osm.pbf")


def test_a_way_that_leaves_the_file_is_drawn_as_far_as_it_is_known(tmp_path: Path) -> None:
    path = write_extract(
        tmp_path / "edge.osm",
        CORNERS,
        [(10, [1, 2, 99, 3, 4], {"highway": "primary"}), (11, [1, 99], {"highway": "service"}), (12, [1, 2, 98, 1], {"building": "yes"})],
    )
    extract = read_extract(path)
    things = sort_things(extract, read_tag_table())
    assert [shape.geom_type for shape, *_ in things.roads] == ["MultiLineString"]
    assert extract.incomplete == {"highway=service": 1}
    assert things.buildings == [] and things.unfit.total() == 1


def test_unknown_tags_are_counted_by_their_most_telling_key(tmp_path: Path) -> None:
    path = write_extract(
        tmp_path / "odd.osm",
        [*CORNERS, (5, 24.941, 60.171, {"name": "x", "man_made": "obelisk"}), (6, 24.942, 60.171, {"colour": "red", "source": "me"})],
    )
    assert sort_things(read_extract(path), read_tag_table()).unmapped == {"man_made=obelisk": 1, "colour=*": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12.0), ("12.5 m", 12.5), ("3,5", 3.5), ("about 3", None), ("", None), (None, None), ("0", None), ("9999", None)],
)
def test_lengths_are_read_as_people_write_them(text: str | None, value: float | None) -> None:
    assert metres(text) == value


def test_the_sea_lies_on_the_right_of_the_coast_even_when_the_coast_ends_before_the_edge() -> None:
    box = shapely.box(0, 0, 1, 1)
    eastward = shapely.LineString([(0.05, 0.5), (0.5, 0.55), (0.95, 0.5)])
    (south,) = sea_areas(box, [eastward])
    assert south.contains(shapely.Point(0.5, 0.2)) and not south.contains(shapely.Point(0.5, 0.8))
    (north,) = sea_areas(box, [eastward.reverse()])
    assert north.contains(shapely.Point(0.5, 0.8))
    island = shapely.LineString([(0.3, 0.7), (0.4, 0.7), (0.4, 0.8), (0.3, 0.8), (0.3, 0.7)])
    (round_it,) = sea_areas(box, [eastward.reverse(), island])
    assert not round_it.contains(shapely.Point(0.35, 0.75)) and round_it.contains(shapely.Point(0.6, 0.9))
    assert sea_areas(box, []) == []


def _street_grid(step: int, size: int) -> list[shapely.LineString]:
    return [
        shapely.LineString(ends)
        for at in range(step, size, step)
        for ends in ([(at, 0), (at, size)], [(0, at), (size, at)])
    ]  # fmt: skip


@settings(deadline=None)  # the time a union takes says nothing about what it gives
@given(st.lists(st.tuples(st.floats(50, 1150), st.floats(50, 1150)), min_size=0, max_size=6, unique=True))
def test_communities_cover_the_ground_without_overlap_and_hang_together(places: list[tuple[float, float]]) -> None:
    ground = shapely.box(0, 0, 1200, 1200)
    seeds = [Seed(f"q{k}", shapely.Point(place)) for k, place in enumerate(places)]
    made = communities_of(ground, [], seeds, as_array(_street_grid(100, 1200)), "Town")
    shapes = np.array([one.ground for one in made])
    assert shapely.area(shapes).sum() == pytest.approx(ground.area)
    assert shapely.union_all(shapes).area == pytest.approx(ground.area)
    assert all(len(shapely.get_parts(shape)) == 1 for shape in shapes)
    assert len({one.name for one in made}) == len(made)


def test_boundaries_of_the_place_are_used_when_they_cover_it() -> None:
    ground = shapely.box(0, 0, 1200, 1200)
    halves = [("West", shapely.box(-100, -100, 500, 1300)), ("East", shapely.box(500, -100, 1300, 1300))]
    made = communities_of(ground, halves, [Seed("ignored", shapely.Point(1, 1)), Seed("too", shapely.Point(9, 9))], as_array([]), "Town")
    assert {one.name: round(one.ground.area) for one in made} == {"West": 600_000, "East": 840_000}


def test_beats_are_connected_groups_of_about_the_size_wanted() -> None:
    side = 9
    pairs = np.array(
        [(r * side + c, r * side + c + 1) for r in range(side) for c in range(side - 1)]
        + [(r * side + c, (r + 1) * side + c) for r in range(side - 1) for c in range(side)]
    )
    groups = grown(side * side, pairs, 20)
    assert sorted(k for group in groups for k in group) == list(range(side * side))
    assert all(5 <= len(group) <= 30 for group in groups)
    beside = {tuple(pair) for pair in pairs.tolist()}
    for group in groups:
        reached, queue = {group[0]}, [group[0]]
        while queue:
            k = queue.pop()
            for other in group:
                if other not in reached and ((k, other) in beside or (other, k) in beside):
                    reached.add(other)
                    queue.append(other)
        assert len(reached) == len(group)
