"""The verbs of room standards: editing conditions and calendars. `actor` None is the system itself.

A condition a case was filed under must stay readable as it was, so changing what it demands ends the old row and begins a
new one; only its end date and its department may be changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cityops.components.queries import class_of
from cityops.db.outbox import emit
from cityops.identity.visibility import Viewer
from cityops.standards import policy
from cityops.standards.errors import (
    CalendarInvalid,
    CalendarNotFound,
    ConditionChanged,
    ConditionClash,
    ConditionInvalid,
    ConditionNotFound,
)
from cityops.standards.models import CalendarDay, Condition, WorkingCalendar
from cityops.standards.queries import calendar_row
from cityops.standards.rules import MAX_LIMIT, UNITS, Calendar, parse_periods
from cityops.standards.seeds import EDITED, seed_all, seed_chinese_holidays

TOPIC = "standard"
MAX_TEXT = 1000


class Unset:
    """The field was not sent; None would mean: make it empty."""


UNSET: Final = Unset()


@dataclass(frozen=True)
class NewCondition:
    """A filing and closing condition with its limits in units of `unit`, valid from a local day on."""

    edition: str
    kind: str
    class_code: str
    filing_zh: str
    filing_en: str
    closing_zh: str
    closing_en: str
    limit_b: Decimal
    unit: str
    effective_from: date
    source: str
    limit_a: Decimal | None = None
    limit_c: Decimal | None = None
    number: int | None = None
    milestone: int | None = None
    department_code: str | None = None
    legal_basis: str | None = None
    effective_to: date | None = None


@dataclass(frozen=True)
class ConditionChange:
    """What is to change about a condition from a local day on; fields left UNSET stay."""

    filing_zh: str | Unset = UNSET
    filing_en: str | Unset = UNSET
    closing_zh: str | Unset = UNSET
    closing_en: str | Unset = UNSET
    limit_a: Decimal | Unset | None = UNSET
    limit_b: Decimal | Unset = UNSET
    limit_c: Decimal | Unset | None = UNSET
    unit: str | Unset = UNSET
    department_code: str | Unset | None = UNSET
    legal_basis: str | Unset | None = UNSET
    effective_to: date | Unset | None = UNSET
    source: str | Unset = UNSET

    def given(self) -> dict[str, Any]:
        """The fields that were sent. Any: each field has its type."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, Unset)}


def seed(session: Session) -> None:
    """Load the conditions and the calendar a city cannot run without; safe to run again."""
    seed_all(session)


def add_condition(session: Session, actor: Viewer | None, new: NewCondition) -> Condition:
    """Add a condition; without a number it gets the next of its class. Raises ClassNotFound, ConditionInvalid, ConditionClash."""
    _allow(actor)
    class_of(session, new.edition, new.kind, new.class_code)
    _check(vars(new))
    # One writer per class at a time, or two would take the same number.
    lock = "SELECT 1 FROM components.classes WHERE edition = :e AND kind = :k AND code = :c FOR UPDATE"
    session.execute(text(lock), {"e": new.edition, "k": new.kind, "c": new.class_code})
    of_class = (Condition.edition == new.edition, Condition.kind == new.kind, Condition.class_code == new.class_code)
    rows = session.scalars(select(Condition).where(*of_class)).all()
    number = new.number if new.number is not None else max((row.number for row in rows), default=0) + 1
    for row in rows:
        if row.number == number and row.milestone == new.milestone and _overlap(row, new.effective_from, new.effective_to):
            raise ConditionClash(
                class_code=new.class_code, number=number, field="number", fix="end the other first, or leave the number out"
            )
    made = Condition(**{**vars(new), "number": number}, is_default=False, version=2)
    session.add(made)
    session.flush()
    _tell(session, "condition_added", made)
    return made


def change_condition(
    session: Session, actor: Viewer | None, today: date, condition_id: int, change: ConditionChange, *, expected: int | None = None
) -> Condition:
    """Change a condition from `today` (the city's local day) on; returns the row that holds from then.

    A row that began today or later, and a change of its end, department or legal basis alone, is written in place. Any
    other change ends the row yesterday and begins a new one, because cases were filed under its words and limits.
    Raises ConditionNotFound, ConditionChanged, ConditionInvalid.
    """
    _allow(actor)
    held = session.get(Condition, condition_id, with_for_update=True, populate_existing=True)
    if held is None:
        raise ConditionNotFound(condition=condition_id, field="condition_id", fix="see GET /api/v1/conditions")
    if expected is not None and expected != held.version:
        raise ConditionChanged(condition=condition_id, field="If-Match", fix="read it again, look at what changed, and repeat")
    values = {name: value for name, value in change.given().items() if value != getattr(held, name)}
    if not values:
        return held
    names = [column.key for column in Condition.__table__.columns]
    after = {name: getattr(held, name) for name in names} | values
    _check(after)
    if held.effective_to is not None and held.effective_to < today:
        raise ConditionInvalid(reason="it has ended; add a new one", field="condition_id", fix="POST /api/v1/conditions")
    in_place = held.effective_from >= today or not set(values) - {"department_code", "legal_basis", "effective_to", "source"}
    if in_place:
        for name, value in values.items():
            setattr(held, name, value)
        held.version += 1
        session.flush()
        _tell(session, "condition_changed", held)
        return held
    follower = Condition(**{**after, "id": None, "effective_from": today, "version": 2, "is_default": False})
    held.effective_to = today - timedelta(days=1)
    held.version += 1
    session.flush()
    session.add(follower)
    session.flush()
    _tell(session, "condition_replaced", follower)
    return follower


@dataclass(frozen=True)
class CalendarChange:
    """What is to change about a calendar; fields left UNSET stay. `working_periods` as [["08:00","12:00"], …]."""

    timezone: str | Unset = UNSET
    working_periods: Sequence[Sequence[str]] | Unset = UNSET


@dataclass(frozen=True)
class Day:
    """A day that differs from the ordinary week: `kind` is workday or holiday."""

    on: date
    kind: str
    name_zh: str = ""
    name_en: str = ""


def change_calendar(
    session: Session, actor: Viewer | None, city: str, change: CalendarChange, *, expected: int | None = None
) -> WorkingCalendar:
    """Change working periods or time zone; a city that used the default gets a calendar of its own, with the published holidays.

    Deadlines already set stay: they were computed when the case was filed. Raises CalendarInvalid, CalendarNotFound, ConditionChanged.
    """
    _allow(actor)
    held = _own_calendar(session, city, expected)
    if not isinstance(change.working_periods, Unset):
        Calendar(periods=parse_periods(change.working_periods))
        held.working_periods = [list(period) for period in change.working_periods]
    if not isinstance(change.timezone, Unset):
        try:
            _ = replace(Calendar(), timezone=change.timezone).zone
        except (KeyError, ValueError, OSError) as error:
            raise CalendarInvalid(
                reason=f"{change.timezone!r} is no time zone", field="timezone", fix="for example Asia/Shanghai"
            ) from error
        held.timezone = change.timezone
    held.version += 1
    session.flush()
    emit(session, TOPIC, f"calendar/{city}", {"act": "calendar_changed", "version": held.version})
    return held


def set_days(session: Session, actor: Viewer | None, city: str, days: Sequence[Day], *, expected: int | None = None) -> WorkingCalendar:
    """Say of days that they are worked or off, whatever was published; no seed changes them again. Raises as `change_calendar`."""
    _allow(actor)
    held = _own_calendar(session, city, expected)
    if len({day.on for day in days}) != len(days):
        raise CalendarInvalid(reason="a day stands twice in the list", field="days", fix="send each day once")
    if days:
        statement = insert(CalendarDay).values([{**vars(day), "calendar_id": held.id, "source": EDITED} for day in days])
        keep = {name: statement.excluded[name] for name in ("kind", "name_zh", "name_en", "source")}
        session.execute(statement.on_conflict_do_update(index_elements=[CalendarDay.calendar_id, CalendarDay.on], set_=keep))
    years = sorted({*held.known_years, *(day.on.year for day in days if day.kind == "holiday")})
    held.known_years = years
    held.version += 1
    session.flush()
    emit(session, TOPIC, f"calendar/{city}", {"act": "days_set", "days": len(days), "version": held.version})
    return held


def clear_days(session: Session, actor: Viewer | None, city: str, days: Sequence[date]) -> WorkingCalendar:
    """Take back what the city said of days; what was published holds again, else the ordinary week. Raises CalendarNotFound."""
    _allow(actor)
    held = _own_calendar(session, city, None)
    session.execute(delete(CalendarDay).where(CalendarDay.calendar_id == held.id, CalendarDay.on.in_(days), CalendarDay.source == EDITED))
    seed_chinese_holidays(session, held.id)
    held.version += 1
    session.flush()
    return held


def _own_calendar(session: Session, city: str, expected: int | None) -> WorkingCalendar:
    """The calendar of this very city, locked; made from the default one when it has none yet."""
    found = calendar_row(session, city)
    if found is None:
        raise CalendarNotFound(city=city, fix="run `cityops db upgrade`, which seeds the default calendar")
    if expected is not None and expected != found.version:
        raise ConditionChanged(condition=f"calendar {city}", field="If-Match", fix="read it again, look at what changed, and repeat")
    if found.city != city:
        own = WorkingCalendar(
            city=city, timezone=found.timezone, working_periods=found.working_periods, known_years=found.known_years, version=1
        )
        session.add(own)
        session.flush()
        copied = text(
            'INSERT INTO standards.calendar_days SELECT :own, "on", kind, name_zh, name_en, source'
            " FROM standards.calendar_days WHERE calendar_id = :base"
        )
        session.execute(copied, {"own": own.id, "base": found.id})
        return own
    return session.get_one(WorkingCalendar, found.id, with_for_update=True, populate_existing=True)


def _allow(actor: Viewer | None) -> None:
    if actor is not None and (refusal := policy.may_edit(actor)):
        raise refusal


def _overlap(row: Condition, begins: date, ends: date | None) -> bool:
    return row.effective_from <= (ends or date.max) and begins <= (row.effective_to or date.max)


def _check(values: Mapping[str, Any]) -> None:
    """Raises ConditionInvalid. Any: each column has its type."""
    for name in ("filing_zh", "filing_en", "closing_zh", "closing_en", "source"):
        if not str(values[name] or "").strip() or len(values[name]) > MAX_TEXT:
            raise ConditionInvalid(reason=f"{name} is empty or too long", field=name, fix=f"1 to {MAX_TEXT} characters")
    for name in ("limit_a", "limit_b", "limit_c"):
        value = values[name]
        if value is None and name != "limit_b":
            continue
        if value is None or not Decimal("0.01") <= value <= MAX_LIMIT:
            raise ConditionInvalid(reason=f"{name} is no time limit", field=name, fix=f"0.01 to {MAX_LIMIT} units")
    if values["unit"] not in UNITS:
        raise ConditionInvalid(reason=f"{values['unit']!r} is not a unit of time limits", field="unit", fix="one of " + ", ".join(UNITS))
    if values["effective_to"] is not None and values["effective_to"] < values["effective_from"]:
        raise ConditionInvalid(reason="it ends before it begins", field="effective_to", fix="a day not before effective_from")


def _tell(session: Session, act: str, row: Condition) -> None:
    payload = {"act": act, "edition": row.edition, "kind": row.kind, "class_code": row.class_code, "version": row.version}
    emit(session, TOPIC, f"condition/{row.id}", payload)
