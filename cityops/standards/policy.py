"""Who may change standards and calendars. Each rule returns the refusal as an error, or None when allowed."""

from __future__ import annotations

from cityops.errors import Refused
from cityops.identity.visibility import Viewer
from cityops.standards.errors import StandardsEditRefused

EDITORS = ("planner", "administrator")


def may_edit(actor: Viewer) -> Refused | None:
    """Whether he may change filing conditions, time limits and calendars."""
    return None if actor.has(*EDITORS) else StandardsEditRefused(fix="ask one of: " + ", ".join(EDITORS))
