"""The OpenAPI document: one error shape for every operation, the three ways to sign in, and a page to read it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Flask, Response
from flask_smorest import Api

from cityops.http.problem import PROBLEM


class ProblemSchema(ma.Schema):
    """RFC 9457 problem document as cityops sends it; single problems add members of their own."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.String(required=True, metadata={"description": "stable URN of the kind of problem"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"description": "stable code a program may rely on"})
    detail = ma.fields.String(required=True)
    instance = ma.fields.String(required=True)
    field = ma.fields.String(metadata={"description": "what in the input is wrong"})
    fix = ma.fields.String(metadata={"description": "what to do about it"})


def spec_options(version: str) -> dict[str, Any]:
    """The fixed part of the document."""
    return {
        "info": {
            "title": "cityops",
            "version": version,
            "description": "Every thing has a code, every place a cell, every problem a closed loop.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "login and a personal token, for desktop GIS"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "cityops_session"},
            }
        },
        "security": [{"bearer": []}, {"basic": []}, {"cookie": []}],
    }


class ProblemApi(Api):
    """flask-smorest's Api whose errors are problem documents, in the document as on the wire."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to `cityops.http.problem`, which answers for the whole application and not for one blueprint."""

    def _register_responses(self) -> None:
        """Declare the error responses with the media type they really have."""
        ordinary: str = Api.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = ordinary


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>cityops API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/api/docs.css">
<main id="api"><h1>cityops API</h1><p>The document itself: <a href="/api/openapi.json">/api/openapi.json</a></p>%s</main></html>
"""

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#15212b;background:#f5f6f4;margin:0}main{max-width:60rem;margin:0 auto;padding:1.5rem}
h2{font-size:1.1rem;border-bottom:1px solid #dde3e1;margin-top:2rem;text-transform:capitalize}
details{background:#fff;border:1px solid #dde3e1;border-radius:6px;margin:.4rem 0;padding:.5rem .8rem}summary{cursor:pointer}
code{font-family:ui-monospace,monospace}.m{display:inline-block;min-width:4.2rem;font-weight:600;color:#0b6e6e}
"""


def _page(spec: dict[str, Any]) -> str:
    """A plain readable list of operations, made from the document itself, with no script and no outside file."""
    from html import escape

    groups: dict[str, list[str]] = {}
    for path, operations in spec.get("paths", {}).items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            tag = (operation.get("tags") or ["other"])[0]
            shared = operations.get("parameters", [])
            rows = "".join(
                f"<li><code>{escape(str(p.get('name', '')))}</code> in {escape(str(p.get('in', '')))}"
                f" {escape(str(p.get('description', '')))}</li>"
                for p in [*shared, *operation.get("parameters", [])]
                if isinstance(p, dict)
            )
            answers = ", ".join(escape(status) for status in operation.get("responses", {}))
            groups.setdefault(tag, []).append(
                f'<details><summary><span class="m">{method.upper()}</span> <code>{escape(path)}</code>'
                f" {escape(operation.get('summary', ''))}</summary>"
                f"<p>{escape(operation.get('description', ''))}</p><ul>{rows}</ul><p>Answers: {answers}</p></details>"
            )
    return "".join(f"<h2>{escape(tag)}</h2>{''.join(items)}" for tag, items in groups.items())


def register(app: Flask) -> None:
    """Serve `/api/docs`, the readable twin of the document."""

    @app.get("/api/docs")
    def docs() -> Response:
        api: Api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        return Response(PAGE % _page(api.spec.to_dict()), mimetype="text/html")

    @app.get("/api/docs.css")
    def docs_style() -> Response:
        return Response(STYLE, mimetype="text/css")
