"""One case from the inspector's phone to its closing in front of a supervisor: seven stages, six accounts, two widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Opener, Person

pytestmark = pytest.mark.browser

RAIN_GRATE = "0104"
"""雨水箅子 in GB/T 30428.2-2013: its maintainer is the drainage company, where handler1 works."""


def _open(person: Person, number: str) -> Page:
    """Find the case by its number in the search box, as one does with a number from the phone."""
    page = person.page
    page.keyboard.press("Control+k")
    page.fill("co-search input", number)
    page.locator(".hit", has_text=number).first.click()
    expect(page.locator("co-detail-pane header")).to_contain_text(number)
    expect(page.locator(".log li").first).to_be_visible()
    return page


def _act(page: Page, act: str) -> None:
    page.click(f"[data-act={act}]")


def _state(page: Page, words: str) -> None:
    expect(page.locator(".where b")).to_have_text(words)


def test_one_case_walks_all_seven_stages_with_six_accounts(people: Opener, site: str, photo: Path, screenshots: Path) -> None:
    grate = Api(site, "inspector1").component_of_my_beat(RAIN_GRATE)
    at = (grate["lon"], grate["lat"])
    supervisor = people("supervisor1")

    # 1 Collection: the inspector reports on the phone, in three screens.
    inspector = people("inspector1", phone=True, at=at)
    page = inspector.page
    page.screenshot(path=screenshots / "stage-1a-phone-today.png")
    page.click(".fab")
    page.fill("input[type=search]", "雨水箅子")
    page.screenshot(path=screenshots / "stage-1b-phone-what.png")
    page.locator(".tile", has_text="雨水箅子").first.click()
    page.set_input_files("input[name=photo]", photo)
    expect(page.locator(".shots img")).to_be_visible()
    page.fill("textarea[name=words]", "箅子被杂物堵塞，路面积水")
    page.screenshot(path=screenshots / "stage-1c-phone-photo.png")
    page.click("button.main.big")
    page.locator(".radio-row", has_text=grate["code"]).click()
    page.wait_for_timeout(800)
    page.screenshot(path=screenshots / "stage-1d-phone-where.png")
    page.click("button.main.big")
    page.click("a[href='#/outbox']")
    delivered = page.locator(".card", has_text="已送达").first
    expect(delivered).to_be_visible()
    page.screenshot(path=screenshots / "stage-1e-phone-outbox.png")
    found = re.search(r"\d{6}-\d{8}-\d{5}", delivered.inner_text())
    assert found, "the outbox shows the number of the delivered report"
    number = found[0]

    # 2 Establishment: the acceptor accepts with a standard, the shift leader files.
    acceptor = people("acceptor1")
    page = _open(acceptor, number)
    expect(page.locator(".photos img")).to_have_count(1)
    page.screenshot(path=screenshots / "stage-2a-acceptor.png")
    _act(page, "accept")
    page.click(".actform button.main")
    _state(page, "待立案")
    leader = people("leader1")
    page = _open(leader, number)
    _act(page, "file")
    _state(page, "待派遣")

    # 3 Dispatch: to the department the system routed it to, with its reason in sight.
    dispatcher = people("dispatcher1")
    page = _open(dispatcher, number)
    expect(page.locator("section.note")).to_contain_text("将派给城市排水公司的理由")
    _act(page, "dispatch")
    page.screenshot(path=screenshots / "stage-3-dispatcher.png")
    page.click(".actform button.main")
    _state(page, "待接收")

    # 4 Handling: received, then handled with a photo; without one the form says what is missing.
    handler = people("handler1")
    page = _open(handler, number)
    expect(page.locator("section.note")).to_contain_text("为何派给城市排水公司")
    _act(page, "receive")
    _state(page, "处理中")
    _act(page, "handle")
    page.click(".actform button.main")
    expect(page.locator(".actform .wrong")).to_have_text("需要至少一张照片。")
    page.set_input_files(".actform input[type=file]", photo)
    expect(page.locator(".taken img")).to_be_visible()
    page.fill(".actform textarea[name=note]", "已清掏，排水恢复")
    page.screenshot(path=screenshots / "stage-4-handler.png")
    page.click(".actform button.main")
    _state(page, "待反馈")
    expect(page.locator(".photos img")).to_have_count(2)

    # 5 Feedback.
    dispatcher.page.reload()
    expect(dispatcher.page.locator("co-detail-pane header")).to_contain_text(number)
    _act(dispatcher.page, "feed_back")
    _state(dispatcher.page, "待核查")

    # 6 Check: asked for at the desk, done on the phone with a photo.
    page = acceptor.page
    _state(page, "待核查")  # it came by itself: the acceptor's page was never reloaded
    _act(page, "send_check")
    _state(page, "核查中")
    page = inspector.page
    page.click(".tabs a[href='#/today']")
    page.reload()
    page.locator(".card", has_text="雨水箅子").first.click()
    expect(page.locator("main h1")).to_have_text("核查")
    expect(page.locator(".shots img").first).to_be_visible()
    page.locator(".answer", has_text="通过").first.click()
    page.set_input_files("input[name=photo]", photo)
    expect(page.locator(".shots button")).to_have_count(1)
    page.screenshot(path=screenshots / "stage-6-phone-check.png", full_page=True)
    page.click("button.main.big")
    page.click("a[href='#/outbox']")
    expect(page.locator(".card", has_text="核查结果")).to_contain_text("已送达")

    # 7 Closing, and the supervisor sees the whole of it.
    page = leader.page
    _state(page, "待结案")
    _act(page, "close")
    expect(page.locator(".where b")).to_have_text("已结案")
    page.screenshot(path=screenshots / "stage-7a-leader.png")
    page = _open(supervisor, number)
    _state(page, "已结案")
    log = page.locator(".log li b").all_inner_texts()
    assert log == ["上报", "受理", "立案", "派遣", "接收", "处理完成", "反馈", "发核查", "核查", "结案"]
    expect(page.locator(".photos img")).to_have_count(3)
    page.wait_for_timeout(2500)
    page.screenshot(path=screenshots / "stage-7b-supervisor.png")

    case = Api(site, "supervisor1").get(f"/cases/{number}")
    assert case["state"] == "closed"
    assert case["component"]["code"] == grate["code"]
    assert len({event["actor_id"] for event in case["events"]}) == 5  # the sixth, the supervisor, only looked on
    for person in (inspector, acceptor, leader, dispatcher, handler, supervisor):
        person.calm()
