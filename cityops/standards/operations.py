"""Verbs of room standards. For now: the seed."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cityops.standards.seeds import seed_all


def seed(session: Session) -> None:
    """Load what a city cannot run without; safe to run again."""
    seed_all(session)
