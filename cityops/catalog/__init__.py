"""The one registry of layers: what can be seen on the map, from which table, under whose permission, in which colours.

It must not know a theme or a room above it: rooms hand it `LayerSource` values, themes hand it a `layer.yaml`.
Begin with `sources.py` (what a layer is), then `tiles.py` (how it becomes bytes) and `manifest.py` (how one file makes one).
"""
