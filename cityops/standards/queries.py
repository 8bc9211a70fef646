"""Reads: which condition applies to a class on a day, and the working calendar of a city."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session

from cityops.standards.errors import CalendarNotFound, ConditionNotFound, ConditionNotInForce, NoConditionForClass
from cityops.standards.models import CalendarDay, Condition, WorkingCalendar
from cityops.standards.rules import Calendar, Grade, limit_of, parse_periods

DEFAULT_CITY = "default"


def _in_force(on: date) -> ColumnElement[bool]:
    return (Condition.effective_from <= on) & or_(Condition.effective_to.is_(None), Condition.effective_to >= on)


def conditions_of(session: Session, edition: str, kind: str, class_code: str, on: date) -> Sequence[Condition]:
    """All conditions of a class in force on a local day, by number and milestone; the specific ones before the default."""
    return session.scalars(
        select(Condition)
        .where(Condition.edition == edition, Condition.kind == kind, Condition.class_code == class_code, _in_force(on))
        .order_by(Condition.is_default, Condition.number, Condition.milestone.nulls_first())
    ).all()


def condition_for(session: Session, edition: str, kind: str, class_code: str, on: date, condition_id: int | None = None) -> Condition:
    """The condition a case of this class is filed under on a local day.

    `condition_id` is the acceptor's choice; without it the first condition of the class is taken. Where a condition has
    milestones, the row returned is the one chosen, or without a choice the last milestone (the closing); see
    `milestones_of`. Raises ConditionNotFound, ConditionNotInForce (another class, or not on that day), NoConditionForClass.
    """
    if condition_id is not None:
        chosen = session.get(Condition, condition_id)
        if chosen is None:
            raise ConditionNotFound(condition=condition_id, field="condition_id", fix="see GET /api/v1/conditions for the class")
        ends = chosen.effective_to or date.max
        if (chosen.edition, chosen.kind, chosen.class_code) != (edition, kind, class_code) or not chosen.effective_from <= on <= ends:
            raise ConditionNotInForce(
                condition=condition_id, class_code=class_code, on=on, field="condition_id", fix="choose one of the conditions of this class"
            )
        return chosen
    found = conditions_of(session, edition, kind, class_code, on)
    if not found:
        raise NoConditionForClass(
            kind=kind,
            class_code=class_code,
            edition=edition,
            on=on,
            field="class_code",
            fix="add a filing condition for the class (POST /api/v1/conditions)",
        )
    first = found[0]
    return [row for row in found if row.number == first.number and row.is_default == first.is_default][-1]


def milestones_of(session: Session, condition: Condition) -> Sequence[Condition]:
    """The rows that together make this condition, in time: one row, or one per milestone."""
    return session.scalars(
        select(Condition)
        .where(
            Condition.edition == condition.edition,
            Condition.kind == condition.kind,
            Condition.class_code == condition.class_code,
            Condition.number == condition.number,
            Condition.effective_from == condition.effective_from,
        )
        .order_by(Condition.milestone.nulls_first())
    ).all()


def limit_for(condition: Condition, grade: Grade) -> Decimal:
    """The condition's limit for an area grade, in units of `condition.unit`."""
    return limit_of({"A": condition.limit_a, "B": condition.limit_b, "C": condition.limit_c}, grade)


def calendar_row(session: Session, city: str) -> WorkingCalendar | None:
    """The calendar of a city (a district or prefecture code), or the default one, or None."""
    return session.scalars(
        select(WorkingCalendar)
        .where(WorkingCalendar.city.in_([city, DEFAULT_CITY]))
        .order_by(WorkingCalendar.city == DEFAULT_CITY)
        .limit(1)
    ).first()


def calendar_for(session: Session, city: str | None = None) -> Calendar:
    """The working calendar of a city, or the default one, as a pure value to compute deadlines with. Raises CalendarNotFound.

    Reading it costs two short queries; whoever computes many deadlines reads it once.
    """
    row = calendar_row(session, city or DEFAULT_CITY)
    if row is None:
        raise CalendarNotFound(city=city or DEFAULT_CITY, fix="run `cityops db upgrade`, which seeds the default calendar")
    days: dict[str, set[date]] = {"holiday": set(), "workday": set()}
    for on, kind in session.execute(select(CalendarDay.on, CalendarDay.kind).where(CalendarDay.calendar_id == row.id)):
        days[kind].add(on)
    return Calendar(
        periods=parse_periods(row.working_periods),
        timezone=row.timezone,
        holidays=frozenset(days["holiday"]),
        workdays=frozenset(days["workday"]),
        known_years=frozenset(row.known_years),
    )


CONDITION_JSON = """
    json_build_object('id', s.id, 'edition', s.edition, 'kind', s.kind, 'class_code', s.class_code, 'number', s.number,
        'milestone', s.milestone, 'filing_zh', s.filing_zh, 'filing_en', s.filing_en, 'closing_zh', s.closing_zh,
        'closing_en', s.closing_en, 'limit_a', s.limit_a, 'limit_b', s.limit_b, 'limit_c', s.limit_c, 'unit', s.unit,
        'department_code', s.department_code, 'legal_basis', s.legal_basis, 'effective_from', s.effective_from,
        'effective_to', s.effective_to, 'is_default', s.is_default, 'source', s.source, 'version', s.version)
"""


def conditions_json(session: Session, filters: dict[str, Any], limit: int, after: int | None) -> tuple[bytes, int | None]:
    """Conditions as the bytes of a JSON array, by id, and the id to go on after. `filters`: edition, kind, class_code, on.

    Any: filter values are text or dates.
    """
    where = ["s.id > :after"]
    for name in ("edition", "kind", "class_code"):
        if filters.get(name) is not None:
            where.append(f"s.{name} = :{name}")
    if filters.get("on") is not None:
        where.append("s.effective_from <= :on AND coalesce(s.effective_to, 'infinity') >= :on")
    row = session.execute(
        text(
            f"SELECT coalesce(json_agg(p.body ORDER BY p.id), '[]')::text AS items, max(p.id) AS last, count(*) AS n"
            f" FROM (SELECT s.id, {CONDITION_JSON} AS body FROM standards.conditions AS s WHERE {' AND '.join(where)}"
            f" ORDER BY s.id LIMIT :limit) AS p"
        ),
        {**{k: v for k, v in filters.items() if v is not None}, "after": after or 0, "limit": limit},
    ).one()
    return row.items.encode(), row.last if row.n == limit else None


def condition_json(session: Session, condition_id: int) -> bytes | None:
    """One condition as JSON bytes, or None."""
    found = session.execute(
        text(f"SELECT ({CONDITION_JSON})::text FROM standards.conditions AS s WHERE s.id = :id"), {"id": condition_id}
    ).scalar()
    return found.encode() if found is not None else None


def days_of(session: Session, calendar_id: int, year: int | None = None) -> Sequence[CalendarDay]:
    """The days of a calendar that differ from the ordinary week, in order; of one year when it is given."""
    statement = select(CalendarDay).where(CalendarDay.calendar_id == calendar_id).order_by(CalendarDay.on)
    if year is not None:
        statement = statement.where(CalendarDay.on.between(date(year, 1, 1), date(year, 12, 31)))
    return session.scalars(statement).all()
