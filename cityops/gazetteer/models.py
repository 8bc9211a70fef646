"""The tables of room gazetteer; indexes and the trigger stand in the migration 0010."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

from cityops.db.base import Base, geom_type

Instant = DateTime(timezone=True)


class Place(Base):
    """One place with its standard name. `geom` is its shape, `point` where its label and its address lie, both in EPSG:4490."""

    __tablename__ = "places"
    __table_args__ = {"schema": "gazetteer"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Text)
    """What sort of thing it is; for gathered places the layer or the level of the division."""
    street_id: Mapped[int | None] = mapped_column(ForeignKey("gazetteer.places.id"))
    """Of a door plate: the street it belongs to."""
    house_number: Mapped[int | None]
    house_suffix: Mapped[str] = mapped_column(Text, server_default="")
    """What follows the number: `-2` of 86号-2, `b` of 12b."""
    geom: Mapped[WKBElement] = mapped_column(geom_type("GEOMETRY"))
    point: Mapped[WKBElement] = mapped_column(geom_type("POINT"))
    source: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str | None] = mapped_column(Text, unique=True)
    """What a gathered place was made of, so that gathering again finds it; None for places entered by hand."""
    edited: Mapped[bool] = mapped_column(server_default="false")
    """Somebody changed it by hand; gathering leaves it alone from then on."""
    note: Mapped[str | None] = mapped_column(Text)
    registered_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(server_default="1")


class PlaceName(Base):
    """A name a place is found by. Door plates have none: they are found by street and number."""

    __tablename__ = "names"
    __table_args__ = {"schema": "gazetteer"}

    place_id: Mapped[int] = mapped_column(ForeignKey("gazetteer.places.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    """The name folded by `rules.fold`."""
    pinyin: Mapped[str] = mapped_column(Text)
    initials: Mapped[str] = mapped_column(Text)


class PlaceChange(Base):
    """What a place was and became; append-only."""

    __tablename__ = "changes"
    __table_args__ = {"schema": "gazetteer"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("gazetteer.places.id"))
    version: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    actor_id: Mapped[int | None]
    act: Mapped[str] = mapped_column(Text)
    # The place as JSON, hence Any.
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str | None] = mapped_column(Text)
