"""Photos: what is taken in, what is taken out of them, and that they are still there after a crash."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.media import errors, operations, rules, storage
from tests.factories.cases import MONDAY, jpeg
from tests.factories.identity import make_viewer


def with_exif(orientation: int = 1, **more: Any) -> bytes:  # Any: EXIF values of several types
    """A photo as a phone writes it: time, place, device, and a comment with personal data."""
    image = Image.new("RGB", (120, 80), "white")
    image.paste("red", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SecretPhone"
    exif[ExifTags.Base.ImageDescription] = "owner 13800000000"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2026:11:16 09:30:15"
    details[ExifTags.Base.OffsetTimeOriginal] = "+08:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (33.0, 0.0, 36.0)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (112.0, 31.0, 48.0)
    for tag, value in more.items():
        (gps if tag.startswith("GPS") else details)[getattr(ExifTags.GPS if tag.startswith("GPS") else ExifTags.Base, tag)] = value
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95, comment=b"made by Wang")
    return out.getvalue()


def test_time_and_place_are_read_and_everything_hidden_is_taken_out() -> None:
    cleaned = rules.clean(with_exif())
    assert cleaned.taken.taken_at == datetime(2026, 11, 16, 1, 30, 15, tzinfo=UTC)
    assert cleaned.taken.lon == pytest.approx(112.53) and cleaned.taken.lat == pytest.approx(33.01)
    for stored in (cleaned.full, cleaned.thumb):
        image = Image.open(io.BytesIO(stored))
        assert not image.getexif() and "exif" not in image.info and "comment" not in image.info and "icc_profile" not in image.info
        for secret in (b"SecretPhone", b"13800000000", b"Exif", b"made by Wang"):
            assert secret not in stored


def test_a_time_without_offset_is_the_citys_own() -> None:
    assert rules.clean(with_exif(OffsetTimeOriginal="")).taken.taken_at == datetime(2026, 11, 16, 1, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "value"),
    [("GPSLatitude", (200.0, 0.0, 0.0)), ("GPSLatitude", (1.0,)), ("GPSLatitude", (0.0, 0.0, 0.0))],
)
def test_a_place_that_cannot_be_is_left_out(tag: str, value: Any) -> None:  # Any: what a camera writes
    more = {tag: value} | ({"GPSLongitude": (0.0, 0.0, 0.0)} if value == (0.0, 0.0, 0.0) else {})
    taken = rules.clean(with_exif(**more)).taken
    assert (taken.lon, taken.lat) == (None, None) and taken.taken_at is not None


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "yesterday", ""])
def test_a_time_that_cannot_be_is_left_out(written: str) -> None:
    assert rules.clean(with_exif(DateTimeOriginal=written)).taken.taken_at is None


def test_a_photo_is_stored_upright() -> None:
    cleaned = rules.clean(with_exif(orientation=6))
    image = Image.open(io.BytesIO(cleaned.full))
    assert image.size == (80, 120) == (cleaned.width, cleaned.height)
    red, green, _ = image.getpixel((75, 5))  # type: ignore[misc]  # an RGB picture gives three values
    assert red > 200 and green < 80, "the red corner came from the left top to the right top"


def test_large_photos_are_reduced_and_small_ones_kept() -> None:
    cleaned = rules.clean(jpeg(size=(4000, 3000)))
    assert (cleaned.width, cleaned.height) == (2048, 1536)
    assert max(Image.open(io.BytesIO(cleaned.thumb)).size) == 320
    assert (rules.clean(jpeg(size=(64, 48))).width) == 64


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
def test_other_forms_and_modes_become_plain_pictures(form: str, mode: str) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (10, 200, 30, 128)).convert(mode).save(out, form)
    assert Image.open(io.BytesIO(rules.clean(out.getvalue()).full)).mode == "RGB"


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has four thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (40, 40)).save(out, "GIF")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", errors.NotAPhoto),
        (b"<svg onload='alert(1)'>", errors.NotAPhoto),
        (b"\xff\xd8\xff\xe0nonsense", errors.NotAPhoto),
        (gif(), errors.NotAPhoto),
        (jpeg(size=(400, 300))[:-100], errors.PhotoBroken),
        (jpeg(size=(8, 8)), errors.PhotoTooSmall),
        (bomb(), errors.PhotoTooManyPixels),
        (b"\xff" * (rules.MAX_BYTES + 1), errors.PhotoTooLarge),
    ],
    ids=["nothing", "svg", "half a header", "gif", "cut off", "icon", "bomb", "too many bytes"],
)
def test_what_is_no_photo_is_refused_with_a_typed_error(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        rules.clean(data)
    assert caught.value.field == "file" and caught.value.fix  # type: ignore[attr-defined]  # every error of ours has both


def test_no_cut_of_a_photo_crashes_the_intake() -> None:
    """A phone that loses the network sends any beginning of a file."""
    whole = with_exif()
    for length in range(0, len(whole), 97):
        with contextlib.suppress(errors.NotAPhoto, errors.PhotoBroken):
            rules.clean(whole[:length])


@pytest.fixture
def media_dir(tmp_path: Path) -> Path:
    return tmp_path / "media"


def test_the_same_photo_twice_is_one_file_and_two_hand_ins(session: Session, media_dir: Path) -> None:
    first, second = make_viewer(session, "inspector"), make_viewer(session, "inspector")
    data = jpeg()
    one = operations.take_in(session, first, MONDAY, media_dir, data)
    two = operations.take_in(session, second, MONDAY, media_dir, data)
    assert one.digest == two.digest and one.id != two.id
    assert len([path for path in media_dir.rglob("*") if path.is_file()]) == 2, "the picture and its thumb"
    assert session.execute(text("SELECT count(*) FROM media.files")).scalar_one() == 1


def test_the_name_of_a_file_is_the_digest_of_its_bytes(session: Session, media_dir: Path) -> None:
    taken = operations.take_in(session, make_viewer(session, "inspector"), MONDAY, media_dir, jpeg())
    path = storage.path_of(media_dir, bytes.fromhex(taken.digest))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == taken.digest == path.stem
    assert storage.holds(media_dir, bytes.fromhex(taken.digest)) is True
    path.write_bytes(b"other")
    assert storage.holds(media_dir, bytes.fromhex(taken.digest)) is False
    path.unlink()
    assert storage.holds(media_dir, bytes.fromhex(taken.digest)) is None


def test_what_the_camera_says_wins_over_what_the_phone_says(session: Session, media_dir: Path) -> None:
    viewer = make_viewer(session, "inspector")
    said = {"taken_at": MONDAY, "lon": 1.0, "lat": 2.0}
    taken = operations.take_in(session, viewer, MONDAY, media_dir, with_exif(), **said)
    assert taken.lon == pytest.approx(112.53) and taken.taken_at == datetime(2026, 11, 16, 1, 30, 15, tzinfo=UTC)
    taken = operations.take_in(session, viewer, MONDAY, media_dir, jpeg(), **said)
    assert (taken.lon, taken.lat, taken.taken_at) == (1.0, 2.0, MONDAY)


def test_a_crash_while_writing_leaves_no_half_file(media_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def power_cut(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(errors.StoreNotWritable) as caught:
        storage.keep(media_dir, bytes(32), b"full", b"thumb")
    assert "No space left" in caught.value.message and caught.value.status == 503
    assert [path for path in media_dir.rglob("*") if path.is_file()] == []
