"""Communities, cells and beats for an imported place: divisions from its quarters, cells proposed along its streets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy.orm import Session

from cityops.exchange.osm_places import Community, Seed, communities_of
from cityops.exchange.osm_things import Sorted
from cityops.geo.shapes import as_array, project, unproject
from cityops.grid import operations, queries
from cityops.grid.operations import DivisionRecord
from cityops.grid.rules.adjacency import near_neighbours

ADMIN_LEVELS = (10, 9, 11, 8)
"""Which boundaries of the place may become communities: quarters first, then parts of the town, then villages."""
THROUGH_CLASSES = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential", "rail")
STREET_COMMUNITIES = 20
"""So many communities make one street office."""
BEAT_CELLS = 45


@dataclass(frozen=True)
class Ground:
    """The place: its box in degrees, the system to measure in, its name and code, and the sea inside the box."""

    box: shapely.Polygon
    srid: int
    name: str
    district: str
    sea: list[shapely.Geometry]
    target_m2: float


@dataclass
class Grid:
    """What was made. `beats` are (id, cell codes); `streets` are (code, name)."""

    communities: int = 0
    cells: int = 0
    beats: list[tuple[int, list[str]]] = field(default_factory=list)
    streets: list[tuple[str, str]] = field(default_factory=list)


def draw_grid(session: Session, now: datetime, ground: Ground, things: Sorted, *, timezone: str, say: Callable[[str], None]) -> Grid:
    """Write divisions, let the grid propose and publish cells in each community, and gather neighbouring cells into beats."""
    area = project(ground.box, ground.srid)
    streets = as_array([row[0] for row in things.roads if row[2] in THROUGH_CLASSES])
    shores = as_array([shapely.boundary(shape) for shape in (*(row[0] for row in things.water), *ground.sea)])
    lines = project(np.concatenate((streets, shores)), ground.srid)
    seeds = [Seed(name, project(point, ground.srid)) for name, point in things.quarters]
    made = communities_of(area, _boundaries(things, ground.srid), seeds, lines, ground.name)
    grid = Grid(communities=len(made))
    records = [DivisionRecord(ground.district, ground.name, ground.name, True, ground.box)]
    for number, group in enumerate(_street_offices(made), start=1):
        code = f"{ground.district}{number:03d}"
        name = ground.name if len(made) <= STREET_COMMUNITIES else f"{ground.name} {number}"
        grid.streets.append((code, name))
        outline = shapely.union_all([community.ground for community in group])
        records.append(DivisionRecord(code, name, name, True, unproject(outline, ground.srid)))
        for place, community in enumerate(group, start=1):
            records.append(
                DivisionRecord(f"{code}{place:03d}", community.name, community.name, True, unproject(community.ground, ground.srid))
            )
    operations.save_divisions(session, None, records)
    for record in records:
        if len(record.code) == 12:
            draft, count = operations.propose_for_community(session, None, now, record.code, srid=ground.srid, target_m2=ground.target_m2)
            operations.publish_draft(session, None, now, draft, srid=ground.srid, timezone=timezone)
            grid.cells += count
            say(f"{record.name_zh}: {count} cells")
    _beats(session, now, grid, ground.srid, timezone)
    return grid


def _boundaries(things: Sorted, srid: int) -> list[tuple[str, shapely.Geometry]]:
    """The boundaries of the best level that has any."""
    for level in ADMIN_LEVELS:
        own = [(name, project(shape, srid)) for found, name, shape in things.boundaries if found == level]
        if len(own) >= 2:
            return own
    return []


def _street_offices(communities: list[Community]) -> list[list[Community]]:
    """Communities in strips from north to south, each strip from west to east, so many to a street office."""
    if len(communities) <= STREET_COMMUNITIES:
        return [sorted(communities, key=lambda one: (-one.ground.centroid.y, one.ground.centroid.x))]
    count = int(np.ceil(len(communities) / STREET_COMMUNITIES))
    strips = max(1, round(np.sqrt(count)))
    ordered = sorted(communities, key=lambda one: -one.ground.centroid.y)
    out: list[list[Community]] = []
    for strip in np.array_split(np.arange(len(ordered)), strips):
        row = sorted((ordered[k] for k in strip), key=lambda one: one.ground.centroid.x)
        for part in np.array_split(np.arange(len(row)), max(1, int(np.ceil(len(row) / STREET_COMMUNITIES)))):
            out.append([row[k] for k in part])
    return [group for group in out if group]


def _beats(session: Session, now: datetime, grid: Grid, srid: int, timezone: str) -> None:
    """One beat after another, grown over neighbouring cells of a community."""
    cells = queries.live_cells(session)
    by_community: dict[str, list[str]] = {}
    for code in cells:
        by_community.setdefault(code[:12], []).append(code)
    for community, codes in sorted(by_community.items()):
        shapes = project(as_array([cells[code].shape for code in codes]), srid)
        pairs = near_neighbours(shapes)
        for number, group in enumerate(grown(len(codes), pairs, BEAT_CELLS), start=1):
            chosen = [codes[k] for k in group]
            beat = operations.create_beat(
                session, None, now, code=f"{community[6:]}-{number}", name_zh=f"{community[6:]} {number} 号责任网格",
                name_en=f"Beat {community[6:]}-{number}", shift=None, cells=chosen, timezone=timezone,
            )  # fmt: skip
            grid.beats.append((beat, chosen))


def grown(count: int, pairs: np.ndarray[tuple[int, int], np.dtype[np.int64]], most: int) -> list[list[int]]:
    """Things 0 … count - 1 in connected groups of about `most`, growing over `pairs` of neighbours from the first one left."""
    beside: dict[int, set[int]] = {k: set() for k in range(count)}
    for a, b in pairs.tolist():
        beside[a].add(b)
        beside[b].add(a)
    target = count / max(1, round(count / most))
    free = set(range(count))
    out: list[list[int]] = []
    while free:
        start = min(free)
        group, edge = [start], {n for n in beside[start] if n in free}
        free.discard(start)
        while edge and len(group) < target:
            # The neighbour with the most sides in the group keeps it compact.
            best = min(edge, key=lambda n: (-len(beside[n] & set(group)), n))
            edge.discard(best)
            free.discard(best)
            group.append(best)
            edge |= {n for n in beside[best] if n in free}
        out.append(sorted(group))
    return _without_crumbs(out, beside, target)


def _without_crumbs(groups: list[list[int]], beside: dict[int, set[int]], target: float) -> list[list[int]]:
    """A leftover of a few cells joins the smallest group it touches."""
    kept = [group for group in groups if len(group) >= target / 4]
    for crumb in (group for group in groups if len(group) < target / 4):
        near = [group for group in kept if any(beside[k] & set(group) for k in crumb)]
        if near:
            home = min(near, key=len)
            home.extend(crumb)
            home.sort()
        else:
            kept.append(crumb)
    return kept
