"""The checks that need no database: lint, layout, types, walls, and the web map's own. One test each, so one count at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def passes(*command: str, folder: Path = ROOT) -> None:
    """Run a checker and fail with what it printed."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1", "CI": "1"}
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if answer.returncode != 0:
        pytest.fail(f"{' '.join(command)}\n{answer.stdout}\n{answer.stderr}", pytrace=False)


def test_ruff_finds_no_fault() -> None:
    passes("ruff", "check", "--quiet", ".")


def test_every_python_file_is_laid_out_by_ruff() -> None:
    passes("ruff", "format", "--quiet", "--diff", ".")


def test_mypy_finds_no_fault() -> None:
    passes("mypy")


def test_the_walls_between_the_rooms_hold() -> None:
    passes("lint-imports", "--no-cache")


def test_the_web_map_type_checks_and_is_laid_out_by_biome() -> None:
    passes("npm", "run", "--silent", "check", folder=ROOT / "webmap")


def test_the_web_maps_own_tests_pass() -> None:
    passes("npm", "run", "--silent", "test", folder=ROOT / "webmap")
