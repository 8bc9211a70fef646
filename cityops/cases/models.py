"""The tables of the case file; triggers and indexes stand in the migrations `0008_cases` and `0011_special_acts`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, ForeignKey, Identity, LargeBinary, Numeric, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime, Text

import cityops.components.models
import cityops.grid.models
import cityops.identity.models
import cityops.media.models
import cityops.standards.models  # noqa: F401  # these five hold the tables that the foreign keys below name
from cityops.db.base import Base, geom_type

Instant = DateTime(timezone=True)


class WorkflowState(Base):
    """Mirror of a state of `data/workflow/case.yaml`."""

    __tablename__ = "workflow_states"
    __table_args__ = {"schema": "cases"}

    state: Mapped[str] = mapped_column(Text, primary_key=True)
    stage: Mapped[int] = mapped_column(SmallInteger)
    is_start: Mapped[bool]
    is_terminal: Mapped[bool]
    title_zh: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str] = mapped_column(Text)


class WorkflowEdge(Base):
    """Mirror of an edge; unique by act, from_state (null: the case is made) and to_state, so the mapper may key on them."""

    __tablename__ = "workflow_edges"
    __table_args__ = {"schema": "cases"}
    __mapper_args__ = {"primary_key": ["act", "from_state", "to_state"]}

    act: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(ForeignKey("cases.workflow_states.state"))
    to_state: Mapped[str] = mapped_column(ForeignKey("cases.workflow_states.state"))
    posts: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Case(Base):
    """The present state of a case. Written by `operations` only, together with the event it stands on."""

    __tablename__ = "cases"
    __table_args__ = {"schema": "cases"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    version: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[str] = mapped_column(ForeignKey("cases.workflow_states.state"))
    stage: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str] = mapped_column(Text)
    edition: Mapped[str] = mapped_column(Text)
    class_code: Mapped[str] = mapped_column(Text)
    condition_id: Mapped[int | None] = mapped_column(ForeignKey("standards.conditions.id"))
    component_id: Mapped[int | None] = mapped_column(ForeignKey("components.components.id"))
    component_code: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(geom_type("POINT"))
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    cell_code: Mapped[str] = mapped_column(CHAR(15), ForeignKey("grid.cells.code"))
    beat_id: Mapped[int | None] = mapped_column(ForeignKey("grid.beats.id"))
    area_grade: Mapped[str] = mapped_column(CHAR(1), server_default="B")
    department_id: Mapped[int | None] = mapped_column(ForeignKey("identity.departments.id"))
    handler_id: Mapped[int | None]
    assignee_id: Mapped[int | None]
    reporter_id: Mapped[int]
    limit_value: Mapped[Decimal | None] = mapped_column(Numeric)
    limit_unit: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    filed_at: Mapped[datetime | None] = mapped_column(Instant)
    dispatched_at: Mapped[datetime | None] = mapped_column(Instant)
    handled_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    soon_at: Mapped[datetime | None] = mapped_column(Instant)
    state_due_at: Mapped[datetime | None] = mapped_column(Instant)
    state_soon_at: Mapped[datetime | None] = mapped_column(Instant)
    rework_count: Mapped[int] = mapped_column(server_default="0")
    return_count: Mapped[int] = mapped_column(server_default="0")
    overdue_count: Mapped[int] = mapped_column(server_default="0")
    # An application nobody has decided yet (delay, suspension), and the date a suspension was asked for.
    pending: Mapped[str | None] = mapped_column(Text)
    asked_until: Mapped[datetime | None] = mapped_column(Instant)
    delay_count: Mapped[int] = mapped_column(server_default="0")
    suspension_count: Mapped[int] = mapped_column(server_default="0")
    suspended_at: Mapped[datetime | None] = mapped_column(Instant)
    suspended_until: Mapped[datetime | None] = mapped_column(Instant)
    redispatch_count: Mapped[int] = mapped_column(server_default="0")
    supervision: Mapped[str | None] = mapped_column(Text)
    supervision_kind: Mapped[str | None] = mapped_column(Text)
    supervision_count: Mapped[int] = mapped_column(server_default="0")
    forced: Mapped[bool] = mapped_column(server_default="false")
    reopen_count: Mapped[int] = mapped_column(server_default="0")
    appeal: Mapped[str | None] = mapped_column(Text)
    exempt: Mapped[bool] = mapped_column(server_default="false")
    urgent: Mapped[bool] = mapped_column(server_default="false")
    simplified: Mapped[bool] = mapped_column(server_default="false")
    verified: Mapped[str | None] = mapped_column(Text)
    # The proof of the routing decision as `routing.decide` made it: JSON, hence Any.
    routing: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    event_count: Mapped[int]
    head_digest: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class CaseEvent(Base):
    """One link of a chain; `body` is exactly the text that was hashed."""

    __tablename__ = "events"
    __table_args__ = {"schema": "cases"}

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.cases.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    act: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[int]
    actor_post: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    prev_digest: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class CasePhoto(Base):
    """A photo handed in with event `seq` of a case."""

    __tablename__ = "photos"
    __table_args__ = {"schema": "cases"}

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.cases.id"), primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("media.photos.id"), primary_key=True, unique=True)
    seq: Mapped[int]
    phase: Mapped[str] = mapped_column(Text)


class Task(Base):
    """What an inspector has to look at: verify before acceptance, check after handling."""

    __tablename__ = "tasks"
    __table_args__ = {"schema": "cases"}

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.cases.id"))
    kind: Mapped[str] = mapped_column(Text)
    assignee_id: Mapped[int | None]
    beat_id: Mapped[int | None] = mapped_column(ForeignKey("grid.beats.id"))
    state: Mapped[str] = mapped_column(Text, server_default="open")
    created_at: Mapped[datetime] = mapped_column(Instant)
    soon_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    done_by: Mapped[int | None]
    result: Mapped[str | None] = mapped_column(Text)


class NumberCounter(Base):
    """The last case number given out in a district on a local day."""

    __tablename__ = "number_counters"
    __table_args__ = {"schema": "cases"}

    district: Mapped[str] = mapped_column(CHAR(6), primary_key=True)
    counted_on: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
