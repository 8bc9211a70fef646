"""Entity tags: the version of a record, and the check that a writer has read the newest one."""

from __future__ import annotations

from flask import request

from cityops.errors import PreconditionFailed, PreconditionRequired


def etag(version: int | str) -> str:
    """The quoted strong ETag of a record's version."""
    return f'"{version}"'


def check_if_match(version: int | str, *, required: bool = False) -> None:
    """Refuse the write when the If-Match header names another version (412) or, if required, is missing (428)."""
    header = request.headers.get("If-Match")
    if header is None:
        if required:
            raise PreconditionRequired(field="If-Match", fix=f"send If-Match: {etag(version)} after reading the record")
        return
    if header.strip() != "*" and etag(version) not in [tag.strip().removeprefix("W/") for tag in header.split(",")]:
        raise PreconditionFailed(field="If-Match", fix="read the record again, look at what changed, and repeat")
