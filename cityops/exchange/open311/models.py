"""The tables of Open311; they stand in the migration 0010."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

import cityops.cases.models  # noqa: F401  # it holds the table that the foreign key below names
from cityops.db.base import Base

Instant = DateTime(timezone=True)


class ApiKey(Base):
    """A client that may make requests. The key itself is shown once; only its SHA-256 is kept."""

    __tablename__ = "open311_keys"
    __table_args__ = {"schema": "exchange"}

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    label: Mapped[str] = mapped_column(Text, unique=True)
    contact: Mapped[str] = mapped_column(Text)
    key_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    per_minute: Mapped[int] = mapped_column(server_default="60")
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class KeyUse(Base):
    """How many requests a key made in its present minute."""

    __tablename__ = "open311_uses"
    __table_args__ = {"schema": "exchange"}

    key_id: Mapped[int] = mapped_column(ForeignKey("exchange.open311_keys.id"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(Instant)
    n: Mapped[int]


class OpenRequest(Base):
    """What the public channel gave with a request, beside the case that was made of it."""

    __tablename__ = "open311_requests"
    __table_args__ = {"schema": "exchange"}

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.cases.id"), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("exchange.open311_keys.id"))
    token: Mapped[str | None] = mapped_column(Text)
    """The client's own Idempotency-Key: a client whose answer was lost finds its request by it."""
    description: Mapped[str | None] = mapped_column(Text)
    address_string: Mapped[str | None] = mapped_column(Text)
    media_urls: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    # Codes and values of attributes as they were sent: JSON, hence Any.
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    reporter_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Names, e-mail, phone, account and device of the reporter as encrypted JSON; never shown here."""
