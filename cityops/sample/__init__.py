"""A city made by a program, for learning, tests and benchmarks: streets, river, cells, components, people and two years of cases.

It may use every room and is used by none; everything in it is invented except the codes and names of Nanyang's divisions,
and every row it writes can be told from real data. Begin with `loading.py` (what is written, in which order), then `streets.py`,
`blocks.py`, `town.py` and `furniture.py` (the place) and `story.py` (the cases).
"""

from cityops.sample.loading import load, state

__all__ = ["load", "state"]
