"""The short way for the most frequent question of a map: "is my tile still right?" - "yes".

It stands before the framework and answers 304 when, and only when, everything it needs is in memory and says so: a session
by bearer token or cookie, a known layer, an unchanged version. In every other case (also every error, and HTTP Basic) the
request goes on to the ordinary view, which decides again by the same functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cityops.errors import CityopsError
from cityops.identity.viewers import Viewers
from cityops.identity.visibility import Viewer

if TYPE_CHECKING:
    from cityops.catalog.registry import Catalog

Environ = dict[str, Any]  # Any: the WSGI environment holds everything
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]  # Any: start_response returns a writer nobody uses

TILE = re.compile(r"^/tiles/([a-z0-9_]+)/(\d{1,2})/(\d{1,8})/(\d{1,8})\.mvt$")
VARY = "Accept-Encoding, Authorization, Cookie"


class UnchangedTileDoor:
    """WSGI middleware around the application."""

    def __init__(self, inside: Application, catalog: Catalog, viewers: Viewers, cookie_name: str) -> None:
        self._inside = inside
        self._catalog = catalog
        self._viewers = viewers
        self._cookie = re.compile(rf"(?:^|;\s*){re.escape(cookie_name)}=([^;\s]+)")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer 304 or pass on."""
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known and environ["PATH_INFO"].startswith("/tiles/") and environ["REQUEST_METHOD"] == "GET":
            tag = self._tag(environ)
            if tag is not None and f'"{tag}"' in known:
                start_response("304 NOT MODIFIED", [("ETag", f'W/"{tag}"'), ("Cache-Control", "private, no-cache"), ("Vary", VARY)])
                return ()
        return self._inside(environ, start_response)

    def _tag(self, environ: Environ) -> str | None:
        """The present tag of the tile for who asks, or None when this is not for us to decide."""
        address = TILE.match(environ["PATH_INFO"])
        source = self._catalog.sources.get(address[1]) if address else None
        if address is None or source is None:
            return None
        viewer = self._viewer(environ)
        if viewer is None or not self._catalog.tiles.may_see(viewer, source):
            return None
        try:
            return self._catalog.tiles.tag(viewer, source, int(address[2]), int(address[3]), int(address[4]))
        except CityopsError:
            return None  # an impossible address: the view says what is wrong with it

    def _viewer(self, environ: Environ) -> Viewer | None:
        header = environ.get("HTTP_AUTHORIZATION")
        if header:
            scheme, _, token = header.partition(" ")
            presence = self._viewers.of(token.strip()) if scheme.lower() == "bearer" else None
            return presence.viewer if presence is not None and presence.kind in ("bearer", "personal") else None
        cookie = self._cookie.search(environ.get("HTTP_COOKIE", ""))
        presence = self._viewers.of(cookie[1]) if cookie else None
        return presence.viewer if presence is not None and presence.kind == "cookie" else None
