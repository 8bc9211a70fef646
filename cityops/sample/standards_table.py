"""The filing conditions in force, by class, as the story needs them: read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.standards.rules import Grade, limit_of

GRADES: tuple[Grade, ...] = ("A", "B", "C")


@dataclass(frozen=True)
class Standard:
    """A condition: its limits by area grade, and the duty codes of the condition and of the class."""

    id: int
    number: int
    unit: str
    limits: dict[str, Decimal]
    duty: str | None
    class_duty: str | None


def standard_of(options: list[Standard], number: int) -> Standard:
    """The condition of this number, or the first of the class when a city has changed its table."""
    return next((one for one in options if one.number == number), options[0])


def read_standards(session: Session, on: date) -> dict[tuple[str, str, str], list[Standard]]:
    """(edition, kind, class code) -> conditions in force on a day; those written for the class before the general one."""
    rows = session.execute(
        text(
            "SELECT s.id, s.number, s.edition, s.kind, s.class_code, s.unit, s.limit_a, s.limit_b, s.limit_c,"
            " s.department_code, s.is_default,"
            " k.department_code AS class_duty FROM standards.conditions AS s"
            " JOIN components.classes AS k ON (k.edition, k.kind, k.code) = (s.edition, s.kind, s.class_code)"
            " WHERE s.effective_from <= :on AND coalesce(s.effective_to, 'infinity') >= :on"
            " ORDER BY s.is_default, s.number, s.milestone NULLS FIRST"
        ),
        {"on": on},
    )
    out: dict[tuple[str, str, str], list[Standard]] = {}
    written: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (row.edition, row.kind, row.class_code)
        if row.is_default and key in written:
            continue
        if not row.is_default:
            written.add(key)
        given: dict[Grade, Decimal | None] = {"A": row.limit_a, "B": row.limit_b, "C": row.limit_c}
        if key in out and out[key][-1].number == row.number:
            # Of several milestones the last is the one a case is closed under.
            out[key].pop()
        out.setdefault(key, []).append(
            Standard(row.id, row.number, row.unit, {grade: limit_of(given, grade) for grade in GRADES}, row.department_code, row.class_duty)
        )
    return out
