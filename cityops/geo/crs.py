"""Coordinate reference systems: which ones are understood, and the way into and out of the storage CRS.

Storage is EPSG:4490 (CGCS2000, degrees). WGS 84 and CGCS2000 differ by centimetres, below what a phone or a base map
knows, so 4326 coordinates are taken as they are. Axis order here is always x, y: longitude, latitude or easting,
northing; `northing_first` tells what the authority's own order is, for the services that must speak it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from cityops.geo.errors import CoordinatesOutOfRange, UnknownCrs
from cityops.geo.offset import bd09_to_wgs84, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02

STORAGE_SRID = 4490
WGS84_SRID = 4326

Floats = NDArray[np.float64]

ACCEPTED = "EPSG:4490, EPSG:4326, a CGCS2000 belt (EPSG:4491 to 4554), any other EPSG number, GCJ-02 or BD-09"

_ALIASES = {
    "wgs84": 4326,
    "crs84": 4326,
    "urn:ogc:def:crs:ogc:1.3:crs84": 4326,
    "urn:ogc:def:crs:ogc::crs84": 4326,
    "http://www.opengis.net/def/crs/ogc/1.3/crs84": 4326,
    "cgcs2000": 4490,
    "webmercator": 3857,
}
_OFFSETS = {"gcj02": "gcj02", "mars": "gcj02", "amap": "gcj02", "bd09": "bd09", "bd09ll": "bd09", "baidu": "bd09"}


@dataclass(frozen=True)
class Crs:
    """A system coordinates may come in: an EPSG number, or one of the two encrypted map systems."""

    name: str
    """How it is written: `EPSG:4547`, `GCJ-02`, `BD-09`."""
    srid: int | None
    """The EPSG number; None for GCJ-02 and BD-09, which have none."""

    @property
    def is_offset(self) -> bool:
        """Whether the coordinates are shifted (GCJ-02, BD-09), so that converting them is worth a remark."""
        return self.srid is None


GCJ02 = Crs("GCJ-02", None)
BD09 = Crs("BD-09", None)


@lru_cache(maxsize=256)
def parse_crs(text: str | int) -> Crs:
    """The system a person or a file names: `4547`, `EPSG:4547`, an OGC URN or URL, `wgs84`, `gcj02`, `bd09`; raises UnknownCrs."""
    plain = str(text).strip().lower().replace("_", "").replace(" ", "")
    offset = _OFFSETS.get(plain.replace("-", ""))
    if offset:
        return GCJ02 if offset == "gcj02" else BD09
    srid = _ALIASES.get(plain) or _ALIASES.get(plain.replace("-", ""))
    if srid is None:
        digits = plain.replace("/", ":").rsplit(":", 1)[-1]
        authority_ok = digits == plain or "epsg" in plain
        if not (digits.isascii() and digits.isdigit() and authority_ok and len(digits) <= 9):
            raise UnknownCrs(crs=repr(str(text)), field="crs", fix=f"name one of: {ACCEPTED}")
        srid = int(digits)
    try:
        known = CRS.from_epsg(srid)
    except CRSError as error:
        raise UnknownCrs(crs=f"EPSG:{srid}", field="crs", fix=f"name one of: {ACCEPTED}") from error
    if not (known.is_geographic or known.is_projected):
        raise UnknownCrs(crs=f"EPSG:{srid}", field="crs", fix=f"name a two-dimensional system: {ACCEPTED}")
    return Crs(f"EPSG:{srid}", srid)


@lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Transformer:
    """The pyproj transformer between two EPSG numbers in x, y order; one per pair (they are safe to share between threads)."""
    return Transformer.from_crs(source, target, always_xy=True)


def to_storage(x: ArrayLike, y: ArrayLike, crs: Crs | str | int) -> tuple[Floats, Floats]:
    """Coordinates given in `crs` (x first) as longitude and latitude in EPSG:4490.

    Raises UnknownCrs, or CoordinatesOutOfRange when a coordinate is no place on earth (swapped or in another system).
    """
    crs = crs if isinstance(crs, Crs) else parse_crs(crs)
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if crs == GCJ02:
        xs, ys = gcj02_to_wgs84(xs, ys)
    elif crs == BD09:
        xs, ys = bd09_to_wgs84(xs, ys)
    elif crs.srid not in (STORAGE_SRID, WGS84_SRID):
        try:
            xs, ys = transformer(_srid(crs), STORAGE_SRID).transform(xs, ys)
        except ProjError as error:  # a system that exists but has no way to CGCS2000
            raise UnknownCrs(crs=crs.name, field="crs", fix=f"name one of: {ACCEPTED}") from error
        xs, ys = np.asarray(xs), np.asarray(ys)
    wrong = ~(np.isfinite(xs) & np.isfinite(ys) & (np.abs(xs) <= 180) & (np.abs(ys) <= 90))
    if np.any(wrong):
        at = int(np.flatnonzero(wrong)[0])
        where = f"({np.asarray(x, dtype=np.float64).ravel()[at]:.10g}, {np.asarray(y, dtype=np.float64).ravel()[at]:.10g})"
        raise CoordinatesOutOfRange(
            where=where, crs=crs.name, field="crs", fix="check the system named, and that x (longitude, easting) comes first"
        )
    return xs, ys


def from_storage(lon: ArrayLike, lat: ArrayLike, crs: Crs | str | int) -> tuple[Floats, Floats]:
    """Longitude and latitude in EPSG:4490 as x, y in `crs`; the inverse of `to_storage`."""
    crs = crs if isinstance(crs, Crs) else parse_crs(crs)
    xs, ys = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if crs == GCJ02:
        return wgs84_to_gcj02(xs, ys)
    if crs == BD09:
        return wgs84_to_bd09(xs, ys)
    if crs.srid in (STORAGE_SRID, WGS84_SRID):
        return xs, ys
    east, north = transformer(STORAGE_SRID, _srid(crs)).transform(xs, ys)
    return np.asarray(east), np.asarray(north)


def _srid(crs: Crs) -> int:
    if crs.srid is None:
        raise UnknownCrs(crs=crs.name, field="crs", fix="a shifted system has no EPSG number")
    return crs.srid


@lru_cache(maxsize=256)
def northing_first(srid: int) -> bool:
    """Whether the authority writes latitude or northing first (EPSG:4490 and 45xx do, CRS84 does not)."""
    first = CRS.from_epsg(srid).axis_info[0].direction
    return first in ("north", "south")


@lru_cache(maxsize=1024)
def metric_srid(lon: float, lat: float, preferred: int = 4547) -> int:
    """The projected system to measure in at a place given in degrees.

    The configured one wherever it is usable (within 3° of its area of use, which lets a city that straddles a belt edge
    keep one system); otherwise the CGCS2000 3-degree belt inside China, and the UTM zone elsewhere.
    """
    use = CRS.from_epsg(preferred).area_of_use
    if use is not None and use.west - 3 <= lon <= use.east + 3 and use.south - 3 <= lat <= use.north + 3:
        return preferred
    if 73.5 <= lon <= 135.1 and 3.4 <= lat <= 53.6:
        return 4534 + round(lon / 3) - 25
    zone = min(int((lon + 180) // 6) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone
