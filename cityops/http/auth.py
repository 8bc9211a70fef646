"""Who is asking: the viewer of this request, from a cookie, a bearer token or HTTP Basic with a personal token.

The console signs in with a cookie; a change made with it must carry the header X-CSRF-Token, because a browser sends
cookies on behalf of other sites. Phones and scripts send `Authorization: Bearer …`, desktop GIS sends HTTP Basic with the
login and a personal token; neither is sent by a browser unasked. A header wins over a cookie. Credentials in a header
that are not valid are an error; a stale cookie is nobody, so that one can sign in again over it.

Finding the viewer costs no query in the common case: see `cityops.identity.viewers`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from flask import Flask, current_app, g, request
from sqlalchemy import Engine

from cityops import clock
from cityops.config import Settings
from cityops.errors import Refused, Unauthenticated, Unavailable
from cityops.identity import audit
from cityops.identity.errors import CsrfTokenMissing, SessionEnded
from cityops.identity.tokens import same
from cityops.identity.viewers import Presence, Viewers
from cityops.identity.visibility import Viewer

SESSION_COOKIE = "cityops_session"
CSRF_COOKIE = "cityops_csrf"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_UNASKED: Final = object()


def viewer_or_none() -> Viewer | None:
    """The signed-in viewer, or None when the request carries no credentials. Raises SessionEnded and CsrfTokenMissing."""
    known: Any = g.get("viewer", _UNASKED)  # flask.g is untyped by design
    if known is _UNASKED:
        presence = _find()
        g.presence = presence
        known = g.viewer = presence.viewer if presence is not None else None
    return known


def viewer() -> Viewer:
    """The signed-in viewer; raises Unauthenticated (401) when there is none."""
    found = viewer_or_none()
    if found is None:
        raise Unauthenticated(fix="send the session cookie, a bearer token or HTTP Basic with a personal token")
    return found


def presence() -> Presence:
    """The session of this request with its viewer; raises Unauthenticated (401) when there is none."""
    viewer()
    return g.presence


def refresh() -> Viewer:
    """Ask again who is asking: long answers call it now and then, so that they end when the session does."""
    g.pop("viewer", None)
    g.pop("presence", None)
    return viewer()


def _viewers() -> Viewers:
    found = current_app.extensions.get("cityops_viewers")
    if found is None:
        raise Unavailable(fix="the server was started without a database")
    return found


def _find() -> Presence | None:
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header:
        return _by_header(header)
    token = _session_cookie(request.environ.get("HTTP_COOKIE", ""))
    if not token:
        return None
    found = _viewers().of(token)
    if found is None or found.kind != "cookie":
        return None
    if request.method not in SAFE_METHODS and not same(request.headers.get(CSRF_HEADER, ""), found.csrf or "\0"):
        g.refused_viewer = found.viewer
        raise CsrfTokenMissing(field=CSRF_HEADER, fix=f"send the value of the cookie {CSRF_COOKIE} in this header")
    return found


def _session_cookie(header: str) -> str | None:
    """Our own cookie out of a Cookie header. Werkzeug's full parser takes as long as a third of an unchanged tile."""
    for part in header.split(";"):
        name, _, value = part.partition("=")
        if name.strip() == SESSION_COOKIE:
            return value.strip()
    return None


def _by_header(header: str) -> Presence:
    """The session named by an Authorization header; raises SessionEnded."""
    scheme, _, value = header.partition(" ")
    scheme, value = scheme.lower(), value.strip()
    if scheme == "bearer":
        found = _viewers().of(value)
        if found is not None and found.kind in ("bearer", "personal"):
            return found
    elif scheme == "basic":
        try:
            login, _, token = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SessionEnded(field="Authorization", fix="send Basic with base64 of login:token") from error
        found = _viewers().of(token)
        if found is not None and found.kind == "personal" and found.viewer.login == login.strip().lower():
            return found
    raise SessionEnded(field="Authorization", fix="sign in again, or make a new token at POST /api/v1/tokens")


def audit_refusal(error: Refused) -> None:
    """Keep a refused act in the audit. Called by the error handler, when the act's own transaction is rolled back."""
    engine: Engine | None = current_app.extensions.get("cityops_engine")
    if engine is None:
        return
    who: Viewer | None = g.get("viewer") or g.get("refused_viewer")
    audit.record_denial(
        engine,
        now=clock.now(),
        actor_id=who.user_id if who is not None else None,
        act=f"{request.method} {request.url_rule.rule if request.url_rule else request.path}",
        subject=request.path,
        reason=error.code,
        detail={"message": error.message, **({"field": error.field} if error.field else {})},
        ip=request.remote_addr,
    )


def register(app: Flask) -> None:
    """Give the application its memory of who is signed in."""
    engine: Engine | None = app.extensions.get("cityops_engine")
    settings: Settings = app.extensions["cityops_settings"]
    if engine is not None:
        app.extensions["cityops_viewers"] = Viewers(engine, settings.home / "permissions.board")
