"""Where the files that travel with the package are, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def _folder(package: str) -> Path:
    return Path(str(files(package)))


def data_dir() -> Path:
    """Code tables, standards, workflow, mapping tables."""
    return _folder("data")


def layers_dir() -> Path:
    """The themes: one folder with a `layer.yaml` each."""
    return _folder("layers")


def migrations_dir() -> Path:
    """The Alembic history of the core."""
    return _folder("migrations")


def webmap_dir() -> Path:
    """The built map: `console.html`, `inspect.html`, `assets/`."""
    return _folder("webmap") / "dist"
