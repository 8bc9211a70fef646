"""What every layer.yaml must hold, asked of each of them: file, table, catalogue entry, items, tile, style."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.catalog import queries, tables
from cityops.catalog.basemap import layers_of, style_of
from cityops.catalog.manifest import Manifest, manifest_paths, read_manifest
from cityops.catalog.palette import PALETTE, painted
from cityops.db.session import unit_of_work
from cityops.db.versions import touch
from cityops.paths import layers_dir
from tests import mvt
from tests.factories.catalog import NANYANG, everyone, tile_at

PATHS = list(manifest_paths(layers_dir()))
SHAPES = {
    "point": "POINT({x} {y})",
    "line": "LINESTRING({x} {y}, {x1} {y1})",
    "polygon": "POLYGON(({x} {y}, {x1} {y}, {x1} {y1}, {x} {y1}, {x} {y}))",
}
VALUES = {"text": "'试'", "integer": "7", "number": "2.5", "boolean": "true", "date": "'2026-05-01'", "timestamp": "'2026-05-01T00:00Z'"}


@pytest.fixture(params=PATHS, ids=lambda path: path.parent.name)
def manifest(request: pytest.FixtureRequest) -> Manifest:
    return read_manifest(request.param)


@pytest.fixture
def planner(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("cityops.catalog.api.viewer", everyone)
    return app.test_client()


def test_there_are_manifests() -> None:
    assert {"roads", "water", "green", "buildings"} <= {path.parent.name for path in PATHS}


def test_python_beside_a_manifest_needs_a_package() -> None:
    for path in PATHS:
        assert not list(path.parent.glob("*.py")) or (path.parent / "__init__.py").is_file(), f"{path.parent} would drop out of the wheel"


def test_its_table_has_the_declared_columns_and_a_spatial_index(manifest: Manifest, session: Session) -> None:
    columns = queries.columns_of(session, manifest.id)
    assert columns is not None
    assert {name: kind for name, (kind, _) in columns.items() if name not in tables.OWN_COLUMNS} == {
        field.name: tables.SQL_TYPES[field.type] for field in manifest.fields
    }
    index = session.scalar(
        text("SELECT indexdef FROM pg_indexes WHERE schemaname = :schema AND tablename = 'items' AND indexdef LIKE '%gist (geom)%'"),
        {"schema": f"layer_{manifest.id}"},
    )
    assert index


def test_it_is_in_the_catalogue_with_both_titles_and_a_source(manifest: Manifest, planner: FlaskClient) -> None:
    entry = next(entry for entry in planner.get("/api/v1/layers").get_json()["items"] if entry["id"] == manifest.id)
    assert entry["title"] == {"zh": manifest.title.zh, "en": manifest.title.en}
    assert entry["source"]["zh"] and entry["licence"]
    assert [prop["name"] for prop in entry["properties"]] == [field.name for field in manifest.live_fields]


def test_one_feature_is_in_its_items_and_in_its_tile(manifest: Manifest, planner: FlaskClient, database: Engine) -> None:
    lon, lat = NANYANG
    shape = SHAPES[manifest.geometry].format(x=lon, y=lat, x1=lon + 0.002, y1=lat + 0.002)
    names = "".join(f', "{field.name}"' for field in manifest.fields)
    values = "".join(f", {VALUES[field.type]}" for field in manifest.fields)
    with unit_of_work(database) as session:
        made = session.scalar(
            text(f"INSERT INTO layer_{manifest.id}.items (geom{names}) VALUES (ST_GeomFromText('{shape}', 4490){values}) RETURNING id")
        )
        touch(session, manifest.id, lon, lat)
    found = planner.get(f"/api/v1/layers/{manifest.id}/items?bbox={lon - 0.01},{lat - 0.01},{lon + 0.01},{lat + 0.01}").get_json()
    feature = next(feature for feature in found["features"] if feature["id"] == str(made))
    assert feature["properties"].keys() == {field.name for field in manifest.live_fields}
    z, x, y = tile_at(lon + 0.001, lat + 0.001, max(manifest.zoom.from_zoom, manifest.zoom.max))
    answer = planner.get(f"/tiles/{manifest.id}/{z}/{x}/{y}.mvt")
    assert answer.status_code == 200
    assert made in {drawn.id for drawn in mvt.read(answer.data)[manifest.id]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_its_style_is_drawn_from_the_palette_in_both_themes(manifest: Manifest, theme: str) -> None:
    source = tables.source_of(manifest)
    drawn = [layer for _, layer in layers_of(source, style_of(source, manifest), theme)]  # type: ignore[arg-type]  # parametrised text
    assert drawn, "a layer nobody can see"
    assert "@" not in repr([layer.get("paint") for layer in drawn])
    assert len({layer["id"] for layer in drawn}) == len(drawn)
    assert not [value for value in repr(manifest.style).split("'") if value.startswith("#")], "name a token, not a colour"


def test_the_palette_is_that_of_the_pages(repository: Path) -> None:
    """One palette: the map's colours are those of the style sheet."""
    sheet = repository / "webmap" / "src" / "tokens.css"
    light, _, dark = sheet.read_text(encoding="utf-8").partition('[data-theme="dark"]')
    for theme, part in (("light", light), ("dark", dark)):
        for token, colour in PALETTE[theme].items():  # type: ignore[index]  # the two keys of the palette
            assert f"--{token}: {colour}" in part, f"{theme} {token}"
    assert painted({"line-color": ["case", True, "@road", "@ink"]}, "dark") == {"line-color": ["case", True, "#2c3940", "#e9efef"]}
