"""Reads of the field: the task list."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.cases.lookups import COLUMNS
from cityops.db.sqlfiles import sql
from cityops.identity.visibility import Viewer, visible


def list_tasks(
    session: Session, viewer: Viewer, now: datetime, *, mine: bool = True, state: str = "open", kind: str | None = None,
    lon: float | None = None, lat: float | None = None, limit: int = 100,
) -> str:  # fmt: skip
    """Verify and check tasks as JSON text: the viewer's own and the unassigned ones he sees, or with `mine` off all he sees.

    `lon` and `lat` (EPSG:4490 degrees) are where he stands; distances are metres along the ground.
    """
    seen, params = visible(viewer, COLUMNS)
    whose = "(t.assignee_id = :user_id OR t.assignee_id IS NULL)" if mine else "TRUE"
    if state == "done" and mine:
        whose = "t.done_by = :user_id"
    if kind is not None:
        whose += " AND t.kind = :kind"
    statement = sql(__package__, "list_tasks").format(whose=whose, visible=seen)
    values = {"user_id": viewer.user_id, "kind": kind, "state": state, "now": now, "lon": lon, "lat": lat, "limit": limit}
    return str(session.execute(text(statement), {**params, **values}).scalar_one())
