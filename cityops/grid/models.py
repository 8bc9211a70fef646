"""The tables of the grid; constraints that hold the rules of codes stand in the migration `0004_grid`."""

from __future__ import annotations

from datetime import date, datetime

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, Identity, func
from sqlalchemy.dialects.postgresql import ARRAY, CHAR
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

from cityops.db.base import Base, geom_type

Instant = DateTime(timezone=True)


class Division(Base):
    """A district (6 digits), street (9) or community (12); `geom` is null where only the code is known."""

    __tablename__ = "divisions"
    __table_args__ = {"schema": "grid"}

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    level: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("grid.divisions.code"))
    geom: Mapped[WKBElement | None] = mapped_column(geom_type("MULTIPOLYGON"))
    synthetic: Mapped[bool] = mapped_column(server_default="false")
    active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")


class Cell(Base):
    """A unit cell; an ended one keeps its row with the reason and the codes that follow it."""

    __tablename__ = "cells"
    __table_args__ = {"schema": "grid"}

    code: Mapped[str] = mapped_column(CHAR(15), primary_key=True)
    community_code: Mapped[str] = mapped_column(ForeignKey("grid.divisions.code"))
    geom: Mapped[WKBElement] = mapped_column(geom_type("POLYGON"))
    area_m2: Mapped[float]
    grade: Mapped[str] = mapped_column(CHAR(1), server_default="B")
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None] = mapped_column(Text)
    successor_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    note: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")


class Beat(Base):
    """A responsibility grid: a set of adjacent cells with the inspectors who walk it.

    Triggers keep `geom` (the ground of its live cells) and `first_cell` (the lowest of their codes, by which the beat
    counts as lying in a division when visibility is asked).
    """

    __tablename__ = "beats"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    shift: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default="true")
    geom: Mapped[WKBElement | None] = mapped_column(geom_type("MULTIPOLYGON"))
    first_cell: Mapped[str | None] = mapped_column(CHAR(15))
    version: Mapped[int] = mapped_column(server_default="1")


class BeatCell(Base):
    """A cell in a beat for a span of days; `until` null means now."""

    __tablename__ = "beat_cells"
    __table_args__ = {"schema": "grid"}

    beat_id: Mapped[int] = mapped_column(ForeignKey("grid.beats.id"), primary_key=True)
    cell_code: Mapped[str] = mapped_column(CHAR(15), ForeignKey("grid.cells.code"), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date | None]


class BeatInspector(Base):
    """An inspector of a beat for a span of days; `until` null means now."""

    __tablename__ = "beat_inspectors"
    __table_args__ = {"schema": "grid"}

    beat_id: Mapped[int] = mapped_column(ForeignKey("grid.beats.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(primary_key=True)  # refers to identity.users; the migration holds the constraint
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date | None]


class Draft(Base):
    """A set of changes to the grid that is worked on, validated, and then published or discarded as one."""

    __tablename__ = "drafts"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Instant)
    closed_by: Mapped[int | None]
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(server_default="1")


class DraftChange(Base):
    """One act of a draft on the cells `cell_codes`; what comes of it are its draft cells."""

    __tablename__ = "draft_changes"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("grid.drafts.id"))
    act: Mapped[str] = mapped_column(Text)
    cell_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    added_by: Mapped[int | None]
    added_at: Mapped[datetime] = mapped_column(Instant)


class DraftCell(Base):
    """A cell as it will be: with the code it keeps (reshape) or the one it is given on publication."""

    __tablename__ = "draft_cells"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    change_id: Mapped[int] = mapped_column(ForeignKey("grid.draft_changes.id", ondelete="CASCADE"))
    community_code: Mapped[str] = mapped_column(ForeignKey("grid.divisions.code"))
    geom: Mapped[WKBElement] = mapped_column(geom_type("POLYGON"))
    grade: Mapped[str] = mapped_column(CHAR(1), server_default="B")
    note: Mapped[str | None] = mapped_column(Text)
    keeps_code: Mapped[str | None] = mapped_column(CHAR(15))
    code: Mapped[str | None] = mapped_column(CHAR(15))


class CellHistory(Base):
    """A cell as it was until `valid_to`."""

    __tablename__ = "cell_history"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(CHAR(15), ForeignKey("grid.cells.code"))
    version: Mapped[int]
    geom: Mapped[WKBElement] = mapped_column(geom_type("POLYGON"))
    area_m2: Mapped[float]
    grade: Mapped[str] = mapped_column(CHAR(1))
    note: Mapped[str | None] = mapped_column(Text)
    act: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    draft_id: Mapped[int | None] = mapped_column(ForeignKey("grid.drafts.id"))
    actor_id: Mapped[int | None]
    valid_to: Mapped[datetime] = mapped_column(Instant)


class Revision(Base):
    """One row per change of cells or beats, written by triggers."""

    __tablename__ = "revisions"
    __table_args__ = {"schema": "grid"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, server_default=func.clock_timestamp())
