"""GeoReport v2 over HTTP, as the standard writes it: discovery, services, definitions, requests, tokens; JSON and XML.

Everything here is public but making a request, which needs an api_key. Errors are the standard's list of {code, description}.
"""

from __future__ import annotations

import logging
import uuid
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask import Flask, Response, current_app, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException

from cityops import clock
from cityops.cases.workflow import case_workflow
from cityops.errors import CityopsError, TooMany
from cityops.exchange.open311 import errors, formats, mapping, operations, queries, schemas
from cityops.exchange.open311.operations import NewRequest
from cityops.http.unit import reads, session, writes
from cityops.identity.schemas import IDEMPOTENCY_KEY
from cityops.identity.vault import Vault

log = logging.getLogger("cityops.open311")

blp = Blueprint("open311", "open311", url_prefix="/open311", description="Open311 GeoReport v2: the public's door, in JSON and XML.")

CHANGESET: Final = "2026-11-20T00:00:00Z"
FORM: Final = "<any(json,xml):form>"
XML: Final = {"text/xml": {"schema": {"type": "string"}}}
ERRORS_JSON: Final = {
    "application/json": {
        "schema": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "description"],
                "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
            },
        }
    }
}


def _documented(*statuses: int, success: int = 200, **more: Any) -> Any:  # Any: a decorator of flask-smorest
    """The XML form of the answer, the errors in their own shape, and that nobody needs to sign in."""
    said = {400: "the parameters are not understood", 403: "no api_key, or none that is valid", 404: "not found", 429: "too many requests"}
    answers: dict[int, Any] = {status: {"description": said[status], "content": {**ERRORS_JSON, **XML}} for status in statuses}
    form = {"in": "path", "name": "form", "required": True, "schema": {"type": "string", "enum": ["json", "xml"]}}
    more["parameters"] = [form, *more.get("parameters", [])]
    return blp.doc(responses={success: {"content": XML}, **answers}, security=[], **more)


def _answer(form: str, root: str, value: Any, status: int = 200) -> Response:
    return Response(formats.write(form, root, value), status=status, content_type=formats.MEDIA_TYPES[form])


def _lang() -> str:
    return request.accept_languages.best_match(["zh", "en"], default="zh")


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.extensions["cityops_settings"].timezone)


def _today() -> date:
    return clock.now().astimezone(_zone()).date()


def _check_jurisdiction(asked: str | None) -> None:
    ours = queries.jurisdiction(session())
    if asked and asked.casefold() != ours:
        raise errors.JurisdictionNotKnown(jurisdiction_id=asked, ours=ours, field="jurisdiction_id")


@blp.route(f"/discovery.{FORM}", methods=["GET"])
@blp.response(200, {"type": "object"})
@_documented()
@reads
def discovery(form: str) -> Response:
    """Where the endpoints are and what they speak."""
    found = {
        "changeset": CHANGESET,
        "contact": f"{queries.city_name(session())} · cityops",
        "key_service": "The city gives out an api_key to each client on request (cityops open311 key add).",
        "jurisdiction_id": queries.jurisdiction(session()),
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": f"{request.url_root}open311/v2",
                "changeset": CHANGESET,
                "type": "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    return _answer(form, "discovery", found)


@blp.route(f"/v2/services.{FORM}", methods=["GET"])
@blp.arguments(schemas.JurisdictionSchema, location="query", unknown=ma.EXCLUDE)
@blp.response(200, schemas.ServiceSchema(many=True))
@_documented(400, 404)
@reads
def services(query: dict[str, Any], form: str) -> Response:
    """What may be reported: the active classes of the editions in force."""
    _check_jurisdiction(query["jurisdiction_id"])
    lang = _lang()
    return _answer(form, "services", [mapping.service(row, lang) for row in queries.services(session(), _today())])


@blp.route(f"/v2/services/<string:service_code>.{FORM}", methods=["GET"])
@blp.arguments(schemas.JurisdictionSchema, location="query", unknown=ma.EXCLUDE)
@blp.response(200, schemas.ServiceDefinitionSchema)
@_documented(400, 404)
@reads
def service_definition(query: dict[str, Any], service_code: str, form: str) -> Response:
    """The questions of one service."""
    _check_jurisdiction(query["jurisdiction_id"])
    row = queries.service(session(), _today(), service_code)
    if row is None:
        raise errors.ServiceNotKnown(service_code=service_code)
    asked = queries.conditions(session(), _today(), service_code)
    return _answer(form, "service_definition", mapping.definition(service_code, row.kind, asked, _lang()))


@blp.route(f"/v2/requests.{FORM}", methods=["POST"])
@blp.arguments(schemas.NewRequestSchema, location="form")
@blp.response(201, schemas.PostedRequestSchema(many=True))
@_documented(400, 403, 404, 429, success=201, parameters=[IDEMPOTENCY_KEY])
@writes
def post_request(body: dict[str, Any], form: str) -> Response:
    """Report a problem. A repeat under the same Idempotency-Key gets the first answer; the key is the request's token too."""
    now = clock.now()
    key = operations.admit(session(), current_app.extensions["cityops_engine"], now, body["api_key"] or request.args.get("api_key"))
    _check_jurisdiction(body["jurisdiction_id"] or request.args.get("jurisdiction_id"))
    new = NewRequest(
        reporter={name: body[name] for name in schemas.REPORTER if body[name]},
        media_urls=[url for url in body["media_url"] if url],
        attributes=_attributes(),
        **{name: body[name] for name in ("service_code", "lat", "long", "address_string", "address_id", "description")},
    )
    vault = Vault(current_app.extensions["cityops_settings"].secret_key)
    number = operations.make_request(session(), now, _today(), key, vault, new, request.headers.get("Idempotency-Key"))
    made = {"service_request_id": number, "service_notice": None, "account_id": body["account_id"]}
    return _answer(form, "service_requests", [made], status=201)


def _attributes() -> dict[str, list[str]]:
    """`attribute[code]=v`, repeated, or with `[]`; what is no text is refused by the database's own rules before it gets here."""
    found: dict[str, list[str]] = {}
    for name, values in request.form.lists():
        matched = schemas.ATTRIBUTE.match(name)
        if matched is None:
            continue
        if any(not value.isprintable() or len(value) > 500 for value in values):
            raise errors.AttributeInvalid(attribute=matched[1], field=name)
        found.setdefault(matched[1], []).extend(values)
    return found


@blp.route(f"/v2/requests.{FORM}", methods=["GET"])
@blp.arguments(schemas.RequestsQuerySchema, location="query", unknown=ma.EXCLUDE)
@blp.response(200, schemas.ServiceRequestSchema(many=True))
@_documented(400, 404)
@reads
def list_requests(query: dict[str, Any], form: str) -> Response:
    """Requests of the public, newest first: those of the last 90 days, or what is asked for, at most 1,000."""
    _check_jurisdiction(query["jurisdiction_id"])
    since, until = operations.window(clock.now(), query["start_date"], query["end_date"])
    wanted = queries.Wanted(
        numbers=query["service_request_id"], services=query["service_code"], statuses=query["status"], since=since, until=until,
        updated_after=query["updated_after"], updated_before=query["updated_before"],
        limit=query["page_size"], offset=(query["page"] - 1) * query["page_size"],
    )  # fmt: skip
    return _requests(form, wanted)


@blp.route(f"/v2/requests/<string:service_request_id>.{FORM}", methods=["GET"])
@blp.arguments(schemas.JurisdictionSchema, location="query", unknown=ma.EXCLUDE)
@blp.response(200, schemas.ServiceRequestSchema(many=True))
@_documented(400, 404)
@reads
def get_request(query: dict[str, Any], service_request_id: str, form: str) -> Response:
    """One request, as a list of one."""
    _check_jurisdiction(query["jurisdiction_id"])
    answer = _requests(form, queries.Wanted(numbers=(service_request_id,)), needed=service_request_id)
    return answer


@blp.route(f"/v2/tokens/<string:token_id>.{FORM}", methods=["GET"])
@blp.arguments(schemas.JurisdictionSchema, location="query", unknown=ma.EXCLUDE)
@blp.response(200, schemas.RequestTokenSchema(many=True))
@_documented(400, 404)
@reads
def get_token(query: dict[str, Any], token_id: str, form: str) -> Response:
    """The request made under a token: the Idempotency-Key of its POST, or its own id."""
    _check_jurisdiction(query["jurisdiction_id"])
    number = queries.number_of_token(session(), token_id)
    if number is None:
        raise errors.TokenNotKnown(token_id=token_id)
    return _answer(form, "service_requests", [{"token": token_id, "service_request_id": number}])


def _requests(form: str, wanted: queries.Wanted, needed: str | None = None) -> Response:
    rows = queries.requests(session(), wanted)
    if needed is not None and not rows:
        raise errors.RequestNotKnown(service_request_id=needed)
    flow, zone, lang = case_workflow(), _zone(), _lang()
    return _answer(form, "service_requests", [mapping.request(row, flow, zone, lang) for row in rows])


def _refuse(status: int, description: str) -> Response:
    """The standard's errors: 400, 403, 404 and 429 keep their number, any other fault of the client is a 400."""
    if 400 <= status < 500 and status not in (403, 404, 429):
        status = 403 if status == 401 else 400
    form = "json" if request.path.endswith(".json") else "xml"
    return _answer(form, "errors", [{"code": str(status), "description": description}], status=status)


@blp.errorhandler(CityopsError)
def _known(error: CityopsError) -> Response:
    if error.status >= 500:
        log.error("%s at %s", error, request.path, exc_info=error)
    field = f"{error.field}: " if error.field else ""
    response = _refuse(error.status, f"{field}{error.message}" + (f" ({error.fix})" if error.fix else ""))
    if isinstance(error, TooMany) and "wait_s" in error.values:
        response.headers["Retry-After"] = str(error.values["wait_s"])
    return response


@blp.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages") if isinstance(getattr(error, "data", None), dict) else None
    if messages:
        faults = [f"{field}: {' '.join(map(str, said if isinstance(said, list) else [said]))}" for field, said in _flat(messages)]
        return _refuse(400, "; ".join(faults))
    return _refuse(error.code or 500, error.description or error.name or "")


@blp.errorhandler(Exception)
def _unknown(error: Exception) -> Response:
    incident = uuid.uuid4().hex[:12]
    log.error("incident %s at %s %s", incident, request.method, request.path, exc_info=error)
    return _refuse(500, f"An error was logged under {incident}.")


def _flat(messages: Any) -> list[tuple[str, Any]]:
    """Field and message of webargs' nested errors (JSON values, hence Any), without the place they were found in."""
    return [(field, said) for place in messages.values() for field, said in (place.items() if isinstance(place, dict) else [("", place)])]


def register(app: Flask) -> None:
    """What is under /open311 and nowhere above is answered in the standard's shape too; any page may read the public answers."""

    def nothing_here(rest: str) -> Response:
        return _known(errors.ResourceNotKnown())

    app.add_url_rule(
        "/open311/<path:rest>",
        "open311_elsewhere",
        nothing_here,
        methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        provide_automatic_options=False,
    )

    @app.after_request
    def shared(response: Response) -> Response:
        if request.path.startswith("/open311/"):
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.vary.add("Accept-Language")
        return response
