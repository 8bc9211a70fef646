"""Conditions for tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from cityops.standards.operations import NewCondition

TODAY = date(2026, 11, 16)


def new_condition(**given: Any) -> NewCondition:  # Any: fields of NewCondition
    """A condition on overflowing litter bins, four working hours."""
    values: dict[str, Any] = {
        "edition": "local",
        "kind": "event",
        "class_code": "0192",
        "filing_zh": "垃圾溢出",
        "filing_en": "refuse runs over",
        "closing_zh": "清理干净",
        "closing_en": "cleared",
        "limit_b": Decimal(4),
        "unit": "working_hour",
        "effective_from": TODAY,
        "source": "the city",
    }
    return NewCondition(**values | given)
