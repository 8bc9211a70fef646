"""Answers whose bytes come straight from PostgreSQL."""

from __future__ import annotations

from flask import Response, request

from cityops.http.etag import etag as make_etag

GEOJSON = "application/geo+json"


def json_bytes(
    body: bytes | str | None, *, version: int | str | None = None, status: int = 200, mimetype: str = "application/json"
) -> Response:
    """Answer with ready-made JSON; with `version`, an ETag is set and a matching If-None-Match gives 304 without a body."""
    response = Response(body if body is not None else b"null", status=status, mimetype=mimetype)
    if version is not None:
        response.headers["ETag"] = make_etag(version)
        response.headers["Cache-Control"] = "private, no-cache"
        if request.method in ("GET", "HEAD"):
            response.make_conditional(request)
    return response


def wants_geojson() -> bool:
    """Whether the client asked for GeoJSON, by `?format=geojson` or by its Accept header."""
    return request.args.get("format") == "geojson" or request.accept_mimetypes.best == GEOJSON
