"""The short way for the most frequent request of all: a tile.

`answer` decides what a tile request is answered with; the ordinary view and the door both call it. The door stands before the
framework, whose routing and contexts would cost more than an unchanged tile itself. It takes only what it can answer
well: GET by someone signed in with bearer token or cookie, of a layer he may see. Everything else (also every error, and
HTTP Basic) goes on to the view, which decides again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from cityops.catalog.sources import LayerSource
from cityops.catalog.tiles import unpack
from cityops.errors import CityopsError
from cityops.identity.viewers import Viewers
from cityops.identity.visibility import Viewer

if TYPE_CHECKING:
    from cityops.catalog.registry import Catalog

Environ = dict[str, Any]  # Any: the WSGI environment holds everything
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]  # Any: start_response returns a writer nobody uses

TILE = re.compile(r"^/tiles/([a-z0-9_]+)/(\d{1,2})/(\d{1,8})/(\d{1,8})\.mvt$")
MVT = "application/vnd.mapbox-vector-tile"
STATUS = {200: "200 OK", 204: "204 NO CONTENT", 304: "304 NOT MODIFIED"}


class Answer(NamedTuple):
    """What leaves: status 200, 204 or 304."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def answer(catalog: Catalog, viewer: Viewer, source: LayerSource, place: tuple[int, int, int], known: str, *, takes_gzip: bool) -> Answer:
    """One vector tile: 304 without touching a table when `known` (If-None-Match) names it, 204 when nothing is there.

    `place` is z, x, y. Raises TileNotThere and LayerNotSynced.
    """
    tag = catalog.tiles.tag(viewer, source, *place)
    headers = [
        ("ETag", f'W/"{tag}"'),
        ("Cache-Control", "private, no-cache"),
        ("Vary", "Accept-Encoding, Authorization, Cookie"),
    ]
    if known and f'"{tag}"' in known:
        return Answer(304, headers, b"")
    tile = catalog.tiles.tile(viewer, source, *place, tag)
    if not tile.body:
        return Answer(204, headers, b"")
    packed = tile.packed and takes_gzip
    body = tile.body if packed else unpack(tile)
    headers += [
        ("Content-Type", MVT),
        ("Content-Length", str(len(body))),
        ("Cityops-Features", f"{tile.count}/{tile.total}"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if packed:
        headers.append(("Content-Encoding", "gzip"))
    return Answer(200, headers, body)


class TileDoor:
    """WSGI middleware around the application."""

    def __init__(self, inside: Application, catalog: Catalog, viewers: Viewers, cookie_name: str) -> None:
        self._inside = inside
        self._catalog = catalog
        self._viewers = viewers
        self._cookie = re.compile(rf"(?:^|;\s*){re.escape(cookie_name)}=([^;\s]+)")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a tile or pass on."""
        if environ["PATH_INFO"].startswith("/tiles/") and environ["REQUEST_METHOD"] == "GET":
            made = self._answer(environ)
            if made is not None:
                start_response(STATUS[made.status], made.headers)
                return (made.body,) if made.body else ()
        return self._inside(environ, start_response)

    def _answer(self, environ: Environ) -> Answer | None:
        """The answer, or None when this is not for us to give."""
        address = TILE.match(environ["PATH_INFO"])
        source = self._catalog.sources.get(address[1]) if address else None
        if address is None or source is None:
            return None
        try:
            viewer = self._viewer(environ)
            if viewer is None or not self._catalog.tiles.may_see(viewer, source):
                return None
            place = (int(address[2]), int(address[3]), int(address[4]))
            takes_gzip = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
            return answer(self._catalog, viewer, source, place, environ.get("HTTP_IF_NONE_MATCH", ""), takes_gzip=takes_gzip)
        except (CityopsError, psycopg.Error):
            return None  # the view meets the same error and says what is wrong

    def _viewer(self, environ: Environ) -> Viewer | None:
        header = environ.get("HTTP_AUTHORIZATION")
        if header:
            scheme, _, token = header.partition(" ")
            presence = self._viewers.of(token.strip()) if scheme.lower() == "bearer" else None
            return presence.viewer if presence is not None and presence.kind in ("bearer", "personal") else None
        cookie = self._cookie.search(environ.get("HTTP_COOKIE", ""))
        presence = self._viewers.of(cookie[1]) if cookie else None
        return presence.viewer if presence is not None and presence.kind == "cookie" else None
