"""What can go wrong with a case. The docstring is the message; a refusal carries its reason code and both texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cityops.errors import CityopsError, Conflict, Invalid, NotFound, PreconditionFailed, Refused, SetupError

if TYPE_CHECKING:
    from cityops.cases.reasons import Reason
    from cityops.cases.soundness import Fault


class WorkflowRefused(SetupError):
    """The workflow table is not sound: {listed}."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(listed="; ".join(str(fault) for fault in faults), fix="correct data/workflow/case.yaml")


class CaseNotFound(NotFound):
    """There is no case {number}, or you may not see it."""


class ActUnknown(NotFound):
    """There is no act called {noun}."""


class _WithReason(CityopsError):
    """{reason_en}"""

    def __init__(self, reason: Reason, **more: Any) -> None:
        self.reason = reason
        self.details = {"reason_code": reason.code, "reason_zh": reason.zh, "reason_en": reason.en}
        super().__init__(reason_en=reason.en, reason_zh=reason.zh, **more)


class ActNotPossible(_WithReason, Conflict):
    """{reason_en}"""

    code = "act-not-possible"


class ActNotYours(_WithReason, Refused):
    """{reason_en}"""

    code = "act-not-yours"


class ActIncomplete(_WithReason, Invalid):
    """{reason_en}"""

    code = "act-incomplete"


class CaseChanged(PreconditionFailed):
    """Case {number} is at version {version} now; someone changed it since you read it."""


class PlaceMissing(Invalid):
    """A report needs a place."""


class PlaceOutsideGrid(Invalid):
    """No unit cell covers this place."""


class CellNotLive(Invalid):
    """There is no live unit cell {cell_code}."""


class ClassNotKnown(Invalid):
    """There is no active {kind} class {class_code} in edition {edition}."""


class ConditionNotKnown(Invalid):
    """Standard {condition_id} does not belong to class {class_code}, or is not in force."""


class ComponentNotKnown(Invalid):
    """There is no component {component_code}."""


class ComponentRetired(Invalid):
    """Component {component_code} is retired."""


class ComponentOfOtherClass(Invalid):
    """Component {component_code} is of class {component_class}, not {class_code}."""


class ComponentFarAway(Invalid):
    """Component {component_code} stands more than {reach_m} m from the place of the report."""


class DepartmentNotKnown(Invalid):
    """There is no active department {department_id}."""


class SourceNotKnown(Invalid):
    """A report cannot come from {source}."""


class PhotoNotUsable(Invalid):
    """Photo {photo_id} does not exist, is not yours, or belongs to another case already."""


class ResultNotKnown(Invalid):
    """{result} is not an answer to this act."""


class InspectorNotUsable(Invalid):
    """User {user_id} is not an active inspector."""


class NumbersUsedUp(Conflict):
    """District {district} has used all 99,999 case numbers of {on}."""


class FilterNotUnderstood(Invalid):
    """The filter {field_name} is not understood."""
