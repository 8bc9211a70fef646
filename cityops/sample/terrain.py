"""The lie of the land: where the sample city stands, how its streets bend, where its river runs.

Everything is computed on a plane in metres, (x, y) = (east, north) of the city's projected CRS. Streets are first
thought of as straight lines on an ideal plane (u, v) and then bent by a smooth warp; because the warp is a function of
position alone, everything that was joined stays joined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityops.sample.sizes import Size

Floats = NDArray[np.float64]

# The old town of Nanyang, lon/lat; the middle of the central-city window 112.44-112.66 E, 32.92-33.08 N.
CENTRE_LONLAT = (112.5388, 32.9965)


def random(seed: int, *purpose: int) -> np.random.Generator:
    """A generator of its own for each purpose, so that changing one part of the city leaves the others as they were."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *purpose])))


@dataclass(frozen=True)
class Terrain:
    """The warp of the street plan and the course of the river, for one seed and one size."""

    centre: tuple[float, float]
    angle: float
    waves: Floats  # (k, 6): amplitude, wave number in u, wave number in v, phase, direction x, direction y
    span_m: float
    river_m: float
    bank_m: float
    river_phase: float

    def warp(self, uv: Floats) -> Floats:
        """Ideal plane (n, 2) in metres to the projected plane (n, 2) in metres."""
        out = uv.copy()
        for amplitude, ku, kv, phase, dx, dy in self.waves:
            swing = amplitude * np.sin(ku * uv[:, 0] + kv * uv[:, 1] + phase)
            out[:, 0] += swing * dx
            out[:, 1] += swing * dy
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.column_stack(
            (
                self.centre[0] + cos * out[:, 0] - sin * out[:, 1],
                self.centre[1] + sin * out[:, 0] + cos * out[:, 1],
            )
        )

    def river(self, step_m: float = 40.0) -> Floats:
        """Points (n, 2) of the middle of the river from north-east to south-west, passing south-east of the centre."""
        span = self.span_m
        start, end = np.array([0.74, 0.80]) * span, np.array([-0.12, -0.80]) * span
        along = end - start
        count = int(np.hypot(*along) / step_m) + 1
        t = np.linspace(0.0, 1.0, count)
        side = np.array([-along[1], along[0]]) / np.hypot(*along)
        swing = span * (
            0.040 * np.sin(2 * np.pi * 1.55 * t + self.river_phase) + 0.016 * np.sin(2 * np.pi * 3.1 * t + 2.1 * self.river_phase)
        )
        return np.asarray(self.centre) + start + t[:, None] * along + swing[:, None] * side


def make_terrain(size: Size, seed: int, centre: tuple[float, float]) -> Terrain:
    """The terrain for a size and seed around `centre`, projected metres.

    Amplitudes are kept below a twentieth of the wave length: the warp then never folds over itself.
    """
    rng = random(seed, 1)
    span = np.sqrt(size.cells * 10_000.0) * 1.12
    waves = []
    for share in (0.55, 0.9, 1.5):
        length = max(share * min(span, 9_000.0), 500.0)
        heading = rng.uniform(0, np.pi)
        direction = rng.uniform(0, 2 * np.pi)
        waves.append(
            (
                0.030 * length,
                2 * np.pi / length * np.cos(heading),
                2 * np.pi / length * np.sin(heading),
                rng.uniform(0, 2 * np.pi),
                np.cos(direction),
                np.sin(direction),
            )
        )
    return Terrain(
        centre=centre,
        angle=float(np.radians(rng.uniform(-9.0, -3.0))),
        waves=np.array(waves),
        span_m=float(span),
        river_m=size.river_m,
        bank_m=max(size.river_m * 0.22, 14.0),
        river_phase=float(rng.uniform(0, 2 * np.pi)),
    )
