"""The standards as delivered: complete in both languages, covering every class, marked where a value is not known."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import chinese_calendar
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.standards import operations, queries
from cityops.standards.errors import SeedFileInvalid
from cityops.standards.operations import ConditionChange
from cityops.standards.seeds import seed_all
from tests.factories.standards import TODAY

GB = "gbt30428.2-2013"


def test_every_class_has_a_condition_in_force(session: Session) -> None:
    without = session.execute(
        text(
            "SELECT edition, kind, code FROM components.classes AS k WHERE NOT EXISTS (SELECT 1 FROM standards.conditions AS s"
            " WHERE (s.edition, s.kind, s.class_code) = (k.edition, k.kind, k.code) AND s.effective_from <= :today)"
        ),
        {"today": TODAY},
    ).all()
    assert without == []


def test_all_sixty_six_published_rows_are_there_and_name_their_source(session: Session) -> None:
    sources = session.execute(text("SELECT source FROM standards.conditions WHERE edition = :gb AND NOT is_default"), {"gb": GB}).scalars()
    rows = {int(match.group(1)) for source in sources if (match := re.search(r"row (\d+)", source))}
    assert rows == set(range(1, 67))


def test_a_class_without_a_published_value_says_that_its_condition_is_a_default(session: Session) -> None:
    condition = queries.condition_for(session, GB, "component", "0105", TODAY)
    assert condition.is_default and "to be set by the city" in condition.source
    assert condition.filing_zh.startswith("电力井盖") and condition.filing_en.startswith("power manhole cover")


def test_an_emergency_is_urgent_by_default_in_either_edition_although_their_numbers_are_swapped(session: Session) -> None:
    for edition, code in ((GB, "0509"), ("cjt214-2007", "0401")):
        assert queries.condition_for(session, edition, "event", code, TODAY).unit == "urgent_hour"
    assert queries.condition_for(session, "cjt214-2007", "event", "0509", TODAY).unit == "working_day"


def test_two_limits_on_one_problem_are_two_milestones_and_the_last_one_closes(session: Session) -> None:
    closing = queries.condition_for(session, GB, "event", "0501", TODAY)
    steps = queries.milestones_of(session, closing)
    assert [(step.milestone, step.limit_b, step.unit) for step in steps] == [(1, 1, "urgent_hour"), (2, 5, "working_day")]
    assert closing.id == steps[-1].id


def test_every_text_is_there_in_both_languages(session: Session) -> None:
    rows = session.execute(text("SELECT id, filing_zh, filing_en, closing_zh, closing_en FROM standards.conditions")).all()
    for row in rows:
        assert re.search(r"[\u4e00-\u9fff]", row.filing_zh) and re.search(r"[\u4e00-\u9fff]", row.closing_zh), row
        assert not re.search(r"[\u4e00-\u9fff{}]", row.filing_en + row.closing_en), row


def test_seeding_twice_is_seeding_once_and_leaves_edited_rows_alone(session: Session) -> None:
    before = session.execute(text("SELECT count(*), (SELECT count(*) FROM standards.calendar_days) FROM standards.conditions")).one()
    held = queries.condition_for(session, GB, "event", "0110", TODAY)
    edited = operations.change_condition(session, None, TODAY, held.id, ConditionChange(department_code="AD"))
    operations.set_days(session, None, "default", [operations.Day(date(2026, 10, 1), "workday")])
    operations.seed(session)
    session.expire_all()
    after = session.execute(text("SELECT count(*), (SELECT count(*) FROM standards.calendar_days) FROM standards.conditions")).one()
    assert tuple(before) == tuple(after)
    assert edited.department_code == "AD"
    assert queries.calendar_for(session).is_workday(date(2026, 10, 1))


@pytest.mark.parametrize("year", [2024, 2026])
def test_the_seeded_calendar_knows_the_published_holidays(session: Session, year: int) -> None:
    calendar = queries.calendar_for(session)
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())]
    assert [day for day in days if calendar.is_workday(day) != chinese_calendar.is_workday(day)] == []
    assert year in calendar.known_years


def test_beyond_the_published_years_only_weekends_are_off_and_the_calendar_says_so(session: Session) -> None:
    calendar = queries.calendar_for(session)
    assert 2027 not in calendar.known_years
    assert calendar.is_workday(date(2027, 10, 1)) and not calendar.is_workday(date(2027, 10, 2))


def test_a_seed_file_with_a_fault_names_file_line_and_reason(session: Session, tmp_path: Path, repository: Path) -> None:
    for name in ("conditions.csv", "defaults.csv", "calendars.csv"):
        (tmp_path / name).write_text((repository / "data" / "standards" / name).read_text("utf-8"), "utf-8")
    with (tmp_path / "conditions.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(
            [GB, "event", "0110", 9, "", "甲", "a", "乙", "b", "", "4", "", "fortnight", "", "", "2020-01-01", "", "x"]
        )
    with pytest.raises(SeedFileInvalid, match=r"conditions\.csv.*line 115.*unit"):
        seed_all(session, tmp_path)
