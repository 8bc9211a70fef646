"""What can be wrong with coordinates."""

from __future__ import annotations

from cityops.errors import Invalid


class UnknownCrs(Invalid):
    """The coordinate reference system {crs} is not known here."""


class CoordinatesOutOfRange(Invalid):
    """The coordinates {where} lie outside the range of {crs}."""
