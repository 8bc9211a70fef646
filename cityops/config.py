"""Settings: one frozen value read from `CITYOPS_*` once; nobody else reads the environment."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cityops.errors import SetupError

DEFAULT_SRID = 4547
_PSYCOPG = "postgresql+psycopg://"


TIANDITU_FORM = re.compile(r"tianditu:([0-9A-Za-z]+)")
"""A basemap of 天地图 with the city's own key."""
PMTILES_FORM = re.compile(r"(https?://|/)\S+\.pmtiles(\?\S*)?")
"""The address of a PMTiles file, on another machine or on ours."""


def _refusal(name: str, reason: str, fix: str) -> SetupError:
    """The error for one variable: `{reason}` follows its name."""
    return SetupError(reason=f"{name} {reason}", fix=fix)


def _whole(env: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """A whole number from the environment, or one clear line saying which variable is wrong."""
    text = env.get(name, "")
    if not text:
        return default
    fix = f"for example {name}={default}"
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _refusal(name, f"must be a whole number, not {text!r}", fix)
    if int(text) < least:
        raise _refusal(name, f"must be at least {least}, not {text}", fix)
    return int(text)


def _port(env: Mapping[str, str]) -> int:
    port = _whole(env, "CITYOPS_PORT", 8000)
    if not 1 <= port <= 65535:
        raise _refusal("CITYOPS_PORT", f"says {port}, and {port} is not a port", "choose one from 1024 to 65535: CITYOPS_PORT=8000")
    return port


def _database(env: Mapping[str, str], name: str) -> str | None:
    """The SQLAlchemy URL in a variable. The message never repeats it, because it may hold a password."""
    url = psycopg_url(env.get(name))
    if url is None:
        return None
    fix = f"{name}=postgresql://user:password@host:5432/database"
    if not url.startswith(_PSYCOPG):
        raise _refusal(name, "is not the address of a PostgreSQL database", fix)
    try:
        make_url(url)
        conninfo_to_dict("postgresql://" + url.removeprefix(_PSYCOPG))
    except (ArgumentError, psycopg.ProgrammingError, ValueError) as error:
        raise _refusal(name, "cannot be read as an address", fix) from error
    return url


def _timezone(env: Mapping[str, str]) -> str:
    name = env.get("CITYOPS_TIMEZONE") or "Asia/Shanghai"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of zones, such as Asia
        raise _refusal("CITYOPS_TIMEZONE", f"must be a time zone, not {name!r}", "for example CITYOPS_TIMEZONE=Asia/Shanghai") from error
    return name


def _projected_srid(env: Mapping[str, str]) -> int:
    srid = _whole(env, "CITYOPS_PROJECTED_SRID", DEFAULT_SRID)
    if srid == DEFAULT_SRID:
        return srid
    from pyproj import CRS  # it takes a while to load, and most cities never ask
    from pyproj.exceptions import CRSError

    fix = "the CGCS2000 belt of the city, EPSG 4534 to 4554: CITYOPS_PROJECTED_SRID=4547"
    try:
        found = CRS.from_epsg(srid)
    except CRSError as error:
        raise _refusal("CITYOPS_PROJECTED_SRID", f"must be an EPSG number, and {srid} is none", fix) from error
    if not found.is_projected or any(axis.unit_name != "metre" for axis in found.axis_info[:2]):
        raise _refusal("CITYOPS_PROJECTED_SRID", f"must name a projected system in metres, and {srid} is {found.name}", fix)
    return srid


def _basemap(env: Mapping[str, str]) -> str:
    setting = env.get("CITYOPS_BASEMAP", "")
    if setting in {"", "osm"} or TIANDITU_FORM.fullmatch(setting) or PMTILES_FORM.fullmatch(setting):
        return setting
    raise _refusal(
        "CITYOPS_BASEMAP",
        f"is {setting!r}, which is none of osm, tianditu:KEY or the URL of a .pmtiles file",
        "leave it out for the city's own map, or CITYOPS_BASEMAP=osm",
    )


@dataclass(frozen=True)
class Settings:
    """Everything that can be set from outside. Paths are absolute; URLs are SQLAlchemy URLs; SRIDs are EPSG numbers."""

    home: Path
    """Where cityops keeps its own files: the private cluster, media, the secret key (`CITYOPS_HOME`)."""
    database_url: str | None = None
    """The city's own PostgreSQL; without it the private cluster under `home` is used."""
    read_database_url: str | None = None
    """A replica for tiles, features and statistics."""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    threads: int = 32
    projected_srid: int = DEFAULT_SRID
    """CRS for metres; Nanyang's centre lies in the 114° belt of CGCS2000."""
    timezone: str = "Asia/Shanghai"
    basemap: str = ""
    """An outside basemap: '' (our own), 'osm', 'tianditu:KEY', or the URL of a PMTiles file."""
    secret_key: str = ""
    media_dir: Path = Path()
    tile_cache_mb: int = 128
    layers_dir: Path | None = None
    """A folder with layers of the city's own, beside those that travel with the package."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read `CITYOPS_*`; raises SetupError naming the variable that cannot be understood."""
        env = os.environ if env is None else env
        home = Path(env.get("CITYOPS_HOME") or ".cityops").absolute()
        media = env.get("CITYOPS_MEDIA_DIR")
        return cls(
            home=home,
            database_url=_database(env, "CITYOPS_DATABASE_URL"),
            read_database_url=_database(env, "CITYOPS_READ_DATABASE_URL"),
            host=env.get("CITYOPS_HOST") or "127.0.0.1",
            port=_port(env),
            workers=_whole(env, "CITYOPS_WORKERS", 2, least=1),
            threads=_whole(env, "CITYOPS_THREADS", 32, least=1),
            projected_srid=_projected_srid(env),
            timezone=_timezone(env),
            basemap=_basemap(env),
            secret_key=env.get("CITYOPS_SECRET_KEY") or _kept_secret(home),
            media_dir=Path(media).absolute() if media else home / "media",
            layers_dir=Path(env["CITYOPS_LAYERS_DIR"]).absolute() if env.get("CITYOPS_LAYERS_DIR") else None,
            tile_cache_mb=_whole(env, "CITYOPS_TILE_CACHE_MB", 128),
        )


def psycopg_url(url: str | None) -> str | None:
    """`postgresql://…` as people write it, turned into the SQLAlchemy form that names psycopg 3."""
    if not url:
        return None
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return _PSYCOPG + url[len(prefix) :]
    return url


def _kept_secret(home: Path) -> str:
    """The secret of this installation, made once and readable by its owner only."""
    path = home / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise _no_secret(path, "read", error) from error
    scratch = home / f"secret_key.{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        # The name appears with the whole secret behind it or not at all, whoever is killed at whatever moment.
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        scratch.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise _no_secret(path, "write", error) from error


def _no_secret(path: Path, act: str, error: OSError | UnicodeDecodeError) -> SetupError:
    """A home that holds no readable secret, or cannot be given one."""
    reason = error.strerror if isinstance(error, OSError) else "it is no text"
    return SetupError(reason=f"cannot {act} {path} ({reason})", fix="set CITYOPS_HOME to a writable folder")
