"""Fields of the outside that more than one room reads in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields


class Instant(fields.AwareDateTime):
    """An instant; without an offset it is taken as UTC. Years before 1900 are no date of a city."""

    def __init__(self, **kwargs: Any) -> None:  # Any: marshmallow's own keyword arguments
        super().__init__(default_timezone=UTC, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        # Any: the signature is marshmallow's. A + in a query string arrives as a blank.
        found: datetime = super()._deserialize(
            value.replace(" ", "+") if isinstance(value, str) and "T" in value else value, attr, data, **kwargs
        )
        if not 1900 <= found.year <= 9000:
            raise ma.ValidationError("Not a valid datetime.")
        return found
