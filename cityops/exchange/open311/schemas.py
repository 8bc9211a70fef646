"""The shapes of GeoReport v2. Unknown parameters are ignored, as clients in the field send their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from cityops.exchange.open311.queries import MOST
from cityops.identity.schemas import LARGEST_ID

ATTRIBUTE = re.compile(r"^attribute\[([A-Za-z0-9_.:-]{1,60})\](?:\[\])?$")
REPORTER = ("email", "first_name", "last_name", "phone", "account_id", "device_id")


class PlainText(fields.String):
    """Text of at most `longest` characters that PostgreSQL can store; an empty one is as good as none."""

    def __init__(self, longest: int = 200, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(metadata={"maxLength": longest, **kwargs.pop("metadata", {})}, **kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's, and None stands for empty.
        written: str = super()._deserialize(value, attr, data, **kwargs)
        plain = written.replace("\r\n", "\n").strip()
        if len(plain) > self.longest:
            raise ma.ValidationError(f"Longer than {self.longest} characters.")
        if not all(c.isprintable() or c in "\n\t" for c in plain):
            raise ma.ValidationError("Contains characters that cannot be printed.")
        if not plain and self.required:
            raise self.make_error("required")
        return plain or None


class Number(fields.Float):
    """A number between -within and within; an empty parameter is as good as none."""

    def __init__(self, within: float, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(metadata={"minimum": -within, "maximum": within}, **kwargs)
        self.within = within

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's.
        if value == "":
            return None
        number: float = super()._deserialize(value, attr, data, **kwargs)
        if not -self.within <= number <= self.within:
            raise ma.ValidationError(f"Between -{self.within} and {self.within} degrees.")
        return number


class PlaceId(fields.Integer):
    """The id of a place; an empty parameter is as good as none."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's.
        if value == "":
            return None
        number = super()._deserialize(value, attr, data, **kwargs)
        if number is None or not 1 <= number <= LARGEST_ID:
            raise ma.ValidationError("Not the id of a place.")
        return number


class Listed(fields.String):
    """Values separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: the signature is marshmallow's, which allows no tuple for a string field.
        text: str = super()._deserialize(value, attr, data, **kwargs)
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if len(parts) > MOST or not all(part.isascii() and part.isprintable() for part in parts):
            raise ma.ValidationError(f"Give up to {MOST} values, separated by commas.")
        return parts


class Statuses(Listed):
    """open, closed, or both."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        # Any: as in Listed.
        parts = super()._deserialize(value, attr, data, **kwargs)
        if not set(parts) <= {"open", "closed"}:
            raise ma.ValidationError("open or closed.")
        return parts


class W3Instant(fields.AwareDateTime):
    """A w3 date-time; without a zone it is UTC. A + in a query string may arrive as a blank."""

    def __init__(self, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(default_timezone=UTC, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        # Any: the signature is marshmallow's.
        if isinstance(value, str):
            value = value.replace(" ", "+") if "T" in value else f"{value}T00:00:00Z"
        found: datetime = super()._deserialize(value, attr, data, **kwargs)
        if not 1900 <= found.year <= 9000:
            raise ma.ValidationError("Not a valid datetime.")
        return found


class JurisdictionSchema(ma.Schema):
    """Whose requests; may be left out or empty, there is one city here."""

    class Meta:
        unknown = ma.EXCLUDE

    jurisdiction_id = PlainText(load_default=None, allow_none=True)


class RequestsQuerySchema(JurisdictionSchema):
    """Which requests. `service_request_id` overrides all else."""

    class Meta:
        unknown = ma.EXCLUDE

    service_request_id = Listed(load_default=())
    service_code = Listed(load_default=())
    status = Statuses(load_default=(), metadata={"description": "open, closed or both, separated by commas"})
    start_date = W3Instant(load_default=None, metadata={"description": "earliest requested_datetime; a span of at most 90 days"})
    end_date = W3Instant(load_default=None)
    updated_after = W3Instant(load_default=None)
    updated_before = W3Instant(load_default=None)
    page = fields.Integer(load_default=1, validate=validate.Range(1, 10_000))
    page_size = fields.Integer(load_default=MOST, validate=validate.Range(1, MOST))


class NewRequestSchema(JurisdictionSchema):
    """A request. Further fields are `attribute[code]`, repeated or with `[]` for several values."""

    class Meta:
        unknown = ma.EXCLUDE

    api_key = PlainText(load_default=None)
    service_code = PlainText(required=True, longest=100)
    lat = Number(load_default=None, allow_none=True, within=90)
    long = Number(load_default=None, allow_none=True, within=180)
    address_string = PlainText(load_default=None)
    address_id = PlaceId(load_default=None, metadata={"description": "place_id of the gazetteer"})
    email = PlainText(load_default=None)
    device_id = PlainText(load_default=None)
    account_id = PlainText(load_default=None)
    first_name = PlainText(load_default=None)
    last_name = PlainText(load_default=None)
    phone = PlainText(load_default=None)
    description = PlainText(load_default=None, longest=2000)
    media_url = fields.List(
        fields.String(validate=validate.Regexp(r"^(https?://[!-~]{1,2000})?\Z")), load_default=list, validate=validate.Length(max=10)
    )


class ServiceSchema(ma.Schema):
    """A kind of problem that may be reported."""

    service_code = fields.String(required=True)
    service_name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    metadata = fields.Boolean(required=True)
    type = fields.String(required=True)
    keywords = fields.String(required=True)
    group = fields.String(required=True)


class AttributeValueSchema(ma.Schema):
    """One choice of a list."""

    key = fields.String(required=True)
    name = fields.String(required=True)


class AttributeSchema(ma.Schema):
    """One question of a service."""

    variable = fields.Boolean(required=True)
    code = fields.String(required=True)
    datatype = fields.String(required=True)
    required = fields.Boolean(required=True)
    datatype_description = fields.String(required=True)
    order = fields.Integer(required=True)
    description = fields.String(required=True)
    values = fields.List(fields.Nested(AttributeValueSchema), required=True)


class ServiceDefinitionSchema(ma.Schema):
    """The questions of a service."""

    service_code = fields.String(required=True)
    attributes = fields.List(fields.Nested(AttributeSchema), required=True)


class ServiceRequestSchema(ma.Schema):
    """What the public sees of a request."""

    service_request_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["open", "closed"]))
    status_notes = fields.String(required=True, allow_none=True)
    service_name = fields.String(required=True)
    service_code = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    agency_responsible = fields.String(required=True, allow_none=True)
    service_notice = fields.String(required=True, allow_none=True)
    requested_datetime = fields.String(required=True)
    updated_datetime = fields.String(required=True)
    expected_datetime = fields.String(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    address_id = fields.String(required=True, allow_none=True)
    zipcode = fields.String(required=True, allow_none=True)
    lat = fields.Float(required=True, allow_none=True)
    long = fields.Float(required=True, allow_none=True)
    media_url = fields.String(required=True, allow_none=True)
    extended_attributes = fields.Dict(
        required=True, metadata={"description": "state, stage, cell, closing and rework as cityops knows them"}
    )


class PostedRequestSchema(ma.Schema):
    """A request that was taken in."""

    service_request_id = fields.String(required=True)
    service_notice = fields.String(required=True, allow_none=True)
    account_id = fields.String(required=True, allow_none=True)


class RequestTokenSchema(ma.Schema):
    """A token and the request made under it."""

    token = fields.String(required=True)
    service_request_id = fields.String(required=True)
