"""The field over HTTP: tasks, and actions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_smorest import Blueprint

from cityops import clock
from cityops.cases import queries as case_queries
from cityops.cases.schemas import CSRF, ActSchema, CaseDetailSchema, ReportSchema
from cityops.errors import Invalid
from cityops.field import actions, queries, schemas
from cityops.http import etag, json_bytes, reads, session, viewer, writes

blp = Blueprint("field", "field", url_prefix="/api/v1", description="The inspector's side: tasks in walking order, and writes as actions")


class ActionBodyInvalid(Invalid):
    """The body of the action is not valid: {detail}."""


def _keyed_by_its_id(view: Callable[..., Any]) -> Callable[..., Any]:
    """An action carries its idempotency key inside; show it to `writes` where it looks for one (a view's own types, hence Any)."""

    @functools.wraps(view)
    def wrapper(action: dict[str, Any]) -> Any:
        request.environ["HTTP_IDEMPOTENCY_KEY"] = str(action["id"])
        return view(action)

    return wrapper


@blp.get("/tasks")
@blp.arguments(schemas.TaskFilterSchema, location="query", unknown="raise")
@blp.response(200, schemas.TaskListSchema)
@reads
def list_tasks(query: dict[str, Any]) -> Response:
    """What to verify and check, the nearest first when `lon` and `lat` are given."""
    return json_bytes(queries.list_tasks(session(), viewer(), clock.now(), **query))


@blp.post("/actions")
@blp.arguments(schemas.ActionSchema)
@blp.response(200, CaseDetailSchema)
@blp.alt_response(201, schema=CaseDetailSchema, description="a report was made")
@blp.alt_response(403, description="not this viewer's act; `reason_code` says why")
@blp.alt_response(404, description="no such case, or not yours to see")
@blp.alt_response(409, description="the case is not where this act leads on; `reason_code` says why")
@blp.doc(parameters=[CSRF])
@_keyed_by_its_id
@writes
def act(action: dict[str, Any]) -> Response:
    """Do what was done on the phone: a report, or an act on a case; the action's id is its Idempotency-Key."""
    actor, now = viewer(), clock.now()
    schema: ma.Schema = ReportSchema() if action["kind"] == schemas.REPORT else ActSchema()
    try:
        body = schema.load(action["body"])
    except ma.ValidationError as error:
        field, detail = _first(error.messages)
        raise ActionBodyInvalid(
            detail=detail, field=f"body.{field}".rstrip("."), fix="see POST /cases and its acts in /api/docs"
        ) from error
    written = actions.perform(session(), actor, now, kind=action["kind"], number=action.get("number"), made_at=action["made_at"], body=body)
    detail_json, version = case_queries.detail_of(session(), actor, written.id, now)
    response = json_bytes(detail_json, status=201 if action["kind"] == schemas.REPORT else 200)
    response.headers["ETag"] = etag(version)
    response.headers["Location"] = f"/api/v1/cases/{written.number}"
    return response


def _first(messages: Any) -> tuple[str, str]:
    """The first field and message of marshmallow's nested errors (their shape is marshmallow's, hence Any)."""
    path: list[str] = []
    while isinstance(messages, dict):
        key, messages = next(iter(messages.items()))
        path.append(str(key))
    return ".".join(path), str(messages[0] if isinstance(messages, list) and messages else messages)
