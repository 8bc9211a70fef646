"""The tables of room media."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

from cityops.db.base import Base

Instant = DateTime(timezone=True)


class File(Base):
    """A stored file; `digest` is the sha256 of its bytes."""

    __tablename__ = "files"
    __table_args__ = {"schema": "media"}

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    mime: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    thumb_size_bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)


class Photo(Base):
    """A photo as it was handed in: who, when, and where its own metadata said it was taken (EPSG:4490 degrees)."""

    __tablename__ = "photos"
    __table_args__ = {"schema": "media"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    digest: Mapped[bytes] = mapped_column(ForeignKey("media.files.digest"))
    source_digest: Mapped[bytes] = mapped_column(LargeBinary)
    """sha256 of the bytes as they arrived, before hidden data were taken out."""
    uploader_id: Mapped[int]
    phase: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(Instant)
