"""Finding a PostgreSQL installation that can carry a city: version 15 or newer with PostGIS beside it.

A machine may hold several installations, and one without PostGIS may come first on the PATH (a database tool often brings
its own). So an installation counts only when the folder with its extensions holds `postgis.control`.
"""

from __future__ import annotations

import glob
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cityops.errors import SetupError

OLDEST_VERSION = 15
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat family, PostgreSQL's own packages
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class NoPostgres(SetupError):
    """PostgreSQL {oldest} or newer with PostGIS is not installed ({seen})."""


class WrongPostgresVersion(SetupError):
    """The database in {data_dir} was made by PostgreSQL {version}, which is not installed any more."""


@dataclass(frozen=True)
class Binaries:
    """One usable installation: the folder of its programs and its major version."""

    folder: Path
    version: int
    has_pgrouting: bool

    def program(self, name: str) -> str:
        """The absolute path of a program of this installation, such as `initdb`."""
        return str(self.folder / name)


def find_binaries(wanted_version: int | None = None, *, data_dir: Path | None = None) -> Binaries:
    """The newest usable installation (pgRouting preferred), or the one of `wanted_version`.

    Raises NoPostgres, or WrongPostgresVersion when a cluster was made by a version that is no longer there.
    """
    seen: list[str] = []
    usable = []
    for folder in _candidate_folders():
        version = _major_version(folder)
        if version is None:
            continue
        extensions = _extension_folder(folder, version)
        if version < OLDEST_VERSION:
            seen.append(f"{folder} is version {version}")
        elif extensions is None or not (extensions / "postgis.control").is_file():
            seen.append(f"{folder} has no PostGIS")
        else:
            usable.append(Binaries(folder, version, (extensions / "pgrouting.control").is_file()))
    if wanted_version is not None:
        for binaries in usable:
            if binaries.version == wanted_version:
                return binaries
        raise WrongPostgresVersion(
            data_dir=data_dir,
            version=wanted_version,
            fix=f"apt-get install {' '.join(debian_packages(wanted_version))}",
        )
    if not usable:
        raise NoPostgres(
            oldest=OLDEST_VERSION,
            seen="; ".join(seen) or "none found",
            fix="make setup as root or with sudo, or: apt-get install postgresql postgis postgresql-15-postgis-3 "
            "postgresql-15-pgrouting (16 on Ubuntu 24.04, 17 on Debian 13)",
        )
    return max(usable, key=lambda binaries: (binaries.has_pgrouting, binaries.version))


def debian_packages(version: int) -> list[str]:
    """The Debian packages that carry a city on this version of PostgreSQL."""
    return [f"postgresql-{version}", f"postgresql-{version}-postgis-3", f"postgresql-{version}-pgrouting"]


def _candidate_folders() -> list[Path]:
    folders = [Path(name) for pattern in _FOLDERS for name in glob.glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return list(dict.fromkeys(folder for folder in folders if (folder / "initdb").exists()))


def _major_version(folder: Path) -> int | None:
    """15 for `postgres (PostgreSQL) 15.9 (Debian …)`; None when the program cannot be run."""
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(match.group(1)) if match else None


def _extension_folder(folder: Path, version: int) -> Path | None:
    """Where this installation keeps its extensions: Debian's fixed place, otherwise what its pg_config says."""
    if folder == Path(f"/usr/lib/postgresql/{version}/bin"):
        return Path(f"/usr/share/postgresql/{version}/extension")
    try:
        answer = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(answer.stdout.strip()) / "extension" if answer.returncode == 0 else None
