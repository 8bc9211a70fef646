"""Cell codes: 15 digits = community (12) + sequence 001 to 999, numbered west to east, north to south."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from cityops.geo.shapes import as_array
from cityops.grid.errors import CellSequenceExhausted, CodeInvalid

DISTRICT_DIGITS = 6
STREET_DIGITS = 9
COMMUNITY_DIGITS = 12
CELL_DIGITS = 15
LAST_SEQUENCE = 999

LEVEL_OF_LENGTH = {DISTRICT_DIGITS: "district", STREET_DIGITS: "street", COMMUNITY_DIGITS: "community"}


def is_code(value: object, digits: int) -> bool:
    """Whether `value` is a string of exactly so many ASCII digits."""
    return isinstance(value, str) and len(value) == digits and value.isascii() and value.isdigit()


def level_of(code: str) -> str:
    """district, street or community; raises CodeInvalid for anything that is not a division's code."""
    level = LEVEL_OF_LENGTH.get(len(code))
    if level is None or not is_code(code, len(code)):
        raise CodeInvalid(value=repr(code), field="code", fix="a district has 6 digits, a street 9, a community 12")
    return level


def is_cell_code(value: object) -> bool:
    """Whether `value` has the form of a cell code: 15 digits, the last three not 000."""
    return is_code(value, CELL_DIGITS) and str(value)[-3:] != "000"


def cell_code(community: str, sequence: int) -> str:
    """The code of a community's cell; raises CellSequenceExhausted above 999."""
    if not is_code(community, COMMUNITY_DIGITS):
        raise CodeInvalid(value=repr(community), field="community_code", fix="a community has 12 digits")
    if not 1 <= sequence <= LAST_SEQUENCE:
        raise CellSequenceExhausted(community=community, field="community_code", fix="divide the community, or propose larger cells")
    return f"{community}{sequence:03d}"


def reading_order(cells: Sequence[shapely.Polygon]) -> list[int]:
    """The positions of `cells` (metres, north up) in the order they are numbered: rows from the north, each from the west.

    A row is as high as the side of a typical cell, so that neighbours of slightly different latitude stay in one row.
    Ties fall to the southern and then the eastern cell later, so the order never depends on the order of the input.
    """
    if not len(cells):
        return []
    shapes = as_array(cells)
    points = shapely.centroid(shapes)
    x, y = shapely.get_x(points), shapely.get_y(points)
    height = float(np.sqrt(np.median(shapely.area(shapes)))) or 1.0
    row = np.floor((y.max() - y) / height + 0.5).astype(int)
    return [int(position) for position in np.lexsort((-y, x, row))]


def number_cells(community: str, cells: Sequence[shapely.Polygon], used: Iterable[str] = ()) -> list[str]:
    """A code for each cell (metres), in the order of `cells`; numbers follow the highest ever used in the community."""
    last = max((int(code[COMMUNITY_DIGITS:]) for code in used if code.startswith(community)), default=0)
    if last + len(cells) > LAST_SEQUENCE:
        raise CellSequenceExhausted(community=community, field="community_code", fix="divide the community, or propose larger cells")
    codes = [""] * len(cells)
    for place, position in enumerate(reading_order(cells), start=1):
        codes[position] = cell_code(community, last + place)
    return codes
