"""Data in and out of the city: files of cells, map extracts, later exports, Open311 and webhooks.

It may use every room below it and holds no rule of its own: what a file contains is handed to the operations of the room it
belongs to, whole or not at all, with one report of everything that is wrong. Begin with `cells.py` or `osm.py`.
"""
