"""Synthetic ground: a seamless lattice of crooked cells in communities, and faults to plant in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.geo.shapes import as_array, unproject
from cityops.grid.rules.numbering import number_cells

SRID = 4547
WEST_M, SOUTH_M = 362_000.0, 3_652_000.0
"""South-west corner of the ground, in Nanyang's centre (EPSG:4547)."""


@dataclass
class Ground:
    """Communities and cells in degrees; `slots` are the cells that no other slot touches, so that planted faults stay apart."""

    communities: dict[str, shapely.Polygon]
    codes: list[str]
    shapes: list[shapely.Polygon]
    beats: dict[str, list[str]]
    slots: list[int]
    east_edge: list[int] = field(default_factory=list)
    """Slots in the easternmost column of their community's cells."""


def ground(seed: int = 1, *, communities: tuple[int, int] = (2, 2), cells: tuple[int, int] = (6, 6), cell_m: float = 100.0) -> Ground:
    """A lattice whose corners are moved at random by up to a fifth of a cell; every corner is shared exactly."""
    rng = np.random.default_rng(seed)
    across, up = communities[0] * cells[0], communities[1] * cells[1]
    jitter = rng.uniform(-0.2, 0.2, (up + 1, across + 1, 2)) * cell_m
    x, y = np.meshgrid(np.arange(across + 1) * cell_m + WEST_M, np.arange(up + 1) * cell_m + SOUTH_M)
    corner = unproject(
        as_array([shapely.Point(a, b) for a, b in zip((x + jitter[..., 0]).ravel(), (y + jitter[..., 1]).ravel(), strict=True)]), SRID
    )
    at = shapely.get_coordinates(corner).reshape(up + 1, across + 1, 2)
    result = Ground({}, [], [], {}, [])
    for row in range(communities[1]):
        for column in range(communities[0]):
            community = f"411303005{row * communities[0] + column + 1:03d}"
            made: list[shapely.Polygon] = []
            slots, east = [], []
            for j in range(row * cells[1], (row + 1) * cells[1]):
                for i in range(column * cells[0], (column + 1) * cells[0]):
                    inner_i, inner_j = i - column * cells[0], j - row * cells[1]
                    if inner_i % 3 == 1 and inner_j % 3 == 1:
                        slots.append(len(made))
                    made.append(shapely.Polygon([at[j, i], at[j, i + 1], at[j + 1, i + 1], at[j + 1, i]]))
                    if inner_i == cells[0] - 1:
                        east.append(len(made) - 1)
            codes = number_cells(community, list(shapely.transform(as_array(made), lambda c: c * (93_300, 111_320))))
            base = len(result.shapes)
            result.communities[community] = shapely.coverage_union_all(made)
            result.codes += codes
            result.shapes += made
            result.slots += [base + slot for slot in slots]
            result.east_edge += [base + position for position in east]
            half = cells[1] // 2 * cells[0]
            result.beats[f"B{community[-3:]}S"] = codes[:half]
            result.beats[f"B{community[-3:]}N"] = codes[half:]
    return result


def push_edge(cell: shapely.Polygon, edge: int, metres: float) -> shapely.Polygon:
    """The cell with the middle of one edge moved outwards (negative: inwards) by so many metres, at latitude 33°."""
    ring = shapely.get_coordinates(cell)[:-1] * (93_300, 111_320)
    if not cell.exterior.is_ccw:
        ring = ring[::-1]
    a, b = ring[edge], ring[(edge + 1) % len(ring)]
    along = (b - a) / np.hypot(*(b - a))
    middle = (a + b) / 2 + np.array([along[1], -along[0]]) * metres
    return shapely.Polygon(np.insert(ring, edge + 1, middle, axis=0) / (93_300, 111_320))


def bow_tie(cell: shapely.Polygon) -> shapely.Polygon:
    """The cell with two corners swapped, so that its boundary crosses itself."""
    ring = shapely.get_coordinates(cell)[:-1]
    ring[[1, 2]] = ring[[2, 1]]
    return shapely.Polygon(ring)


def store(session: Session, made: Ground, *, started_on: str = "2025-01-01") -> None:
    """Write divisions, cells and beats of a ground into the database, through plain SQL."""
    session.execute(
        text(
            "INSERT INTO grid.divisions (code, level, name_zh, name_en, parent_code) VALUES"
            " ('411303', 'district', '卧龙区', 'Wolong', NULL),"
            " ('411303005', 'street', '梅溪街道', 'Meixi', '411303') ON CONFLICT DO NOTHING"
        )
    )
    session.execute(
        text(
            "INSERT INTO grid.divisions (code, level, name_zh, parent_code, geom, synthetic)"
            " VALUES (:code, 'community', :name, left(:code, 9), ST_Multi(ST_GeomFromWKB(:wkb, 4490)), true)"
        ),
        [{"code": code, "name": f"试验社区{code[-3:]}", "wkb": shapely.to_wkb(shape)} for code, shape in made.communities.items()],
    )
    if not made.codes:
        return
    session.execute(
        text(
            "INSERT INTO grid.cells (code, community_code, geom, area_m2, started_on)"
            " SELECT CAST(:code AS text), left(:code, 12), g, ST_Area(ST_Transform(g, 4547)), :day FROM ST_GeomFromWKB(:wkb, 4490) AS g"
        ),
        [{"code": code, "wkb": shapely.to_wkb(shape), "day": started_on} for code, shape in zip(made.codes, made.shapes, strict=True)],
    )
    for beat, codes in made.beats.items():
        beat_id = session.execute(
            text("INSERT INTO grid.beats (code, name_zh) VALUES (:code, :code) RETURNING id"), {"code": beat}
        ).scalar_one()
        session.execute(
            text("INSERT INTO grid.beat_cells (beat_id, cell_code, since) SELECT :beat, unnest(CAST(:codes AS text[])), :day"),
            {"beat": beat_id, "codes": codes, "day": started_on},
        )
