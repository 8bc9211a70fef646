"""What can be wrong with standards and calendars."""

from __future__ import annotations

from cityops.errors import Conflict, Invalid, NotFound, PreconditionFailed, Refused


class LimitInvalid(Invalid):
    """The time limit cannot be used: {reason}."""


class CalendarInvalid(Invalid):
    """The working calendar cannot be used: {reason}."""


class CalendarNotFound(NotFound):
    """There is no working calendar for {city}."""


class ConditionNotFound(NotFound):
    """There is no filing condition {condition}."""


class ConditionNotInForce(Invalid):
    """Filing condition {condition} does not apply to class {class_code} on {on}."""


class NoConditionForClass(NotFound):
    """No filing condition is in force for {kind} class {class_code} of edition {edition} on {on}."""


class ConditionClash(Conflict):
    """Class {class_code} has a condition number {number} for that time already."""


class ConditionChanged(PreconditionFailed):
    """Somebody changed {condition} since you read it."""


class ConditionInvalid(Invalid):
    """The filing condition is not valid: {reason}."""


class StandardsEditRefused(Refused):
    """Only planners and administrators change standards and calendars."""


class SeedFileInvalid(Invalid):
    """The seed file {file} cannot be loaded: line {line}, {reason}."""
