"""`scripts/setup.sh` refuses in one line with the fix, whatever is missing. Run on a copy, with a machine made of stand-ins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = """
    awk bash basename cat chmod cut date df dirname env find flock getent grep head id ln ls mkdir mv printf rm sed sha256sum sort stat tail
    tee xargs
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that was never set up."""
    folder = tmp_path / "clone"
    (folder / "webmap").mkdir(parents=True)
    (folder / "scripts").mkdir()
    for name in ("scripts/setup.sh", "requirements.txt", "setup.cfg", "webmap/package-lock.json"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the ordinary tools and nothing else: no Python, no apt-get, no sudo."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS.split():
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def stand_in(tools: Path, name: str, script: str) -> None:
    """A program of this name that does only this."""
    (tools / name).unlink(missing_ok=True)
    (tools / name).write_text(f"#!/bin/bash\n{script}\n")
    (tools / name).chmod(0o755)


def refused(clone: Path, tools: Path, **settings: str) -> str:
    """The last line of a set-up that refuses; it names a fix."""
    answer = subprocess.run(
        ["bash", "scripts/setup.sh", "run"],
        cwd=clone,
        env={"PATH": str(tools), "HOME": str(clone.parent), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1, answer.stderr
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("cityops: ") and " Fix: " in last
    return last


def test_a_machine_without_apt_is_told_what_to_install(clone: Path, tools: Path) -> None:
    line = refused(clone, tools, PYTHON="")
    assert "Python 3.11+" in line and "PostgreSQL 15+" in line


def test_without_root_and_sudo_the_line_holds_the_exact_command(clone: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 1000")
    stand_in(tools, "apt-get", "exit 1")
    stand_in(tools, "apt-cache", "echo 'postgresql-16-pgrouting - routing'; echo 'postgresql-14-pgrouting - routing'")
    line = refused(clone, tools)
    assert "apt-get update && apt-get install -y --no-install-recommends" in line
    assert "python3-venv" in line


def test_a_wrong_python_is_named(clone: Path, tools: Path) -> None:
    stand_in(tools, "python3.9", "exit 1")
    stand_in(tools, "apt-get", "exit 1")
    assert "PYTHON=python3.9 is not a Python 3.11" in refused(clone, tools, PYTHON="python3.9")


def test_a_full_disk_is_seen_before_anything_is_installed(clone: Path, tools: Path) -> None:
    stand_in(tools, "df", "printf 'Filesystem 1M-blocks Used Available Use%% Mounted\\n/dev/x 100 90 10 90%% /\\n'")
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", "exit 1")
    assert "only 10 MB are free" in refused(clone, tools)


def test_a_failing_package_source_is_reported_with_its_own_words(clone: Path, tools: Path) -> None:
    stand_in(tools, "id", "echo 0")
    stand_in(tools, "apt-get", "echo 'E: Failed to fetch the package lists'; exit 100")
    assert "Failed to fetch the package lists" in refused(clone, tools)


def test_a_folder_that_cannot_be_written_is_named(clone: Path, tools: Path) -> None:
    (clone / "file").touch()
    assert "cannot write" in refused(clone, tools, CITYOPS_HOME=str(clone / "file/home"))
