"""Opaque cursors: the sort key of the last row, so that paging stays right while rows are added or removed."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from cityops.errors import Invalid


class CursorNotUnderstood(Invalid):
    """The cursor is not one this list gave out."""


def encode_cursor(*key: Any) -> str:
    """A cursor for the row with this sort key (JSON values)."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, types: tuple[type, ...]) -> tuple[Any, ...]:
    """The sort key inside a cursor, checked against the expected types; raises CursorNotUnderstood."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise CursorNotUnderstood(field="cursor", fix="use the value of `next` as it was given") from error
    if (
        not isinstance(key, list)
        or len(key) != len(types)
        or not all(isinstance(k, t) or k is None for k, t in zip(key, types, strict=True))
    ):
        raise CursorNotUnderstood(field="cursor", fix="use the value of `next` as it was given")
    return tuple(key)
