"""What can be wrong with places and addresses."""

from __future__ import annotations

from cityops.errors import Conflict, Invalid, NotFound, PreconditionFailed, Refused


class PlaceNotFound(NotFound):
    """There is no place {place_id} in the gazetteer."""


class PlaceInvalid(Invalid):
    """The place is not valid: {reason}."""


class PlateTaken(Conflict):
    """There is a door plate {name} already."""


class PlaceChanged(PreconditionFailed):
    """Somebody changed place {place_id} since you read it."""


class PlaceEditRefused(Refused):
    """Only planners and administrators change the gazetteer."""
