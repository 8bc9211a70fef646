"""A small city with a public door, and a reader that says the same of JSON and of XML."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from cityops import clock
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.exchange.open311.operations import add_key
from cityops.gazetteer.operations import NewPlace, register_place
from tests.factories.cases import Town, saved_town

LISTS = {"services", "service_requests", "errors", "attributes", "values", "endpoints", "formats"}
REFUSE = "gbt30428.2-2013-event-0110"
MANHOLE = "gbt30428.2-2013-component-0103"


def plain(element: ElementTree.Element) -> Any:
    """An XML element as the JSON twin would be, with every value as text."""
    if element.tag in LISTS:
        return [plain(child) for child in element]
    if len(element):
        return {child.tag: plain(child) for child in element}
    return element.text


@dataclass
class Door:
    """A client of the public door in one format."""

    client: FlaskClient
    form: str
    key: str
    town: Town
    made: list[str] = field(default_factory=list)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/open311/v2/{path}.{self.form}", query_string=query)

    def read(self, answer: TestResponse) -> Any:
        """The body: a bare list or an object in JSON, the content of the document element in XML."""
        assert answer.headers["Content-Type"] == {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}[self.form]
        if self.form == "json":
            return json.loads(answer.get_data().decode("utf-8"))
        body = answer.get_data()
        assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
        return plain(ElementTree.fromstring(body))

    def post(self, headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
        """A request in the first cell; a change to None leaves a field out."""
        lon, lat = self.town.at
        body = {"api_key": self.key, "service_code": REFUSE, "lat": lat, "long": lon, "description": "路边有暴露垃圾"} | changes
        given = {name: value for name, value in body.items() if value is not None}
        return self.client.post(f"/open311/v2/requests.{self.form}", data=given, headers=headers or {})

    def made_request(self, **changes: Any) -> str:
        answer = self.post(**changes)
        assert answer.status_code == 201, answer.text
        number: str = self.read(answer)[0]["service_request_id"]
        return number

    def one(self, number: str) -> dict[str, Any]:
        answer = self.get(f"requests/{number}")
        assert answer.status_code == 200, answer.text
        found = self.read(answer)
        assert isinstance(found, list) and len(found) == 1
        return found[0]

    def refusal(self, answer: TestResponse, status: int) -> str:
        """The description of the one error, after checking its shape."""
        assert answer.status_code == status, answer.text
        (error,) = self.read(answer)
        assert set(error) == {"code", "description"} and error["code"] == str(status)
        description: str = error["description"]
        return description


@pytest.fixture(scope="module")
def town(database: Engine, settings: Settings) -> Town:
    made = saved_town(database, settings.media_dir)
    made.now = clock.now()
    lon, lat = made.at
    with unit_of_work(database) as session:
        register_place(session, None, made.now, NewPlace(kind="poi", name="梅溪泵站", geom=shapely.Point(lon, lat)))
    return made


@pytest.fixture(scope="module")
def api_key(database: Engine) -> str:
    with unit_of_work(database) as session:
        return add_key(session, clock.now(), "test-app", "test@example.org", per_minute=10_000)


@pytest.fixture(params=["json", "xml"])
def door(request: pytest.FixtureRequest, client: FlaskClient, town: Town, api_key: str) -> Door:
    return Door(client, request.param, api_key, town)
