"""How the pages are served: the headers that guard them, caching, compression."""

from __future__ import annotations

import gzip
import re

import pytest
from flask.testing import FlaskClient

from cityops.http.pages import content_security_policy
from cityops.paths import webmap_dir


@pytest.mark.parametrize(("path", "element"), [("/", "co-console"), ("/inspect", "co-inspect")])
def test_a_page_comes_with_a_policy_that_lets_only_our_own_scripts_run(client: FlaskClient, path: str, element: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert f"<{element}>" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text), "no script stands inside the page"


def test_assets_never_change_under_their_name_and_travel_compressed(client: FlaskClient) -> None:
    name = next((webmap_dir() / "assets").glob("console-*.js")).name
    plain = client.get(f"/assets/{name}")
    packed = client.get(f"/assets/{name}", headers={"Accept-Encoding": "gzip"})
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Type"].startswith("text/javascript")
    again = client.get(f"/assets/{name}", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/assets/none.js", "/assets/../console.html", "/assets/%2e%2e/console.html", "/assets/", "/assets/%2e"])
def test_what_is_not_there_is_a_problem_document_and_no_other_file(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_an_outside_basemap_opens_the_policy_for_its_own_host_only() -> None:
    assert "https://tile.openstreetmap.org" in content_security_policy("osm")
    assert "https://*.tianditu.gov.cn" in content_security_policy("tianditu:KEY")
    assert "https://maps.city.example;" in content_security_policy("https://maps.city.example/a/nanyang.pmtiles").replace(" data:", ";")
    assert "http" not in content_security_policy("")
    assert "http" not in content_security_policy("/files/nanyang.pmtiles")
