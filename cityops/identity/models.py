"""Tables of room identity. The audit and sessions are written by `audit.py` and `sessions.py` alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cityops.db.base import Base

SCHEMA = {"schema": "identity"}


class Department(Base):
    """A department of the city; `parent_id` makes the tree, `division_code` says whose administrator may change it (None: the city's)."""

    __tablename__ = "departments"
    __table_args__ = SCHEMA

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("identity.departments.id"), index=True)
    division_code: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    version: Mapped[int] = mapped_column(server_default=text("1"), default=1)


class User(Base):
    """A person who signs in. `locked_until` is set by an administrator; the pauses after failed attempts live in `attempts`."""

    __tablename__ = "users"
    __table_args__ = SCHEMA

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    login: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    posts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("identity.departments.id"), index=True)
    division_code: Mapped[str | None] = mapped_column(Text)
    phone_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    password_hash: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    failed_count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    version: Mapped[int] = mapped_column(server_default=text("1"), default=1)


class ScopeRow(Base):
    """One permitted combination of a user; None on an axis means everything on it. See `rules.Scope`."""

    __tablename__ = "scopes"
    __table_args__ = (
        UniqueConstraint(
            "user_id", "division_code", "beat_id", "department_id", "layer", name="uq_scopes_user_id", postgresql_nulls_not_distinct=True
        ),
        SCHEMA,
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("identity.users.id", ondelete="CASCADE"))
    division_code: Mapped[str | None] = mapped_column(Text)
    beat_id: Mapped[int | None] = mapped_column(Integer)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("identity.departments.id"))
    layer: Mapped[str | None] = mapped_column(Text)


class SessionRow(Base):
    """A signed-in console, a phone's or script's bearer token, or a personal token. Only the digest of the token is kept."""

    __tablename__ = "sessions"
    __table_args__ = SCHEMA

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("identity.users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, server_default=text("''"), default="")
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    csrf: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ip: Mapped[str | None] = mapped_column(Text)
    agent: Mapped[str | None] = mapped_column(Text)


class Attempt(Base):
    """Failed sign-ins in a row under one key: a login (by digest, existing or not) or an address."""

    __tablename__ = "attempts"
    __table_args__ = SCHEMA

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    failed_count: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class AuditRow(Base):
    """One line of the audit; a trigger refuses every UPDATE, DELETE and TRUNCATE. Any in `detail`: each act notes what it needs."""

    __tablename__ = "audit"
    __table_args__ = SCHEMA

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor_id: Mapped[int | None] = mapped_column(Integer)
    act: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    ip: Mapped[str | None] = mapped_column(Text)
