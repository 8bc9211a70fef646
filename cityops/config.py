"""Settings: one frozen value read from `CITYOPS_*` once; nobody else reads the environment."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cityops.errors import SetupError


def _whole(env: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """A whole number from the environment, or one clear line saying which variable is wrong."""
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise SetupError(reason=f"{name} must be a whole number, not {text!r}")
    if int(text) < least:
        raise SetupError(reason=f"{name} must be at least {least}, not {text}")
    return int(text)


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
    projected_srid: int = 4547
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
            database_url=psycopg_url(env.get("CITYOPS_DATABASE_URL")),
            read_database_url=psycopg_url(env.get("CITYOPS_READ_DATABASE_URL")),
            host=env.get("CITYOPS_HOST") or "127.0.0.1",
            port=_whole(env, "CITYOPS_PORT", 8000),
            workers=_whole(env, "CITYOPS_WORKERS", 2, least=1),
            threads=_whole(env, "CITYOPS_THREADS", 32, least=1),
            projected_srid=_whole(env, "CITYOPS_PROJECTED_SRID", 4547),
            timezone=env.get("CITYOPS_TIMEZONE") or "Asia/Shanghai",
            basemap=env.get("CITYOPS_BASEMAP", ""),
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
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


def _kept_secret(home: Path) -> str:
    """The secret of this installation, made once and readable by its owner only."""
    path = home / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    scratch = home / f"secret_key.{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        # The name appears with the whole secret behind it or not at all, whoever is killed at whatever moment.
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
        scratch.unlink()
    except OSError as error:
        raise SetupError(reason=f"cannot write {path} ({error.strerror})", fix="set CITYOPS_HOME to a writable folder") from error
    return path.read_text().strip()
