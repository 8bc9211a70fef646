"""The phone page: nothing that was typed is lost, and every report arrives exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Opener

pytestmark = pytest.mark.browser

RAIN_GRATE = "0104"


def test_a_report_made_without_a_network_is_kept_and_arrives_once(people: Opener, site: str, photo: Path, screenshots: Path) -> None:
    api = Api(site, "inspector1")
    grate = api.component_of_my_beat(RAIN_GRATE)
    person = people("inspector1", phone=True, at=(grate["lon"], grate["lat"]))
    page = person.page
    before = Api(site, "supervisor1").get("/cases", limit=1)["total"]
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    person.context.set_offline(True)
    page.set_input_files("input[name=photo]", photo)
    page.fill("textarea[name=words]", "没有网络时写的")
    page.click("button.main.big")
    page.click("button.main.big")
    expect(page.locator(".net")).to_have_text("离线 · 1 条待传")
    page.click("a[href='#/outbox']")
    expect(page.locator(".card")).to_contain_text("等待发送")
    page.screenshot(path=screenshots / "phone-outbox-offline.png")

    # The page is killed and opened again, and only then is there a network.
    page.close()
    person.context.set_offline(False)
    page = person.context.new_page()
    page.goto(f"{site}/inspect#/outbox")
    expect(page.locator(".card")).to_contain_text("已送达", timeout=20_000)
    newest = Api(site, "supervisor1").get("/cases", limit=1, sort="-reported")
    assert newest["total"] == before + 1
    assert newest["items"][0]["description"] == "没有网络时写的"


def test_an_answer_that_got_lost_does_not_make_a_second_case(people: Opener, site: str, photo: Path) -> None:
    grate = Api(site, "inspector1").component_of_my_beat(RAIN_GRATE)
    person = people("inspector1", phone=True, at=(grate["lon"], grate["lat"]))
    page = person.page
    before = Api(site, "supervisor1").get("/cases", limit=1)["total"]
    lost = []

    def lose_the_answer(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    page.route("**/api/v1/actions", lose_the_answer)
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    page.click("button.main.big")
    page.click("button.main.big")
    page.click("a[href='#/outbox']")
    expect(page.locator(".card")).to_contain_text("已送达", timeout=20_000)
    assert lost == [201], "the server had already made the case when the answer was lost"
    assert Api(site, "supervisor1").get("/cases", limit=1)["total"] == before + 1


def test_an_unfinished_report_is_there_again_after_the_page_was_killed(people: Opener, site: str, photo: Path) -> None:
    person = people("inspector1", phone=True, at=(112.54, 32.99))
    page = person.page
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    page.fill("textarea[name=words]", "写到一半")
    expect(page.locator(".shots img")).to_be_visible()
    page.close()
    page = person.context.new_page()
    page.goto(f"{site}/inspect")
    page.get_by_role("link", name="继续").click()
    page.locator(".tile[aria-pressed=true]").first.click()
    expect(page.locator("textarea[name=words]")).to_have_value("写到一半")
    expect(page.locator(".shots img")).to_be_visible()


def test_the_nearest_components_are_offered_by_distance_and_dragging_the_map_corrects_the_place(
    people: Opener, site: str, photo: Path
) -> None:
    grate = Api(site, "inspector1").component_of_my_beat(RAIN_GRATE)
    person = people("inspector1", phone=True, at=(grate["lon"], grate["lat"]))
    page = person.page
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    page.click("button.main.big")
    first = page.locator(".radio-row").first
    expect(first).to_contain_text(grate["code"])
    expect(page.locator("main")).to_contain_text("定位误差约 8 m")
    frame = page.locator(".aim-map").bounding_box()
    assert frame
    middle = (frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 60, middle[1] - 30, steps=5)
    page.mouse.up()
    expect(page.locator("main")).to_contain_text("位置已手动校正")
    person.calm()


def test_a_task_wants_a_result_and_a_photo_before_it_is_sent(people: Opener, site: str) -> None:
    api = Api(site, "inspector1")
    task = api.get("/tasks")["items"][0]
    person = people("inspector1", phone=True, at=(task["lon"], task["lat"]))
    page = person.page
    page.locator(".card").first.click()
    page.click("button.main.big")
    expect(page.locator(".wrong")).to_have_text("请先选择结果。")
    page.locator(".answer").first.click()
    page.click("button.main.big")
    expect(page.locator(".wrong")).to_have_text("请先拍一张现场照片。")
    person.calm()


def test_an_ended_session_asks_for_the_password_and_loses_nothing(people: Opener, site: str, photo: Path) -> None:
    person = people("inspector1", phone=True, at=(112.54, 32.99))
    page = person.page
    grate = Api(site, "inspector1").component_of_my_beat(RAIN_GRATE)
    person.context.set_geolocation({"longitude": grate["lon"], "latitude": grate["lat"], "accuracy": 8})
    page.click(".fab")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    page.click("button.main.big")
    page.evaluate(
        """async () => {
          const token = JSON.parse(localStorage.getItem('cityops.phone')).token;
          const headers = { Authorization: `Bearer ${token}` };
          const { items } = await (await fetch('/api/v1/sessions', { headers })).json();
          await fetch(`/api/v1/sessions/${items.find((item) => item.current).id}`, { method: 'DELETE', headers });
        }"""
    )
    page.click("button.main.big")
    expect(page.locator("form")).to_contain_text("登录已过期，待传内容都还在")
    page.fill("[name=password]", "nanyang-2026")
    page.click("form button.main")
    page.click("a[href='#/outbox']")
    expect(page.locator(".card").first).to_contain_text("已送达", timeout=20_000)


def test_every_target_of_the_phone_is_large_enough_and_nothing_leaves_the_screen_sideways(people: Opener, site: str) -> None:
    person = people("inspector1", phone=True, at=(112.54, 32.99))
    page = person.page
    for route in ("/today", "/map", "/outbox", "/me", "/report/1"):
        page.goto(f"{site}/inspect#{route}")
        page.wait_for_timeout(600)
        small = page.evaluate(
            """() => [...document.querySelectorAll('button, a, input, textarea')]
              .filter((node) => node.offsetParent && !node.closest('.sr, .leaflet-container, .net'))
              .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
              .filter(([, box]) => box.height < 47.5)
              .map(([html]) => html)"""
        )
        assert small == [], route
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, route
    person.calm()
