"""Verbs of the catalogue: bring the tables to the manifests, and begin a new layer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops import clock
from cityops.catalog import queries, tables
from cityops.catalog.errors import DestructiveChange, LayerExists, ManifestInvalid
from cityops.catalog.manifest import FILE_NAME, Manifest, load_manifests, read_manifest
from cityops.catalog.models import SyncedLayer
from cityops.catalog.sources import LAYER_ID
from cityops.paths import layers_dir

SYNC_LOCK = 0x6C61_7965_7273
"""Advisory lock of the transaction that changes layer tables."""


@dataclass(frozen=True)
class Synced:
    """What a sync did to one layer; `statements` is empty when the table was already right."""

    layer: str
    statements: tuple[str, ...]


def sync(session: Session, manifests: Iterable[Manifest], now: datetime, *, dry_run: bool = False) -> list[Synced]:
    """Create and extend the tables of the manifests; all of them or, when one is refused, none.

    Every plan is made before the first statement runs. Raises DestructiveChange.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SYNC_LOCK})
    known = queries.synced_layers(session)
    plans: list[tuple[Manifest, list[str]]] = []
    for manifest in manifests:
        columns = queries.columns_of(session, manifest.id)
        record = known.get(manifest.id)
        has_rows = columns is not None and queries.has_rows(session, manifest.id)
        geometry = record.geometry if record else None
        plans.append((manifest, tables.plan_sync(manifest, columns, geometry, has_rows=has_rows)))
    if dry_run:
        return [Synced(manifest.id, tuple(statements)) for manifest, statements in plans]
    for manifest, statements in plans:
        for statement in statements:
            try:
                session.execute(text(statement.replace(":", r"\:")))
            except IntegrityError as error:
                fix = "fill the rows that have no value yet, then sync again"
                raise DestructiveChange(layer=manifest.id, change=f"`{statement}`", field=manifest.id, fix=fix) from error
        record = known.get(manifest.id)
        if record is None:
            session.add(SyncedLayer(id=manifest.id, geometry=manifest.geometry, digest=manifest.digest, synced_at=now))
        elif record.digest != manifest.digest:
            record.digest, record.synced_at = manifest.digest, now
    session.flush()
    return [Synced(manifest.id, tuple(statements)) for manifest, statements in plans]


def seed(session: Session) -> None:
    """Make the tables of the manifests that travel with the package; safe to run again."""
    sync(session, load_manifests(layers_dir()), clock.now())


TEMPLATE = """\
# yaml-language-server: $schema=../../cityops/catalog/manifest.schema.json
title: {{ zh: {title_zh}, en: {title_en} }}
geometry: {geometry}
fields:
  name: {{ type: text, title: {{ zh: 名称, en: Name }} }}
zoom: {{ min: 12, max: 16 }}
style:
{style}
source: {{ zh: 未注明, en: Not stated }}
licence: unknown
"""
STYLES = {
    "point": "  - type: circle\n"
    '    paint: { circle-radius: 4, circle-color: "@brand", circle-stroke-color: "@surface", circle-stroke-width: 1 }',
    "line": '  - type: line\n    paint: { line-color: "@brand", line-width: 1.5 }',
    "polygon": '  - type: fill\n    paint: { fill-color: "@brand-wash", fill-outline-color: "@brand" }',
}


def new_layer(folder: Path, layer_id: str, geometry: str, title_zh: str, title_en: str) -> Path:
    """Write the first manifest of a layer and return its path; raises LayerExists or ManifestInvalid."""
    path = folder / layer_id / FILE_NAME
    if not LAYER_ID.match(layer_id):
        reason = f"{layer_id!r} must match {LAYER_ID.pattern}"
        raise ManifestInvalid(path=path, where="id", reason=reason, field="id", fix="use small letters, digits and _")
    if path.exists():
        raise LayerExists(layer=layer_id, field="id", fix=f"edit {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = {"title_zh": _yaml_text(title_zh), "title_en": _yaml_text(title_en)}
    path.write_text(TEMPLATE.format(geometry=geometry, style=STYLES[geometry], **quoted), encoding="utf-8")
    read_manifest(path)
    return path


def _yaml_text(value: str) -> str:
    """A text as a quoted YAML scalar; JSON strings are YAML."""
    return json.dumps(value, ensure_ascii=False)
