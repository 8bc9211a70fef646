"""The audit: one line for every sign-in, change of permission and refused act. Lines are added, never changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

log = logging.getLogger("cityops.identity")

OK, DENIED, FAILED = "ok", "denied", "failed"

INSERT = text(
    "INSERT INTO identity.audit (at, actor_id, act, object, outcome, reason, detail, ip)"
    " VALUES (:at, :actor_id, :act, :object, :outcome, :reason, CAST(:detail AS jsonb), :ip)"
)


def record(
    session: Session | Connection,
    *,
    now: datetime,
    actor_id: int | None,
    act: str,
    subject: str,
    outcome: str = OK,
    reason: str | None = None,
    detail: Mapping[str, object] | None = None,
    ip: str | None = None,
) -> None:
    """Add one line within the transaction of `session`: it stays if and only if the act itself stays.

    `act` is a name from `events.py`, `subject` what it was done to (`user:7`, `department:3`). `detail` must not hold
    passwords, tokens or phone numbers.
    """
    session.execute(
        INSERT,
        {
            "at": now,
            "actor_id": actor_id,
            "act": act,
            "object": subject,
            "outcome": outcome,
            "reason": reason,
            "detail": json.dumps(detail or {}, ensure_ascii=False, default=str),
            "ip": ip,
        },
    )


def record_denial(
    engine: Engine,
    *,
    now: datetime,
    actor_id: int | None,
    act: str,
    subject: str,
    reason: str,
    detail: Mapping[str, object] | None = None,
    ip: str | None = None,
) -> None:
    """Add a line about a refused act in a transaction of its own, because the act's transaction is rolled back.

    Call it when the act's connection is back in the pool. A database that cannot take the line does not turn a refusal
    into something else: the act stays refused, and the log keeps what the audit could not.
    """
    try:
        with engine.begin() as connection:
            record(connection, now=now, actor_id=actor_id, act=act, subject=subject, outcome=DENIED, reason=reason, detail=detail, ip=ip)
    except SQLAlchemyError:
        log.exception("the audit could not take: user %s was refused %s on %s (%s)", actor_id, act, subject, reason)
