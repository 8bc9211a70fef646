"""Photos over HTTP: one door in, one door out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Request, Response, current_app, request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import CombinedMultiDict

from cityops import clock
from cityops.config import Settings
from cityops.http import etag, reads, session, viewer, writes
from cityops.media import operations, policy, queries, storage
from cityops.media.errors import PhotoFileMissing, PhotoNotFound
from cityops.media.schemas import PhotoSchema, PhotoUploadSchema


class MultipartParser(FlaskParser):
    """Reads the fields of a form together with its files, so that one schema describes the whole body."""

    def load_files(self, req: Request, schema: ma.Schema) -> Any:  # Any: webargs does not type it
        """The parts of a multipart body, files and fields alike."""
        return self._makeproxy(CombinedMultiDict([req.files, req.form]), schema)


class MultipartBlueprint(Blueprint):
    """A blueprint whose location "files" is the whole multipart body."""

    ARGUMENTS_PARSER = MultipartParser()


blp = MultipartBlueprint(
    "media", "media", url_prefix="/api/v1", description="Photos: handed in, cleaned of hidden data, shown to who may see them"
)


def settings() -> Settings:
    """The settings of this application."""
    found: Settings = current_app.extensions["cityops_settings"]
    return found


def addresses(photo_id: int) -> dict[str, str]:
    """Where the variants of a photo are served."""
    return {"thumb": f"/api/v1/media/{photo_id}/thumb", "full": f"/api/v1/media/{photo_id}/full"}


@blp.post("/media")
@blp.arguments(PhotoUploadSchema, location="files", unknown="raise")
@blp.response(201, PhotoSchema)
@blp.alt_response(503, description="the store is not writable")
@writes
def hand_in(upload: dict[str, Any]) -> Any:
    """Hand in a photo; the answer's `id` goes into a report or an act."""
    actor = viewer()
    data = upload.pop("file").read()
    taken = operations.take_in(session(), actor, clock.now(), settings().media_dir, data, timezone=settings().timezone, **upload)
    body = PhotoSchema().dump({**taken.__dict__, **addresses(taken.id)})
    return current_app.json.response(body), 201


@blp.get("/media/<int:photo_id>/<any(thumb, full):variant>")
@blp.response(200, {"type": "string", "format": "binary"}, content_type="image/jpeg")
@blp.alt_response(304, description="unchanged")
@blp.alt_response(404, description="no such photo, or not yours to see")
@reads
def show(photo_id: int, variant: storage.Variant) -> Response:
    """The picture itself, for its uploader and for who may see the case it belongs to."""
    actor = viewer()
    photo = queries.photo(session(), photo_id) if photo_id < 2**63 else None
    if photo is None or not policy.may_see(session(), actor, photo):
        raise PhotoNotFound(photo_id=photo_id)
    tag = f"{photo.digest.hex()[:32]}-{variant}"
    response = Response(status=304)
    if not request.if_none_match.contains(tag):
        try:
            response = Response(storage.path_of(settings().media_dir, photo.digest, variant).read_bytes(), mimetype="image/jpeg")
        except FileNotFoundError as error:
            raise PhotoFileMissing(photo_id=photo_id, fix="run `cityops cases verify`; restore the store from a backup") from error
    # The bytes of an address never change, but who may see them may: the browser keeps them, proxies do not.
    response.headers["ETag"] = etag(tag)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
