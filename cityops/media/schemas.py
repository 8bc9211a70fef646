"""The outside shapes of room media."""

from __future__ import annotations

import marshmallow as ma
from flask_smorest.fields import Upload
from werkzeug.datastructures import FileStorage

PHASES = ("before", "after", "check", "verify")


class PhotoUploadSchema(ma.Schema):
    """A photo with what may be said about it beside the file."""

    file = Upload(required=True, metadata={"description": "JPEG, PNG or WebP, at most 20 MB and 60 million pixels"})
    phase = ma.fields.String(validate=ma.validate.OneOf(PHASES), metadata={"description": "what the photo shows"})
    taken_at = ma.fields.AwareDateTime(metadata={"description": "used when the file itself has no time"})
    lon = ma.fields.Float(
        validate=ma.validate.Range(-180, 180), metadata={"description": "EPSG:4490 degrees; used when the file has no place"}
    )
    lat = ma.fields.Float(validate=ma.validate.Range(-90, 90))

    @ma.validates("file")
    def is_a_file(self, value: object, **_: object) -> None:
        """A form may hold a text field of the same name."""
        if not isinstance(value, FileStorage):
            raise ma.ValidationError("Send it as a file part with a file name.")

    @ma.validates_schema
    def whole_place(self, data: dict[str, object], **_: object) -> None:
        """One coordinate is no place."""
        if ("lon" in data) != ("lat" in data):
            raise ma.ValidationError("lon and lat belong together", "lon")


class PhotoSchema(ma.Schema):
    """A stored photo."""

    id = ma.fields.Integer(required=True)
    digest = ma.fields.String(required=True, metadata={"description": "sha256 of the stored file, hexadecimal; part of the case's chain"})
    width = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True)
    taken_at = ma.fields.AwareDateTime(allow_none=True)
    lon = ma.fields.Float(allow_none=True)
    lat = ma.fields.Float(allow_none=True)
    thumb = ma.fields.String(required=True, metadata={"description": "address of the small variant (320 px)"})
    full = ma.fields.String(required=True, metadata={"description": "address of the large variant (2048 px)"})
