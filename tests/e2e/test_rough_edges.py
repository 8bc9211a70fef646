"""What a person meets at the edges: an address with nonsense in it, a city without cases, two presses at once, no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Opener

pytestmark = pytest.mark.browser

ENGLISH_SENTENCE = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+")


def _view(page: Page) -> tuple[float, float, float]:
    page.wait_for_function("document.querySelector('.leaflet').cityMap?.placed")
    page.wait_for_timeout(800)
    view = page.evaluate("document.querySelector('.leaflet').cityMap.view()")
    return view["lon"], view["lat"], view["zoom"]


def _in_the_city(page: Page, site: str) -> bool:
    west, south, east, north = Api(site, "supervisor1").get("/basemap")["city"]["bounds"]
    lon, lat, zoom = _view(page)
    return bool(west <= lon <= east and south <= lat <= north and zoom > 8)


@pytest.mark.parametrize(("query", "back"), [("state=nonsense", "state="), ("class=%00", "class=")])
def test_a_filter_that_makes_no_sense_is_told_in_chinese_and_goes_by_a_button(people: Opener, site: str, query: str, back: str) -> None:
    person = people("supervisor1")
    page = person.page
    page.goto(f"{site}/?{query}")
    note = page.locator(".rows .note.bad")
    expect(note).to_be_visible()
    assert not ENGLISH_SENTENCE.search(note.inner_text()), note.inner_text()
    assert _in_the_city(page, site)
    note.get_by_role("button", name="去掉这个筛选").click()
    expect(page.locator(".row[data-number]").first).to_be_visible()
    assert back not in page.url


def test_a_case_that_is_not_there_is_told_in_chinese(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    page.goto(f"{site}/?open=case:999999-20261120-00001")
    note = page.locator("co-detail-pane .note.bad")
    expect(note).to_contain_text("没有这个案卷")
    assert not ENGLISH_SENTENCE.search(note.inner_text())
    note.get_by_text("技术细节").click()
    expect(note.locator("details small")).to_be_visible()
    person.calm()


def test_a_city_without_cases_opens_on_the_city_and_offers_the_first_report(people: Opener, site: str) -> None:
    person = people("acceptor1")
    page = person.page

    def nothing(route: Route) -> None:
        pins = "format=pins" in route.request.url
        page_of_none: dict[str, object] = {"items": [], "next": None, "total": 0, "in_view": 0, "without_place": 0, "capped": False}
        body: dict[str, object] = {"type": "FeatureCollection", "features": []} if pins else page_of_none
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    page.route(re.compile(r"/api/v1/cases(/export)?\?"), nothing)
    page.goto(f"{site}/")
    expect(page.locator(".empty")).to_contain_text("还没有案卷")
    expect(page.locator(".empty")).not_to_contain_text("筛选")
    assert _in_the_city(page, site)
    page.locator(".empty").get_by_role("button", name="登记").click()
    expect(page.locator("#detail-title")).to_have_text("登记案卷")


def test_two_presses_in_one_moment_make_one_report(people: Opener, site: str, photo: Path) -> None:
    grate = Api(site, "inspector1").component_of_my_beat("0104")
    person = people("inspector1", phone=True, at=(grate["lon"], grate["lat"]))
    page = person.page
    before = Api(site, "supervisor1").get("/cases", limit=1)["total"]
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    page.click("button.main.big")
    expect(page.locator("button.main.big")).to_be_enabled()
    page.locator("button.main.big", has_text="上报").evaluate("button => { button.click(); button.click(); }")
    page.click("a[href='#/outbox']")
    expect(page.locator(".card").first).to_contain_text("已送达")
    expect(page.locator(".card")).to_have_count(1)
    assert Api(site, "supervisor1").get("/cases", limit=1)["total"] == before + 1
    person.calm()


def test_a_phone_without_a_network_asks_next_to_nothing(people: Opener, site: str) -> None:
    grate = Api(site, "inspector1").component_of_my_beat("0104")
    person = people("inspector1", phone=True, at=(grate["lon"], grate["lat"]))
    page = person.page
    page.wait_for_timeout(1500)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    person.context.set_offline(True)
    page.on("request", note)
    for step in range(10):
        person.context.set_geolocation({"longitude": grate["lon"] + step * 0.0005, "latitude": grate["lat"], "accuracy": 8})
        page.wait_for_timeout(400)
    page.click("a[href='#/map']")
    page.wait_for_timeout(2000)
    assert len(asked) <= 3, asked
    person.context.set_offline(False)
    with page.expect_response(re.compile("/api/v1/layers/"), timeout=20_000):
        pass
