"""Independent clients at a live server: the library georeport reads, and a plain client posts and follows its request."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests
from flask import Flask
from georeport import GeoReport
from werkzeug.serving import make_server

from tests.acceptance.open311.conftest import REFUSE
from tests.factories.cases import Town


@pytest.fixture(scope="module")
def address(app: Flask, town: Town) -> Iterator[str]:
    """The public door on a free port of this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/open311/v2"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def posted(address: str, town: Town, api_key: str) -> list[str]:
    """Two requests of a client that knows nothing but the standard: once in each format, following the endpoint of discovery."""
    found = requests.get(address.replace("/v2", "/discovery.json"), timeout=10).json()
    endpoint = found["endpoints"][0]["url"]
    lon, lat = town.at
    services = requests.get(f"{endpoint}/services.json", timeout=10).json()
    code = next(service["service_code"] for service in services if service["service_code"] == REFUSE)
    body = {"api_key": api_key, "service_code": code, "lat": lat, "long": lon, "description": "暴露垃圾", "attribute[impact]": ["danger"]}
    numbers = []
    for _ in range(2):
        answer = requests.post(f"{endpoint}/requests.json", data=body, timeout=10)
        assert answer.status_code == 201
        numbers.append(answer.json()[0]["service_request_id"])
    return numbers


@pytest.mark.parametrize("form", ["json", "xml"])
def test_georeport_reads_services_definitions_and_requests(address: str, posted: list[str], form: str) -> None:
    client = GeoReport(address, output_format=form)
    assert REFUSE in [service["service_code"] for service in client.get_service_list()]
    assert client.get_service_definition(REFUSE)["service_code"] == REFUSE
    shown = [one["service_request_id"] for one in client.get_service_requests(status="open", service_code=REFUSE)]
    assert set(posted) <= set(shown)
    listed = client.get_service_requests(service_request_id=",".join(posted))
    assert {one["service_request_id"] for one in listed} == set(posted)
    assert client.get_service_request(posted[0])["description"] == "暴露垃圾"


def test_georeport_learns_of_an_error(address: str, posted: list[str]) -> None:
    with pytest.raises(requests.HTTPError):
        GeoReport(address).get_service_request("411303-20200101-00001")
