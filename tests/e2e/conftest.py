"""A served sample city and people with browsers."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from sqlalchemy import Engine

from cityops.config import Settings
from cityops.paths import webmap_dir

PASSWORD = "nanyang-2026"
"""Of every account of the sample city."""

# WebGL in software and the server share whatever processors there are; a busy machine is no fault of the product.
expect.set_options(timeout=20_000)

ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

FAILED = pytest.StashKey[bool]()

DESKTOP = {"width": 1440, "height": 900}
WALL = {"width": 1920, "height": 1080}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, drawing WebGL in software."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("no Chromium found: run `make setup`, which installs it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield running
        running.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(city: Engine, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server on the module's own sample city."""
    assert (webmap_dir() / "console.html").is_file(), "the web map is not built: run `make setup`"
    home = tmp_path_factory.mktemp("site")
    port = _free_port()
    environment = os.environ | {
        "CITYOPS_HOME": str(home),
        "CITYOPS_DATABASE_URL": city.url.render_as_string(hide_password=False),
        "CITYOPS_MEDIA_DIR": str(settings.media_dir),  # where the sample's photos are
        "CITYOPS_PORT": str(port),
    }
    log = (home / "server.log").open("wb")
    server = subprocess.Popen([sys.executable, "-m", "cityops.serve.web"], env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address, server, home / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not come up:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def screenshots(repository: Path) -> Path:
    """Where pictures for looking at are kept."""
    folder = repository / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo as a phone makes it: large, with something on it."""
    path = tmp_path_factory.mktemp("camera") / "photo.jpg"
    picture = Image.effect_noise((2400, 1800), 40).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 1000, 2400, 1800), fill="#6f6a62")
    draw.ellipse((900, 1150, 1500, 1450), fill="#2e2e30", outline="#8d8577", width=24)
    picture.save(path, quality=92)
    return path


@dataclass
class Person:
    """Somebody at a screen. `page` is signed in; `errors` collects what the page complained about."""

    login: str
    context: BrowserContext
    page: Page
    site: str
    errors: list[str] = field(default_factory=list)

    def calm(self) -> None:
        """Fail when the page threw, logged an error, or broke its content security policy."""
        assert self.errors == [], f"{self.login}'s page complained"


Opener = Callable[..., Person]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let fixtures know how the test went, so that a failed one leaves pictures."""
    outcome: Any = yield  # pluggy's result object
    report = outcome.get_result()
    if report.when == "call":
        item.stash[FAILED] = report.failed


@pytest.fixture
def people(browser: Browser, site: str, screenshots: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens pages: `people("leader1")` at the console, `people("inspector1", phone=True, at=(lon, lat))` on the street."""
    opened: list[Person] = []

    def open_page(
        login: str | None,
        *,
        phone: bool = False,
        at: tuple[float, float] | None = None,
        path: str | None = None,
        language: str = "zh",
        theme: str = "light",
        viewport: dict[str, int] | None = None,
        script: str = "",
    ) -> Person:
        options: dict[str, Any] = {"viewport": viewport or (PHONE if phone else DESKTOP), "timezone_id": "Asia/Shanghai", "locale": "zh-CN"}
        if phone:
            options |= {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
        if at is not None:
            options |= {"geolocation": {"longitude": at[0], "latitude": at[1], "accuracy": 8}, "permissions": ["geolocation"]}
        context = browser.new_context(**options)
        context.add_init_script(
            f"localStorage.setItem('cityops.language', '{language}'); localStorage.setItem('cityops.theme', '{theme}');"
        )
        if script:
            context.add_init_script(script)
        page = context.new_page()
        person = Person(login or "nobody", context, page, site)
        opened.append(person)
        page.on("pageerror", lambda error: person.errors.append(f"thrown: {error}"))
        page.on("console", lambda message: _note(person, message))
        page.goto(site + (path or ("/inspect" if phone else "/")))
        if login is not None:
            page.fill("[name=login]", login)
            page.fill("[name=password]", PASSWORD)
            page.click("form button.main")
            page.wait_for_selector(".fab" if phone else "co-list-pane", timeout=20_000)
        return person

    yield open_page
    for number, person in enumerate(opened):
        if request.node.stash.get(FAILED, False):
            for page in person.context.pages:
                page.screenshot(path=screenshots / f"failed-{request.node.name}-{number}-{person.login}.png")
        person.context.close()


# The browser itself logs every refused request; a test that expects one looks at the page instead.
_EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of (401|403|404|409|412|422)|ERR_INTERNET_DISCONNECTED|GL Driver Message"
)


def _note(person: Person, message: ConsoleMessage) -> None:
    if message.type == "error" and not _EXPECTED.search(message.text):
        person.errors.append(message.text)
