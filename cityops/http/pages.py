"""The pages people open: `/` (console), `/inspect` (phone), `/assets/…`, and the headers that guard them.

Text files leave gzip-compressed when the browser takes it; each file is read and compressed once per change on disk.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request

from cityops import paths
from cityops.config import Settings
from cityops.errors import NotFound

PAGES = {"/": "console.html", "/inspect": "inspect.html"}
"""Address of a page and its file in the built map."""

IMMUTABLE = "public, max-age=31536000, immutable"
"""For /assets: the content's hash is part of every file name, so a name never changes its meaning."""

_COMPRESSED = {".html", ".js", ".mjs", ".css", ".svg", ".json", ".webmanifest"}
_OUTSIDE_HOSTS = {"osm": "https://tile.openstreetmap.org", "tianditu": "https://*.tianditu.gov.cn"}

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/manifest+json", ".webmanifest")


class PageMissing(NotFound):
    """There is no such page or file."""

    code = "page-missing"


class MapNotBuilt(NotFound):
    """The web map has not been built yet."""

    code = "map-not-built"


@dataclass(frozen=True)
class _File:
    plain: bytes
    packed: bytes | None
    kind: str
    etag: str


@lru_cache(maxsize=256)
def _load(path: Path, stamp: int) -> _File:
    """One file and its gzip form. `stamp` (modification time in ns) makes a changed file a new entry."""
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(plain, 6, mtime=0) if path.suffix in _COMPRESSED and len(plain) > 512 else None
    return _File(plain, packed, kind, sha256(plain).hexdigest()[:20])


def _serve(path: Path, cache: str) -> Response:
    """The file at `path` with caching by its content, compressed when the client takes gzip."""
    try:
        file = _load(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as missing:
        raise PageMissing(fix="open / for the console or /inspect for the phone page") from missing
    packed = file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(file.packed if packed else file.plain, content_type=file.kind)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if file.packed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = cache
    response.set_etag(file.etag + ("-gz" if packed else ""))
    response.make_conditional(request)
    return response


def content_security_policy(basemap: str) -> str:
    """Everything from ourselves; the tile host of an outside basemap when one is set. No inline script, no eval, no frames.

    `blob:` images are photos shown before they are sent.
    """
    outside = _OUTSIDE_HOSTS.get(basemap.partition(":")[0], "")
    if not outside and basemap.startswith(("http://", "https://")):
        place = urlsplit(basemap)
        outside = f"{place.scheme}://{place.netloc}"
    own = f"'self' {outside}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {own} data: blob:",
            f"connect-src {own}",
            "worker-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _page_headers(response: Response, settings: Settings) -> Response:
    response.headers["Content-Security-Policy"] = content_security_policy(settings.basemap)
    response.headers["Permissions-Policy"] = "camera=(self), geolocation=(self), microphone=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def register(app: Flask) -> None:
    """Add the pages, their files, and the headers every answer carries."""

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response

    def page() -> Response:
        path = paths.webmap_dir() / PAGES[request.path]
        if not path.is_file():
            raise MapNotBuilt(fix="run `make webmap` (or `npm ci && npm run build` in webmap/), then reload")
        settings: Settings = current_app.extensions["cityops_settings"]
        return _page_headers(_serve(path, "no-cache"), settings)

    for address, name in PAGES.items():
        app.add_url_rule(address, f"page_{Path(name).stem}", page, methods=["GET"])

    @app.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        folder = (paths.webmap_dir() / "assets").resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise PageMissing(fix="ask for a file below /assets")
        return _serve(path, IMMUTABLE)

    @app.get("/icon.svg")
    def icon() -> Response:
        return _serve(paths.webmap_dir() / "icon.svg", "public, max-age=86400")

    @app.get("/inspect.webmanifest")
    def manifest() -> Response:
        return _serve(paths.webmap_dir() / "inspect.webmanifest", "no-cache")
