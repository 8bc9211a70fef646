"""What can be wrong with the grid."""

from __future__ import annotations

from typing import Any

from cityops.errors import Conflict, Invalid, NotFound, Refused


class CellSequenceExhausted(Conflict):
    """Community {community} has used all of its 999 cell numbers."""


class CodeInvalid(Invalid):
    """{value} is not a code of the grid."""


class BoxInvalid(Invalid):
    """{box} is not a box in degrees."""


class DivisionsUnreadable(Invalid):
    """{path} is not a table of divisions: {reason}."""


class UnknownDivision(NotFound):
    """There is no division {division}."""


class UnknownCell(NotFound):
    """There is no cell {cell}."""


class UnknownBeat(NotFound):
    """There is no beat {beat}."""


class UnknownDraft(NotFound):
    """There is no grid draft {draft}."""


class NoCellHere(NotFound):
    """No cell of the city lies at this place."""


class CellHasEnded(Conflict):
    """Cell {cell} ended on {ended_on}."""


class CellTwiceInDraft(Conflict):
    """Cell {cell} is already changed by this draft."""


class DraftClosed(Conflict):
    """This draft is {state} and cannot be changed any more."""


class DraftEmpty(Conflict):
    """A draft without changes cannot be published."""


class GridFaulty(Conflict):
    """The draft would leave {count} faults in the grid."""

    def __init__(self, *, findings: dict[str, Any] | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.details = {"findings": findings} if findings else {}


class ChangeNotUnderstood(Invalid):
    """The change does not fit its act: {reason}."""


class CommunityHasNoShape(Conflict):
    """The boundary of community {community} is not known."""


class BeatCodeTaken(Conflict):
    """There is another beat with code {beat_code}."""


class CellInAnotherBeat(Conflict):
    """Cell {cell} belongs to beat {beat_code}."""


class BeatNotAdjacent(Invalid):
    """The cells of a beat must hang together; these do not: {cells}."""


class NotYourGrid(Refused):
    """{reason}"""
