"""GCJ-02 and BD-09: the shifted coordinates of Chinese web maps and phones, to and from WGS 84.

GCJ-02 moves a WGS 84 point by some hundred metres through a published-by-use sum of sines; BD-09 adds Baidu's own twist.
Both are smooth and nearly the identity, so the way back is a fixed-point iteration that ends far below a millimetre.
Outside China's box GCJ-02 is the identity, as map vendors have it. All functions take and return arrays of degrees,
longitude first, any shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

KRASOVSKY_A_M = 6378245.0
"""Semi-major axis of the Krasovsky 1940 ellipsoid, which the offset formula is built on."""
KRASOVSKY_E2 = 0.00669342162296594323
BD_TWIST = np.pi * 3000.0 / 180.0
CONVERGED_DEG = 1e-12
"""About 0.1 micrometre: the rounding of a double at these longitudes; iterating further changes nothing."""
MAX_STEPS = 30
"""Each step gains about three digits; ten are enough, thirty leave room for the worst corner."""


def in_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether GCJ-02 shifts a point: the rectangle the map vendors use, Taiwan and the sea included."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return (x >= 72.004) & (x <= 137.8347) & (y >= 0.8293) & (y <= 55.8271)


def _shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The GCJ-02 offset in degrees at a WGS 84 place."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north = north + (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north = north + (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east = east + (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east = east + (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    w2 = 1.0 - KRASOVSKY_E2 * np.sin(phi) ** 2
    meridian_m = KRASOVSKY_A_M * (1.0 - KRASOVSKY_E2) / (w2 * np.sqrt(w2))
    parallel_m = KRASOVSKY_A_M / np.sqrt(w2) * np.cos(phi)
    return np.degrees(east / parallel_m), np.degrees(north / meridian_m)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """WGS 84 (or CGCS2000) to GCJ-02."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    inside = in_china(x, y)
    # Far outside the cosine may vanish; the offset is not used there, so it is computed at a harmless place.
    east, north = _shift(np.where(inside, x, 105.0), np.where(inside, y, 35.0))
    return np.where(inside, x + east, x), np.where(inside, y + north, y)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """GCJ-02 to WGS 84, by iterating until the forward formula meets the input."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    inside = in_china(x, y)
    x0, y0 = np.where(inside, x, 105.0), np.where(inside, y, 35.0)
    guess_x, guess_y = x0, y0
    for _ in range(MAX_STEPS):
        east, north = _shift(guess_x, guess_y)
        next_x, next_y = x0 - east, y0 - north
        moved = max(float(np.max(np.abs(next_x - guess_x), initial=0.0)), float(np.max(np.abs(next_y - guess_y), initial=0.0)))
        guess_x, guess_y = next_x, next_y
        if moved < CONVERGED_DEG:
            break
    return np.where(inside, guess_x, x), np.where(inside, guess_y, y)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """GCJ-02 to BD-09."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * BD_TWIST)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * BD_TWIST)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """BD-09 to GCJ-02, by iteration (the closed formula in circulation is off by up to a metre)."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    guess_x, guess_y = x - 0.0065, y - 0.006
    for _ in range(MAX_STEPS):
        back_x, back_y = gcj02_to_bd09(guess_x, guess_y)
        step_x, step_y = x - back_x, y - back_y
        guess_x, guess_y = guess_x + step_x, guess_y + step_y
        if max(float(np.max(np.abs(step_x), initial=0.0)), float(np.max(np.abs(step_y), initial=0.0))) < CONVERGED_DEG:
            break
    return guess_x, guess_y


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """WGS 84 (or CGCS2000) to BD-09."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """BD-09 to WGS 84."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))
