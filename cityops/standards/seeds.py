"""The standards as delivered: conditions from `data/standards`, defaults for every other class, holidays from chinesecalendar."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from chinese_calendar import constants as published
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.tables import read_rows
from cityops.paths import data_dir
from cityops.standards.errors import SeedFileInvalid
from cityops.standards.rules import UNITS, parse_periods

CONDITION_COLUMNS = (
    *("edition", "kind", "class_code", "number", "milestone", "filing_zh", "filing_en", "closing_zh", "closing_en"),
    *("limit_a", "limit_b", "limit_c", "unit", "department_code", "legal_basis", "effective_from", "effective_to", "source"),
)
DEFAULT_COLUMNS = (
    "edition",
    "kind",
    "major",
    "filing_zh",
    "filing_en",
    "closing_zh",
    "closing_en",
    "limit_a",
    "limit_b",
    "limit_c",
    "unit",
)
HOLIDAY_SOURCE = "chinesecalendar"
EDITED = "city"
"""Source of a day a person entered; no seed ever touches it."""
DEFAULT_SOURCE = "default of this system, no public value known: to be set by the city"

HOLIDAYS_ZH = {kind.value: kind.chinese for kind in published.Holiday}


def seed_all(session: Session, folder: Path | None = None) -> None:
    """Load conditions, defaults and calendars; safe to run again, leaves edited rows (version above 1) alone."""
    folder = folder or data_dir() / "standards"
    _seed_conditions(session, folder / "conditions.csv")
    _seed_defaults(session, folder / "defaults.csv")
    _seed_calendars(session, folder / "calendars.csv")


def _seed_conditions(session: Session, path: Path) -> None:
    rows = []
    for line, row in read_rows(path, CONDITION_COLUMNS, SeedFileInvalid):
        if row["unit"] not in UNITS or not row["limit_b"] or not row["filing_zh"] or not row["filing_en"]:
            raise SeedFileInvalid(
                file=str(path), line=line, reason="unit, limit_b and both filing texts must be filled", fix="units: " + ", ".join(UNITS)
            )
        rows.append(row)
    session.execute(
        text(
            """
            INSERT INTO standards.conditions AS s (edition, kind, class_code, number, milestone, filing_zh, filing_en, closing_zh,
                closing_en, limit_a, limit_b, limit_c, unit, department_code, legal_basis, effective_from, effective_to, source)
            SELECT r.* FROM json_to_recordset(CAST(:rows AS json)) AS r (edition text, kind text, class_code text, number int,
                milestone int, filing_zh text, filing_en text, closing_zh text, closing_en text, limit_a numeric, limit_b numeric,
                limit_c numeric, unit text, department_code text, legal_basis text, effective_from date, effective_to date, source text)
            ON CONFLICT ON CONSTRAINT uq_conditions_number DO UPDATE SET
                filing_zh = excluded.filing_zh, filing_en = excluded.filing_en,
                closing_zh = excluded.closing_zh, closing_en = excluded.closing_en,
                limit_a = excluded.limit_a, limit_b = excluded.limit_b, limit_c = excluded.limit_c, unit = excluded.unit,
                department_code = excluded.department_code, legal_basis = excluded.legal_basis, effective_to = excluded.effective_to,
                source = excluded.source
            WHERE s.version = 1
            """
        ),
        {"rows": json.dumps(rows, ensure_ascii=False)},
    )


def _seed_defaults(session: Session, path: Path) -> None:
    """One marked default condition for every class that has none at all; a rule with edition and major wins over a general one."""
    rules = [row for _, row in read_rows(path, DEFAULT_COLUMNS, SeedFileInvalid)]
    session.execute(
        text(
            """
            INSERT INTO standards.conditions (edition, kind, class_code, number, filing_zh, filing_en, closing_zh, closing_en,
                limit_a, limit_b, limit_c, unit, effective_from, is_default, source)
            SELECT DISTINCT ON (k.edition, k.kind, k.code) k.edition, k.kind, k.code, 0,
                replace(r.filing_zh, '{name_zh}', k.name_zh), replace(r.filing_en, '{name_en}', k.name_en), r.closing_zh, r.closing_en,
                r.limit_a, r.limit_b, r.limit_c, r.unit, DATE '2000-01-01', true, :source
            FROM components.classes AS k
            JOIN json_to_recordset(CAST(:rules AS json)) AS r (edition text, kind text, major text, filing_zh text, filing_en text,
                    closing_zh text, closing_en text, limit_a numeric, limit_b numeric, limit_c numeric, unit text)
                ON r.kind = k.kind AND coalesce(r.edition, k.edition) = k.edition AND k.code LIKE coalesce(r.major, '') || '%'
            WHERE NOT EXISTS (SELECT 1 FROM standards.conditions AS s
                              WHERE s.edition = k.edition AND s.kind = k.kind AND s.class_code = k.code)
            ORDER BY k.edition, k.kind, k.code, r.edition NULLS LAST, r.major NULLS LAST
            """
        ),
        {"rules": json.dumps(rules, ensure_ascii=False), "source": DEFAULT_SOURCE},
    )


def _seed_calendars(session: Session, path: Path) -> None:
    for line, row in read_rows(path, ("city", "timezone", "working_periods"), SeedFileInvalid):
        periods = [period.split("-") for period in (row["working_periods"] or "").split()]
        if not row["city"] or not row["timezone"] or not parse_periods(periods):
            raise SeedFileInvalid(
                file=str(path),
                line=line,
                reason="city, timezone and working_periods must be filled",
                fix="for example default,Asia/Shanghai,08:00-12:00 14:00-18:00",
            )
        session.execute(
            text(
                "INSERT INTO standards.calendars (city, timezone, working_periods) VALUES (:city, :timezone, CAST(:periods AS jsonb))"
                " ON CONFLICT (city) DO NOTHING"
            ),
            {"city": row["city"], "timezone": row["timezone"], "periods": json.dumps(periods)},
        )
        calendar_id = session.execute(text("SELECT id FROM standards.calendars WHERE city = :city"), {"city": row["city"]}).scalar_one()
        seed_chinese_holidays(session, calendar_id)


def seed_chinese_holidays(session: Session, calendar_id: int) -> None:
    """Public holidays and shifted workdays of the years chinesecalendar knows. Days the city entered itself stay."""
    days = [_day(on, "holiday", name) for on, name in published.holidays.items()]
    days += [_day(on, "workday", name) for on, name in published.workdays.items()]
    session.execute(
        text(
            """
            INSERT INTO standards.calendar_days AS d (calendar_id, "on", kind, name_zh, name_en, source)
            SELECT :calendar, r."on", r.kind, r.name_zh, r.name_en, :source
            FROM json_to_recordset(CAST(:days AS json)) AS r ("on" date, kind text, name_zh text, name_en text)
            ON CONFLICT (calendar_id, "on") DO UPDATE SET kind = excluded.kind, name_zh = excluded.name_zh, name_en = excluded.name_en
            WHERE d.source = :source
            """
        ),
        {"calendar": calendar_id, "days": json.dumps(days, ensure_ascii=False), "source": HOLIDAY_SOURCE},
    )
    years = sorted({on.year for on in published.holidays})
    session.execute(
        text(
            "UPDATE standards.calendars SET known_years ="
            " (SELECT array_agg(DISTINCT y ORDER BY y) FROM unnest(known_years || CAST(:years AS int[])) AS y)"
            " WHERE id = :calendar AND NOT known_years @> CAST(:years AS int[])"
        ),
        {"calendar": calendar_id, "years": years},
    )


def _day(on: date, kind: str, name: str) -> dict[str, str]:
    return {"on": on.isoformat(), "kind": kind, "name_zh": HOLIDAYS_ZH.get(name, name), "name_en": name}
