"""Components over HTTP: search, one component with its past, the verbs; editions and class tables."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, request
from flask_smorest import Blueprint

from cityops import clock
from cityops.components import class_tables, operations, queries, schemas, search
from cityops.components.errors import ComponentNotFound, ComponentNotThen
from cityops.components.queries import ComponentRecord
from cityops.http.answers import GEOJSON, json_bytes, wants_geojson
from cityops.http.auth import viewer
from cityops.http.etag import check_if_match, etag
from cityops.http.paging import decode_cursor, encode_cursor
from cityops.http.unit import reads, session, writes

blp = Blueprint("components", "components", url_prefix="/api/v1", description="The coded things of the city, their classes and their past.")

MIMETYPES: dict[search.Format, str] = {"json": "application/json", "geojson": GEOJSON}
CODE = "<string(minlength=1,maxlength=24):code>"


def _format() -> search.Format:
    """What the reader asked for: `?format=` before the Accept header."""
    return "geojson" if wants_geojson() and request.args.get("format") != "json" else "json"


def _today(now: datetime) -> date:
    """The city's local day."""
    return now.astimezone(ZoneInfo(current_app.extensions["cityops_settings"].timezone)).date()


def _found(code: str) -> int:
    """The id behind a code, for one who signed in; raises Unauthenticated, ComponentNotFound."""
    viewer()
    component_id = queries.id_of(session(), code) if code.isascii() and code.isdigit() else None
    if component_id is None:
        raise ComponentNotFound(code=code, field="code", fix="check the digits, and that the place is within your scope")
    return component_id


def _answer(code: str, as_of: datetime | None = None, status: int = 200) -> Response:
    """One component in full."""
    component_id = _found(code)
    form = _format() if request.method == "GET" else "json"
    found = search.detail(session(), viewer(), component_id, as_of, form)
    if found is None:
        if as_of is not None and queries.by_id(session(), component_id, viewer=viewer()) is not None:
            raise ComponentNotThen(code=code, as_of=as_of.isoformat(), field="as_of", fix="ask for a later instant")
        raise ComponentNotFound(code=code, field="code", fix="check the digits, and that the place is within your scope")
    body, tag = found
    response = json_bytes(body, version=tag, status=status, mimetype=MIMETYPES[form])
    response.headers["Vary"] = "Accept"
    return response


def _held(code: str) -> ComponentRecord:
    """The component a change is for, locked; the If-Match header is compared with its newest tag."""
    held = queries.known(session(), code, viewer(), lock=True)
    found = search.detail(session(), viewer(), held.id)
    if found is not None:
        check_if_match(found[1], required=True)
    return held


@blp.route("/components", methods=["GET"])
@blp.arguments(schemas.SearchSchema, location="query")
@blp.response(200, schemas.ComponentsSchema)
@blp.alt_response(200, schema=schemas.FeaturesSchema, content_type=GEOJSON)
@reads
def list_components(query: dict[str, Any]) -> Response:
    """Components by class, department, state, division, code, words, box or distance; now or as of a past instant."""
    wanted = schemas.search_of(query)
    after = decode_cursor(query["cursor"], (str,))[0] if "cursor" in query else None
    form = _format()
    found = search.page(session(), viewer(), wanted, limit=query["limit"], after=after, form=form)
    following = b'"' + encode_cursor(found.next_code).encode() + b'"' if found.next_code else b"null"
    total = f',"total":{search.count(session(), viewer(), wanted)}'.encode() if query["count"] else b""
    head = b'{"type":"FeatureCollection","features":' if form == "geojson" else b'{"items":'
    body = head + found.items + b',"next":' + following + total + b"}"
    response = json_bytes(body, mimetype=MIMETYPES[form])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept"
    return response


@blp.route("/components", methods=["POST"])
@blp.arguments(schemas.NewComponentSchema)
@blp.response(201, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.WRITE)
@blp.alt_response(403, description="your post registers no components, or the place is outside your scope")
@blp.alt_response(404, description="there is no such class")
@blp.alt_response(409, description="the code was given before, or no number is left")
@writes
def register_component(body: dict[str, Any]) -> Response:
    """Register a component; its cell is found, its code is given."""
    now, reason = clock.now(), body.pop("reason", None)
    new = operations.NewComponent(geom=schemas.place_of(body), **body)
    made = operations.register(session(), viewer(), now, new, reason=reason, on=_today(now))
    response = _answer(made.code, status=201)
    response.headers["Location"] = f"/api/v1/components/{made.code}"
    return response


@blp.route(f"/components/{CODE}", methods=["GET"])
@blp.arguments(schemas.AsOfSchema, location="query")
@blp.response(200, schemas.ComponentDetailSchema)
@blp.alt_response(200, schema=schemas.DetailFeatureSchema, content_type=GEOJSON)
@blp.alt_response(404, description="no component ever had this code, it lies outside your scope, or it did not exist then")
@reads
def get_component(query: dict[str, Any], code: str) -> Response:
    """One component by any code it ever had, now or as of a past instant."""
    return _answer(code, query.get("as_of"))


@blp.route(f"/components/{CODE}", methods=["PATCH"])
@blp.arguments(schemas.ComponentChangeSchema)
@blp.response(200, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="your post changes no components, or it would leave your scope")
@blp.alt_response(404, description="no such component within your scope")
@blp.alt_response(409, description="the component was retired")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_component(body: tuple[operations.ComponentChange, str], code: str) -> Response:
    """Change what is known about a component; the version that was is kept."""
    now, held = clock.now(), _held(code)
    operations.update(session(), viewer(), now, held.code, body[0], reason=body[1], on=_today(now))
    return _answer(held.code)


@blp.route(f"/components/{CODE}/relocation", methods=["POST"])
@blp.arguments(schemas.RelocationSchema)
@blp.response(200, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="the old or the new place is outside your scope")
@blp.alt_response(404, description="no such component within your scope")
@blp.alt_response(409, description="the component was retired")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def relocate_component(body: dict[str, Any], code: str) -> Response:
    """Move a component or draw it anew; its cell is found again, its code stays."""
    now, held, reason = clock.now(), _held(code), body.pop("reason")
    operations.relocate(session(), viewer(), now, held.code, schemas.place_of(body), reason=reason, on=_today(now))
    return _answer(held.code)


@blp.route(f"/components/{CODE}/recoding", methods=["POST"])
@blp.arguments(schemas.RecodingSchema)
@blp.response(200, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="your post gives no codes")
@blp.alt_response(404, description="no such component or class")
@blp.alt_response(409, description="the component was retired, or no number is left")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def recode_component(body: dict[str, Any], code: str) -> Response:
    """Give a component a new code; the old one goes on leading to it."""
    now, held = clock.now(), _held(code)
    made = operations.recode(session(), viewer(), now, held.code, on=_today(now), **body)
    return _answer(made.code)


@blp.route(f"/components/{CODE}/retirement", methods=["POST"])
@blp.arguments(schemas.ReasonSchema)
@blp.response(200, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="your post retires no components")
@blp.alt_response(404, description="no such component within your scope")
@blp.alt_response(409, description="the component was retired before")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def retire_component(body: dict[str, Any], code: str) -> Response:
    """Take a component out of use; its code, past and cases stay."""
    now, held = clock.now(), _held(code)
    operations.retire(session(), viewer(), now, held.code, reason=body["reason"], on=_today(now))
    return _answer(held.code)


@blp.route(f"/components/{CODE}/reinstatement", methods=["POST"])
@blp.arguments(schemas.ReasonSchema)
@blp.response(200, schemas.ComponentDetailSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="your post reinstates no components")
@blp.alt_response(404, description="no such component within your scope")
@blp.alt_response(409, description="the component is in use")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def reinstate_component(body: dict[str, Any], code: str) -> Response:
    """Bring a retired component back."""
    now, held = clock.now(), _held(code)
    operations.reinstate(session(), viewer(), now, held.code, reason=body["reason"], on=_today(now))
    return _answer(held.code)


@blp.route(f"/components/{CODE}/history", methods=["GET"])
@blp.response(200, schemas.HistorySchema)
@blp.alt_response(404, description="no such component within your scope")
@reads
def component_history(code: str) -> Response:
    """Every version of a component: when it held, who made it so, why, and what changed."""
    found = search.history(session(), viewer(), _found(code))
    if found is None:
        raise ComponentNotFound(code=code, field="code", fix="check the digits, and that the place is within your scope")
    return json_bytes(found)


@blp.route("/editions", methods=["GET"])
@blp.response(200, schemas.EditionsSchema)
@reads
def list_editions() -> Response:
    """The editions of the class standard with their major classes."""
    viewer()
    return json_bytes(b'{"items":' + search.editions_json(session()) + b"}")


@blp.route("/classes", methods=["GET"])
@blp.arguments(schemas.ClassesQuerySchema, location="query")
@blp.response(200, schemas.ClassesSchema)
@reads
def list_classes(query: dict[str, Any]) -> Response:
    """Class tables by edition, kind and code."""
    viewer()
    found = search.classes_json(
        session(), edition=query.get("edition"), kind=query.get("kind"), active=query.get("active"), words=query.get("q")
    )
    return json_bytes(b'{"items":' + found + b"}")


CLASS = "/classes/<string(maxlength=41):edition>/<any(component,event):kind>/<string(maxlength=8):class_code>"


@blp.route(CLASS, methods=["GET"])
@blp.response(200, schemas.ClassSchema)
@blp.alt_response(404, description="no such class")
@reads
def get_class(edition: str, kind: str, class_code: str) -> Response:
    """One class."""
    viewer()
    return _class_answer(edition, kind, class_code)


@blp.route(CLASS, methods=["PATCH"])
@blp.arguments(schemas.ClassChangeSchema)
@blp.response(200, schemas.ClassSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="only planners and administrators change class tables")
@blp.alt_response(404, description="no such class")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_class(body: dict[str, Any], edition: str, kind: str, class_code: str) -> Response:
    """Edit a class: names, geometry, default department, icon and mark, or switch it off."""
    found = queries.class_of(session(), edition, kind, class_code)
    check_if_match(found.version, required=True)
    class_tables.change_class(session(), viewer(), edition, kind, class_code, operations.ClassChange(**body), expected=found.version)
    return _class_answer(edition, kind, class_code)


def _class_answer(edition: str, kind: str, class_code: str) -> Response:
    found = queries.class_of(session(), edition, kind, class_code)
    response = json_bytes(search.classes_json(session(), edition=edition, kind=kind, code=class_code)[1:-1])
    response.headers["ETag"] = etag(found.version)
    response.headers["Cache-Control"] = "private, no-cache"
    if request.method == "GET":
        response.make_conditional(request)
    return response
