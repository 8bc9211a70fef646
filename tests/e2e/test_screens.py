"""Every screen as a picture, in both languages and themes and three widths; nothing is cut and nothing leaves the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import DESKTOP, PHONE, WALL, Opener

pytestmark = pytest.mark.browser

CONSOLE = [
    ("zh", "light", DESKTOP),
    ("en", "light", DESKTOP),
    ("zh", "dark", WALL),
    ("en", "dark", PHONE),
]
STREET = [("zh", "light"), ("en", "dark")]

# Labels that do not fit their button, and anything wider than the window.
CUT = """
() => {
  const cut = [...document.querySelectorAll('.btn, .chip, .vital, .tile, .answer, .tabs a, .rail > *, h1, .counts')]
    .filter((node) => node.offsetParent && !node.classList.contains('sr') && node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.textContent.trim());
  if (document.documentElement.scrollWidth > window.innerWidth) cut.push('the page itself');
  for (const node of document.querySelectorAll('.card, .tile, .btn, .note, .row, .input, h1, dd'))
    if (node.offsetParent && !node.closest('.sr') && node.getBoundingClientRect().right > window.innerWidth + 1)
      cut.push('leaves the window: ' + node.textContent.trim().slice(0, 60));
  return cut;
}
"""


def _picture(page: Page, folder: Path, name: str) -> None:
    page.wait_for_timeout(1200)
    page.wait_for_function("() => document.querySelector('.leaflet')?.cityMap?.gl?.gl.areTilesLoaded() ?? true", timeout=30_000)
    page.screenshot(path=folder / f"{name}.png")
    assert page.evaluate(CUT) == [], name


@pytest.mark.parametrize(("language", "theme", "size"), CONSOLE)
def test_the_console_fits_its_window(people: Opener, site: str, screenshots: Path, language: str, theme: str, size: dict[str, int]) -> None:
    tag = f"console-{language}-{theme}-{size['width']}"
    visitor = people(None, language=language, theme=theme, viewport=size)
    _picture(visitor.page, screenshots, f"{tag}-sign-in")
    person = people("dispatcher1", language=language, theme=theme, viewport=size)
    page = person.page
    expect(page.locator(".row[data-number]").first).to_be_visible()
    page.wait_for_timeout(2500)
    _picture(page, screenshots, f"{tag}-list")
    api = Api(site, "dispatcher1")
    case = api.get("/cases", state="to_dispatch", limit=1)["items"][0]["number"]
    page.goto(f"{site}/?open=case:{case}")
    page.click("[data-act=dispatch]")
    expect(page.locator(".actform")).to_be_visible()
    _picture(page, screenshots, f"{tag}-case")
    component = api.get("/components", limit=1)["items"][0]
    page.goto(f"{site}/?open=component:{component['code']}")
    expect(page.locator("co-detail-pane .facts")).to_be_visible()
    _picture(page, screenshots, f"{tag}-component")
    page.goto(f"{site}/?open=cell:{component['cell_code']}")
    expect(page.locator("co-detail-pane .facts")).to_be_visible()
    _picture(page, screenshots, f"{tag}-cell")
    page.goto(f"{site}/?open=case:411303-19990101-00001")
    expect(page.locator("co-detail-pane .note.bad")).to_be_visible()
    _picture(page, screenshots, f"{tag}-not-found")
    person.calm()


@pytest.mark.parametrize(("language", "theme"), STREET)
def test_the_phone_page_fits_its_screen(people: Opener, site: str, screenshots: Path, photo: Path, language: str, theme: str) -> None:
    tag = f"phone-{language}-{theme}"
    task = Api(site, "inspector1").get("/tasks")["items"][0]
    visitor = people(None, phone=True, language=language, theme=theme)
    _picture(visitor.page, screenshots, f"{tag}-sign-in")
    person = people("inspector1", phone=True, at=(task["lon"], task["lat"]), language=language, theme=theme)
    page = person.page
    for name in ("today", "map", "outbox", "me", "report/1"):
        page.goto(f"{site}/inspect#/{name}")
        _picture(page, screenshots, f"{tag}-{name.replace('/', '-')}")
    page.locator(".tile").nth(3).click()
    page.set_input_files("input[name=photo]", photo)
    expect(page.locator(".shots img")).to_be_visible()
    _picture(page, screenshots, f"{tag}-report-2")
    page.click("button.main.big")
    _picture(page, screenshots, f"{tag}-report-3")
    page.goto(f"{site}/inspect#/task/{task['id']}")
    expect(page.locator(".answer").first).to_be_visible()
    _picture(page, screenshots, f"{tag}-task")
    person.calm()
