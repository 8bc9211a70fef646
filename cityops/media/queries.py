"""Reads of room media."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cityops.media.models import File, Photo


def photos_by_id(session: Session, photo_ids: Sequence[int]) -> list[Photo]:
    """The photos that exist among these ids, in no particular order."""
    return list(session.scalars(select(Photo).where(Photo.id.in_(photo_ids))))


def photo(session: Session, photo_id: int) -> Photo | None:
    """One photo."""
    return session.get(Photo, photo_id)


def file_of(session: Session, digest: bytes) -> File | None:
    """The stored file of this digest."""
    return session.get(File, digest)
