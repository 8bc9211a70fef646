"""Codes, states and shapes of components; pure decisions, no database.

A code is district + class + sequence, today 6 + 4 + 6 digits. The widths are the city's setting (core.settings, key
`components.code_format`), because the standard is under revision; codes already given keep the width they have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cityops.components.errors import CodeInvalid, CodesExhausted

State = Literal["intact", "damaged", "missing", "occupied", "disused"]
STATES: tuple[State, ...] = ("intact", "damaged", "missing", "occupied", "disused")

Kind = Literal["component", "event"]
Geometry = Literal["point", "line", "polygon"]
GEOMETRIES: tuple[Geometry, ...] = ("point", "line", "polygon")

DEFAULT_EDITION = "gbt30428.2-2013"
SHAPES: dict[str, Geometry] = {
    "Point": "point",
    "LineString": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}
"""OGC geometry types a component may have, and the kind of each."""


@dataclass(frozen=True)
class CodeFormat:
    """How many digits each part of a component code has."""

    district: int = 6
    class_: int = 4
    sequence: int = 6

    @property
    def width(self) -> int:
        """Digits of a whole code."""
        return self.district + self.class_ + self.sequence

    @property
    def last(self) -> int:
        """The highest sequence number."""
        return 10**self.sequence - 1

    def prefix(self, cell_code: str, class_code: str) -> str:
        """District + class: the part under which sequence numbers are counted. Raises CodeInvalid for a class of another width."""
        if len(class_code) != self.class_:
            raise CodeInvalid(
                code=class_code,
                reason=f"a class has {self.class_} digits here",
                field="class_code",
                fix="use a class of the city's code format",
            )
        return cell_code[: self.district] + class_code

    def code(self, prefix: str, sequence: int) -> str:
        """The whole code; raises CodesExhausted beyond the last number."""
        if sequence > self.last:
            raise CodesExhausted(prefix=prefix, fix="widen the sequence in the setting components.code_format")
        return f"{prefix}{sequence:0{self.sequence}d}"

    def split(self, code: str) -> tuple[str, str, int]:
        """District, class and sequence of a code; raises CodeInvalid."""
        if len(code) != self.width or not (code.isascii() and code.isdigit()):
            raise CodeInvalid(
                code=code,
                reason=f"a code has {self.width} digits",
                field="code",
                fix=f"{self.district} district + {self.class_} class + {self.sequence} sequence digits",
            )
        end = self.district + self.class_
        return code[: self.district], code[self.district : end], int(code[end:])


def shape_fits(shape: Geometry, wanted: Geometry) -> bool:
    """Whether a component of a class drawn as `wanted` may be drawn as `shape`: the same, or simpler (a bridge as a point)."""
    return GEOMETRIES.index(shape) <= GEOMETRIES.index(wanted)


def box_around(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of a box that holds every place within `metres` of a point, with one percent to spare."""
    d_lat = metres / 110_500.0
    highest = min(abs(lat) + d_lat, 89.9)
    d_lon = min(metres / (111_300.0 * math.cos(math.radians(highest))), 180.0)
    return max(lon - d_lon * 1.01, -180.0), max(lat - d_lat * 1.01, -90.0), min(lon + d_lon * 1.01, 180.0), min(lat + d_lat * 1.01, 90.0)
