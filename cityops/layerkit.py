"""The only door a layer may use: what it can import from the core, and what it can provide to it.

A layer that is more than its `layer.yaml` writes the furniture of a room and imports from here and from nowhere behind.
What is re-exported is a promise: it stays stable while the rooms behind it move.
"""

from __future__ import annotations

from cityops.catalog.manifest import Bilingual, Field, Manifest, Zoom, read_manifest
from cityops.catalog.sources import LayerSource
from cityops.clock import now
from cityops.db.base import SRID, Base, geom_type
from cityops.db.outbox import emit
from cityops.db.session import after_commit, unit_of_work
from cityops.db.sqlfiles import sql
from cityops.db.versions import touch, touch_box
from cityops.errors import CityopsError, Conflict, Invalid, NotFound, Refused
from cityops.identity.visibility import ScopedColumns, Viewer, visible

__all__ = [
    "SRID",
    "Base",
    "Bilingual",
    "CityopsError",
    "Conflict",
    "Field",
    "Invalid",
    "LayerSource",
    "Manifest",
    "NotFound",
    "Refused",
    "ScopedColumns",
    "Viewer",
    "Zoom",
    "after_commit",
    "emit",
    "geom_type",
    "now",
    "read_manifest",
    "sql",
    "touch",
    "touch_box",
    "unit_of_work",
    "visible",
]
