"""Who may change the gazetteer; reading it is for everyone who is signed in."""

from __future__ import annotations

from cityops.errors import Refused
from cityops.gazetteer.errors import PlaceEditRefused
from cityops.identity.visibility import Viewer

EDITORS = ("planner", "administrator")


def may_edit(actor: Viewer | None) -> Refused | None:
    """Whether he may add and change places. None as the actor is the system itself."""
    if actor is None or actor.has(*EDITORS):
        return None
    return PlaceEditRefused(fix="ask one of: " + ", ".join(EDITORS))
