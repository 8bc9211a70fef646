"""Actions: writes that were made on a phone and arrive when there is a network. They end in the operations everybody uses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cityops.cases import operations
from cityops.cases.operations import CaseWritten
from cityops.cases.workflow import case_workflow
from cityops.field.schemas import REPORT
from cityops.identity.visibility import Viewer


def perform(
    session: Session, actor: Viewer, now: datetime, *, kind: str, number: str | None, made_at: datetime, body: dict[str, Any]
) -> CaseWritten:
    """Do what the action says (its body was checked against the same schema as at the front door, hence Any).

    The server's clock dates the event; the phone's `made_at` is kept in it. A phone whose clock runs ahead cannot date its
    work later than it arrives.
    """
    made_at = min(made_at, now)
    if kind == REPORT:
        return operations.report(session, actor, now, **{**body, "made_at": made_at})
    return operations.advance(session, actor, now, number or "", case_workflow().by_noun[kind].id, **{**body, "made_at": made_at})
