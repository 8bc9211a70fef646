"""The catalogue's own table; the tables of the layers themselves are made from manifests (`tables.py`)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from cityops.db.base import Base


class SyncedLayer(Base):
    """One manifest that has a table, and the state of the file it was made from."""

    __tablename__ = "layers"
    __table_args__ = ({"schema": "catalog"},)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    geometry: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    synced_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
