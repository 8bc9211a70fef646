"""Coordinates and shapes as pure functions: reference systems, the Chinese map offsets, projections, measures.

No database, no Flask, no city rule lives here. Everything is longitude before latitude and easting before northing,
whatever an authority's axis order says. Begin with `crs.py`.
"""
