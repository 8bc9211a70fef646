"""`cityops import cells`, `import divisions` and `grid`: what a planner types, what he reads, the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import pytest
from sqlalchemy import Engine, text

from cityops.cli.main import main
from cityops.db.session import unit_of_work
from tests.factories.grid import Ground, bow_tie, ground, store


@pytest.fixture
def here(database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to work in, with the module's database as the city."""
    monkeypatch.setenv("CITYOPS_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CITYOPS_HOME", str(tmp_path / "home"))
    return tmp_path


def count(database: Engine, table: str) -> int:
    with database.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM grid.{table}")).scalar_one()


def test_a_city_gets_its_divisions_its_cells_and_a_clean_report(
    here: Path, database: Engine, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "divisions", str(repository / "data" / "divisions" / "nanyang.csv")]) == 0
    assert main(["import", "divisions", str(repository / "data" / "divisions" / "nanyang_communities.csv")]) == 0
    assert capsys.readouterr().out.split() == ["56", "divisions", "108", "divisions"]

    made = ground(1)
    with unit_of_work(database) as session:
        session.execute(text("DELETE FROM grid.divisions WHERE code = ANY (:codes)"), {"codes": list(made.communities)})
        store(session, Ground(made.communities, [], [], {}, []))
    broken = [*made.shapes[:5], bow_tie(made.shapes[5]), *made.shapes[6:]]
    geopandas.GeoDataFrame({"code": made.codes}, geometry=broken, crs=4490).to_file(here / "broken.gpkg")
    geopandas.GeoDataFrame({"code": made.codes}, geometry=made.shapes, crs=4490).to_file(here / "sound.gpkg")

    assert main(["import", "cells", str(here / "broken.gpkg"), "--report", "geojson", "--out", str(here / "report.geojson")]) == 1
    assert "nothing was loaded" in capsys.readouterr().err
    assert json.loads((here / "report.geojson").read_text())["kinds"] == {"invalid_geometry": 1}
    assert count(database, "cells") == 0 and count(database, "drafts") == 0

    assert main(["import", "cells", str(here / "sound.gpkg"), "--dry-run"]) == 0
    assert count(database, "cells") == 0
    assert main(["import", "cells", str(here / "sound.gpkg")]) == 0
    assert "144 cells loaded" in capsys.readouterr().err
    assert main(["import", "cells", str(here / "sound.gpkg"), "--lang", "zh"]) == 1
    assert "已有36个现用网格" in capsys.readouterr().out

    inside = made.shapes[3].representative_point()
    assert main(["grid", "locate", str(inside.x), str(inside.y)]) == 0
    assert json.loads(capsys.readouterr().out)["cell_code"] == made.codes[3]
    assert main(["grid", "locate", "0", "0"]) == 1
    assert main(["grid", "validate", "--report", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"] == {"no_beat": 144}
    assert main(["grid", "propose", "411303005001"]) == 0
    assert "draft" in capsys.readouterr().out and count(database, "drafts") == 2


def test_a_file_that_is_not_there_is_one_clear_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "cells", str(here / "nothing.gpkg")]) == 1
    assert "unreadable" in capsys.readouterr().out
    assert main(["import", "divisions", str(here / "nothing.csv")]) == 1
    assert "nothing.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body",
    [
        "code,name_zh\n411303,卧龙区\n",
        "code,name_zh,name_en,synthetic\n41,卧龙区,,no\n",
        "code,name_zh,name_en,synthetic\n411303005,梅溪,,no\n",
    ],
)
def test_a_wrong_table_of_divisions_is_refused_whole(here: Path, database: Engine, capsys: pytest.CaptureFixture[str], body: str) -> None:
    before = count(database, "divisions")
    (here / "table.csv").write_text(body.replace("411303005", "999999005"), encoding="utf-8")
    assert main(["import", "divisions", str(here / "table.csv")]) == 1
    assert capsys.readouterr().err.startswith("cityops: ")
    assert count(database, "divisions") == before
