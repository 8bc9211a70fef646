"""Settings that cannot be understood are refused by the name of their variable, in one line, before anything is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cityops.config import Settings
from cityops.errors import SetupError

ROOT = Path(__file__).resolve().parents[2]


def read(home: Path, **variables: str) -> Settings:
    return Settings.from_env({"CITYOPS_HOME": str(home)} | variables)


def refused(home: Path, *arguments: str, **variables: str) -> str:
    """The single line with which a command refuses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CITYOPS_")}
    answer = subprocess.run(
        [sys.executable, "-m", "cityops", *arguments],
        cwd=ROOT,
        env=kept | {"CITYOPS_HOME": str(home)} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1, answer.stderr
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert "Fix: " in answer.stderr
    return answer.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CITYOPS_DATABASE_URL", "garbage"),
        ("CITYOPS_DATABASE_URL", "mysql://x"),
        ("CITYOPS_DATABASE_URL", "postgresql+asyncpg://x/y"),
        ("CITYOPS_DATABASE_URL", "postgresql://host:port/city"),
        ("CITYOPS_DATABASE_URL", "postgresql://host/city?colour=red"),
        ("CITYOPS_READ_DATABASE_URL", "sqlite:///city.db"),
        ("CITYOPS_TIMEZONE", "Asia/Nanyang"),
        ("CITYOPS_TIMEZONE", "Asia"),
        ("CITYOPS_TIMEZONE", "../../etc/passwd"),
        ("CITYOPS_PROJECTED_SRID", "4490"),
        ("CITYOPS_PROJECTED_SRID", "2263"),
        ("CITYOPS_PROJECTED_SRID", "999999"),
        ("CITYOPS_PROJECTED_SRID", "²"),
        ("CITYOPS_BASEMAP", "google"),
        ("CITYOPS_BASEMAP", "tianditu:"),
        ("CITYOPS_BASEMAP", "https://tiles.example/city.json"),
        ("CITYOPS_PORT", "0"),
        ("CITYOPS_PORT", "65536"),
        ("CITYOPS_PORT", "-1"),
    ],
)
def test_a_setting_that_cannot_be_understood_is_refused_by_its_name_with_a_fix(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SetupError, match=name) as caught:
        read(tmp_path, **{name: value})
    assert caught.value.fix


def test_settings_that_can_be_understood_are_taken(tmp_path: Path) -> None:
    given = read(
        tmp_path,
        CITYOPS_DATABASE_URL="postgres://clerk:p%40ss@db.example:5433/city?sslmode=require",
        CITYOPS_READ_DATABASE_URL="postgresql+psycopg://cityops@/cityops?host=/run/city&port=5432",
        CITYOPS_TIMEZONE="Asia/Urumqi",
        CITYOPS_PROJECTED_SRID="4545",
        CITYOPS_BASEMAP="tianditu:0a1b",
        CITYOPS_PORT="65535",
    )
    assert given.database_url == "postgresql+psycopg://clerk:p%40ss@db.example:5433/city?sslmode=require"
    assert (given.timezone, given.projected_srid, given.basemap, given.port) == ("Asia/Urumqi", 4545, "tianditu:0a1b", 65535)


def test_a_refused_address_does_not_show_its_password(tmp_path: Path) -> None:
    line = refused(tmp_path, "db", "status", CITYOPS_DATABASE_URL="mysql://clerk:hidden@host/city")
    assert "CITYOPS_DATABASE_URL" in line
    assert "hidden" not in line


def test_port_zero_on_the_command_line_is_refused(tmp_path: Path) -> None:
    assert "0 is not a port" in refused(tmp_path, "serve", "--port", "0")


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    assert "CITYOPS_HOME" in refused(home, "db", "status")
    assert "CITYOPS_HOME" in refused(home / "below", "db", "status")


def test_a_home_that_is_a_file_is_refused_though_the_secret_is_given(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    assert "CITYOPS_HOME" in refused(home, "db", "status", CITYOPS_SECRET_KEY="given")


@pytest.mark.parametrize("arguments", [("db", "status"), ("db", "reset", "--yes")])
def test_a_database_folder_that_is_a_file_is_refused_and_kept(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "pg").write_text("a file")
    assert "CITYOPS_HOME" in refused(tmp_path, *arguments)
    assert (tmp_path / "pg").read_text() == "a file"
