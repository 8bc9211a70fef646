"""The outbox: what happened, written in the same transaction as the change itself.

Live push, webhooks and audit all read these rows, so none of them can tell of something that was rolled back or miss
something that was committed. `txid` lets a reader wait for slower transactions: a row is stable once its transaction id
lies below `pg_snapshot_xmin(pg_current_snapshot())`.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

CHANNEL = "cityops_outbox"


def emit(session: Session, topic: str, subject: str, payload: dict[str, Any]) -> None:
    """Write one event: `topic` names the kind of thing (case, component, grid), `subject` is its code or number."""
    session.execute(
        text(
            "WITH row AS (INSERT INTO core.outbox (topic, subject, payload) VALUES (:topic, :subject, CAST(:payload AS jsonb)) RETURNING 1)"
            " SELECT pg_notify(:channel, '') FROM row"
        ),
        {"topic": topic, "subject": subject, "payload": json.dumps(payload, ensure_ascii=False), "channel": CHANNEL},
    )
