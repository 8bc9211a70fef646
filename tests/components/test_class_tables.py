"""Class tables: as delivered, edited, and loaded from files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components import operations as op
from cityops.components import search
from cityops.components.class_tables import ClassChanged
from cityops.components.errors import ClassEditRefused, ClassInvalid, ClassNotFound, EditionNotFound, NothingChanges, SeedFileInvalid
from cityops.components.models import Class
from cityops.components.operations import ClassChange
from cityops.components.tables import COLUMNS
from cityops.identity.rules import Scope
from tests.factories.identity import make_viewer

GB = "gbt30428.2-2013"


def test_the_editions_are_there_and_the_national_standard_is_in_force(session: Session) -> None:
    editions = {edition["id"]: edition for edition in json.loads(search.editions_json(session))}
    assert {name: (e["in_force"], e["classes"]) for name, e in editions.items()} == {
        GB: (True, 192),
        "cjt214-2007": (False, 134),
        "local": (True, 80),
    }


def test_the_predecessor_is_complete_and_its_numbers_mean_other_things(session: Session) -> None:
    majors = session.execute(
        text(
            "SELECT left(code, 2) AS major, count(*) AS n FROM components.classes"
            " WHERE edition = 'cjt214-2007' AND kind = 'component' GROUP BY 1 ORDER BY 1"
        )
    ).all()
    assert [(row.major, row.n) for row in majors] == [("01", 38), ("02", 17), ("03", 11), ("04", 10), ("05", 3), ("06", 6)]
    assert session.get_one(Class, ("cjt214-2007", "component", "0118")).name_en == "street lamp"
    assert session.get_one(Class, (GB, "component", "0118")).name_en == "septic-tank manhole cover"


def test_every_class_is_complete_in_both_languages_and_belongs_to_a_major_class(session: Session) -> None:
    for row in json.loads(search.classes_json(session)):
        assert re.search(r"[\u4e00-\u9fff]", row["name_zh"]) and not re.search(r"[\u4e00-\u9fff]", row["name_en"]), row
        assert row["major_name_zh"] and row["major_name_en"], row
        assert re.fullmatch(r"(temaki|maki)-[A-Za-z0-9_-]+", row["icon"]) and len(row["mark"]) == 1, row
        assert row["source_mark"] in ("S", "K", "?"), row


def test_every_default_department_is_explained(session: Session, repository: Path) -> None:
    with (repository / "data/classes/department_codes.csv").open(encoding="utf-8", newline="") as file:
        known = {row["code"] for row in csv.DictReader(file)}
    used = set(session.execute(text("SELECT DISTINCT department_code FROM components.classes")).scalars())
    assert used <= known


def test_an_edited_class_is_the_city_s_own_and_no_seed_changes_it_back(session: Session) -> None:
    edited = op.change_class(session, None, GB, "component", "0137", ClassChange(name_zh="路灯杆", department_code="GR"), expected=1)
    assert (edited.name_zh, edited.department_code, edited.source_mark, edited.version) == ("路灯杆", "GR", "L", 2)
    op.seed(session)
    session.expire_all()
    assert session.get_one(Class, (GB, "component", "0137")).name_zh == "路灯杆"
    assert session.get_one(Class, (GB, "component", "0138")).version == 1


def test_wrong_edits_of_a_class_are_refused(session: Session) -> None:
    def edit(**change):
        return op.change_class(session, None, GB, "component", "0137", ClassChange(**change), expected=1)

    for change in ({"name_zh": " "}, {"mark": "三个字"}, {"geometry": "volume"}):
        with pytest.raises(ClassInvalid):
            edit(**change)
    with pytest.raises(NothingChanges):
        edit(name_zh="路灯")
    with pytest.raises(ClassNotFound):
        op.change_class(session, None, GB, "component", "9999", ClassChange(active=False))
    edit(note="seen")
    with pytest.raises(ClassChanged):
        edit(note="again")


def test_only_planners_and_administrators_edit_classes(session: Session) -> None:
    with pytest.raises(ClassEditRefused):
        op.change_class(session, make_viewer(session, "inspector", scopes=(Scope(),)), GB, "component", "0137", ClassChange(active=False))


def written(folder: Path, *rows: tuple[str, ...]) -> Path:
    path = folder / "classes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


PIER = ("component", "0650", "码头系缆桩", "mooring post", "point", "TR", "temaki-bollard", "缆", "L", "")


def test_a_city_loads_its_own_classes_and_loads_them_again(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path, PIER)
    assert op.load_classes(session, "local", path, overwrite=True) == 1
    assert op.load_classes(session, "local", path, overwrite=True) == 0
    renamed = written(tmp_path, (*PIER[:2], "系缆桩", *PIER[3:]))
    assert op.load_classes(session, "local", renamed, overwrite=True) == 1
    op.seed(session)
    assert session.get_one(Class, ("local", "component", "0650")).name_zh == "系缆桩"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("thing", *PIER[1:]), "kind"),
        ((PIER[0], "65", *PIER[2:]), "code"),
        ((*PIER[:3], "", *PIER[4:]), "name_en"),
        ((*PIER[:4], "volume", *PIER[5:]), "geometry"),
        ((*PIER[:7], "缆绳桩", *PIER[8:]), "mark"),
        (PIER[:5], "number of fields"),
    ],
)
def test_a_class_table_with_a_fault_names_line_and_reason(session: Session, tmp_path: Path, row: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SeedFileInvalid, match=f"line 3.*{reason}"):
        op.load_classes(session, "local", written(tmp_path, PIER, row), overwrite=True)


def test_a_file_that_is_none_and_an_edition_that_is_none_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(SeedFileInvalid):
        op.load_classes(session, "local", tmp_path / "absent.csv", overwrite=True)
    (tmp_path / "gbk.csv").write_bytes("类别,名称\n".encode("gbk"))
    with pytest.raises(SeedFileInvalid):
        op.load_classes(session, "local", tmp_path / "gbk.csv", overwrite=True)
    (tmp_path / "short.csv").write_text("kind,code\ncomponent,0101\n")
    with pytest.raises(SeedFileInvalid, match="missing"):
        op.load_classes(session, "local", tmp_path / "short.csv", overwrite=True)
    with pytest.raises(EditionNotFound):
        op.load_classes(session, "nowhere", written(tmp_path, PIER), overwrite=True)
