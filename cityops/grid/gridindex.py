"""The locator of the live grid, kept in the memory of this process and built anew when the grid has changed."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cityops.grid import queries
from cityops.grid.locator import Locator


@dataclass(frozen=True)
class GridIndex:
    """The grid at one revision."""

    revision: int
    locator: Locator
    beat_ids: NDArray[np.int64]
    """The beat of each cell, in the locator's order; -1 for none, and once more at the end for no cell."""


_indexes: weakref.WeakKeyDictionary[Engine, GridIndex] = weakref.WeakKeyDictionary()
_building = threading.Lock()


def grid_index(session: Session) -> GridIndex:
    """The index of the present grid. Costs one short query when nothing has changed; building takes a second or two."""
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    newest = queries.revision(session)
    found = _indexes.get(engine)
    if found is not None and found.revision == newest:
        return found
    with _building:
        found = _indexes.get(engine)
        if found is None or found.revision != newest:
            found = _build(session, newest)
            _indexes[engine] = found
    return found


def _build(session: Session, revision: int) -> GridIndex:
    cells = queries.live_cells(session)
    locator = Locator(list(cells), [cell.shape for cell in cells.values()])
    beats = [cells[str(code)].beat_id for code in locator.codes]
    return GridIndex(revision, locator, np.array([-1 if beat is None else beat for beat in beats] + [-1], dtype=np.int64))
