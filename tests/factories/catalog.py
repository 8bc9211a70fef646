"""Rows and viewers for the tests of the catalogue."""

from __future__ import annotations

import math

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.db import versions
from cityops.identity.visibility import Grant, Viewer

NANYANG = (112.53, 33.0)
"""Longitude and latitude of the centre of Nanyang, degrees."""


def everyone(user_id: int = 1) -> Viewer:
    """A viewer without any limit."""
    return Viewer(user_id=user_id, login=f"u{user_id}", name="测试", posts=frozenset({"planner"}), department_id=None, grants=(Grant(),))


def only_layers(*layers: str) -> Viewer:
    """A viewer who may see these layers and nothing else."""
    grant = Grant(layers=frozenset(layers))
    return Viewer(user_id=2, login="u2", name="测试", posts=frozenset({"planner"}), department_id=None, grants=(grant,))


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    """The tile of zoom `z` that holds a point."""
    n = 1 << z
    x = int((lon + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    return z, x, y


def add_green(session: Session, name: str, lon: float, lat: float, size: float = 0.001) -> int:
    """One square of green with its south-west corner at a point, touched as a writer must; its id."""
    row_id = session.scalar(
        text("INSERT INTO layer_green.items (geom, name) VALUES (ST_MakeEnvelope(:w, :s, :e, :n, 4490), :name) RETURNING id"),
        {"w": lon, "s": lat, "e": lon + size, "n": lat + size, "name": name},
    )
    versions.touch_box(session, "green", lon, lat, lon + size, lat + size)
    assert row_id is not None
    return int(row_id)
