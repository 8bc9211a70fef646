"""An act on its way into the chain: what was handed in, and one value that the effects fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from cityops.cases import intake
from cityops.cases.rules import Clock
from cityops.cases.workflow import Act, Workflow
from cityops.identity.visibility import Viewer
from cityops.standards.rules import Calendar


@dataclass(frozen=True)
class Inputs:
    """What an actor may hand in with an act. Each act says what it requires; it does not look at the rest."""

    reason: str | None = None
    note: str | None = None
    result: str | None = None
    photos: Sequence[int] = ()
    department_id: int | None = None
    condition_id: int | None = None
    kind: str | None = None
    class_code: str | None = None
    edition: str | None = None
    assignee_id: int | None = None
    until_on: date | None = None
    """A day of the city's calendar; what lasts until it ends when that day begins."""
    made_at: datetime | None = None


@dataclass
class Change:
    """An act on its way into the chain: what it knows, and what it will write."""

    session: Session
    flow: Workflow
    act: Act
    actor: Viewer
    at: datetime
    case: Row[Any]  # a row of `case_facts.sql`
    given: Inputs
    calendar: Calendar
    columns: dict[str, Any] = field(default_factory=dict)  # columns of cases.cases, of several types
    body: dict[str, Any] = field(default_factory=dict)  # JSON values of the event
    photos: list[intake.Photo] = field(default_factory=list)
    disposal: Clock | None = None
    """The disposal clock as it stands after the act."""
