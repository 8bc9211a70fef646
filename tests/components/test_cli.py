"""`cityops classes` on the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cityops.cli.main import main
from cityops.components.tables import COLUMNS


@pytest.fixture(autouse=True)
def own_server(database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands work on the module's database, as with a city's own server."""
    monkeypatch.setenv("CITYOPS_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("CITYOPS_HOME", str(tmp_path))


def test_the_editions_and_the_classes_of_one_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classes", "list"]) == 0
    assert "gbt30428.2-2013" in capsys.readouterr().out
    assert main(["classes", "list", "gbt30428.2-2013"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 192 and any("0137" in line and "路灯 / street lamp" in line for line in lines)


def test_an_unknown_edition_is_one_clear_line_and_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classes", "list", "nowhere"]) == 1
    error = capsys.readouterr().err
    assert "There is no edition nowhere" in error and "Traceback" not in error


def test_a_table_is_loaded_and_a_faulty_one_changes_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = ["component", "0651", "缆车站", "cable-car station", "point", "TR", "temaki-gondola_lift", "缆", "L", ""]
    path = tmp_path / "own.csv"

    def write(*rows: list[str]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([list(COLUMNS), *rows])

    write(row)
    assert main(["classes", "load", str(path)]) == 0
    assert "1 classes of local changed" in capsys.readouterr().out
    write([*row[:2], "改名", *row[3:]], [*row[:1], "x", *row[2:]])
    assert main(["classes", "load", str(path)]) == 1
    assert "line 3" in capsys.readouterr().err
    assert main(["classes", "list", "local"]) == 0
    assert "缆车站 / cable-car station" in capsys.readouterr().out
