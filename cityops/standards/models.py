"""The tables of room standards; their constraints stand in the migration 0005."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Identity, Integer, Numeric
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from cityops.db.base import Base


class Condition(Base):
    """When a problem of a class is filed, when it is closed, and within what time; valid between two dates."""

    __tablename__ = "conditions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["edition", "kind", "class_code"],
            ["components.classes.edition", "components.classes.kind", "components.classes.code"],
            name="fk_conditions_class",
        ),
        {"schema": "standards"},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    edition: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text(collation="C"))
    number: Mapped[int]
    milestone: Mapped[int | None]
    """None: the only limit. 1, 2 …: several limits on one problem, the last of them its closing."""
    filing_zh: Mapped[str] = mapped_column(Text)
    filing_en: Mapped[str] = mapped_column(Text)
    closing_zh: Mapped[str] = mapped_column(Text)
    closing_en: Mapped[str] = mapped_column(Text)
    limit_a: Mapped[Decimal | None] = mapped_column(Numeric(9, 2))
    """Limit in core areas; `limit_b` in ordinary ones (always given), `limit_c` elsewhere. In units of `unit`."""
    limit_b: Mapped[Decimal] = mapped_column(Numeric(9, 2))
    limit_c: Mapped[Decimal | None] = mapped_column(Numeric(9, 2))
    unit: Mapped[str] = mapped_column(Text)
    department_code: Mapped[str | None] = mapped_column(Text)
    """identity.departments.code when this condition goes elsewhere than the class's default."""
    legal_basis: Mapped[str | None] = mapped_column(Text)
    effective_from: Mapped[dt.date]
    effective_to: Mapped[dt.date | None]
    """The last day it applies; None: until further notice."""
    is_default: Mapped[bool] = mapped_column(server_default="false")
    source: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")


class WorkingCalendar(Base):
    """Working periods and time zone of a city; 'default' serves every city without its own."""

    __tablename__ = "calendars"
    __table_args__ = {"schema": "standards"}

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    city: Mapped[str] = mapped_column(Text, unique=True)
    timezone: Mapped[str] = mapped_column(Text, server_default="Asia/Shanghai")
    working_periods: Mapped[list[list[str]]] = mapped_column(JSONB)
    known_years: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    version: Mapped[int] = mapped_column(server_default="1")


class CalendarDay(Base):
    """A day that differs from the ordinary week: a holiday, or a weekend day that is worked."""

    __tablename__ = "calendar_days"
    __table_args__ = {"schema": "standards"}

    calendar_id: Mapped[int] = mapped_column(ForeignKey("standards.calendars.id"), primary_key=True)
    on: Mapped[dt.date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text, server_default="")
    name_en: Mapped[str] = mapped_column(Text, server_default="")
    source: Mapped[str] = mapped_column(Text)
