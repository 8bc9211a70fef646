"""Central Helsinki as a city: its grid is sound, its things stand in cells, and a case on a real lamp goes through the loop."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops import clock
from cityops.cases.verify import Walk, walk
from cityops.config import Settings
from cityops.db.cluster import Cluster
from cityops.db.session import unit_of_work
from cityops.exchange.errors import CityNotEmpty, DistrictCodeInvalid, NoGround
from cityops.exchange.osm import ATTRIBUTION, OsmImport, OsmOptions, import_extract
from cityops.grid.operations import validate_grid
from cityops.identity.accounts import DEMO_PASSWORD
from cityops.standards.errors import CalendarInvalid
from tests.conftest import _copy
from tests.factories.cases import jpeg
from tests.factories.osm import helsinki, write_extract


def _import(engine: Engine, path: Path, **options: Any) -> OsmImport:  # Any: fields of OsmOptions
    with unit_of_work(engine) as session:
        return import_extract(session, clock.now(), path, OsmOptions(**options), srid=4547, timezone="Asia/Shanghai")


@pytest.fixture(scope="module")
def imported(database: Engine) -> OsmImport:
    return _import(database, helsinki())


@pytest.fixture
def empty(cluster: Cluster, template: str) -> Iterator[Engine]:
    made = _copy(cluster, template)
    yield made
    made.dispose()


def _one(engine: Engine, query: str) -> Any:  # Any: whatever the query gives
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def test_the_report_names_the_place_and_counts_what_came_of_it(database: Engine, imported: OsmImport) -> None:
    report = imported.report
    assert report.name == "Helsinki"
    assert report.cells == _one(database, "SELECT count(*) FROM grid.cells") > 80
    assert report.communities == _one(database, "SELECT count(*) FROM grid.divisions WHERE level = 'community' AND synthetic")
    assert report.components == _one(database, "SELECT count(*) FROM components.components")
    assert report.components + report.off_grid.total() == report.mapped.total()
    assert report.unmapped["highway=crossing"] > 0
    as_json = json.loads(json.dumps(report.as_json()))
    assert as_json["mapped"]["total"] == report.mapped.total()
    assert {"class": "gbt30428.2-2013/0137", "name_zh": "路灯", "name_en": "street lamp", "count": 586} in as_json["mapped"]["items"]
    for language, words in (("en", "no class in the tag table"), ("zh", "标签表中没有对应类别")):
        assert words in report.as_text(language)


def test_the_grid_drawn_along_the_real_streets_has_no_fault(database: Engine, imported: OsmImport) -> None:
    with Session(database) as session:
        report = validate_grid(session, None, srid=4547)
    assert report.findings == ()


def test_buildings_are_not_cut_by_cells(database: Engine, imported: OsmImport) -> None:
    cut = """
        SELECT count(*) FROM layer_buildings.items AS b WHERE (
            SELECT count(*) FROM grid.cells AS g WHERE ST_Intersects(g.geom, b.geom)
                AND ST_Area(ST_Intersection(g.geom, b.geom)::geography) > 0.05 * ST_Area(b.geom::geography)) > 1
    """
    assert _one(database, cut) < 0.06 * _one(database, "SELECT count(*) FROM layer_buildings.items")


def test_every_component_lies_in_its_cell_and_leads_back_to_the_map(database: Engine, imported: OsmImport) -> None:
    every = "SELECT count(*) FROM components.components AS c JOIN grid.cells AS g ON g.code = c.cell_code"
    assert _one(database, every) == imported.report.components
    assert _one(database, f"{every} WHERE NOT ST_DWithin(c.geom, g.geom, 1e-7)") == 0
    assert _one(database, f"{every} WHERE c.attributes ->> 'osm' !~ '^[nwr][0-9]+$' OR c.source <> 'OpenStreetMap'") == 0


def test_the_city_remembers_its_source_and_its_own_projection(database: Engine, imported: OsmImport) -> None:
    about = _one(database, "SELECT value FROM core.settings WHERE key = 'city'")
    assert about["attribution"] == ATTRIBUTION and about["licence"] == "ODbL-1.0"
    assert about["projected_srid"] == 32635, "UTM zone 35N, where Helsinki lies"
    assert about["bounds"][0] == pytest.approx(24.9351762)


def test_codes_begin_with_a_prefix_that_no_real_place_has(database: Engine, imported: OsmImport) -> None:
    assert _one(database, "SELECT count(*) FROM grid.cells WHERE code NOT LIKE '990101%'") == 0
    assert _one(database, "SELECT count(*) FROM components.components WHERE code NOT LIKE '990101%'") == 0


def test_a_second_import_is_refused_and_changes_nothing(database: Engine, imported: OsmImport) -> None:
    before = _one(database, "SELECT count(*) FROM components.components")
    with pytest.raises(CityNotEmpty):
        _import(database, helsinki())
    assert _one(database, "SELECT count(*) FROM components.components") == before


def test_a_dry_run_reports_and_writes_nothing(empty: Engine) -> None:
    done = _import(empty, helsinki(), dry_run=True)
    assert done.report.mapped["gbt30428.2-2013/0137"] == 586
    assert "nothing was loaded" in done.report.as_text()
    assert _one(empty, "SELECT count(*) FROM grid.divisions") == 0


def test_a_district_code_of_another_length_is_refused(empty: Engine) -> None:
    with pytest.raises(DistrictCodeInvalid):
        _import(empty, helsinki(), district_code="12345")


def test_a_time_zone_that_does_not_exist_is_refused_and_nothing_is_written(empty: Engine) -> None:
    with pytest.raises(CalendarInvalid):
        _import(empty, helsinki(), timezone="Mars/Olympus")
    assert _one(empty, "SELECT count(*) FROM grid.divisions") == 0


def test_an_extract_without_ground_is_refused(empty: Engine, tmp_path: Path) -> None:
    path = write_extract(tmp_path / "dot.osm", [(1, 24.94, 60.17, {"highway": "street_lamp"})])
    with pytest.raises(NoGround):
        _import(empty, path)


def test_a_place_without_names_and_accounts_still_becomes_a_city(empty: Engine, tmp_path: Path) -> None:
    corners = [(1, 12.480, 41.890, {}), (2, 12.486, 41.890, {}), (3, 12.486, 41.894, {}), (4, 12.480, 41.894, {})]
    middle = [(5, 12.483, 41.890, {}), (6, 12.483, 41.894, {}), (7, 12.4829, 41.892, {"highway": "street_lamp"})]
    ways = [(10, [1, 2, 3, 4, 1], {"highway": "residential"}), (11, [5, 6], {"highway": "primary"})]
    path = write_extract(tmp_path / "somewhere.osm", [*corners, *middle], ways)
    done = _import(empty, path, demo_accounts=False, timezone="Europe/Rome")
    assert done.report.name == "somewhere" and done.accounts == []
    assert done.report.components == 1 and done.report.cells >= 10
    assert _one(empty, "SELECT count(*) FROM identity.users") == 0
    assert _one(empty, "SELECT timezone FROM standards.calendars WHERE city = 'default'") == "Europe/Rome"
    assert _one(empty, "SELECT value ->> 'projected_srid' FROM core.settings WHERE key = 'city'") == "32633"
    with Session(empty) as session:
        assert validate_grid(session, None, srid=4547).findings == ()


class Desk:
    """One account at work through the API."""

    def __init__(self, client: FlaskClient, login: str) -> None:
        self._client = client
        answer = client.post("/api/v1/tokens", json={"login": login, "password": DEMO_PASSWORD, "kind": "bearer", "label": "test"})
        assert answer.status_code in (200, 201), answer.text
        self._headers = {"Authorization": f"Bearer {answer.get_json()['token']}"}

    def get(self, path: str) -> Any:  # Any: JSON
        answer = self._client.get(f"/api/v1{path}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def post(self, path: str, **body: Any) -> Any:  # Any: JSON
        answer = self._client.post(f"/api/v1{path}", json=body, headers=self._headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    def photo(self) -> int:
        data = {"file": (io.BytesIO(jpeg()), "lamp.jpg")}
        answer = self._client.post("/api/v1/media", data=data, headers=self._headers, content_type="multipart/form-data")
        assert answer.status_code in (200, 201), answer.text
        number: int = answer.get_json()["id"]
        return number


def test_a_case_on_a_real_lamp_goes_through_the_whole_loop(app: Flask, database: Engine, imported: OsmImport, settings: Settings) -> None:
    lamp = _one(database, "SELECT min(code) FROM components.components WHERE class_code = '0137' AND attributes ->> 'osm' LIKE 'n%'")
    client = app.test_client()
    inspector, acceptor, leader, dispatcher, handler = (
        Desk(client, login) for login in ("inspector1", "acceptor1", "leader1", "dispatcher1", "handler-um")
    )
    made = inspector.post(
        "/cases",
        source="inspector",
        kind="component",
        class_code="0137",
        component_code=lamp,
        description="single lamp out",
        photos=[inspector.photo()],
    )
    case = f"/cases/{made['number']}"
    assert made["number"].startswith("990101-")
    acceptor.post(f"{case}/acceptance")
    leader.post(f"{case}/filing")
    dispatcher.post(f"{case}/dispatch")
    seen = handler.get(case)
    assert seen["component"]["code"] == lamp
    assert seen["routing"]["rule"] in ("component_maintainer", "class_department")
    handler.post(f"{case}/receipt")
    handler.post(f"{case}/handling", photos=[handler.photo()])
    dispatcher.post(f"{case}/feedback")
    acceptor.post(f"{case}/check-request")
    inspector.post(f"{case}/check", result="pass", photos=[inspector.photo()])
    leader.post(f"{case}/closure")
    closed = leader.get(case)
    assert closed["state"] == "closed"
    assert len(closed["events"]) == 10
    assert [finding for found in walk(database, settings.media_dir, Walk()) for finding in found] == []
