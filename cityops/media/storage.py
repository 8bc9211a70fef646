"""The store on disk: files named by the digest of their bytes, written so that a crash leaves either all of a file or none.

`<media_dir>/ab/cd/<hex digest>.jpg` and beside it `<hex digest>.thumb.jpg`. A file that is there is never written again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Literal

from cityops.media.errors import StoreNotWritable

Variant = Literal["full", "thumb"]


def path_of(media_dir: Path, digest: bytes, variant: Variant = "full") -> Path:
    """Where the file of this digest is, whether it exists or not."""
    name = digest.hex()
    return media_dir / name[:2] / name[2:4] / (f"{name}.jpg" if variant == "full" else f"{name}.thumb.jpg")


def keep(media_dir: Path, digest: bytes, full: bytes, thumb: bytes) -> None:
    """Store both variants; the full one last, so that where it is the other is too. Raises StoreNotWritable."""
    try:
        _write(path_of(media_dir, digest, "thumb"), thumb)
        _write(path_of(media_dir, digest, "full"), full)
    except OSError as error:
        raise StoreNotWritable(reason=error.strerror or str(error), fix=f"make room in {media_dir} and see that it is writable") from error


def _write(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o640)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    # The name is only safe once the folder that holds it is; a new folder has to be known to its parents too.
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def holds(media_dir: Path, digest: bytes) -> bool | None:
    """Whether the stored file still has this digest: True, False when its bytes changed, None when it is not there."""
    try:
        with path_of(media_dir, digest).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == digest
    except FileNotFoundError:
        return None
