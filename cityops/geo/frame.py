"""A local frame: degrees scaled to metres by one affine map, so that straight stays straight and shared stays shared.

Stored boundaries are straight lines in degrees. A map projection bends them by centimetres per kilometre, which opens
cracks where one cell has a corner on the middle of its neighbour's edge. Topology is therefore looked at in this frame,
and what is found is measured in the projected system afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import shapely

from cityops.geo.shapes import METRES_PER_DEGREE, Geometries, middle_of


@dataclass(frozen=True)
class LocalFrame:
    """Metres east and north of an origin given in degrees; true to about 0.2 % within 20 km."""

    lon: float
    lat: float

    @classmethod
    def around(cls, geometries: Geometries) -> LocalFrame:
        """The frame about the middle of geometries in degrees."""
        middle = middle_of(geometries)
        return cls(0.0, 0.0) if middle is None else cls(*middle)

    @property
    def _scale(self) -> tuple[float, float]:
        return METRES_PER_DEGREE * math.cos(math.radians(self.lat)), METRES_PER_DEGREE

    def enter(self, geometries: Any) -> Any:  # Any: an array gives an array, a geometry a geometry, as shapely's ufuncs do
        """Geometries in degrees as geometries in the frame."""
        return shapely.transform(geometries, lambda c: (c - (self.lon, self.lat)) * self._scale)

    def leave(self, geometries: Any) -> Any:  # Any: as `enter`
        """Geometries in the frame as geometries in degrees."""
        return shapely.transform(geometries, lambda c: c / self._scale + (self.lon, self.lat))
