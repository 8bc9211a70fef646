"""The hash chain of a case: how an event becomes the text that is hashed and stored. Pure.

The rule itself lives in `offline_verifier.py`, which stands alone so that it can be handed to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cityops.cases.offline_verifier import GENESIS, canonical, digest_of

__all__ = ["GENESIS", "Event", "make_event"]


@dataclass(frozen=True)
class Event:
    """One link: `body` is the whole canonical text, exactly what is hashed and what is stored."""

    seq: int
    at: datetime
    act: str
    actor_id: int
    actor_post: str
    from_state: str | None
    to_state: str
    body: str
    prev_digest: bytes
    digest: bytes


def instant(at: datetime) -> str:
    """An aware time as UTC text with microseconds, so that equal instants are equal texts and texts sort like times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def make_event(
    *, number: str, seq: int, at: datetime, act: str, actor_id: int, actor_post: str,
    from_state: str | None, to_state: str, body: Mapping[str, Any], prev_digest: bytes,
) -> Event:  # fmt: skip
    """The next link of a chain. `body` holds JSON values only (hence Any); times in it are given as `instant` texts."""
    text = canonical(
        {
            "number": number,
            "seq": seq,
            "at": instant(at),
            "act": act,
            "actor": actor_id,
            "post": actor_post,
            "from": from_state,
            "to": to_state,
            "body": {key: value for key, value in body.items() if value is not None},
        }
    )
    return Event(seq, at, act, actor_id, actor_post, from_state, to_state, text, prev_digest, digest_of(prev_digest, text))
