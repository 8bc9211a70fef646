"""The outside shapes of the case file. Unknown fields are refused, so that a misspelt one is not silently lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from cityops.cases.workflow import case_workflow
from cityops.geo.crs import parse_crs
from cityops.geo.errors import UnknownCrs
from cityops.http.fields import Instant

LARGEST_ID = 2_147_483_647
LARGEST_BIG_ID = 9_223_372_036_854_775_807
MAX_PHOTOS = 20
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 128},
    "description": "a UUID made by the client; the same request sent again with it gets the stored answer",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "the ETag that was read; with an old one the act is refused with 412, without one it is not compared",
}
CSRF = {
    "in": "header",
    "name": "X-CSRF-Token",
    "schema": {"type": "string"},
    "description": "needed with the session cookie only: the value of the cookie cityops_csrf",
}


class Words(fields.String):
    """Text of several lines that PostgreSQL can store: no control characters but line breaks and tabs."""

    def __init__(self, longest: int, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(validate=validate.Length(max=longest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        # Any: the signature is marshmallow's.
        written: str = super()._deserialize(value, attr, data, **kwargs)
        plain = written.replace("\r\n", "\n").strip()
        if not all(c.isprintable() or c in "\n\t" for c in plain):
            raise ma.ValidationError("Contains characters that cannot be printed.")
        return plain


class CommaList(fields.Field[tuple[Any, ...]]):  # Any: text or whole numbers
    """`a,b,c` in a query string as a tuple; `numbers` turns each part into a whole number."""

    def __init__(self, *, numbers: bool = False, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        self.numbers = numbers
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> tuple[Any, ...]:
        # Any: the signature is marshmallow's.
        parts = [part.strip() for part in str(value).split(",") if part.strip()]
        if not all(part.isprintable() for part in parts):
            raise ma.ValidationError("Contains characters that cannot be printed.")
        if not self.numbers:
            return tuple(parts)
        if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
            raise ma.ValidationError("Give whole numbers, separated by commas.")
        return tuple(int(part) for part in parts)


class Box(fields.Field[tuple[float, ...]]):
    """`west,south,east,north` in degrees."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> tuple[float, ...]:
        # Any: the signature is marshmallow's.
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError as error:
            raise ma.ValidationError("Give west,south,east,north in degrees.") from error
        if not (-720 <= west <= east <= 720 and -720 <= south <= north <= 720):
            raise ma.ValidationError("Give west,south,east,north in degrees, west below east and south below north.")
        # A map may look past the edge of the world.
        return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


def whole(largest: int = LARGEST_ID, **kwargs: Any) -> fields.Integer:  # Any: marshmallow's own keyword arguments
    """A positive whole number that is a number in JSON, not text."""
    return fields.Integer(strict=True, validate=validate.Range(1, largest), **kwargs)


def code(longest: int, **kwargs: Any) -> fields.String:  # Any: marshmallow's own keyword arguments
    """A code of digits."""
    return fields.String(validate=validate.Regexp(rf"^[0-9]{{1,{longest}}}\Z"), **kwargs)


def photos() -> fields.List[int]:
    """Ids of photos that were handed in before."""
    return fields.List(whole(LARGEST_BIG_ID), validate=validate.Length(max=MAX_PHOTOS))


class ReportSchema(ma.Schema):
    """A report. The place is lon and lat, else that of the component, else a bare cell."""

    source = fields.String(required=True, validate=validate.OneOf(list(case_workflow().sources)))
    kind = fields.String(required=True, validate=validate.OneOf(["component", "event"]))
    class_code = code(8, required=True)
    edition = fields.String(validate=validate.Regexp(r"^[a-z0-9][a-z0-9.-]{1,40}\Z"))
    condition_id = whole(allow_none=True)
    component_code = code(24, allow_none=True)
    lon = fields.Float(allow_none=True, metadata={"description": "longitude, or x in `crs`"})
    lat = fields.Float(allow_none=True, metadata={"description": "latitude, or y in `crs`"})
    crs = fields.String(metadata={"description": "EPSG:4490 (default), another EPSG code, GCJ-02 or BD-09"})
    cell_code = fields.String(allow_none=True, validate=validate.Regexp(r"^[0-9]{15}\Z"))
    accuracy_m = fields.Float(allow_none=True, validate=validate.Range(0, 100_000))
    address = Words(300, allow_none=True)
    description = Words(4000, allow_none=True)
    photos = photos()
    made_at = Instant(metadata={"description": "when the inspector made the report, if it was sent later"})

    @ma.validates("crs")
    def _known_crs(self, value: str, **_: Any) -> None:  # Any: the signature is marshmallow's
        try:
            parse_crs(value)
        except UnknownCrs as error:
            raise ma.ValidationError(str(error)) from error

    @ma.validates_schema
    def _whole_place(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if (data.get("lon") is None) != (data.get("lat") is None):
            raise ma.ValidationError("lon and lat belong together", "lon")


class ActSchema(ma.Schema):
    """What an act may be given; the detail of a case says for each act what it requires."""

    reason = Words(1000)
    note = Words(2000)
    result = fields.String(validate=validate.Length(max=40))
    photos = photos()
    department_id = whole()
    condition_id = whole()
    kind = fields.String(validate=validate.OneOf(["component", "event"]))
    class_code = code(8)
    edition = fields.String(validate=validate.Regexp(r"^[a-z0-9][a-z0-9.-]{1,40}\Z"))
    assignee_id = whole()
    until_on = fields.Date(metadata={"description": "the day of the city on which a suspension ends, one year from today at most"})
    made_at = Instant(metadata={"description": "when it was done, if it was sent later"})


class FilterSchema(ma.Schema):
    """What cases are asked for; list, map and export take the same."""

    class Meta:
        unknown = ma.RAISE

    state = CommaList(metadata={"description": "states separated by commas; `open` stands for all that are not finished", "type": "string"})
    stage = CommaList(numbers=True, metadata={"description": "stages 1 to 7, separated by commas", "type": "string"})
    desk = fields.String(validate=validate.OneOf(["mine"]), metadata={"description": "`mine`: what waits for the viewer's own posts"})
    kind = fields.String(validate=validate.OneOf(["component", "event"]))
    source = CommaList(metadata={"type": "string"})
    class_code = CommaList(data_key="class", metadata={"description": "class codes, separated by commas", "type": "string"})
    department = fields.Integer(validate=validate.Range(1, LARGEST_ID), metadata={"description": "with all its subordinate departments"})
    division = fields.String(validate=validate.Regexp(r"^([0-9]{6}|[0-9]{9}|[0-9]{12})\Z"))
    cell = fields.String(validate=validate.Regexp(r"^[0-9]{15}\Z"))
    beat = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    component = code(24)
    light = CommaList(metadata={"description": "ok, soon, late, paused, separated by commas", "type": "string"})
    mark = CommaList(
        metadata={
            "description": "special circumstances, separated by commas: delay, suspension, appeal (waiting for a decision), supervised,"
            " urgent, simplified, forced, reopened, exempt",
            "type": "string",
        }
    )
    since = fields.AwareDateTime(metadata={"description": "reported at or after"})
    until = fields.AwareDateTime(metadata={"description": "reported before"})
    q = Words(100, metadata={"description": "words in number, address and description; or a component code"})
    bbox = Box(metadata={"description": "west,south,east,north in degrees", "type": "string"})


class ListSchema(FilterSchema):
    """The list: the filter, the order and the page."""

    sort = fields.String(load_default="due", validate=validate.OneOf(["due", "-due", "reported", "-reported"]))
    cursor = fields.String(validate=validate.Length(max=500))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))


class ExportSchema(FilterSchema):
    """The export: the filter, the form, and at most how many."""

    format = fields.String(
        load_default="geojson",
        validate=validate.OneOf(["geojson", "pins", "csv"]),
        metadata={"description": "pins: GeoJSON with number and light only"},
    )
    limit = fields.Integer(validate=validate.Range(1, 10_000_000))


class CaseItemSchema(ma.Schema):
    """A case in a list."""

    number = fields.String(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    stage = fields.Integer(required=True)
    light = fields.String(
        required=True, metadata={"description": "ok under 80 % of the limit, soon to 100 %, late beyond; paused when no clock runs"}
    )
    kind = fields.String(required=True)
    source = fields.String(required=True)
    class_code = fields.String(required=True)
    class_name_zh = fields.String(allow_none=True)
    class_name_en = fields.String(allow_none=True)
    mark = fields.String(allow_none=True)
    icon = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    lon = fields.Float(allow_none=True)
    lat = fields.Float(allow_none=True)
    cell_code = fields.String(required=True)
    street_name_zh = fields.String(allow_none=True)
    street_name_en = fields.String(allow_none=True)
    department_id = fields.Integer(allow_none=True)
    department_name_zh = fields.String(allow_none=True)
    department_name_en = fields.String(allow_none=True)
    reported_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(allow_none=True)
    state_due_at = fields.AwareDateTime(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)
    rework_count = fields.Integer()
    urgent = fields.Boolean()
    supervision = fields.String(allow_none=True, metadata={"description": "open while a supervisor waits for an answer, then answered"})
    pending = fields.String(allow_none=True, metadata={"description": "delay or suspension: applied for and not decided yet"})


class CaseListSchema(ma.Schema):
    """One page of cases."""

    items = fields.List(fields.Nested(CaseItemSchema), required=True)
    next = fields.String(required=True, allow_none=True)
    total = fields.Integer(required=True, metadata={"description": "how many match without the box; stops at 10,000"})
    in_view = fields.Integer(required=True, metadata={"description": "how many match within the box; stops at 2,000"})
    without_place = fields.Integer(required=True, metadata={"description": "how many match that no map can show"})
    capped = fields.Boolean(required=True, metadata={"description": "whether there are more than the counts say"})


class CaseDetailSchema(CaseItemSchema):
    """A whole case; further members are described in the answer itself."""

    class Meta:
        unknown = ma.INCLUDE

    condition = fields.Dict(allow_none=True)
    limit = fields.Dict(allow_none=True)
    component = fields.Dict(allow_none=True)
    routing = fields.Dict(allow_none=True, metadata={"description": "which rule chose the department, and why the others lost"})
    photos = fields.List(fields.Dict())
    events = fields.List(fields.Dict())
    acts = fields.List(fields.Dict(), metadata={"description": "what leads on from here, with the reason when the viewer cannot do it"})


class SummarySchema(ma.Schema):
    """The vital signs of what a viewer sees."""

    open = fields.Integer(required=True)
    late = fields.Integer(required=True)
    soon = fields.Integer(required=True)
    on_time_rate = fields.Float(required=True, allow_none=True, metadata={"description": "0 to 1, over the cases closed in 30 days"})
    closed_30_days = fields.Integer(required=True)
    inspectors = fields.Integer(required=True)
    inspectors_on_duty = fields.Integer(required=True)
