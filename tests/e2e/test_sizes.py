"""Budgets: what a browser has to load before somebody can work."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from cityops.paths import webmap_dir

KILOBYTE = 1000
SHELL_KB = 150
FIRST_VIEW_KB = 550
PHONE_KB = 150


def _packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 6))


def _named_in(page: str) -> list[Path]:
    """The scripts and styles a page names, and what its scripts import at once."""
    folder = webmap_dir()
    names = set(re.findall(r"/assets/([\w.-]+\.(?:js|css))", (folder / page).read_text()))
    todo = [name for name in names if name.endswith(".js")]
    while todo:
        text = (folder / "assets" / todo.pop()).read_text()
        for name in re.findall(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""", text):
            if name not in names:
                names.add(name)
                todo.append(name)
    return [folder / "assets" / name for name in sorted(names)]


def test_the_console_shell_stays_below_150_kb_and_its_first_view_below_550_kb() -> None:
    shell = sum(_packed(path) for path in _named_in("console.html"))
    assert shell < SHELL_KB * KILOBYTE
    lazy = [
        path
        for pattern in ("gl-layer-*.js", "maplibre-gl-*.js", "maplibre-gl-worker-*.mjs")
        for path in (webmap_dir() / "assets").glob(pattern)
    ]
    assert len(lazy) == 3, "the map engine is a part of its own, loaded after the shell"
    assert shell + sum(_packed(path) for path in lazy) < FIRST_VIEW_KB * KILOBYTE


def test_the_phone_page_stays_below_150_kb_and_holds_no_map_engine() -> None:
    files = _named_in("inspect.html")
    assert sum(_packed(path) for path in files) < PHONE_KB * KILOBYTE
    assert not any("maplibregl" in path.read_text() for path in files if path.suffix == ".js")
