"""Pure decisions about the grid: codes, faults, adjacency, the proposal of cells. No input or output here."""
