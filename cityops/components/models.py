"""The tables of room components; what the database itself guarantees stands in the migrations 0005 and 0006."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, Identity, Integer
from sqlalchemy.dialects.postgresql import CHAR, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

from cityops.db.base import Base, geom_type

Instant = DateTime(timezone=True)
CodeText = Text(collation="C")


class Edition(Base):
    """An edition of the class standard: 'gbt30428.2-2013', 'cjt214-2007', 'local'."""

    __tablename__ = "editions"
    __table_args__ = {"schema": "components"}

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    title_zh: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str] = mapped_column(Text)
    in_force: Mapped[bool] = mapped_column(server_default="true")
    note: Mapped[str | None] = mapped_column(Text)


class MajorClass(Base):
    """The first two digits of a class code, with their names."""

    __tablename__ = "major_classes"
    __table_args__ = {"schema": "components"}

    edition: Mapped[str] = mapped_column(ForeignKey("components.editions.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)


class Class(Base):
    """A class of components or events in one edition; the same number in another edition may be another thing."""

    __tablename__ = "classes"
    __table_args__ = {"schema": "components"}

    edition: Mapped[str] = mapped_column(ForeignKey("components.editions.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    code: Mapped[str] = mapped_column(CodeText, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    geometry: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(Text)
    """Default department, as identity.departments.code; no such department means none is known yet."""
    icon: Mapped[str] = mapped_column(Text)
    mark: Mapped[str] = mapped_column(Text)
    source_mark: Mapped[str] = mapped_column(Text, server_default="?")
    """S seen in a source, K known, ? unsure, L set by the city itself."""
    note: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")


class Change(Base):
    """One act, or one batch of equal acts: who, when, what, why."""

    __tablename__ = "changes"
    __table_args__ = {"schema": "components"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor_id: Mapped[int | None]
    """identity.users.id; None is the system itself (an import from the command line)."""
    act: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    batch_id: Mapped[UUID | None] = mapped_column(PG_UUID)
    rows: Mapped[int] = mapped_column(Integer, server_default="1")


class CodeCounter(Base):
    """The last sequence number given out under a prefix (district + class)."""

    __tablename__ = "code_counters"
    __table_args__ = {"schema": "components"}

    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class _Version:
    """The columns of one version of a component, current or past."""

    code: Mapped[str] = mapped_column(CodeText)
    edition: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(CodeText)
    name: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement] = mapped_column(geom_type("GEOMETRY"))
    cell_code: Mapped[str] = mapped_column(CHAR(15))
    managing_id: Mapped[int | None]
    """主管部门, identity.departments.id; `owner_id` 权属单位 and `maintainer_id` 养护单位 likewise."""
    owner_id: Mapped[int | None]
    maintainer_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(Text, server_default="intact")
    started_on: Mapped[date | None]
    changed_on: Mapped[date | None]
    source: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")  # Any: local attributes are the city's own
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    change_id: Mapped[int] = mapped_column(BigInteger)


class Component(_Version, Base):
    """A component as it is now. Operations change it; a trigger keeps the version it was."""

    __tablename__ = "components"
    __table_args__ = {"schema": "components"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(CodeText, unique=True)
    version: Mapped[int] = mapped_column(server_default="1")


class History(_Version, Base):
    """A component as it was from `valid_from` up to but not including `valid_to`; written by the trigger only."""

    __tablename__ = "history"
    __table_args__ = {"schema": "components"}

    id: Mapped[int] = mapped_column(ForeignKey("components.components.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, server_default="1")
    change_id: Mapped[int] = mapped_column(ForeignKey("components.changes.id"))
    valid_to: Mapped[datetime] = mapped_column(Instant)


class CodeAlias(Base):
    """A code a component had before it was re-coded."""

    __tablename__ = "code_aliases"
    __table_args__ = {"schema": "components"}

    old_code: Mapped[str] = mapped_column(CodeText, primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("components.components.id"))
    since: Mapped[datetime] = mapped_column(Instant)
    change_id: Mapped[int] = mapped_column(ForeignKey("components.changes.id"))
