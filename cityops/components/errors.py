"""What can be wrong with components, their codes and their classes."""

from __future__ import annotations

from typing import Any

from cityops.errors import Conflict, Invalid, NotFound, PreconditionFailed, Refused


class ComponentNotFound(NotFound):
    """There is no component {code}."""


class ComponentNotThen(NotFound):
    """Component {code} was not registered yet at {as_of}."""


class ClassNotFound(NotFound):
    """There is no {kind} class {class_code} in edition {edition}."""


class EditionNotFound(NotFound):
    """There is no edition {edition}."""


class ClassNotUsable(Invalid):
    """Class {class_code} of edition {edition} cannot be given to a component: {reason}."""


class ClassInvalid(Invalid):
    """The class is not valid: {reason}."""


class CodeInvalid(Invalid):
    """{code} is not a component code: {reason}."""


class CodeTaken(Conflict):
    """Code {code} was given before."""


class CodesExhausted(Conflict):
    """There is no sequence number left under {prefix}."""


class OutsideTheGrid(Invalid):
    """The place lies in no grid cell."""


class GeometryInvalid(Invalid):
    """The geometry cannot be used: {reason}."""


class AttributeInvalid(Invalid):
    """The value cannot be used: {reason}."""


class DepartmentUnknown(Invalid):
    """There is no active department {department}."""


class NothingChanges(Invalid):
    """The change leaves everything as it is."""


class ReasonMissing(Invalid):
    """This change needs a reason."""


class ComponentRetired(Conflict):
    """Component {code} was retired; reinstate it first."""


class ComponentInUse(Conflict):
    """Component {code} is not retired."""


class ComponentChanged(PreconditionFailed):
    """Somebody changed component {code} since you read it."""


class PostMayNotEditComponents(Refused):
    """Your post does not {act} components."""


class OutsideYourArea(Refused):
    """The place or department is outside what was entrusted to you."""


class ClassEditRefused(Refused):
    """Only planners and administrators change class tables."""


class BatchRefused(Invalid):
    """Nothing was loaded: {count} of {rows} records are wrong, the first in record {first}: {reason}."""

    def __init__(self, *, faults: list[dict[str, Any]], rows: int, count: int) -> None:
        first = faults[0]
        super().__init__(
            field=str(first["field"]),
            fix="correct the records named in `faults` and load again",
            count=count,
            rows=rows,
            first=first["record"],
            reason=first["reason"],
        )
        self.details = {"faults": faults, "fault_count": count}


class SeedFileInvalid(Invalid):
    """The class table {file} cannot be loaded: line {line}, {reason}."""
