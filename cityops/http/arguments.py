"""How what a client sends is read: nothing unknown is passed over in silence, and nothing it sends can break the reader.

flask-smorest reads the arguments of every view with `Blueprint.ARGUMENTS_PARSER`; importing this module gives all
blueprints the parser below. `cityops.http` imports it, and every `api.py` imports `cityops.http` before it makes its blueprint.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Request
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from cityops.errors import Invalid


class BodyNotReadable(Invalid):
    """The JSON of the body is nested too deep or holds a number that is too long."""


class StrictParser(FlaskParser):
    """Refuses a query parameter that does not exist: a misspelt filter must not look like an answer to the right one."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE}

    def load_json(self, req: Request, schema: ma.Schema) -> Any:  # Any: JSON
        """The body as JSON. Raises BodyNotReadable for what Python's reader gives up on, besides webargs' own refusals."""
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError) as error:
            raise BodyNotReadable(field="body", fix="send a plain object with numbers of ordinary length") from error


Blueprint.ARGUMENTS_PARSER = StrictParser()
