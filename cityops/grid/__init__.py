"""Where things are: administrative divisions, unit cells (单元网格) and responsibility grids (责任网格, beats).

The room knows places and their codes and must not know what stands in them: components and cases hear of a published
change through `events.on_published`. Begin with `rules/` (pure: numbering, validation, the proposal of cells), then
`operations.py` (drafts and their publication) and `locator.py` (a million points).
"""
