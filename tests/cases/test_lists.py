"""Lists, counts, filters and exports: one filter builder, one visibility, stable pages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.cases import export, filters, queries
from cityops.cases.errors import FilterNotUnderstood
from cityops.cases.filters import CaseFilter
from cityops.db.session import unit_of_work
from tests.factories.cases import MANHOLE, MONDAY, Town, saved_town


@pytest.fixture(scope="module")
def town(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Twelve cases in several states, in two beats, over some hours."""
    made = saved_town(database, tmp_path_factory.mktemp("media"))
    with unit_of_work(database) as session:
        for state in ("to_accept", "to_file", "to_handle", "handling", "closed", "closed"):
            made.done.append(made.bring_to(session, state))
            made.wait(minutes=20)
        lon, lat = made.elsewhere
        made.done.append(made.report(session, "acceptor", source="hotline", lon=lon, lat=lat, description="100%_\\ 下水道堵塞"))
        made.done.append(
            made.report(
                session, "acceptor", source="hotline", lon=None, lat=None, cell_code=made.ground.codes[0], address="人民路与建设路口"
            )
        )
        made.done.append(made.report(session, **MANHOLE, component_code=made.component_code))
        voided = made.report(session)
        made.done.append(made.act(session, "leader", voided.number, "void", reason="重复"))
    return made


@pytest.fixture
def reading(database: Engine) -> Iterator[Session]:
    with Session(database) as session:
        yield session


def numbers(session: Session, town: Town, who: str = "acceptor", sort: str = "due", **wanted: Any) -> list[str]:
    """All pages of a list, three at a time."""
    found: list[str] = []
    after = None
    while True:
        page, counts = queries.list_cases(session, town.people[who], CaseFilter(**wanted), town.now, sort=sort, after=after, limit=3)
        items = [item["number"] for item in json.loads(page.items)]
        found += items
        if page.next is None:
            assert counts.in_view == len(found)
            assert len(set(found)) == len(found), "a page repeats a row"
            return found
        after = page.next


def every(town: Town) -> set[str]:
    return {written.number for written in town.done}


@pytest.mark.parametrize("sort", sorted(queries.ORDERS))
def test_pages_in_every_order_hold_every_case_once(reading: Session, town: Town, sort: str) -> None:
    assert set(numbers(reading, town, sort=sort)) == every(town)


def test_each_order_is_the_one_it_says(reading: Session, town: Town) -> None:
    page, _ = queries.list_cases(reading, town.people["acceptor"], CaseFilter(state=("open",)), town.now, sort="due", limit=100)
    due = [item["state_due_at"] for item in json.loads(page.items)]
    assert due == sorted(due) and None not in due
    assert numbers(reading, town, sort="reported") == list(reversed(numbers(reading, town, sort="-reported")))


def test_a_list_stays_stable_while_cases_move(database: Engine, reading: Session, town: Town) -> None:
    """A row that was shown does not come back and none is jumped over when others change between two pages."""
    first, _ = queries.list_cases(reading, town.people["acceptor"], CaseFilter(), town.now, sort="-reported", limit=4)
    with unit_of_work(database) as session:
        newer = town.report(session)
    reading.rollback()
    rest, _ = queries.list_cases(reading, town.people["acceptor"], CaseFilter(), town.now, sort="-reported", after=first.next, limit=100)
    seen = [item["number"] for page in (first, rest) for item in json.loads(page.items)]
    assert len(seen) == len(set(seen)) and set(seen) == every(town)
    town.done.append(newer)


def test_filters_narrow_as_they_say(reading: Session, town: Town) -> None:
    done = town.done
    assert set(numbers(reading, town, state=("open",))) == every(town) - {done[4].number, done[5].number, done[9].number}
    assert set(numbers(reading, town, state=("closed", "to_file"))) == {done[1].number, done[4].number, done[5].number}
    assert set(numbers(reading, town, stage=(4,))) == {done[2].number, done[3].number}
    assert set(numbers(reading, town, source=("hotline",))) == {done[6].number, done[7].number}
    assert set(numbers(reading, town, kind="component")) == {done[8].number}
    assert set(numbers(reading, town, class_code=("0103",))) == {done[8].number}
    assert set(numbers(reading, town, component=town.component_code)) == {done[8].number}
    assert set(numbers(reading, town, cell=town.ground.codes[-1])) == {done[6].number}
    assert set(numbers(reading, town, division=town.ground.codes[-1][:12])) == {done[6].number}
    assert set(numbers(reading, town, division="411303")) == every(town)
    assert set(numbers(reading, town, department=town.departments["sanitation"])) == {done[i].number for i in (2, 3, 4, 5)}
    assert set(numbers(reading, town, until=MONDAY + timedelta(minutes=1))) == {done[0].number}
    assert numbers(reading, town, since=MONDAY + timedelta(days=2)) == []


def test_the_desk_shows_what_waits_for_ones_own_posts(reading: Session, town: Town) -> None:
    done = town.done
    assert {done[0].number, done[6].number, done[7].number, done[8].number} <= set(numbers(reading, town, "acceptor", desk="mine"))
    assert numbers(reading, town, "leader", desk="mine") == [done[1].number]
    assert set(numbers(reading, town, "handler", desk="mine")) == {done[2].number, done[3].number}
    assert numbers(reading, town, "drainer", desk="mine") == []
    assert numbers(reading, town, "stranger", desk="mine") == []


@pytest.mark.parametrize(("q", "index"), [("下水道", 6), ("100%_\\", 6), ("%_\\ 下水", 6), ("建设路", 7), ("人民路 建设路", 7)])
def test_words_are_found_and_wildcards_are_only_characters(reading: Session, town: Town, q: str, index: int) -> None:
    assert numbers(reading, town, q=q) == [town.done[index].number]


def test_a_number_and_a_component_code_are_found_in_the_same_box(reading: Session, town: Town) -> None:
    assert numbers(reading, town, q=town.done[3].number) == [town.done[3].number]
    assert numbers(reading, town, q="-00004") == [town.done[3].number]
    assert numbers(reading, town, q=town.component_code) == [town.done[8].number]
    assert numbers(reading, town, q="没有这样的词") == []


def test_the_light_in_the_list_and_the_light_asked_for_agree(reading: Session, town: Town) -> None:
    kept = town.now
    try:
        for minutes in (0, 45, 110, 300, 3000):
            town.now = kept + timedelta(minutes=minutes)
            page, _ = queries.list_cases(reading, town.people["acceptor"], CaseFilter(), town.now, limit=100)
            by_light: dict[str, set[str]] = {}
            for item in json.loads(page.items):
                by_light.setdefault(item["light"], set()).add(item["number"])
            for light in ("ok", "soon", "late", "paused"):
                assert set(numbers(reading, town, light=(light,))) == by_light.get(light, set()), (minutes, light)
    finally:
        town.now = kept


@pytest.mark.parametrize("who", ["inspector", "inspector2", "handler", "teamster", "drainer", "stranger", "everybody", "dispatcher"])
def test_list_detail_export_and_summary_show_a_person_the_same_cases(database: Engine, reading: Session, town: Town, who: str) -> None:
    viewer = town.people[who]
    listed = set(numbers(reading, town, who))
    opened = {number for number in every(town) if queries.detail(reading, viewer, number, town.now) is not None}
    condition = filters.build(reading, viewer, CaseFilter(), town.now)
    features = json.loads(b"".join(export.geojson(database, condition)))["features"]
    rows = list(csv.DictReader(io.StringIO(b"".join(export.csv(database, condition)).decode("utf-8-sig"))))
    pins = json.loads(b"".join(export.pins(database, condition)))["features"]
    assert listed == opened == {f["id"] for f in features} == {row["number"] for row in rows}
    assert {p["properties"]["number"] for p in pins} == {f["id"] for f in features if f["geometry"]}
    assert json.loads(queries.summary(reading, viewer, town.now))["open"] == len(numbers(reading, town, who, state=("open",)))


def test_the_box_counts_what_is_in_view_and_what_no_map_can_show(reading: Session, town: Town) -> None:
    lon, lat = town.elsewhere
    box = (lon - 0.0001, lat - 0.0001, lon + 0.0001, lat + 0.0001)
    page, counts = queries.list_cases(reading, town.people["acceptor"], CaseFilter(bbox=box), town.now)
    assert [item["number"] for item in json.loads(page.items)] == [town.done[6].number]
    assert (counts.total, counts.in_view, counts.without_place) == (len(town.done), 1, 1)


@pytest.mark.parametrize(
    "wanted", [{"state": ("asleep",)}, {"stage": (8,)}, {"light": ("blue",)}, {"desk": "yours"}, {"division": "41130"}]
)
def test_a_filter_that_cannot_be_is_refused_with_the_field(reading: Session, town: Town, wanted: dict[str, Any]) -> None:
    with pytest.raises(FilterNotUnderstood) as caught:
        numbers(reading, town, **wanted)
    assert caught.value.field in wanted and caught.value.fix


def test_a_spreadsheet_cannot_be_made_to_run_a_formula(database: Engine, reading: Session, town: Town) -> None:
    with unit_of_work(database) as session:
        town.done.append(town.report(session, description='=HYPERLINK("http://x")', address="@SUM(1)"))
    reading.rollback()
    condition = filters.build(reading, town.people["acceptor"], CaseFilter(q="HYPERLINK"), town.now)
    rows = list(csv.DictReader(io.StringIO(b"".join(export.csv(database, condition)).decode("utf-8-sig"))))
    assert rows[0]["description"].startswith("'=") and rows[0]["address"].startswith("'@")


def test_an_empty_export_is_still_a_document(database: Engine, reading: Session, town: Town) -> None:
    condition = filters.build(reading, town.people["stranger"], CaseFilter(), town.now)
    assert json.loads(b"".join(export.geojson(database, condition))) == {"type": "FeatureCollection", "features": []}
    assert json.loads(b"".join(export.pins(database, condition))) == {"type": "FeatureCollection", "features": []}


def test_the_summary_counts_lights_people_and_the_on_time_rate(reading: Session, town: Town) -> None:
    signs = json.loads(queries.summary(reading, town.people["acceptor"], town.now + timedelta(days=3)))
    assert signs["late"] == signs["open"] and signs["soon"] == 0
    assert signs["on_time_rate"] == 1.0 and signs["closed_30_days"] == 2
    assert signs["inspectors"] == 2 and signs["inspectors_on_duty"] == 0
    assert json.loads(queries.summary(reading, town.people["stranger"], town.now))["inspectors"] == 0


def test_a_detail_tells_everything_and_says_why_not(reading: Session, town: Town) -> None:
    found = queries.detail(reading, town.people["acceptor"], town.done[3].number, town.now)
    assert found is not None
    body, version = json.loads(found[0]), found[1]
    assert body["version"] == version == 5
    assert body["condition"]["filing_zh"] and body["limit"] == {"value": 4, "unit": "working_hour"}
    assert body["routing"]["why_zh"] and body["routing"]["why_en"]
    assert body["street_name_zh"] == "梅溪街道" and body["beat"]["id"] in town.beats
    assert [event["act"] for event in body["events"]] == ["report", "accept", "file", "dispatch", "receive"]
    assert body["photos"][0]["thumb"].startswith("/api/v1/media/")
    acts = {act["act"]: act for act in body["acts"]}
    assert set(acts) >= {"handle", "return_case", "apply_delay", "decide_delay", "apply_suspension", "supervise", "force_close"}
    assert not acts["handle"]["allowed"] and acts["handle"]["reason_code"] == "wrong_post"
    assert acts["handle"]["reason_zh"] and acts["handle"]["reason_en"] and acts["handle"]["requires"] == ["photo"]
    own = json.loads(queries.detail(reading, town.people["handler"], town.done[3].number, town.now)[0])  # type: ignore[index]  # seen above
    assert [act["act"] for act in own["acts"] if act["allowed"]] == ["handle", "return_case", "apply_delay", "apply_suspension"]


def test_the_list_finds_its_rows_by_an_index(reading: Session, town: Town) -> None:
    """With sequential scans forbidden the plan shows whether an index can serve the filter at all."""
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    lon, lat = town.elsewhere
    for wanted, index in (
        (CaseFilter(bbox=(lon, lat, lon, lat)), "ix_cases_geom"),
        (CaseFilter(q="下水道堵塞"), "ix_cases_words"),
        (CaseFilter(light=("late",)), "ix_cases_"),
        (CaseFilter(component=town.component_code), "ix_cases_component_id"),
    ):
        condition = filters.build(reading, town.people["acceptor"], wanted, town.now)
        plan = "\n".join(
            reading.execute(text(f"EXPLAIN SELECT 1 FROM cases.cases AS c WHERE {condition.in_view}"), condition.params).scalars()
        )
        assert index in plan, plan
