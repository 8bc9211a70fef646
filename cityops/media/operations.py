"""Taking a photo in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cityops.identity.visibility import Viewer
from cityops.media import queries, rules, storage
from cityops.media.models import File, Photo


@dataclass(frozen=True)
class PhotoTaken:
    """A photo that is stored now; `digest` in hexadecimal, sizes in pixels, place in EPSG:4490 degrees."""

    id: int
    digest: str
    width: int
    height: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None


def take_in(
    session: Session,
    actor: Viewer,
    now: datetime,
    media_dir: Path,
    data: bytes,
    *,
    phase: str | None = None,
    taken_at: datetime | None = None,
    lon: float | None = None,
    lat: float | None = None,
    timezone: str = "Asia/Shanghai",
) -> PhotoTaken:
    """Check, clean and store a photo, and note who handed it in.

    What the camera wrote into the file wins over `taken_at`, `lon` and `lat`, which the phone sends beside it; a camera time
    without offset is meant in `timezone`. Equal pictures are one file. The file is on disk before the row is written: a
    crash between the two leaves a file nobody refers to, never a row without its file.
    """
    cleaned = rules.clean(data, timezone)
    digest = hashlib.sha256(cleaned.full).digest()
    storage.keep(media_dir, digest, cleaned.full, cleaned.thumb)
    if queries.file_of(session, digest) is None:
        session.execute(
            insert(File)
            .values(
                digest=digest, mime=rules.MIME, size_bytes=len(cleaned.full), width=cleaned.width,
                height=cleaned.height, thumb_size_bytes=len(cleaned.thumb), created_at=now,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    seen = cleaned.taken
    photo = Photo(
        digest=digest,
        source_digest=hashlib.sha256(data).digest(),
        uploader_id=actor.user_id,
        phase=phase,
        taken_at=seen.taken_at or taken_at,
        lon=seen.lon if seen.lon is not None else lon,
        lat=seen.lat if seen.lon is not None else lat,
        created_at=now,
    )
    session.add(photo)
    session.flush()
    return PhotoTaken(photo.id, digest.hex(), cleaned.width, cleaned.height, photo.taken_at, photo.lon, photo.lat)
