"""`pip install .` gives a cityops that works away from the checkout, with everything it needs inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.setup.test_house import ROOT, name_of, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git knows, so that no leftover of an earlier build gets in."""
    source = tmp_path_factory.mktemp("source")
    for path in tracked("*"):
        (source / name_of(path)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, source / name_of(path))
    assert (ROOT / "webmap/dist/console.html").is_file(), "build the map first: make webmap"
    shutil.copytree(ROOT / "webmap/dist", source / "webmap/dist")
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(source),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return next(folder.glob("cityops-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, as pip would lay it down."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed: Path, code: str) -> str:
    """What Python prints that knows the installed copy before the checkout, standing somewhere else."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed.parent,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_every_file_the_product_reads_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    wanted = {
        name_of(path)
        for path in tracked("cityops/**", "data/**", "layers/**", "migrations/**")
        if path.suffix in {".py", ".sql", ".json", ".yaml", ".csv", ".mako", ".geojson", ".txt"}
    }
    assert len(wanted) > 100
    assert wanted - inside == set()
    assert "webmap/dist/console.html" in inside
    assert "webmap/dist/inspect.html" in inside


def test_sources_of_the_map_and_the_tests_stay_outside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    assert [name for name in inside if name.startswith(("tests/", "bench/", "webmap/src", "webmap/node_modules"))] == []


def test_the_metadata_name_the_licence(installed: Path) -> None:
    metadata = next(installed.glob("cityops-*.dist-info/METADATA")).read_text()
    assert "License-Expression: Apache-2.0" in metadata
    assert next(installed.glob("cityops-*.dist-info/licenses/LICENSE")).read_text().lstrip().startswith("Apache License")


def test_the_installed_copy_finds_its_own_files(installed: Path) -> None:
    code = "from cityops import paths; print(paths.data_dir(), paths.layers_dir(), paths.migrations_dir(), paths.webmap_dir())"
    assert run(installed, code).split() == [str(installed / name) for name in ("data", "layers", "migrations", "webmap/dist")]


def test_its_packages_sit_beside_one_another(installed: Path) -> None:
    code = "import cityops, layers; from pathlib import Path; print(Path(layers.__file__).parents[1] == Path(cityops.__file__).parents[1])"
    assert run(installed, code) == "True"


def test_the_installed_command_knows_every_noun(installed: Path) -> None:
    entry = next(installed.glob("cityops-*.dist-info/entry_points.txt")).read_text()
    assert "cityops = cityops.__main__:main" in entry
    listed = run(
        installed, "import sys; sys.argv = ['cityops', '--help']; from cityops.__main__ import main\ntry: main()\nexcept SystemExit: pass"
    )
    for noun in ("serve", "demo", "db"):
        assert f"\n    {noun} " in listed
