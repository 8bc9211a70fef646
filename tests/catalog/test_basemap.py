"""The basemap: an outside source only as the setting says, and a wrong setting told at the start."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from cityops.app import close_app, create_app
from cityops.catalog.basemap import outside_basemap
from cityops.catalog.palette import PALETTE, painted, unknown_tokens
from cityops.config import Settings
from cityops.errors import SetupError
from tests.factories.identity import WHOLE_CITY, bearer, saved_user


def test_without_a_setting_there_is_only_our_own() -> None:
    assert outside_basemap("") is None


@pytest.mark.parametrize(
    ("setting", "kind", "address"),
    [
        ("osm", "raster", "https://tile.openstreetmap.org/{z}/{x}/{y}.png"),
        ("tianditu:abc123", "raster", "TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=abc123"),
        ("https://tiles.example/city.pmtiles", "pmtiles", "https://tiles.example/city.pmtiles"),
        ("/media/city.pmtiles", "pmtiles", "/media/city.pmtiles"),
    ],
)
def test_an_outside_source_is_taken_by_a_setting(setting: str, kind: str, address: str) -> None:
    found = outside_basemap(setting)
    assert found is not None
    assert found["kind"] == kind
    assert address in (found["url"] if kind == "pmtiles" else found["tiles"][0])


@pytest.mark.parametrize("setting", ["google", "tianditu:", "tianditu:a&b", "https://tiles.example/{z}.png", "javascript:alert(1)"])
def test_a_setting_that_is_none_of_these_stops_the_start_with_its_name(setting: str, settings: Settings, engine: Engine) -> None:
    with pytest.raises(SetupError, match="CITYOPS_BASEMAP"):
        create_app(replace(settings, basemap=setting), engine)


def test_the_api_hands_the_outside_source_to_the_map(settings: Settings, database: Engine) -> None:
    app = create_app(replace(settings, basemap="osm"), database)
    headers = bearer(database, saved_user(database, "planner", scopes=WHOLE_CITY))
    found = app.test_client().get("/api/v1/basemap", headers=headers).get_json()
    assert found["outside"]["attribution"] == "© OpenStreetMap contributors"
    assert found["light"]["layers"], "our own stays there for when the outside one is away"
    close_app(app)


def test_a_token_is_a_colour_in_both_themes_and_a_stranger_is_found() -> None:
    assert PALETTE["light"].keys() == PALETTE["dark"].keys()
    rule = {"paint": {"fill-color": ["case", ["has", "n"], "@water", "@pink"]}, "layout": {"text-field": "@"}}
    assert unknown_tokens(rule) == {"@pink"}
    assert painted({"a": ["@water", 3, "plain"]}, "light") == {"a": ["#c9dfe8", 3, "plain"]}
