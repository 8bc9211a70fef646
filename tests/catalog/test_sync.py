"""Manifests become tables by additive change only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.catalog.errors import DestructiveChange, LayerExists, ManifestInvalid
from cityops.catalog.manifest import Manifest, load_manifests, read_manifest
from cityops.catalog.operations import new_layer, sync
from cityops.catalog.queries import columns_of, synced_layers

NOW = datetime(2026, 5, 1, tzinfo=UTC)
BENCHES = """
title: {{ zh: 座椅, en: Benches }}
geometry: {geometry}
fields:
{fields}
source: {{ zh: 测试, en: Test }}
licence: CC0-1.0
"""
NAME = "  name: { type: text, title: { zh: 名称, en: Name } }\n"
SEATS = "  seats: { type: integer, title: { zh: 座位, en: Seats } }\n"


def manifest(tmp_path: Path, fields: str = NAME, geometry: str = "point") -> Manifest:
    path = tmp_path / "benches" / "layer.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(BENCHES.format(fields=fields, geometry=geometry), encoding="utf-8")
    return read_manifest(path)


@pytest.fixture
def benches(session: Session, tmp_path: Path) -> Session:
    """A session in which the layer `benches` has its table and one row."""
    sync(session, [manifest(tmp_path)], NOW)
    session.execute(text("INSERT INTO layer_benches.items (geom, name) VALUES (ST_Point(112.5, 33, 4490), '长椅')"))
    return session


def test_a_new_manifest_gets_a_table_and_a_second_sync_changes_nothing(session: Session, tmp_path: Path) -> None:
    first = sync(session, [manifest(tmp_path)], NOW)
    assert len(first[0].statements) == 3
    assert sync(session, [manifest(tmp_path)], NOW)[0].statements == ()
    assert synced_layers(session)["benches"].geometry == "point"


def test_a_new_field_is_added_and_the_rows_stay(benches: Session, tmp_path: Path) -> None:
    done = sync(benches, [manifest(tmp_path, NAME + SEATS)], NOW)
    assert done[0].statements == ('ALTER TABLE layer_benches.items ADD COLUMN "seats" bigint',)
    assert benches.execute(text("SELECT name, seats FROM layer_benches.items")).all() == [("长椅", None)]


def test_a_dry_run_tells_what_would_happen_and_does_nothing(benches: Session, tmp_path: Path) -> None:
    assert sync(benches, [manifest(tmp_path, NAME + SEATS)], NOW, dry_run=True)[0].statements
    assert "seats" not in (columns_of(benches, "benches") or {})


@pytest.mark.parametrize(
    ("fields", "geometry", "way_out"),
    [
        (SEATS, "point", "retired: true"),
        (NAME.replace("text", "integer"), "point", "add a new field of the new type"),
        (NAME, "polygon", "make a new layer"),
        (NAME + SEATS.replace("} }", "}, required: true }"), "point", "without `required: true`"),
    ],
    ids=["a field removed", "a type changed", "the geometry changed", "a required field added to rows"],
)
def test_what_would_lose_data_is_refused_with_the_way_out(
    benches: Session, tmp_path: Path, fields: str, geometry: str, way_out: str
) -> None:
    before = columns_of(benches, "benches")
    with pytest.raises(DestructiveChange) as refused:
        sync(benches, [manifest(tmp_path, fields, geometry)], NOW)
    assert way_out in (refused.value.fix or "")
    assert columns_of(benches, "benches") == before


def test_when_one_layer_is_refused_no_other_is_changed(benches: Session, tmp_path: Path) -> None:
    other = tmp_path / "bins" / "layer.yaml"
    other.parent.mkdir()
    other.write_text(BENCHES.format(fields=NAME, geometry="point"), encoding="utf-8")
    with pytest.raises(DestructiveChange):
        sync(benches, [read_manifest(other), manifest(tmp_path, SEATS)], NOW)
    assert columns_of(benches, "bins") is None


def test_a_retired_field_keeps_its_column_and_is_no_longer_served(benches: Session, tmp_path: Path) -> None:
    retired = manifest(tmp_path, NAME.replace("} }", "}, retired: true }") + SEATS)
    sync(benches, [retired], NOW)
    assert "name" in (columns_of(benches, "benches") or {})
    assert [field.name for field in retired.live_fields] == ["seats"]


def test_making_a_field_required_while_a_row_lacks_it_is_refused(benches: Session, tmp_path: Path) -> None:
    sync(benches, [manifest(tmp_path, NAME + SEATS)], NOW)
    with pytest.raises(DestructiveChange, match="SET NOT NULL"):
        sync(benches, [manifest(tmp_path, NAME + SEATS.replace("} }", "}, required: true }"))], NOW)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("licence: CC0-1.0", ""), "file"),
        (("type: text", "type: blob"), "fields.name.type"),
        (("geometry: point", "geometry: cloud"), "geometry"),
        (("  name:", "  Name:"), "fields"),
        (("  name:", "  geom:"), "fields"),
        (("title: { zh: 座椅, en: Benches }", "title: { zh: 座椅 }"), "title"),
        (("source:", "style: [{ type: circle, paint: { circle-color: '@pink' } }]\nsource:"), "style.0"),
        (("source:", "zoom: { thin: { field: colour, values: {} } }\nsource:"), "zoom.thin.field"),
        (("source:", "zoom: { min: 14, max: 3 }\nsource:"), "zoom.min"),
        (("title:", "title: ["), "line"),
    ],
)
def test_a_wrong_manifest_names_the_place_and_the_reason(tmp_path: Path, change: tuple[str, str], where: str) -> None:
    path = tmp_path / "benches" / "layer.yaml"
    path.parent.mkdir()
    path.write_text(BENCHES.format(fields=NAME, geometry="point").replace(*change), encoding="utf-8")
    with pytest.raises(ManifestInvalid) as refused:
        read_manifest(path)
    assert where in str(refused.value.field)
    assert str(path) in refused.value.message


def test_a_new_layer_begins_with_a_valid_manifest(session: Session, tmp_path: Path) -> None:
    for geometry in ("point", "line", "polygon"):
        new_layer(tmp_path, f"new_{geometry}", geometry, "新图层: “一”", "New: layer")
    made = load_manifests(tmp_path)
    assert [found.title.zh for found in made] == ["新图层: “一”"] * 3
    assert all(done.statements for done in sync(session, made, NOW))
    with pytest.raises(LayerExists):
        new_layer(tmp_path, "new_point", "point", "又", "Again")
    with pytest.raises(ManifestInvalid):
        new_layer(tmp_path, "Bad Name", "point", "坏", "Bad")
