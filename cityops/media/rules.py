"""What is accepted as a photo, what its hidden data say, and what is kept of it. Pure: bytes in, bytes out.

The pixels are drawn anew into a JPEG without any metadata, turned upright, at most 2048 pixels on the longer side; time and
place from the EXIF block are returned as values. The same bytes always give the same result.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cityops.media.errors import NotAPhoto, PhotoBroken, PhotoTooLarge, PhotoTooManyPixels, PhotoTooSmall

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 60_000_000
"""A phone takes 12 to 50 million; a small file that unfolds to more is an attack or a mistake."""
MIN_SIDE_PX = 16
FULL_SIDE_PX = 2048
THUMB_SIDE_PX = 320
MIME = "image/jpeg"


@dataclass(frozen=True)
class Taken:
    """When and where the camera says the photo was taken: aware UTC; WGS 84 degrees, which EPSG:4490 equals within a decimetre."""

    taken_at: datetime | None
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Cleaned:
    """What is kept: two JPEGs without metadata, the size of the larger in pixels, and what the metadata said."""

    full: bytes
    thumb: bytes
    width: int
    height: int
    taken: Taken


def clean(data: bytes, timezone_name: str = "Asia/Shanghai") -> Cleaned:
    """Check and redraw a photo. `timezone_name` is where a camera time without offset is meant.

    Raises PhotoTooLarge, NotAPhoto, PhotoTooManyPixels, PhotoTooSmall or PhotoBroken.
    """
    if len(data) > MAX_BYTES:
        raise PhotoTooLarge(size_bytes=len(data), limit_bytes=MAX_BYTES, field="file", fix="send a smaller picture")
    try:
        with warnings.catch_warnings():
            # Our own limit below is the stricter one; Pillow's warning about the same thing would only be noise.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PhotoTooManyPixels(width="?", height="?", limit=MAX_PIXELS, field="file", fix="send a smaller picture") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise NotAPhoto(field="file", fix="send a JPEG, PNG or WebP") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoTooManyPixels(width=width, height=height, limit=MAX_PIXELS, field="file", fix="send a smaller picture")
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoTooSmall(width=width, height=height, limit=MIN_SIDE_PX, field="file", fix="send the photo itself, not an icon")
    try:
        taken = _taken(image, timezone_name)
        # A JPEG decodes at a fraction of its size for nearly nothing; twice the wanted size keeps the reduction sharp.
        image.draft("RGB", (FULL_SIDE_PX * 2, FULL_SIDE_PX * 2))
        upright = _flat(ImageOps.exif_transpose(image))
        upright.thumbnail((FULL_SIDE_PX, FULL_SIDE_PX), Image.Resampling.LANCZOS)
        full = _jpeg(upright, quality=85)
        size = upright.size
        upright.thumbnail((THUMB_SIDE_PX, THUMB_SIDE_PX), Image.Resampling.LANCZOS)
        return Cleaned(full, _jpeg(upright, quality=78), *size, taken)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError) as error:
        # Pillow reports broken pixels in these ways, by format and by where the damage is.
        raise PhotoBroken(field="file", fix="take or export the photo again") from error


def _flat(image: Image.Image) -> Image.Image:
    """The picture in plain RGB; transparent parts become white, as on paper."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGB", layered.size, "white")
        paper.paste(layered, mask=layered.getchannel("A"))
        return paper
    return image.convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    bare = Image.new("RGB", image.size)
    bare.paste(image)  # a new image carries none of the info dictionary that a save might write
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _taken(image: Image.Image, timezone_name: str) -> Taken:
    """Time and place from EXIF. Cameras write nonsense often enough: what cannot be a time or a place is left out."""
    try:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError):
        # A damaged EXIF block says nothing; the picture itself may still be whole.
        return Taken(None, None, None)
    lat = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
    lon = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    if lat is None or lon is None or (lat == 0 and lon == 0):
        lat = lon = None
    written = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    return Taken(_instant(written, details.get(ExifTags.Base.OffsetTimeOriginal), timezone_name), lon, lat)


def _degrees(parts: Any, half: Any, negative: str, limit: int) -> float | None:
    """Degrees from EXIF's three rationals (Any: whatever the camera wrote)."""
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
        value = degrees + minutes / 60 + seconds / 3600
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not math.isfinite(value) or not 0 <= value <= limit:
        return None
    return -value if str(half).strip().upper().startswith(negative) else value


def _instant(written: Any, offset: Any, timezone_name: str) -> datetime | None:
    """An aware UTC time from EXIF's local text and, when there is one, its offset (Any: whatever the camera wrote)."""
    try:
        local = datetime.strptime(str(written).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    try:
        sign, hours, minutes = str(offset)[0], int(str(offset)[1:3]), int(str(offset)[4:6])
        zone: timezone | ZoneInfo = timezone((1 if sign == "+" else -1) * timedelta(hours=hours, minutes=minutes))
    except (ValueError, IndexError):
        zone = ZoneInfo(timezone_name)
    try:
        return local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
