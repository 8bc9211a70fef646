"""What the database knows of layer tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cityops.catalog.models import SyncedLayer


def synced_layers(session: Session) -> dict[str, SyncedLayer]:
    """The layers that have a table, by id."""
    return {layer.id: layer for layer in session.scalars(select(SyncedLayer))}


def columns_of(session: Session, layer_id: str) -> dict[str, tuple[str, bool]] | None:
    """Columns of a layer's table as name -> (SQL type, NOT NULL), or None when there is no table."""
    rows = session.execute(
        text(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute AS a"
            " WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        ),
        {"name": f"layer_{layer_id}.items"},
    ).all()
    return {name: (kind, not_null) for name, kind, not_null in rows} or None


def city_facts(session: Session) -> dict[str, Any]:
    """What was written down about the city when it was loaded: name_zh, name_en, bounds, attribution, licence, origin …; empty before."""
    found: dict[str, Any] | None = session.scalar(text("SELECT value FROM core.settings WHERE key = 'city'"))
    return found or {}


def has_rows(session: Session, layer_id: str) -> bool:
    """Whether the layer's table holds anything. `layer_id` has been checked against the pattern of ids."""
    return bool(session.scalar(text(f"SELECT EXISTS (SELECT 1 FROM layer_{layer_id}.items)")))


def estimated_count(session: Session, layer_id: str) -> int:
    """About how many rows the layer has, without counting them; -1 before the first ANALYZE."""
    statement = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
    return int(session.scalar(statement, {"name": f"layer_{layer_id}.items"}) or 0)
