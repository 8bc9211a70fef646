"""Import of cells: one report that names every fault, and nothing loaded half."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.exchange.cells import CellImport, import_cells
from cityops.exchange.cells_file import Fields
from cityops.geo.crs import from_storage
from tests.factories.grid import Ground, bow_tie, ground, push_edge, store

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
def empty_city(session: Session) -> Ground:
    """Communities with boundaries and no cell yet; the ground that fits them."""
    made = ground(1)
    store(session, Ground(made.communities, [], [], {}, []))
    return made


def write(path: Path, made: Ground, crs: str | None = "EPSG:4490", **columns: list) -> Path:
    frame = geopandas.GeoDataFrame({"code": made.codes, **columns}, geometry=made.shapes, crs=crs)
    frame.to_file(path, engine="pyogrio")
    return path


def load(session: Session, path: Path, **options) -> CellImport:
    fields = options.pop("fields", Fields())
    return import_cells(session, None, NOW, path, fields=fields, srid=4547, **options)


def count(session: Session) -> int:
    return session.execute(text("SELECT count(*) FROM grid.cells")).scalar_one()


@pytest.mark.parametrize("name", ["cells.geojson", "cells.gpkg", "cells.shp"])
def test_a_sound_file_of_every_format_is_loaded_with_its_codes(session: Session, empty_city: Ground, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, empty_city)
    done = load(session, path)
    assert done.report.findings == (), done.report.as_text()
    assert done.publication is not None and set(done.publication.created) == set(empty_city.codes)
    row = session.execute(
        text("SELECT area_m2, started_on, ST_SRID(geom) AS srid FROM grid.cells WHERE code = CAST(:c AS bpchar)"),
        {"c": empty_city.codes[0]},
    ).one()
    assert row.srid == 4490 and 4_000 < row.area_m2 < 20_000


def test_a_projected_file_is_brought_into_degrees(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    path = write(tmp_path / "cells.gpkg", empty_city)
    geopandas.read_file(path).to_crs(4547).to_file(tmp_path / "metres.gpkg")
    done = load(session, tmp_path / "metres.gpkg")
    assert done.report.faults == (), done.report.as_text()
    box = session.execute(text("SELECT ST_XMin(ST_Extent(geom)), ST_YMax(ST_Extent(geom)) FROM grid.cells")).one()
    bounds = shapely.total_bounds(empty_city.shapes)
    assert tuple(box) == pytest.approx((bounds[0], bounds[3]), abs=1e-8)


def test_gcj02_declared_as_such_is_converted_and_said(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    shifted = Ground(
        empty_city.communities,
        empty_city.codes,
        [shapely.transform(s, lambda x, y: from_storage(x, y, "gcj02"), interleaved=False) for s in empty_city.shapes],
        {},
        [],
    )
    path = write(tmp_path / "gcj.geojson", shifted)
    assert load(session, path, dry_run=True).report.faults, "without the declaration nothing fits"
    done = load(session, path, crs="gcj02")
    assert [(f.kind, f.severity) for f in done.report] == [("crs_converted", "information")], done.report.as_text()
    assert 100 < done.report.findings[0].details["shift_m"] < 1000
    assert count(session) == len(empty_city.codes)


def test_a_bad_sample_gives_one_report_that_names_each_fault_and_loads_nothing(
    session: Session, empty_city: Ground, tmp_path: Path
) -> None:
    made = empty_city
    a, b, c, d, e, f, g, h = made.slots[:8]
    made.shapes[a] = push_edge(made.shapes[a], 0, 15.0)
    made.shapes[b] = push_edge(made.shapes[b], 1, -15.0)
    made.shapes[c] = push_edge(made.shapes[c], 2, -0.5)
    made.shapes[d] = bow_tie(made.shapes[d])
    made.codes[e] = "41130300500A001"
    gcj = {f, g}
    crs = ["EPSG:4490"] * len(made.codes)
    for position in gcj:
        crs[position] = "GCJ-02"
        made.shapes[position] = shapely.transform(made.shapes[position], lambda x, y: from_storage(x, y, "gcj02"), interleaved=False)
    crs.append("Nanyang local 1954")
    made.codes.append(f"{made.codes[0][:12]}900")
    made.shapes.append(shapely.transform(made.shapes[h], lambda xy: xy * 1000))
    path = write(tmp_path / "bad.gpkg", made, crs_name=crs)
    done = load(session, path, fields=Fields(crs="crs_name"))
    kinds = [finding.kind for finding in done.report]
    assert sorted(kinds) == sorted(["overlap", "gap", "sliver", "invalid_geometry", "wrong_code", "unknown_crs", "crs_converted"]), (
        done.report.as_text()
    )
    by_kind = {finding.kind: finding for finding in done.report}
    assert a + 1 in by_kind["overlap"].rows
    assert b + 1 in by_kind["gap"].rows
    assert c + 1 in by_kind["sliver"].rows
    assert by_kind["invalid_geometry"].rows == (d + 1,)
    assert by_kind["wrong_code"].rows == (e + 1,)
    assert by_kind["unknown_crs"].rows == (len(made.codes),)
    assert by_kind["crs_converted"].rows == (f + 1, g + 1)
    for kind in ("overlap", "gap", "sliver", "invalid_geometry", "wrong_code"):
        assert by_kind[kind].geometry is not None, kind
    assert done.publication is None
    assert count(session) == 0
    assert session.execute(text("SELECT count(*) FROM grid.drafts")).scalar_one() == 0
    assert json.loads(json.dumps(done.report.as_geojson()))["faults"] == 6


def test_a_whole_file_in_an_unknown_system_is_one_finding(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    path = write(tmp_path / "cells.geojson", empty_city)
    done = load(session, path, crs="EPSG:99999")
    assert [f.kind for f in done.report] == ["unknown_crs"]
    assert len(done.report.findings[0].rows) == len(empty_city.codes)


def test_metres_declared_as_degrees_are_out_of_range_row_by_row(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    path = write(tmp_path / "cells.gpkg", empty_city)
    geopandas.read_file(path).to_crs(4547).head(3).to_file(tmp_path / "metres.gpkg")
    done = load(session, tmp_path / "metres.gpkg", crs="4490")
    assert [f.kind for f in done.report] == ["out_of_range"] * 3


def test_a_file_without_codes_is_numbered_west_to_east_and_north_to_south(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"quarter": [code[:12] for code in empty_city.codes]}, geometry=empty_city.shapes, crs=4490).sample(
        frac=1, random_state=1
    )
    frame.to_file(tmp_path / "cells.gpkg")
    done = load(session, tmp_path / "cells.gpkg", fields=Fields(community="quarter"))
    assert [f.kind for f in done.report] == ["codes_given"]
    rows = session.execute(text("SELECT code, ST_AsBinary(geom) AS geom FROM grid.cells")).all()
    stored = {row.code: shapely.from_wkb(bytes(row.geom)) for row in rows}
    assert all(stored[code].equals(shape) for code, shape in zip(empty_city.codes, empty_city.shapes, strict=True))


def test_communities_are_found_by_place_when_no_field_names_them(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    geopandas.GeoDataFrame({"x": [1] * len(empty_city.codes)}, geometry=empty_city.shapes, crs=4490).to_file(tmp_path / "cells.gpkg")
    assert load(session, tmp_path / "cells.gpkg").publication is not None
    assert count(session) == len(empty_city.codes)


def test_more_than_999_cells_in_a_community_are_one_fault(session: Session, tmp_path: Path) -> None:
    lattice = [shapely.box(112 + i / 1000, 33 + j / 1000, 112 + (i + 1) / 1000, 33 + (j + 1) / 1000) for j in range(25) for i in range(40)]
    store(session, Ground({"411303005001": shapely.box(112, 33, 112.04, 33.025)}, [], [], {}, []))
    geopandas.GeoDataFrame({"x": [1] * 1000}, geometry=lattice, crs=4490).to_file(tmp_path / "cells.gpkg")
    done = load(session, tmp_path / "cells.gpkg")
    assert [f.kind for f in done.report.faults] == ["sequence_exhausted"], done.report.as_text()


def test_a_community_that_has_cells_already_is_changed_by_drafts_only(session: Session, tmp_path: Path) -> None:
    made = ground(1)
    store(session, made)
    done = load(session, write(tmp_path / "cells.gpkg", made))
    assert {f.kind for f in done.report.faults} == {"existing_cells"}
    assert len(done.report.faults) == 4


def test_a_wrong_grade_names_its_row(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    grades = ["A"] * len(empty_city.codes)
    grades[4] = "Z"
    done = load(session, write(tmp_path / "cells.gpkg", empty_city, grade=grades), fields=Fields(grade="grade"))
    assert [(f.kind, f.rows) for f in done.report] == [("wrong_grade", (5,))]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("cells.geojson", "{"),
        ("cells.geojson", '{"type":"FeatureCollection","features":[]}'),
        ("cells.txt", "hello"),
        ("nothing.gpkg", None),
    ],
)
def test_a_file_that_is_none_is_one_finding_and_no_exception(session: Session, tmp_path: Path, name: str, body: str | None) -> None:
    if body is not None:
        (tmp_path / name).write_text(body)
    done = load(session, tmp_path / name)
    assert [f.kind for f in done.report] in (["unreadable"], ["empty"])


def test_a_missing_column_is_named(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    done = load(session, write(tmp_path / "cells.gpkg", empty_city), fields=Fields(community="社区"))
    assert [(f.kind, f.details["field"]) for f in done.report] == [("missing_field", "社区")]


def test_a_row_that_names_a_community_there_is_not_or_lies_in_none_is_told_apart(
    session: Session, empty_city: Ground, tmp_path: Path
) -> None:
    shapes = [*empty_city.shapes, shapely.box(113, 34, 113.001, 34.001), shapely.box(113, 34, 113.001, 34.001)]
    quarters = [*(code[:12] for code in empty_city.codes), "", "411303999999"]
    geopandas.GeoDataFrame({"quarter": quarters}, geometry=shapes, crs=4490).to_file(tmp_path / "cells.gpkg")
    done = load(session, tmp_path / "cells.gpkg", fields=Fields(community="quarter"))
    assert [(f.kind, f.rows) for f in done.report.faults] == [("outside", (145,)), ("unknown_community", (146,))], done.report.as_text()


def test_an_outline_that_does_not_close_is_named_with_its_row(session: Session, empty_city: Ground, tmp_path: Path) -> None:
    path = write(tmp_path / "cells.geojson", empty_city)
    body = json.loads(path.read_text())
    body["features"][0]["geometry"]["coordinates"] = [body["features"][0]["geometry"]["coordinates"][0][:2]]
    path.write_text(json.dumps(body))
    done = load(session, path)
    assert ("invalid_geometry", (1,)) in [(f.kind, f.rows) for f in done.report.faults], done.report.as_text()
    assert "几何" in done.report.as_text("zh") or "顶点" in done.report.as_text("zh")


def test_every_sentence_of_a_report_can_be_said_in_both_languages() -> None:
    from string import Formatter

    from cityops.grid.rules.findings import KINDS

    for kind in KINDS.values():
        fields = [{name.removesuffix("_zh") for _, name, _, _ in Formatter().parse(text) if name} for text in (kind.zh, kind.en)]
        assert fields[0] == fields[1], kind.name
