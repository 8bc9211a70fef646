"""The console as one screen: list, map and detail; the address bar; live changes; the keyboard; honest states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Opener

pytestmark = pytest.mark.browser

NUMBER = re.compile(r"\d{6}-\d{8}-\d{5}")


def _rows(page: Page) -> list[str]:
    expect(page.locator(".row[data-number]").first).to_be_visible()
    numbers: list[str] = page.locator(".row[data-number]").evaluate_all("rows => rows.map((row) => row.dataset.number)")
    return numbers


def test_the_counts_say_what_is_on_the_map_what_there_is_and_what_filters_hide(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    api = Api(site, "supervisor1")
    _rows(page)
    open_cases, everything = api.get("/cases", state="open", limit=1)["total"], api.get("/cases", limit=1)["total"]
    counts = page.locator(".counts")
    expect(counts).to_contain_text(f"共 {open_cases} 件")
    expect(counts).to_contain_text(f"筛选隐藏了 {everything - open_cases} 件")
    page.get_by_role("button", name="显示全部").click()
    expect(counts).to_contain_text(f"共 {everything} 件")
    assert "state=all" in page.url
    person.calm()


def test_a_row_lights_its_pin_and_a_pin_lights_its_row(people: Opener) -> None:
    person = people("supervisor1")
    page = person.page
    number = _rows(page)[0]
    page.locator(f"[data-number='{number}']").click()
    expect(page.locator(".pin .ring").first).to_be_visible()
    expect(page.locator(f".row.sel[data-number='{number}']")).to_have_count(1)
    expect(page.locator("co-detail-pane header")).to_contain_text(number)
    page.keyboard.press("Escape")
    expect(page.locator("co-detail-pane")).to_have_count(0)
    pin = page.locator(".case-pin").first
    expect(pin).to_be_visible()
    pin.click()
    shown = NUMBER.search(page.locator("co-detail-pane header").inner_text())
    assert shown
    expect(page.locator(f".row.sel[data-number='{shown[0]}']")).to_have_count(1)
    person.calm()


def test_the_address_bar_brings_back_the_view_and_the_back_button_goes_back(people: Opener) -> None:
    person = people("leader1")
    page = person.page
    first, second = _rows(page)[:2]
    page.get_by_role("button", name="时限").click()
    page.get_by_role("menuitemradio", name="超时").click()
    expect(page.locator(".chip.on", has_text="超时")).to_be_visible()
    expect(page.locator(".row[data-number] .glyph:not(.late)")).to_have_count(0)
    late = _rows(page)
    page.locator(f"[data-number='{late[0]}']").click()
    expect(page.locator("co-detail-pane header")).to_contain_text(late[0])
    page.wait_for_timeout(800)
    assert "light=late" in page.url and f"open=case:{late[0]}" in page.url and "at=" in page.url
    address = page.url
    page.reload()
    expect(page.locator("co-detail-pane header")).to_contain_text(late[0])
    expect(page.locator(".chip.on", has_text="超时")).to_be_visible()
    assert page.url == address
    page.go_back()
    expect(page.locator("co-detail-pane")).to_have_count(0)
    page.go_back()
    expect(page.locator(".chip.on", has_text="超时")).to_have_count(0)
    expect(page.locator(f"[data-number='{second}']")).to_be_visible()
    assert {first, second} <= set(_rows(page))
    person.calm()


def test_every_vital_sign_opens_its_cases(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    late = Api(site, "supervisor1").get("/cases/summary")["late"]
    page.locator(".vital", has_text="超时").click()
    expect(page.locator(".counts")).to_contain_text(f"共 {late} 件")
    expect(page.locator(".row .due.late").first).to_be_visible()
    expect(page.locator(".row[data-number] .glyph:not(.late)")).to_have_count(0)
    person.calm()


def test_a_change_by_one_person_appears_on_the_screen_of_another_without_reload_or_jump(people: Opener, site: str) -> None:
    watcher, actor = people("supervisor1"), people("dispatcher1")
    page = watcher.page
    page.evaluate("window.neverReloaded = true")
    number = Api(site, "dispatcher1").get("/cases", desk="mine", state="to_dispatch", limit=1)["items"][0]["number"]
    page.goto(f"{site}/?open=case:{number}")
    page.evaluate("window.neverReloaded = true")
    expect(page.locator(".where b")).to_have_text("待派遣")
    page.wait_for_timeout(1500)
    view = page.evaluate("JSON.stringify(document.querySelector('.leaflet').cityMap.view())")
    actor.page.goto(f"{site}/?open=case:{number}")
    actor.page.click("[data-act=dispatch]")
    actor.page.click(".actform button.main")
    expect(actor.page.locator(".where b")).to_have_text("待接收")
    expect(page.locator(".where b")).to_have_text("待接收")
    assert page.evaluate("window.neverReloaded") is True
    assert page.evaluate("JSON.stringify(document.querySelector('.leaflet').cityMap.view())") == view
    watcher.calm()
    actor.calm()


def test_a_new_case_does_not_move_the_rows_under_the_pointer(people: Opener, site: str) -> None:
    watcher = people("supervisor1")
    page = watcher.page
    page.goto(f"{site}/?sort=-reported")
    before = _rows(page)
    page.wait_for_timeout(1500)
    page.locator(".row[data-number]").nth(1).hover()
    grate = Api(site, "inspector1").component_of_my_beat("0104")
    report = {
        "source": "hotline", "kind": "component", "class_code": "0104", "component_code": grate["code"],
        "lon": grate["lon"], "lat": grate["lat"], "description": "热线反映积水",
    }  # fmt: skip
    made = Api(site, "acceptor1").post("/cases", report)["number"]
    fresh = page.locator(".fresh")
    expect(fresh).to_contain_text("1 件新案卷")
    assert _rows(page) == before
    fresh.click()
    expect(page.locator(f"[data-number='{made}']")).to_be_visible()
    assert _rows(page)[0] == made
    watcher.calm()


def test_a_disabled_act_says_why(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    number = Api(site, "supervisor1").get("/cases", state="to_file", limit=1)["items"][0]["number"]
    page.goto(f"{site}/?open=case:{number}")
    act = page.locator("[data-act=file]")
    expect(act).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#act-reason-file")).to_contain_text("不可用：只有值班长可以立案")
    # The ways beside the usual path are folded away; unfolded, they have their reasons too.
    page.locator(".more-acts summary").click()
    shut = page.locator(".acts [data-act][aria-disabled=true]")
    assert shut.count() > 2
    for button in shut.all():
        line = page.locator(f"#{button.get_attribute('aria-describedby')}")
        expect(line).to_be_visible()
        expect(line).to_contain_text(button.inner_text())
    person.calm()


def test_an_act_that_needs_a_reason_asks_for_it_and_can_be_left_by_escape(people: Opener, site: str) -> None:
    person = people("leader1")
    page = person.page
    number = Api(site, "leader1").get("/cases", state="to_file", limit=1)["items"][0]["number"]
    page.goto(f"{site}/?open=case:{number}")
    page.click("[data-act=void]")
    expect(page.locator(".actform textarea[name=reason]")).to_be_focused()
    page.click(".actform button.main")
    expect(page.locator(".actform .wrong")).to_have_text("请先写明“作废”的理由，至少两个字。")
    expect(page.locator(".actform textarea[name=reason]")).to_be_focused()
    expect(page.locator(".where b")).to_have_text("待立案")
    page.fill(".actform textarea[name=reason]", "与另一案卷重复")
    page.click(".actform button.main")
    expect(page.locator(".where b")).to_have_text("已作废")
    expect(page.locator(".log")).to_contain_text("与另一案卷重复")
    person.calm()


def test_the_keyboard_reaches_everything(people: Opener) -> None:
    person = people("supervisor1")
    page = person.page
    rows = _rows(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("co-detail-pane header")).to_contain_text(rows[0])
    page.keyboard.press("j")
    expect(page.locator("co-detail-pane header")).to_contain_text(rows[1])
    page.keyboard.press("k")
    expect(page.locator("co-detail-pane header")).to_contain_text(rows[0])
    page.keyboard.press("ArrowDown")
    expect(page.locator("co-detail-pane header")).to_contain_text(rows[1])
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("co-detail-pane")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.locator("co-search input")).to_be_focused()
    person.calm()


def test_the_search_box_finds_a_component_and_a_cell_by_code(people: Opener, site: str) -> None:
    person = people("planner1")
    page = person.page
    component = Api(site, "planner1").get("/components", limit=1)["items"][0]
    for words, kind in ((component["code"], "component"), (component["cell_code"], "cell")):
        page.keyboard.press("Control+k")
        page.fill("co-search input", words)
        expect(page.locator(".hit", has_text=words).first).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("co-detail-pane header")).to_contain_text(words)
        assert f"open={kind}:{words}" in page.url
    person.calm()


def test_a_failed_list_says_so_with_a_number_and_a_way_to_try_again(people: Opener, screenshots: Path) -> None:
    person = people("supervisor1")
    page = person.page
    _rows(page)

    def fail(route: Route) -> None:
        route.fulfill(status=503, content_type="application/problem+json", body='{"code": "database-unreachable", "status": 503}')

    page.route("**/api/v1/cases?*", fail)
    page.get_by_role("button", name="刷新列表").click()
    expect(page.locator(".rows .note.bad")).to_contain_text("database-unreachable")
    page.screenshot(path=screenshots / "console-error.png")
    page.unroute("**/api/v1/cases?*")
    page.locator(".rows").get_by_role("button", name="重试").click()
    _rows(page)


def test_an_empty_list_offers_the_next_step(people: Opener, site: str, screenshots: Path) -> None:
    person = people("supervisor1")
    page = person.page
    page.goto(f"{site}/?q=没有这样的案卷")
    expect(page.locator(".empty")).to_contain_text("没有符合条件的案卷")
    page.screenshot(path=screenshots / "console-empty.png")
    page.get_by_role("button", name="清除筛选").click()
    _rows(page)
    person.calm()


def test_a_wrong_password_is_told_without_telling_which_half_was_wrong(people: Opener) -> None:
    person = people(None)
    page = person.page
    page.fill("[name=login]", "leader1")
    page.fill("[name=password]", "wrong")
    page.click("form button.main")
    expect(page.locator(".wrong")).to_have_text("用户名或密码不对。")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".wrong")).to_have_text("User name or password is wrong.")


def test_a_case_is_reported_from_a_component_at_the_desk(people: Opener, site: str) -> None:
    person = people("acceptor1")
    page = person.page
    grate = Api(site, "inspector1").component_of_my_beat("0104")
    page.goto(f"{site}/?open=component:{grate['code']}")
    page.get_by_role("button", name="在此登记案卷").click()
    page.fill("textarea[name=description]", "市民来电反映积水")
    page.get_by_role("button", name="提交").click()
    expect(page.locator("co-detail-pane header")).to_contain_text("热线")
    expect(page.locator(".facts")).to_contain_text(grate["code"])
    person.calm()
