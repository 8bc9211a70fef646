"""The outside shapes of the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from cityops.cases.workflow import case_workflow
from cityops.http.fields import Instant

REPORT = "report"
KINDS = (REPORT, *sorted(case_workflow().by_noun))


class TaskFilterSchema(ma.Schema):
    """Which tasks, and from where they are looked at."""

    class Meta:
        unknown = ma.RAISE

    mine = fields.Boolean(load_default=True, metadata={"description": "the viewer's own and unassigned ones; off: all he may see"})
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "done", "cancelled"]))
    kind = fields.String(validate=validate.OneOf(["verify", "check"]))
    lon = fields.Float(validate=validate.Range(-180, 180), metadata={"description": "where the viewer stands, EPSG:4490 degrees"})
    lat = fields.Float(validate=validate.Range(-90, 90))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 500))

    @ma.validates_schema
    def _whole_place(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if ("lon" in data) != ("lat" in data):
            raise ma.ValidationError("lon and lat belong together", "lon")


class TaskSchema(ma.Schema):
    """What an inspector has to look at."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    case_number = fields.String(required=True)
    case_state = fields.String(required=True)
    case_version = fields.Integer(required=True)
    state = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    soon_at = fields.AwareDateTime(allow_none=True)
    due_at = fields.AwareDateTime(allow_none=True)
    light = fields.String(required=True)
    assignee_id = fields.Integer(allow_none=True)
    lon = fields.Float(allow_none=True)
    lat = fields.Float(allow_none=True)
    class_code = fields.String(required=True)
    class_name_zh = fields.String(allow_none=True)
    class_name_en = fields.String(allow_none=True)
    mark = fields.String(allow_none=True)
    icon = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    cell_code = fields.String(required=True)
    distance_m = fields.Float(allow_none=True)
    photos = fields.List(fields.Dict())


class TaskListSchema(ma.Schema):
    """Tasks in walking order."""

    items = fields.List(fields.Nested(TaskSchema), required=True)
    more = fields.Boolean(required=True)


class ActionSchema(ma.Schema):
    """A write as the phone keeps it: its own id, what it is, when it was made, and the body of the same write by the front door."""

    id = fields.UUID(required=True, metadata={"description": "made by the client; sent again, the stored answer comes back"})
    kind = fields.String(required=True, validate=validate.OneOf(KINDS), metadata={"description": "report, or the noun of an act"})
    number = fields.String(validate=validate.Length(equal=21), metadata={"description": "the case, for every kind but report"})
    made_at = Instant(required=True, metadata={"description": "by the phone's clock"})
    body = fields.Dict(required=True, metadata={"description": "the body of POST /cases, or of the act"})

    @ma.validates_schema
    def _number_for_acts(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if (data.get("kind") == REPORT) == ("number" in data):
            raise ma.ValidationError("a report has no number yet, every act needs one", "number")
