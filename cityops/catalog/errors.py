"""What can be wrong with a layer, a manifest or a tile address."""

from __future__ import annotations

from cityops.errors import Conflict, Invalid, NotFound, Unavailable


class LayerUnknown(NotFound):
    """There is no layer called {layer}."""


class TileNotThere(Invalid):
    """There is no tile {z}/{x}/{y}."""


class BoxInvalid(Invalid):
    """The box must be west,south,east,north in degrees."""


class ManifestInvalid(Invalid):
    """{path}: {where}: {reason}."""


class ManifestMissing(NotFound):
    """There is no folder {path} with layers."""


class DestructiveChange(Conflict):
    """Layer {layer}: {change} would lose data, so nothing was changed."""


class LayerExists(Conflict):
    """There is already a layer called {layer}."""


class LayerNotSynced(Unavailable):
    """The table of layer {layer} is not what its manifest says."""
