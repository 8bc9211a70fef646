"""The OpenAPI document is valid, and the server keeps to it whatever it is sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from cityops.app import close_app, create_app
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.identity.queries import user_by_login
from cityops.identity.sessions import issue_token_for

ENDLESS = "/api/v1/events"
"""The live stream never ends, so no generated request can read its answer whole; tests/http has its tests."""


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def server(city: Engine, settings: Settings) -> Iterator[Flask]:
    app = create_app(settings, city)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    close_app(app)


@pytest.fixture(scope="module")
def document(server: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", server)


def operations() -> list[tuple[str, str]]:
    """Every operation of the document, read from an application that has no database."""
    with tempfile.TemporaryDirectory() as home:
        paths = create_app(Settings.from_env({"CITYOPS_HOME": home})).test_client().get("/api/openapi.json").json["paths"]
    return [(method, path) for path, found in paths.items() for method in found if method != "parameters" and path != ENDLESS]


def token(engine: Engine, login: str) -> str:
    """A new token for each request, because generated requests also sign out and revoke."""
    with unit_of_work(engine) as session:
        user = user_by_login(session, login)
        assert user is not None
        user.active = True
        return issue_token_for(session, user, kind="bearer", label="generated", now=datetime.now(UTC)).token


@pytest.mark.parametrize(("method", "path"), operations())
def test_no_generated_request_meets_a_server_error_or_an_undocumented_answer(document: Any, city: Engine, method: str, path: str) -> None:
    @given(case=document[path][method].as_strategy())
    @hypothesis_settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def try_it(case: Any) -> None:
        for login in ("admin", "leader1"):
            case.call_and_validate(headers={"Authorization": f"Bearer {token(city, login)}"}, checks=CHECKS)

    try_it()


def test_the_document_says_it_is_openapi_3_1_and_every_operation_is_described(server: Flask) -> None:
    document = server.test_client().get("/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                assert operation.get("summary"), (method, path)
                assert "default" in operation["responses"], (method, path)


def test_the_document_is_valid_by_the_openapi_3_1_schema(server: Flask) -> None:
    from openapi_spec_validator import validate

    validate(server.test_client().get("/api/openapi.json").json)
