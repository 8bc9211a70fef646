"""A whole city goes into an empty database only; this is where that is decided for every loader."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.exchange.errors import CityNotEmpty

LOAD_LOCK = 0x63_6974_796C6F
HOLDS = (
    ("grid.cells", "unit cells"),
    ("components.components", "components"),
    ("cases.cases", "cases"),
    ("identity.departments", "departments"),
)


def refuse_unless_empty(session: Session) -> None:
    """Raise CityNotEmpty when there is a city already; two loaders wait for one another here."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
    for table, what in HOLDS:
        if session.execute(text(f"SELECT EXISTS (SELECT 1 FROM {table})")).scalar_one():
            raise CityNotEmpty(what=what, fix="give CITYOPS_HOME another folder, or empty this one with `cityops db reset --yes`")
