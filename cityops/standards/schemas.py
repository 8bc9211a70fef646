"""The shapes of room standards on the outside. Unknown fields are refused, so a misspelt one is not silently ignored."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from cityops.components.schemas import CHANGE, EDITION, KINDS, WRITE, Instant, Words
from cityops.identity.schemas import LARGEST_ID, CleanString
from cityops.standards.operations import CalendarChange, ConditionChange, Day
from cityops.standards.rules import MAX_LIMIT, UNITS

__all__ = ["CHANGE", "WRITE"]

CITY = r"^(default|[0-9]{4,6})\Z"
TIME = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z|^24:00\Z")


class Limit(fields.Decimal):
    """A time limit: a JSON number with at most two decimals."""

    def __init__(self, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(places=2, validate=validate.Range(Decimal("0.01"), MAX_LIMIT), metadata={"type": "number"}, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's.
        return None if value is None else float(value)


def _class_code(**kwargs: Any) -> fields.String:  # Any: as above
    return fields.String(validate=validate.Regexp(r"^[0-9]{4,8}\Z"), **kwargs)


def _unit(**kwargs: Any) -> fields.String:  # Any: as above
    return fields.String(validate=validate.OneOf(UNITS), **kwargs)


def _words(**kwargs: Any) -> Words:  # Any: as above
    return Words(validate=validate.Length(1, 1000), **kwargs)


class _Texts(ma.Schema):
    """What all shapes of a condition share; nothing is required here."""

    filing_zh = _words()
    filing_en = _words()
    closing_zh = _words()
    closing_en = _words()
    limit_a = Limit(allow_none=True)
    limit_b = Limit()
    limit_c = Limit(allow_none=True)
    unit = _unit()
    department_code = CleanString(allow_none=True, validate=validate.Length(1, 30))
    legal_basis = CleanString(allow_none=True, validate=validate.Length(1, 300))
    effective_to = fields.Date(allow_none=True)
    source = CleanString(validate=validate.Length(1, 300))


class ConditionChangeSchema(_Texts):
    """What to change from today on; what is left out stays."""

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> ConditionChange:  # Any: the signature is marshmallow's
        return ConditionChange(**data)


class NewConditionSchema(_Texts):
    """A condition to be added."""

    edition = CleanString(required=True, validate=validate.Regexp(EDITION))
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    class_code = _class_code(required=True)
    filing_zh = _words(required=True)
    filing_en = _words(required=True)
    closing_zh = _words(required=True)
    closing_en = _words(required=True)
    limit_b = Limit(required=True)
    unit = _unit(required=True)
    source = CleanString(required=True, validate=validate.Length(1, 300))
    effective_from = fields.Date(required=True)
    number = fields.Integer(strict=True, validate=validate.Range(1, 1000))
    milestone = fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, 20))


class ConditionSchema(ma.Schema):
    """When a problem of a class is filed, when it is closed, and within what time (`limit_b`: ordinary areas)."""

    id = fields.Integer(required=True)
    edition = fields.String(required=True)
    kind = fields.String(required=True)
    class_code = fields.String(required=True)
    number = fields.Integer(required=True)
    milestone = fields.Integer(required=True, allow_none=True)
    filing_zh = fields.String(required=True)
    filing_en = fields.String(required=True)
    closing_zh = fields.String(required=True)
    closing_en = fields.String(required=True)
    limit_a = fields.Float(required=True, allow_none=True)
    limit_b = fields.Float(required=True)
    limit_c = fields.Float(required=True, allow_none=True)
    unit = _unit(required=True)
    department_code = fields.String(required=True, allow_none=True)
    legal_basis = fields.String(required=True, allow_none=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(required=True, allow_none=True)
    is_default = fields.Boolean(required=True, metadata={"description": "no public value is known for the class; to be set by the city"})
    source = fields.String(required=True)
    version = fields.Integer(required=True)


class ConditionsSchema(ma.Schema):
    """A page of conditions."""

    items = fields.List(fields.Nested(ConditionSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class ConditionsQuerySchema(ma.Schema):
    """Which conditions."""

    edition = CleanString(validate=validate.Regexp(EDITION))
    kind = fields.String(validate=validate.OneOf(KINDS))
    class_code = _class_code(data_key="class")
    on = fields.Date(metadata={"description": "in force on this day"})
    cursor = fields.String()
    limit = fields.Integer(load_default=200, validate=validate.Range(1, 1000))


class DaySchema(ma.Schema):
    """A day that differs from the ordinary week."""

    on = fields.Date(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(["workday", "holiday"]))
    name_zh = CleanString(load_default="", validate=validate.Length(max=60))
    name_en = CleanString(load_default="", validate=validate.Length(max=60))

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Day:  # Any: the signature is marshmallow's
        return Day(**data)


class DaysSchema(ma.Schema):
    """Days the city sets itself."""

    days = fields.List(fields.Nested(DaySchema), required=True, validate=validate.Length(1, 400))


class ShownDaySchema(ma.Schema):
    """A day of a calendar and who says so."""

    on = fields.Date(required=True)
    kind = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)
    source = fields.String(required=True)


class CalendarSchema(ma.Schema):
    """A working calendar. In years that are not `known_years` only weekends are days off, until the city enters its holidays."""

    city = fields.String(required=True)
    is_own = fields.Boolean(required=True, metadata={"description": "false: the city uses the default calendar"})
    timezone = fields.String(required=True)
    working_periods = fields.List(fields.List(fields.String()), required=True)
    known_years = fields.List(fields.Integer(), required=True)
    days = fields.List(fields.Nested(ShownDaySchema), required=True)
    version = fields.Integer(required=True)


class CalendarQuerySchema(ma.Schema):
    """Which days to show."""

    year = fields.Integer(validate=validate.Range(1900, 2200))


class CalendarChangeSchema(ma.Schema):
    """What to change; what is left out stays."""

    timezone = CleanString(validate=validate.Length(1, 60))
    working_periods = fields.List(
        fields.List(fields.String(validate=validate.Regexp(TIME)), validate=validate.Length(equal=2)),
        validate=validate.Length(1, 6),
        metadata={"example": [["08:00", "12:00"], ["14:00", "18:00"]]},
    )

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> CalendarChange:  # Any: the signature is marshmallow's
        return CalendarChange(**data)


class DeadlineQuerySchema(ma.Schema):
    """A limit that begins at an instant."""

    start = Instant(required=True)
    limit = Limit(required=True)
    unit = _unit(required=True)


class DeadlineSchema(ma.Schema):
    """When it is due, when it is soon due, and whether the holidays of that year are known."""

    start = fields.AwareDateTime(required=True)
    soon_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True)
    holidays_known = fields.Boolean(required=True)


ID = f"<int(min=1,max={LARGEST_ID}):condition_id>"
