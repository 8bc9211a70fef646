"""Class tables as CSV files: reading them with clear faults, and loading them without touching what the city edited."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.errors import EditionNotFound, SeedFileInvalid
from cityops.components.rules import GEOMETRIES
from cityops.errors import CityopsError
from cityops.paths import data_dir

COLUMNS = ("kind", "code", "name_zh", "name_en", "geometry", "department_code", "icon", "mark", "source_mark", "note")

UPSERT_CLASSES = text(
    """
    INSERT INTO components.classes AS k
        (edition, kind, code, name_zh, name_en, geometry, department_code, icon, mark, source_mark, note, version)
    SELECT :edition, r.kind, r.code, r.name_zh, r.name_en, r.geometry, r.department_code, r.icon, r.mark, r.source_mark, r.note, :version
    FROM json_to_recordset(CAST(:rows AS json)) AS r (kind text, code text, name_zh text, name_en text, geometry text,
        department_code text, icon text, mark text, source_mark text, note text)
    ON CONFLICT (edition, kind, code) DO UPDATE SET
        name_zh = excluded.name_zh, name_en = excluded.name_en, geometry = excluded.geometry,
        department_code = excluded.department_code, icon = excluded.icon, mark = excluded.mark,
        source_mark = excluded.source_mark, note = excluded.note,
        version = CASE WHEN :overwrite THEN k.version + 1 ELSE k.version END
    WHERE (:overwrite OR k.version = 1)
      AND (k.name_zh, k.name_en, k.geometry, k.department_code, k.icon, k.mark, k.source_mark, k.note) IS DISTINCT FROM
          (excluded.name_zh, excluded.name_en, excluded.geometry, excluded.department_code, excluded.icon, excluded.mark,
           excluded.source_mark, excluded.note)
    """
)


def read_rows(path: Path, columns: tuple[str, ...], error: Callable[..., CityopsError]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """(line number, row) of a CSV file in UTF-8 with a header; empty fields are None. Raises `error` naming file, line and reason."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            absent = [column for column in columns if column not in (reader.fieldnames or [])]
            if absent:
                raise error(
                    file=str(path), line=1, reason="the column " + ", ".join(absent) + " is missing", fix="columns: " + ",".join(columns)
                )
            for row in reader:
                if None in row or None in row.values():
                    raise error(
                        file=str(path),
                        line=reader.line_num,
                        reason="the number of fields differs from the header",
                        fix="quote fields that hold commas",
                    )
                yield reader.line_num, {key: value.strip() or None for key, value in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise error(file=str(path), line=0, reason=str(failure), fix="give a readable CSV file in UTF-8") from failure


def class_rows(path: Path) -> list[dict[str, str | None]]:
    """The classes in a CSV file, checked; raises SeedFileInvalid."""
    found: dict[tuple[str | None, str | None], dict[str, str | None]] = {}
    for line, row in read_rows(path, COLUMNS, SeedFileInvalid):
        code, key = row["code"] or "", (row["kind"], row["code"])
        faults = {
            "kind must be component or event": row["kind"] not in ("component", "event"),
            "code must have 4 to 8 digits": not (4 <= len(code) <= 8 and code.isascii() and code.isdigit()),
            "geometry must be one of " + ", ".join(GEOMETRIES): row["geometry"] not in GEOMETRIES,
            "name_zh, name_en, icon and mark must be filled": not (row["name_zh"] and row["name_en"] and row["icon"] and row["mark"]),
            "mark must have one or two characters": len(row["mark"] or "") > 2,
            "source_mark must be S, K, L or ?": row["source_mark"] not in ("S", "K", "L", "?"),
            "the class stands twice in the file": key in found,
        }
        for reason, is_wrong in faults.items():
            if is_wrong:
                raise SeedFileInvalid(file=str(path), line=line, reason=reason, fix="correct the line and load again")
        found[key] = row
    return list(found.values())


def load_classes(session: Session, edition: str, path: Path, *, overwrite: bool) -> int:
    """Load a class table into an existing edition; returns how many rows changed.

    Without `overwrite` (seeding) rows somebody edited, version above 1, are left alone. Raises SeedFileInvalid, EditionNotFound.
    """
    if session.execute(text("SELECT 1 FROM components.editions WHERE id = :id"), {"id": edition}).first() is None:
        raise EditionNotFound(edition=edition, field="edition", fix="add it to data/classes/editions.csv or name an existing one")
    rows = json.dumps(class_rows(path), ensure_ascii=False)
    # A table loaded on purpose is the city's own from its first row on, so no later seed writes over it.
    result = session.execute(UPSERT_CLASSES, {"edition": edition, "rows": rows, "overwrite": overwrite, "version": 2 if overwrite else 1})
    return int(result.rowcount)  # type: ignore[attr-defined]  # Result of DML has it


def seed_editions(session: Session, folder: Path | None = None) -> None:
    """Editions, major classes and class tables as delivered in `data/classes`; safe to run again."""
    folder = folder or data_dir() / "classes"
    editions = [row for _, row in read_rows(folder / "editions.csv", ("id", "title_zh", "title_en", "in_force", "note"), SeedFileInvalid)]
    for row in editions:
        session.execute(
            text(
                "INSERT INTO components.editions (id, title_zh, title_en, in_force, note)"
                " VALUES (:id, :title_zh, :title_en, CAST(:in_force AS boolean), :note) ON CONFLICT (id) DO NOTHING"
            ),
            row,
        )
    majors = [row for _, row in read_rows(folder / "major_classes.csv", ("edition", "kind", "code", "name_zh", "name_en"), SeedFileInvalid)]
    session.execute(
        text(
            "INSERT INTO components.major_classes (edition, kind, code, name_zh, name_en)"
            " VALUES (:edition, :kind, :code, :name_zh, :name_en) ON CONFLICT (edition, kind, code) DO NOTHING"
        ),
        majors,
    )
    for row in editions:
        load_classes(session, str(row["id"]), folder / f"{row['id']}.csv", overwrite=False)
