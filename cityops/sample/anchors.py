"""Places where cases happen: a bounded sample of the city's components with their cells, kept while the place is written.

However large the city, at most `MOST` anchors are kept; every cell keeps at least one. So cases can be spread over the
whole city in order of time without reading the components back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityops.sample.copying import ToStorage
from cityops.sample.places import grade_of
from cityops.sample.terrain import Floats, random
from cityops.sample.tile import Tile
from cityops.sample.town import COMMERCIAL, OLD

MOST = 200_000


@dataclass
class Anchors:
    """Parallel lists, one entry per anchor; `weight` says how much happens there."""

    storage: ToStorage
    seed: int
    per_cell: int
    lonlat: list[Floats] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)
    beat: list[int] = field(default_factory=list)
    grade: list[str] = field(default_factory=list)
    street: list[str] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    class_code: list[str] = field(default_factory=list)
    component_id: list[int] = field(default_factory=list)
    component_code: list[str] = field(default_factory=list)
    maintainer: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    @classmethod
    def for_size(cls, storage: ToStorage, seed: int, cells: int) -> Anchors:
        return cls(storage, seed, max(1, min(40, MOST // cells)))

    def add(self, tile: Tile, codes: list[str], beats: list[int], far: float, components: tuple[list[int], list[str], list[int]]) -> None:
        """Take a few components of each cell of a superblock, spread over its classes."""
        things = tile.furniture
        chosen = self._choose(things.cell, things.class_code, random(self.seed, 30, tile.number))
        ids, component_codes, maintainers = components
        lonlat = self.storage.degrees(np.column_stack((things.x[chosen], things.y[chosen])))
        self.lonlat.append(lonlat)
        count = np.bincount(things.cell[chosen], minlength=len(codes))
        busy = np.ones(len(codes))
        use = tile.town.use
        busy[: len(use)] = np.where(np.isin(use, (COMMERCIAL, OLD)), 2.4, 1.0)
        # Activity falls off from the centre; water cells see little.
        busy *= np.where(tile.on_water, 0.15, 1.0) * (0.35 + 1.6 * np.exp(-((far / 0.55) ** 2)))
        grade = grade_of(far)
        west = float(tile.cells[0].bounds[0])
        for k in chosen.tolist():
            cell = int(things.cell[k])
            self.cell.append(codes[cell])
            self.beat.append(beats[cell])
            self.grade.append(grade)
            street = int(things.street[k])
            name = tile.street_names.get(street) or tile.street_names[int(tile.cell_street[cell])]
            self.street.append(name.zh)
            # House numbers grow along the street; west and south ends begin, as signs in the town do.
            self.number.append(1 + int(abs(things.x[k] - west) // 9) * 2 + k % 2)
            self.class_code.append(str(things.class_code[k]))
            self.component_id.append(ids[k])
            self.component_code.append(component_codes[k])
            self.maintainer.append(maintainers[k])
            self.weight.append(float(busy[cell] / count[cell]))

    def _choose(self, cell: NDArray[np.int64], class_code: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
        """Up to `per_cell` components of each cell; trees, of which there are most, come last."""
        order = np.lexsort((rng.random(len(cell)) + np.isin(class_code, ("0402", "0403")) * 1.0, cell))
        ranked = cell[order]
        first = np.searchsorted(ranked, ranked, side="left")
        return np.sort(order[np.arange(len(order)) - first < self.per_cell])
