"""The case file over HTTP: list, detail, report, the acts, summary, events, export."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint
from sqlalchemy import Engine

from cityops import clock
from cityops.cases import errors, export, filters, lookups, operations, queries, schemas
from cityops.cases.workflow import case_workflow
from cityops.http import check_if_match, decode_cursor, encode_cursor, etag, json_bytes, reads, session, viewer, writes
from cityops.identity.visibility import Viewer
from cityops.media.policy import add_seer

blp = Blueprint("cases", "cases", url_prefix="/api/v1", description="The case file: one problem from its report to its closing")

WRITE = [schemas.IDEMPOTENCY_KEY, schemas.CSRF]
GEOJSON = "application/geo+json"
NUMBER = "<string(length=21):number>"
NOUNS = sorted(case_workflow().by_noun)
NOUN = {"in": "path", "name": "noun", "required": True, "schema": {"type": "string", "enum": NOUNS}}

add_seer("cases", queries.photo_visible)


def _detail(actor: Viewer, case_id: int, now: datetime, status: int = 200) -> Response:
    """A whole case. The light changes by the clock, so the answer is never taken from a cache by its ETag."""
    body, version = queries.detail_of(session(), actor, case_id, now)
    response = json_bytes(body, status=status)
    response.headers["ETag"] = etag(version)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _case_id(actor: Viewer, number: str) -> int:
    case_id = lookups.find_case_id(session(), actor, number)
    if case_id is None:
        raise errors.CaseNotFound(number=number)
    return case_id


@blp.get("/cases")
@blp.arguments(schemas.ListSchema, location="query", unknown="raise")
@blp.response(200, schemas.CaseListSchema)
@reads
def list_cases(query: dict[str, Any]) -> Response:
    """The cases the viewer sees, by deadline or by time of report."""
    sort, limit, cursor = query.pop("sort"), query.pop("limit"), query.pop("cursor", None)
    after = None
    if cursor is not None:
        order, key, row_id = decode_cursor(cursor, (str, str, int))
        if order != sort or row_id is None:
            raise errors.FilterNotUnderstood(field_name="cursor", field="cursor", fix="use a cursor with the sort it was given for")
        try:
            after = (datetime.fromisoformat(key).isoformat() if key is not None else None, row_id)
        except ValueError as error:
            raise errors.FilterNotUnderstood(field_name="cursor", field="cursor", fix="use the value of `next` as it was given") from error
    page, counts = queries.list_cases(session(), viewer(), filters.CaseFilter(**query), clock.now(), sort=sort, after=after, limit=limit)
    following = f'"{encode_cursor(sort, *page.next)}"' if page.next else "null"
    return json_bytes(
        f'{{"items":{page.items},"next":{following},"total":{counts.total},"in_view":{counts.in_view},'
        f'"without_place":{counts.without_place},"capped":{str(counts.capped).lower()}}}'
    )


@blp.post("/cases")
@blp.arguments(schemas.ReportSchema)
@blp.response(201, schemas.CaseDetailSchema)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="the viewer's post may not report, or not from this source")
@writes
def report(body: dict[str, Any]) -> Response:
    """Report a problem. The Idempotency-Key is the client's own id of the action."""
    actor, now = viewer(), clock.now()
    written = operations.report(session(), actor, now, **body)
    response = _detail(actor, written.id, now, status=201)
    response.headers["Location"] = f"/api/v1/cases/{written.number}"
    return response


@blp.get("/cases/summary")
@blp.response(200, schemas.SummarySchema)
@reads
def summary() -> Response:
    """The vital signs of what the viewer sees."""
    return json_bytes(queries.summary(session(), viewer(), clock.now()))


@blp.get("/cases/workflow")
@blp.response(200, {"type": "object"})
@reads
def workflow() -> Response:
    """The workflow: stages, states, acts with their posts, sources."""
    viewer()
    return json_bytes(queries.workflow_json())


@blp.get("/cases/export")
@blp.arguments(schemas.ExportSchema, location="query", unknown="raise")
@blp.response(200, description="a GeoJSON FeatureCollection, or CSV")
@blp.doc(responses={200: {"content": {GEOJSON: {"schema": {"type": "object"}}, "text/csv": {"schema": {"type": "string"}}}}})
@reads
def export_cases(query: dict[str, Any]) -> Response:
    """The same cases as the list would show, streamed as GeoJSON or CSV."""
    form, limit = query.pop("format"), query.pop("limit", None)
    condition = filters.build(session(), viewer(), filters.CaseFilter(**query), clock.now())
    engine: Engine = current_app.extensions["cityops_engine"]
    if form == "csv":
        response = Response(export.csv(engine, condition, limit), mimetype="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="cases.csv"'
        return response
    features = export.pins if form == "pins" else export.geojson
    return Response(features(engine, condition, limit), mimetype=GEOJSON)


@blp.get(f"/cases/{NUMBER}")
@blp.response(200, schemas.CaseDetailSchema)
@blp.alt_response(404, description="no such case, or not yours to see")
@reads
def detail(number: str) -> Response:
    """A whole case: facts, standard, routing with its proof, photos, events, and what may be done next."""
    actor = viewer()
    return _detail(actor, _case_id(actor, number), clock.now())


@blp.get(f"/cases/{NUMBER}/events")
@blp.response(200, {"type": "array", "items": {"type": "object"}})
@blp.alt_response(404, description="no such case, or not yours to see")
@reads
def events(number: str) -> Response:
    """The chain of a case: each event with the exact text that was hashed."""
    return json_bytes(queries.events_json(session(), _case_id(viewer(), number)))


@blp.post(f"/cases/{NUMBER}/<any({', '.join(repr(noun) for noun in NOUNS)}):noun>", parameters=[NOUN])
@blp.arguments(schemas.ActSchema)
@blp.response(200, schemas.CaseDetailSchema)
@blp.doc(parameters=[schemas.IF_MATCH, *WRITE])
@blp.alt_response(403, description="the act belongs to another post, department or inspector; `reason_code` says which")
@blp.alt_response(404, description="no such case, or not yours to see")
@blp.alt_response(409, description="the case is not where this act leads on; `reason_code` says why")
@blp.alt_response(412, description="the case was changed since it was read")
@writes
def act(body: dict[str, Any], number: str, noun: str) -> Response:
    """Take the case one step: the noun names the act (verification-request, verification, acceptance, filing, dispatch …)."""
    actor, now = viewer(), clock.now()
    written = operations.advance(
        session(), actor, now, number, case_workflow().by_noun[noun].id, expected_version=_expected(actor, number), **body
    )
    return _detail(actor, written.id, now)


def _expected(actor: Viewer, number: str) -> int | None:
    """The version named by If-Match, once it is the present one; the write path compares again under the row's lock."""
    if "If-Match" not in request.headers:
        return None
    version = lookups.version_of(session(), _case_id(actor, number))
    check_if_match(version)
    return None if request.headers["If-Match"].strip() == "*" else version
