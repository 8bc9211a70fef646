"""What can go wrong with a photo."""

from __future__ import annotations

from cityops.errors import Invalid, NotFound, Unavailable


class PhotoNotFound(NotFound):
    """There is no photo {photo_id}, or you may not see it."""


class PhotoFileMissing(Unavailable):
    """The file of photo {photo_id} is not in the store."""


class NotAPhoto(Invalid):
    """The file is not a JPEG, PNG or WebP picture."""


class PhotoBroken(Invalid):
    """The picture cannot be read to its end."""


class PhotoTooLarge(Invalid):
    """The file has {size_bytes} bytes; at most {limit_bytes} are taken."""


class PhotoTooManyPixels(Invalid):
    """The picture has {width} × {height} pixels; at most {limit} are taken."""


class PhotoTooSmall(Invalid):
    """The picture has {width} × {height} pixels; at least {limit} on each side are needed to show anything."""


class StoreNotWritable(Unavailable):
    """The photo could not be stored: {reason}."""
