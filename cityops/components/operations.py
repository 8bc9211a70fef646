"""Verbs of room components. For now: the seed."""
from __future__ import annotations
from sqlalchemy.orm import Session
from cityops.components.tables import seed_editions


def seed(session: Session) -> None:
    """Load what a city cannot run without; safe to run again."""
    seed_editions(session)
