"""What happened to the grid, and who wants to hear of it inside the same transaction.

Rooms above the grid subscribe with `on_published` (wired in `cityops.app.wire`): when a draft is published, each subscriber
is called with the session of the publication, so that whatever sat in an ended or reshaped cell is re-attributed in the
very transaction that ends it. If a subscriber raises, the publication does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.orm import Session

TOPIC = "grid"
PUBLISHED = "published"


@dataclass(frozen=True)
class Publication:
    """A published draft, or an import of cells (`draft_id` None)."""

    draft_id: int | None
    actor_id: int | None
    at: datetime
    on: date
    """The city's local day: the day old cells end and new ones start."""
    reason: str
    ended: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Ended cell code -> the codes of the cells that now lie on its ground."""
    created: tuple[str, ...] = ()
    reshaped: tuple[str, ...] = ()
    """Cells that keep their code with another boundary."""

    @property
    def affected(self) -> tuple[str, ...]:
        """The codes whose contents must be looked up again: everything that sat in one of these may now lie in another cell."""
        return tuple(sorted({*self.ended, *self.reshaped}))

    def payload(self) -> dict[str, object]:
        """The same as JSON, for the outbox."""
        return {
            "act": PUBLISHED,
            "draft_id": self.draft_id,
            "actor_id": self.actor_id,
            "on": self.on.isoformat(),
            "reason": self.reason,
            "ended": {code: list(successors) for code, successors in self.ended.items()},
            "created": list(self.created),
            "reshaped": list(self.reshaped),
        }


Subscriber = Callable[[Session, Publication], object]
BeatFollower = Callable[[Session, int | None, datetime, Sequence[str], str], object]
"""Called with the actor, the time, the cells whose beat is another now, and why."""

_subscribers: list[Subscriber] = []
_beat_followers: list[BeatFollower] = []


def on_published(subscriber: Subscriber) -> Subscriber:
    """Have `subscriber` called with every publication, in its transaction; subscribing twice is the same as once."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)
    return subscriber


def on_beats_changed(follower: BeatFollower) -> BeatFollower:
    """Have `follower` called when cells get another beat without a publication, in the same transaction."""
    if follower not in _beat_followers:
        _beat_followers.append(follower)
    return follower


def announce_beats(session: Session, actor_id: int | None, at: datetime, cells: Sequence[str], reason: str) -> None:
    """Call every follower; nothing changed, nobody is called."""
    for follower in tuple(_beat_followers) if cells else ():
        follower(session, actor_id, at, cells, reason)


def announce(session: Session, publication: Publication) -> None:
    """Call every subscriber, in the order they subscribed."""
    for subscriber in tuple(_subscribers):
        subscriber(session, publication)
