"""How large each sample city is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One size of sample city.

    `cells`, `components` and `cases` are targets: cells are met exactly, components and cases to within a
    few per cent. `superblock_m` is the spacing of arterial streets, `community_m2` the area at which a
    superblock is divided into communities, `river_m` the width of the water between its banks, `beat_cells`
    the usual number of unit cells an inspector walks.
    """

    name: str
    cells: int
    components: int
    cases: int
    superblock_m: float
    community_m2: float
    river_m: float
    beat_cells: int
    inspectors_per_beat: int
    sequence_digits: int = 6
    """Digits of a component's number within district and class; two districts of the largest city need more than the usual six."""


SIZES: dict[str, Size] = {
    size.name: size
    for size in (
        Size("XS", 40, 1_500, 200, 360.0, 150_000.0, 36.0, 12, 1),
        Size("S", 1_000, 50_000, 100_000, 880.0, 420_000.0, 170.0, 40, 2),
        Size("M", 16_500, 600_000, 700_000, 1_000.0, 480_000.0, 320.0, 66, 1),
        Size("L", 60_000, 3_000_000, 5_000_000, 1_050.0, 520_000.0, 360.0, 40, 1),
        Size("XL", 200_000, 10_000_000, 10_000_000, 1_050.0, 520_000.0, 360.0, 60, 1, 7),
    )
}
