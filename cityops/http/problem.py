"""Every error leaves as `application/problem+json` (RFC 9457) with a stable code."""

from __future__ import annotations

import logging
import uuid
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, request
from werkzeug.exceptions import HTTPException

from cityops.errors import CityopsError, Refused, TooMany, Unauthenticated
from cityops.http.auth import audit_refusal

log = logging.getLogger("cityops.http")

PROBLEM = "application/problem+json"


def problem(status: int, code: str, detail: str, *, field: str | None = None, fix: str | None = None, **more: Any) -> Response:
    """One problem document. `field` names what is wrong in the input, `fix` says what to do about it."""
    body = {
        "type": f"urn:cityops:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.path,
        **({"field": field} if field else {}),
        **({"fix": fix} if fix else {}),
        **more,
    }
    response = Response(json.dumps(body, ensure_ascii=False), status=status, mimetype=PROBLEM)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="cityops"'
    return response


def _first_message(errors: Any, path: str = "") -> tuple[str, str]:
    """The first field and message inside marshmallow's nested error dictionary."""
    if isinstance(errors, dict):
        for key, value in errors.items():
            # webargs nests by place (json, query, files …), which the reader of a problem document does not need to see.
            deeper = path if not path and key in ("json", "query", "headers", "files", "form", "path") else f"{path}.{key}".lstrip(".")
            return _first_message(value, deeper)
    if isinstance(errors, list) and errors:
        return _first_message(errors[0], path)
    return path, str(errors)


def register(app: Flask) -> None:
    """Make every error of the application leave in the one shape."""

    @app.errorhandler(CityopsError)
    def known(error: CityopsError) -> Response:
        if error.status >= 500:
            log.error("%s at %s", error, request.path, exc_info=error)
        if isinstance(error, Refused):
            audit_refusal(error)
        response = problem(error.status, error.code, error.message, field=error.field, fix=error.fix, **getattr(error, "details", {}))
        if isinstance(error, TooMany) and "wait_s" in error.values:
            response.headers["Retry-After"] = str(error.values["wait_s"])
        if isinstance(error, Unauthenticated) and request.path.startswith(("/ogc", "/tiles")):
            response.headers["WWW-Authenticate"] = 'Basic realm="cityops", charset="UTF-8"'
        return response

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        messages = getattr(error, "data", {}).get("messages") if isinstance(getattr(error, "data", None), dict) else None
        if messages:
            field, detail = _first_message(messages)
            return problem(status, "input-invalid", detail, field=field or None, fix="see /api/docs for what is accepted", errors=messages)
        code = (error.name or "error").lower().replace(" ", "-")
        response = problem(status, code, error.description or error.name or "")
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after", "location"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Response:
        # The last door before the client: the reader gets a number to quote, the log gets the whole story.
        incident = uuid.uuid4().hex[:12]
        log.error("incident %s at %s %s", incident, request.method, request.path, exc_info=error)
        return problem(
            500,
            "internal-error",
            f"An error was logged under {incident}.",
            fix="try again; quote the number if it stays",
            incident=incident,
        )
