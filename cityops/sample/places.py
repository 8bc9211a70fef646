"""Which superblock belongs to which street office and district, how many cells it gets, and how communities are coded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from cityops.sample import names
from cityops.sample.sizes import Size
from cityops.sample.streets import Skeleton
from cityops.sample.terrain import Terrain

WHOLE_SPAN_M = 14_400.0
DISTRICTS = {"411302": ("宛城区", "Wancheng District"), "411303": ("卧龙区", "Wolong District")}


@dataclass
class StreetOffice:
    """A street office or town of the sample with its superblocks; codes and names are real, the area is synthetic."""

    code: str
    name_zh: str
    name_en: str
    faces: list[int]
    geom: MultiPolygon | None = None
    communities: int = 0

    @property
    def district(self) -> str:
        return self.code[:6]

    def next_community(self) -> tuple[str, str]:
        """The code and name of the next community; communities of the sample are invented and flagged so."""
        self.communities += 1
        return f"{self.code}{self.communities:03d}", names.community(self.communities - 1 + 7 * (int(self.code[6:]) % 5))


def assign_streets(skeleton: Skeleton, terrain: Terrain) -> list[StreetOffice]:
    """Give every superblock to the nearest street office; each office gets the outline of its superblocks and river pieces."""
    scale = 1_000.0 * (terrain.span_m / WHOLE_SPAN_M) ** 0.6
    table = names.rows("places")
    seats = np.array([[float(row["east_km"]), float(row["north_km"])] for row in table]) * scale
    centres = shapely.get_coordinates(shapely.centroid([face.polygon for face in skeleton.faces]))
    centres = centres - np.asarray(terrain.centre)
    distance = np.hypot(centres[:, None, 0] - seats[None, :, 0], centres[:, None, 1] - seats[None, :, 1])
    nearest = distance.argmin(axis=1)
    offices = []
    for k, row in enumerate(table):
        faces = np.flatnonzero(nearest == k).tolist()
        if faces:
            office = StreetOffice(row["code"], row["name_zh"], row["name_en"], faces)
            shapes = [skeleton.faces[f].polygon for f in faces]
            shapes += [piece.polygon for piece in skeleton.river_pieces if piece.face in set(faces)]
            office.geom = multi(shapely.union_all(shapes))
            offices.append(office)
    return offices


def multi(shape: shapely.Geometry) -> MultiPolygon:
    """The shape as a MultiPolygon, which is what a division is stored as."""
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])


def cell_quotas(size: Size, skeleton: Skeleton, terrain: Terrain) -> list[int]:
    """How many cells each superblock is divided into, summing to the target; the old town is divided a little finer."""
    areas = np.array([face.polygon.area for face in skeleton.faces])
    centres = shapely.get_coordinates(shapely.centroid([face.polygon for face in skeleton.faces]))
    far = np.hypot(*(centres - np.asarray(terrain.centre)).T) / (terrain.span_m / 2)
    weight = areas * (1.22 - 0.38 * np.clip(far, 0, 1))
    wanted = weight / weight.sum() * (size.cells - len(skeleton.river_pieces))
    quota = np.maximum(1, np.floor(wanted)).astype(int)
    rest = size.cells - len(skeleton.river_pieces) - int(quota.sum())
    for k in np.argsort(-(wanted - quota), kind="stable")[: max(rest, 0)]:
        quota[k] += 1
    return quota.tolist()


def grade_of(far: float) -> str:
    """The area grade by distance from the centre in half spans: A core, B ordinary, C outskirts."""
    return "A" if far < 0.34 else "B" if far < 0.86 else "C"
