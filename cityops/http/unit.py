"""`reads` and `writes`: the two ways a view touches the database.

A view under `writes` runs in one transaction together with its Idempotency-Key row, so that a retried request gets the
stored answer and a crash leaves neither. The body that was sent is part of the key: the same key with another body is
refused instead of silently answered with the old result.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, ParamSpec

from flask import Flask, Response, current_app, g, make_response, request
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.db.session import finish
from cityops.errors import Invalid, Unavailable

P = ParamSpec("P")

KEPT_HEADERS = ("Content-Type", "ETag", "Location")


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used before for a different request."""


class IdempotencyKeyTooLong(Invalid):
    """An Idempotency-Key has 1 to 128 visible ASCII characters."""


def session() -> Session:
    """The database session of this request; opened at first use, closed when the request ends."""
    if "db_session" not in g:
        g.db_session = Session(_engine(), expire_on_commit=False)
    return g.db_session


def _engine() -> Engine:
    engine = current_app.extensions.get("cityops_engine")
    if engine is None:
        raise Unavailable(fix="the server was started without a database")
    return engine


def reads(view: Callable[P, Any]) -> Callable[P, Any]:
    """Run the view on a session that is rolled back afterwards: reading never holds a transaction open."""

    @functools.wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return view(*args, **kwargs)
        finally:
            if "db_session" in g:
                g.db_session.rollback()

    return wrapper


def writes(view: Callable[P, Any]) -> Callable[P, Response]:
    """Run the view in one transaction and answer after its commit; an Idempotency-Key makes a repeat replay the answer.

    Apply it below `@blp.response`: the view then returns a Response, or a value that Flask can make one of.
    """

    @functools.wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        db = session()
        try:
            if key is not None:
                stored = _claim(db, key)
                if stored is not None:
                    db.rollback()
                    return stored
            response = make_response(view(*args, **kwargs))
            if key is not None:
                _store(db, key, response)
            finish(db)
        except BaseException:
            db.rollback()
            raise
        return response

    return wrapper


def _actor_id() -> int:
    """Whose keys these are; 0 is the public."""
    from cityops.http.auth import viewer_or_none

    viewer = viewer_or_none()
    return viewer.user_id if viewer else 0


def _request_digest() -> bytes:
    """What was asked, in a form that is equal for equal intents: method, path and body (a form by its fields and files).

    Keyed with the installation's secret: a body may hold a new password, and a plain hash of it could be guessed offline.
    """
    key = current_app.extensions["cityops_settings"].secret_key.encode()
    digest = hmac.new(key, f"{request.method} {request.full_path}\n".encode(), hashlib.sha256)
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        # Whoever reads the fields of a form first consumes its bytes, so they are no longer there to be hashed.
        for name in sorted(request.form):
            digest.update(json.dumps([name, request.form.getlist(name)]).encode())
        for name in sorted(request.files):
            for file in request.files.getlist(name):
                digest.update(name.encode() + hashlib.sha256(file.stream.read()).digest())
                file.stream.seek(0)
    else:
        digest.update(request.get_data(cache=True))
    return digest.digest()


def _claim(db: Session, key: str) -> Response | None:
    """Take the key for this transaction; a concurrent twin waits here until we commit, then replays our answer."""
    if not 1 <= len(key) <= 128 or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyTooLong(field="Idempotency-Key", fix="send a UUID")
    digest = _request_digest()
    actor_id = _actor_id()
    claimed = db.execute(
        text(
            "INSERT INTO core.idempotency (actor_id, key, request_digest) VALUES (:actor, :key, :digest)"
            " ON CONFLICT (actor_id, key) DO NOTHING RETURNING 1"
        ),
        {"actor": actor_id, "key": key, "digest": digest},
    ).first()
    if claimed:
        return None
    row = db.execute(
        text("SELECT request_digest, status, headers, body FROM core.idempotency WHERE actor_id = :actor AND key = :key"),
        {"actor": actor_id, "key": key},
    ).one()
    if bytes(row.request_digest) != digest:
        raise IdempotencyKeyReused(field="Idempotency-Key", fix="make a new key for a new request")
    return Response(bytes(row.body), status=row.status, headers={**row.headers, "Idempotency-Replayed": "true"})


def _store(db: Session, key: str, response: Response) -> None:
    db.execute(
        text(
            "UPDATE core.idempotency SET status = :status, headers = CAST(:headers AS jsonb), body = :body"
            " WHERE actor_id = :actor AND key = :key"
        ),
        {
            "status": response.status_code,
            "headers": json.dumps({name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}),
            "body": response.get_data(),
            "actor": _actor_id(),
            "key": key,
        },
    )


def register(app: Flask) -> None:
    """Give the connection back when the request is over, whatever happened."""

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        held: Session | None = g.pop("db_session", None)
        if held is not None:
            held.close()
