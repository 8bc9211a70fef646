"""The root of every error cityops raises on purpose.

The docstring of an error class is its message: one sentence, written once, with `{placeholders}` filled from the keyword
arguments. Each family carries the HTTP status that `cityops.http.problem` answers with and a stable `code` that clients
may rely on. A room subclasses a family in its own `errors.py`; nobody raises a family itself.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class _Blank(dict[str, Any]):
    """Fills a missing placeholder with its own name, so that building a message can never raise a second error."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


class CityopsError(Exception):
    """Something went wrong that cityops has a name for."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"

    def __init_subclass__(cls) -> None:
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, *, field: str | None = None, fix: str | None = None, **values: Any) -> None:
        self.field = field
        self.fix = fix
        self.values = values
        first_paragraph = (type(self).__doc__ or type(self).__name__).strip().split("\n\n")[0]
        self.message = " ".join(first_paragraph.split()).format_map(_Blank(values))
        super().__init__(self.message)


class Unauthenticated(CityopsError):
    """Sign in first."""

    status = 401


class Refused(CityopsError):
    """You may not do this."""

    status = 403


class NotFound(CityopsError):
    """There is no such thing."""

    status = 404


class Conflict(CityopsError):
    """The present state does not allow this."""

    status = 409


class PreconditionFailed(CityopsError):
    """Someone changed it since you read it."""

    status = 412


class PreconditionRequired(CityopsError):
    """This change needs an If-Match header with the ETag you read."""

    status = 428


class Invalid(CityopsError):
    """The input is not valid."""

    status = 422


class TooMany(CityopsError):
    """Too many attempts; wait {wait_s} seconds."""

    status = 429


class Unavailable(CityopsError):
    """The city is not available at the moment."""

    status = 503


class SetupError(CityopsError):
    """The machine is not ready: {reason}."""
