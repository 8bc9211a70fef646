"""`cityops import osm FILE` as a person runs it: report to a file, accounts on the terminal, a refusal in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cityops.db.cluster import Cluster
from tests.factories.osm import write_extract


@pytest.fixture
def village(tmp_path: Path) -> Path:
    """Four streets around a hectare or two, with a lamp, a tree and something nobody knows."""
    nodes = [
        (1, 25.000, 60.200, {}), (2, 25.004, 60.200, {}), (3, 25.004, 60.202, {}), (4, 25.000, 60.202, {}),
        (5, 25.001, 60.2005, {"highway": "street_lamp"}), (6, 25.002, 60.201, {"natural": "tree"}),
        (7, 25.003, 60.201, {"man_made": "obelisk"}), (8, 25.002, 60.2011, {"place": "village", "name": "Kylä"}),
    ]  # fmt: skip
    return write_extract(tmp_path / "village.osm", nodes, [(10, [1, 2, 3, 4, 1], {"highway": "residential", "name": "Kehä"})])


def test_a_village_is_imported_once_with_its_report_in_a_file(cluster: Cluster, template: str, tmp_path: Path, village: Path) -> None:
    cluster.create_database("osm_cli", template=template)
    environment = {**os.environ, "CITYOPS_DATABASE_URL": cluster.url("osm_cli"), "CITYOPS_HOME": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cityops", "import", "osm", str(village), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    dry = run("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "nothing was loaded" in dry.stdout and "man_made=obelisk" in dry.stdout

    out = tmp_path / "report.json"
    done = run("--report", "json", "--out", str(out), "--district-code", "990202")
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (report["name"], report["district_code"], report["components"]) == ("Kylä", "990202", 2)
    assert report["unmapped"]["items"] == [{"what": "man_made=obelisk", "count": 1}]
    assert "nanyang-2026" in done.stderr and "inspector1" in done.stderr

    again = run()
    assert again.returncode == 1
    assert again.stderr.strip().splitlines()[-1].startswith("cityops: The city already holds unit cells")
    assert "Traceback" not in again.stderr
