"""axe-core on every screen, in both languages and both themes: no serious finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Opener

pytestmark = pytest.mark.browser

LOOKS = [("zh", "light"), ("en", "dark")]


@pytest.fixture(scope="session")
def axe(repository: Path) -> str:
    """The source of axe-core."""
    return (repository / "webmap" / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _serious(page: Page, axe: str) -> list[dict[str, Any]]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        {
            "rule": entry["id"],
            "help": entry["help"],
            "at": [node["html"][:160] for node in entry["nodes"][:3]],
            "why": entry["nodes"][0]["failureSummary"][:300],
        }
        for entry in found["violations"]
        if entry["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_console_has_no_serious_accessibility_finding(people: Opener, site: str, axe: str, language: str, theme: str) -> None:
    person = people(None, language=language, theme=theme)
    assert _serious(person.page, axe) == []
    person = people("leader1", language=language, theme=theme)
    page = person.page
    expect(page.locator(".row[data-number]").first).to_be_visible()
    page.wait_for_timeout(2500)
    assert _serious(page, axe) == []
    number = Api(site, "leader1").get("/cases", state="to_file", limit=1)["items"][0]["number"]
    page.goto(f"{site}/?open=case:{number}")
    page.click("[data-act=void]")
    expect(page.locator(".actform")).to_be_visible()
    assert _serious(page, axe) == []
    page.locator("co-menu .chip").first.click()
    page.locator(".account > .chip").click()
    assert _serious(page, axe) == []
    component = Api(site, "leader1").get("/components", limit=1)["items"][0]["code"]
    page.goto(f"{site}/?open=component:{component}")
    expect(page.locator(".facts")).to_be_visible()
    assert _serious(page, axe) == []


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_phone_page_has_no_serious_accessibility_finding(
    people: Opener, site: str, axe: str, photo: Path, language: str, theme: str
) -> None:
    task = Api(site, "inspector1").get("/tasks")["items"][0]
    person = people(None, phone=True, language=language, theme=theme)
    assert _serious(person.page, axe) == []
    person = people("inspector1", phone=True, at=(task["lon"], task["lat"]), language=language, theme=theme)
    page = person.page
    for route in ("/today", "/map", "/outbox", "/me", "/report/1", f"/task/{task['id']}"):
        page.goto(f"{site}/inspect#{route}")
        page.wait_for_timeout(700)
        assert _serious(page, axe) == [], route
    page.goto(f"{site}/inspect#/report/1")
    page.locator(".tile").first.click()
    page.set_input_files("input[name=photo]", photo)
    expect(page.locator(".shots img")).to_be_visible()
    assert _serious(page, axe) == []
    page.click("button.main.big")
    page.wait_for_timeout(800)
    assert _serious(page, axe) == []
