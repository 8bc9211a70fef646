"""`cityops sample` and `cityops import osm`: what a person types, and one clear line when it cannot be done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cityops.cli.main import main
from cityops.db.cluster import Cluster


def test_an_unknown_size_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sample", "--size", "XXL"])
    assert ended.value.code == 2
    assert "XXL" in capsys.readouterr().err


def test_a_present_that_is_no_time_is_refused_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sample", "--until", "yesterday"])
    assert "2026-11-20T17:00:00+08:00" in capsys.readouterr().err


def test_a_missing_extract_is_one_line_with_the_fix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["import", "osm", str(tmp_path / "missing.osm.pbf")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "no such file" in lines[0] and "Fix:" in lines[0]


def test_the_command_makes_a_city_once_and_refuses_to_make_it_twice(cluster: Cluster, template: str, tmp_path: Path) -> None:
    cluster.create_database("sample_cli", template=template)
    environment = {**os.environ, "CITYOPS_DATABASE_URL": cluster.url("sample_cli"), "CITYOPS_HOME": str(tmp_path)}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cityops", "sample", "--size", "XS", "--seed", "4", "--until", "2026-11-20T17:00:00+08:00"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    first = run()
    assert first.returncode == 0, first.stderr
    assert "sample XS, seed 4, until 2026-11-20T09:00Z: 40 cells" in first.stdout
    second = run()
    assert second.returncode == 1
    assert "already holds unit cells" in second.stderr and "cityops db reset" in second.stderr
    assert "Traceback" not in second.stderr
