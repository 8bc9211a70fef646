"""Who is asking: the viewer of this request, from a cookie, a bearer token or HTTP Basic with a personal token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g

from cityops.errors import Unauthenticated

if TYPE_CHECKING:
    from cityops.identity.visibility import Viewer


def viewer_or_none() -> Viewer | None:
    """The signed-in viewer, or None when the request carries no credentials."""
    return g.get("viewer")


def viewer() -> Viewer:
    """The signed-in viewer; raises Unauthenticated (401) when there is none."""
    found = viewer_or_none()
    if found is None:
        raise Unauthenticated(fix="send the session cookie, a bearer token or HTTP Basic with a personal token")
    return found
