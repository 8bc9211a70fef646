"""The map: the GL canvas lies exactly under Leaflet, picking goes through geography, and without WebGL there is still a map."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Opener, Person

pytestmark = pytest.mark.browser

MOST_OFFSET_PX = 1.0
"""How far a feature may lie from its Leaflet pixel."""

NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return String(kind).startsWith('webgl') ? null : original.call(this, kind, ...rest);
};
"""

# Runs in the page: every component that is drawn, where Leaflet and the GL canvas put it on the screen, and what a pick there finds.
PROBE = """
() => {
  const city = document.querySelector('.leaflet').cityMap;
  const gl = city.gl.gl, map = city.map;
  const canvas = gl.getCanvas().getBoundingClientRect(), frame = map.getContainer().getBoundingClientRect();
  const box = map.getBounds();
  const seen = new Map();
  for (const feature of gl.queryRenderedFeatures({ layers: ['components-points'] }))
    if (feature.geometry.type === 'Point' && box.contains([feature.geometry.coordinates[1], feature.geometry.coordinates[0]]))
      seen.set(feature.properties.code, feature.geometry.coordinates);
  const picked = [...seen].slice(0, 200).map(([code, [lon, lat]]) => {
    const here = gl.project([lon, lat]);
    // Leaflet's own latLngToContainerPoint rounds to whole pixels, which would add half a pixel that is not there.
    const there = map.layerPointToContainerPoint(map.project([lat, lon]).subtract(map.getPixelOrigin()));
    const hits = city.gl.pick(lon, lat, ['components']).map((hit) => hit.properties.code);
    return {
      code,
      hit: hits.includes(code),
      offset: Math.hypot(canvas.left + here.x - frame.left - there.x, canvas.top + here.y - frame.top - there.y),
      byPixel: gl.queryRenderedFeatures([there.x, there.y], { layers: ['components-points'] }).some((f) => f.properties.code === code),
    };
  });
  return picked;
}
"""


def _ready(person: Person) -> Page:
    person.page.wait_for_function("() => document.querySelector('.leaflet')?.cityMap?.gl?.gl.areTilesLoaded()", timeout=40_000)
    person.page.wait_for_timeout(800)
    return person.page


def _aligned(found: list[dict[str, Any]]) -> None:
    assert len(found) >= 100, "enough components are drawn to judge by"
    missed = [entry["code"] for entry in found if not entry["hit"]]
    assert missed == [], "every drawn component is picked at its own place"
    assert max(entry["offset"] for entry in found) < MOST_OFFSET_PX


def test_every_component_is_picked_where_it_is_drawn_before_and_after_a_pan(people: Opener) -> None:
    person = people("supervisor1")
    page = _ready(person)
    page.evaluate("document.querySelector('.leaflet').cityMap.map.setZoom(17)")
    _ready(person)
    found = page.evaluate(PROBE)
    _aligned(found)
    # The canvas is larger than the map, which is why pixels of the one are no pixels of the other.
    assert sum(entry["byPixel"] for entry in found) < len(found) / 2
    frame = page.locator(".leaflet").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + 400, frame["y"] + 400)
    page.mouse.down()
    page.mouse.move(frame["x"] + 320, frame["y"] + 330, steps=6)
    page.mouse.up()
    page.wait_for_timeout(900)
    _ready(person)
    _aligned(page.evaluate(PROBE))
    person.calm()


def test_a_click_on_a_component_opens_it_and_a_click_beside_it_opens_the_cell(people: Opener) -> None:
    person = people("planner1")
    page = _ready(person)
    page.evaluate("document.querySelector('.leaflet').cityMap.map.setZoom(18)")
    _ready(person)
    spot = page.evaluate(
        """() => {
          const city = document.querySelector('.leaflet').cityMap, gl = city.gl.gl, map = city.map;
          const size = map.getSize();
          for (const feature of gl.queryRenderedFeatures({ layers: ['components-points'] })) {
            const [lon, lat] = feature.geometry.coordinates, at = map.latLngToContainerPoint([lat, lon]);
            if (at.x < 300 || at.y < 60 || at.x > size.x - 120 || at.y > size.y - 60) continue;
            if (city.gl.pick(lon, lat, ['components'])[0].properties.code === feature.properties.code)
              return { x: at.x, y: at.y, code: feature.properties.code };
          }
        }"""
    )
    page.locator(".leaflet").click(position={"x": spot["x"], "y": spot["y"]})
    expect(page.locator("co-detail-pane header")).to_contain_text(spot["code"])
    assert f"open=component:{spot['code']}" in page.url
    expect(page.locator("co-detail-pane .facts")).to_contain_text("养护单位")
    expect(page.locator("co-detail-pane .log li").first).to_be_visible()
    page.locator("co-detail-pane .facts .link").first.click()
    expect(page.locator("co-detail-pane header")).to_contain_text("类区域")
    assert "open=cell:" in page.url
    person.calm()


def test_layers_are_switched_in_the_legend_and_a_zoom_that_hides_one_says_so(people: Opener) -> None:
    person = people("supervisor1")
    page = _ready(person)
    components = page.locator(".leg", has_text="部件")
    expect(components.locator("small")).not_to_have_text("…")
    components.click()
    expect(components.locator("small")).to_have_text("已关")
    assert "layers=" in page.url and "components" not in page.url
    components.click()
    page.evaluate("document.querySelector('.leaflet').cityMap.map.setZoom(11)")
    expect(components.locator("small")).to_have_text("放大可见")
    person.calm()


def test_without_webgl_the_console_shows_a_plain_map_and_says_so(people: Opener, screenshots: Path) -> None:
    person = people("supervisor1", script=NO_WEBGL)
    page = person.page
    expect(page.locator(".notices")).to_contain_text("没有可用的 WebGL")
    page.wait_for_function("() => document.querySelector('.leaflet').cityMap.plain?.counts.get('cells') > 0", timeout=20_000)
    expect(page.locator(".case-pin, .case-cluster").first).to_be_visible()
    expect(page.locator(".leg", has_text="单元网格").locator("small")).not_to_have_text("…")
    page.screenshot(path=screenshots / "console-without-webgl.png")
    person.calm()


def test_a_measured_line_shows_its_length_and_escape_ends_it(people: Opener) -> None:
    person = people("supervisor1")
    page = _ready(person)
    page.get_by_role("button", name="测量距离").click()
    page.locator(".leaflet").click(position={"x": 400, "y": 300})
    page.locator(".leaflet").click(position={"x": 600, "y": 300})
    expect(page.locator(".tape-label")).to_contain_text(" m")
    page.keyboard.press("Escape")
    expect(page.locator(".tape-label")).to_have_count(0)
    person.calm()


def _varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def _picture(colour: str) -> bytes:
    """A tile of one colour."""
    held = BytesIO()
    Image.new("RGB", (256, 256), colour).save(held, "PNG")
    return held.getvalue()


def _pmtiles(tile: bytes) -> bytes:
    """A PMTiles file, version 3, with one picture for the whole world."""
    directory = b"".join(_varint(value) for value in (1, 0, 1, len(tile), 1))
    metadata = b"{}"
    after = 127 + len(directory)
    sections = (127, len(directory), after, len(metadata), after + len(metadata), 0, after + len(metadata), len(tile))
    counts = (1, 1, 1)
    kinds = bytes((1, 1, 1, 2, 0, 0))  # clustered, no compression of directory and tiles, PNG, zoom 0 to 0
    bounds = struct.pack("<iiii", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000) + b"\0" + struct.pack("<ii", 0, 0)
    return b"PMTiles\x03" + struct.pack("<11Q", *sections, *counts) + kinds + bounds + directory + metadata + tile


def _with_outside(page: Page, outside: dict[str, Any]) -> None:
    def answer(route: Route) -> None:
        held = route.fetch()
        route.fulfill(response=held, json=held.json() | {"outside": outside})

    page.route("**/api/v1/basemap", answer)


def test_a_pmtiles_file_as_outside_basemap_lies_below_the_city(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    file = _pmtiles(_picture("#00a000"))

    def serve(route: Route) -> None:
        first, _, last = route.request.headers["range"].removeprefix("bytes=").partition("-")
        part = file[int(first) : int(last) + 1]
        headers = {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(file)}", "ETag": '"1"'}
        route.fulfill(status=206, body=part, headers=headers)

    page.route("**/outside.pmtiles", serve)
    _with_outside(page, {"kind": "pmtiles", "url": "/outside.pmtiles", "attribution": "© somebody"})
    page.goto(site)
    _ready(person)
    seen = Image.open(BytesIO(page.screenshot())).convert("RGB")
    assert seen.getpixel((1380, 600)) == (0, 160, 0)
    person.calm()


def test_pictures_from_outside_lie_below_the_city_with_their_attribution(people: Opener, site: str) -> None:
    person = people("supervisor1")
    page = person.page
    tile = _picture("#00a000")
    page.route("**/outside/**", lambda route: route.fulfill(status=200, content_type="image/png", body=tile))
    _with_outside(
        page,
        {
            "kind": "raster",
            "tiles": [f"{site}/outside/{{z}}/{{x}}/{{y}}.png"],
            "tile_size": 256,
            "max_zoom": 18,
            "attribution": "© somebody",
        },
    )
    page.goto(site)
    _ready(person)
    expect(page.locator(".pane-outside img.leaflet-tile-loaded").first).to_be_visible()
    expect(page.locator(".leaflet-control-attribution")).to_contain_text("© somebody")
    assert not page.evaluate(
        "document.querySelector('.leaflet').cityMap.gl.gl.getStyle().layers.some((layer) => layer.type === 'background')"
    )
    person.calm()
