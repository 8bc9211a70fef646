"""Standards over HTTP: filing conditions with their limits, working calendars, and a deadline computed on request."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, jsonify, request
from flask_smorest import Blueprint

from cityops import clock
from cityops.http.answers import json_bytes
from cityops.http.auth import viewer
from cityops.http.etag import check_if_match, etag
from cityops.http.paging import decode_cursor, encode_cursor
from cityops.http.unit import reads, session, writes
from cityops.standards import operations, queries, rules, schemas
from cityops.standards.errors import CalendarNotFound, ConditionNotFound
from cityops.standards.models import Condition, WorkingCalendar

blp = Blueprint(
    "standards", "standards", url_prefix="/api/v1", description="When a problem is filed, when it is closed, and within what time."
)

CITY = "<string(minlength=4,maxlength=7):city>"


def _today() -> date:
    """The city's local day."""
    return clock.now().astimezone(ZoneInfo(current_app.extensions["cityops_settings"].timezone)).date()


def _condition_answer(condition_id: int, status: int = 200) -> Response:
    body = queries.condition_json(session(), condition_id)
    if body is None:
        raise ConditionNotFound(condition=condition_id, field="condition_id", fix="see GET /api/v1/conditions")
    version = session().get_one(Condition, condition_id).version
    return json_bytes(body, version=version, status=status)


@blp.route("/conditions", methods=["GET"])
@blp.arguments(schemas.ConditionsQuerySchema, location="query")
@blp.response(200, schemas.ConditionsSchema)
@reads
def list_conditions(query: dict[str, Any]) -> Response:
    """Filing conditions by class, edition and day."""
    viewer()
    after = decode_cursor(query["cursor"], (int,))[0] if "cursor" in query else None
    filters = {name: query.get(name) for name in ("edition", "kind", "class_code", "on")}
    items, last = queries.conditions_json(session(), filters, query["limit"], after)
    following = f'"{encode_cursor(last)}"'.encode() if last is not None else b"null"
    return json_bytes(b'{"items":' + items + b',"next":' + following + b"}")


@blp.route("/conditions", methods=["POST"])
@blp.arguments(schemas.NewConditionSchema)
@blp.response(201, schemas.ConditionSchema)
@blp.doc(parameters=schemas.WRITE)
@blp.alt_response(403, description="only planners and administrators change standards")
@blp.alt_response(404, description="no such class")
@blp.alt_response(409, description="the number is taken for that time")
@writes
def add_condition(body: dict[str, Any]) -> Response:
    """Add a filing condition to a class."""
    made = operations.add_condition(session(), viewer(), operations.NewCondition(**body))
    response = _condition_answer(made.id, 201)
    response.headers["Location"] = f"/api/v1/conditions/{made.id}"
    return response


@blp.route(f"/conditions/{schemas.ID}", methods=["GET"])
@blp.response(200, schemas.ConditionSchema)
@blp.alt_response(404, description="no such condition")
@reads
def get_condition(condition_id: int) -> Response:
    """One condition."""
    viewer()
    return _condition_answer(condition_id)


@blp.route(f"/conditions/{schemas.ID}", methods=["PATCH"])
@blp.arguments(schemas.ConditionChangeSchema)
@blp.response(200, schemas.ConditionSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="only planners and administrators change standards")
@blp.alt_response(404, description="no such condition")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_condition(body: operations.ConditionChange, condition_id: int) -> Response:
    """Change a condition from today on. Where its words or limits change, the old row ends and the answer is the new one."""
    held = session().get(Condition, condition_id)
    if held is None:
        raise ConditionNotFound(condition=condition_id, field="condition_id", fix="see GET /api/v1/conditions")
    check_if_match(held.version, required=True)
    now_held = operations.change_condition(session(), viewer(), _today(), condition_id, body, expected=held.version)
    return _condition_answer(now_held.id)


def _calendar_answer(city: str, row: WorkingCalendar, year: int | None = None) -> Response:
    shown = {
        "city": city,
        "is_own": row.city == city,
        "timezone": row.timezone,
        "working_periods": row.working_periods,
        "known_years": row.known_years,
        "days": queries.days_of(session(), row.id, year),
        "version": row.version,
    }
    response = jsonify(schemas.CalendarSchema().dump(shown))
    response.headers["ETag"] = etag(row.version)
    response.headers["Cache-Control"] = "private, no-cache"
    if request.method == "GET":
        response.make_conditional(request)
    return response


def _calendar(city: str) -> WorkingCalendar:
    """The calendar that serves a city: its own or the default one."""
    row = queries.calendar_row(session(), city) if city == queries.DEFAULT_CITY or (city.isascii() and city.isdigit()) else None
    if row is None:
        raise CalendarNotFound(city=city, field="city", fix="a district or prefecture code of 4 or 6 digits, or 'default'")
    return row


@blp.route(f"/calendars/{CITY}", methods=["GET"])
@blp.arguments(schemas.CalendarQuerySchema, location="query")
@blp.response(200, schemas.CalendarSchema)
@blp.alt_response(404, description="that is no city")
@reads
def get_calendar(query: dict[str, Any], city: str) -> Response:
    """The working calendar of a city (district or prefecture code, or `default`)."""
    viewer()
    return _calendar_answer(city, _calendar(city), query.get("year"))


@blp.route(f"/calendars/{CITY}", methods=["PATCH"])
@blp.arguments(schemas.CalendarChangeSchema)
@blp.response(200, schemas.CalendarSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="only planners and administrators change calendars")
@blp.alt_response(404, description="that is no city")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_calendar(body: operations.CalendarChange, city: str) -> Response:
    """Change working periods or time zone. Deadlines already set stay as they are."""
    held = _calendar(city)
    check_if_match(held.version, required=True)
    return _calendar_answer(city, operations.change_calendar(session(), viewer(), city, body, expected=held.version))


@blp.route(f"/calendars/{CITY}/days", methods=["PUT"])
@blp.arguments(schemas.DaysSchema)
@blp.response(200, schemas.CalendarSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="only planners and administrators change calendars")
@blp.alt_response(404, description="that is no city")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def set_days(body: dict[str, Any], city: str) -> Response:
    """Say of single days that they are worked or off."""
    held = _calendar(city)
    check_if_match(held.version, required=True)
    return _calendar_answer(city, operations.set_days(session(), viewer(), city, body["days"], expected=held.version))


@blp.route(f"/calendars/{CITY}/deadline", methods=["GET"])
@blp.arguments(schemas.DeadlineQuerySchema, location="query")
@blp.response(200, schemas.DeadlineSchema)
@blp.alt_response(404, description="that is no city")
@reads
def get_deadline(query: dict[str, Any], city: str) -> Response:
    """When a limit that begins at an instant is due in a city."""
    viewer()
    _calendar(city)
    calendar = queries.calendar_for(session(), city)
    due = rules.due_at(query["start"], query["limit"], query["unit"], calendar)
    shown = {
        "start": query["start"],
        "soon_at": rules.soon_at(query["start"], query["limit"], query["unit"], calendar),
        "due_at": due,
        "holidays_known": set(range(query["start"].year, due.year + 1)) <= calendar.known_years,
    }
    return jsonify(schemas.DeadlineSchema().dump(shown))
