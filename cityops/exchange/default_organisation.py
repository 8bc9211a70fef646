"""A default organisation for a city that has none yet: a department for every duty the class tables name, and local teams.

Used by the sample and by imported places. Names and codes are ours; a real city replaces them by its own departments.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field

from cityops.paths import data_dir

CITY_ROOT, SUPERVISION, COMMAND = "CITY", "SC", "CC"


@dataclass(frozen=True)
class Department:
    """A department of the tree; `division_code` is the area it is responsible for, None for the whole city."""

    id: int
    code: str
    name_zh: str
    name_en: str
    parent_id: int | None
    division_code: str | None


@dataclass(frozen=True)
class Area:
    """A district or street the organisation has teams for."""

    code: str
    name_zh: str
    name_en: str


@dataclass
class Organisation:
    """Departments by code, and who is responsible where."""

    departments: list[Department] = field(default_factory=list)
    by_code: dict[str, Department] = field(default_factory=dict)

    def add(self, code: str, name_zh: str, name_en: str, parent: str | None, division_code: str | None = None) -> Department:
        made = Department(len(self.departments) + 1, code, name_zh, name_en, self.by_code[parent].id if parent else None, division_code)
        self.departments.append(made)
        self.by_code[code] = made
        return made

    def responsible(self, duty: str, cell_code: str) -> Department:
        """The narrowest team of a duty around a cell: of the street, of the district, or the city's department itself."""
        for width in (9, 6):
            team = self.by_code.get(f"{duty}-{cell_code[:width]}")
            if team is not None:
                return team
        return self.by_code.get(duty) or self.by_code["OT"]

    def street_office(self, cell_code: str) -> Department | None:
        return self.by_code.get(f"ST-{cell_code[:9]}")


def read_duties() -> list[dict[str, str]]:
    """The rows of `data/organisation/duties.csv`: duty code, names, and how far down it has teams."""
    with (data_dir() / "organisation" / "duties.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def build_organisation(city_zh: str, city_en: str, districts: Sequence[Area], streets: Sequence[Area]) -> Organisation:
    """City root, the supervision and command centres, a department for each duty code, and teams by district and street.

    Duty codes are those of `data/classes/department_codes.csv`, which the class tables name as default departments.
    """
    made = Organisation()
    made.add(CITY_ROOT, f"{city_zh}城市管理委员会", f"{city_en} City Management Committee", None)
    made.add(SUPERVISION, "监督中心", "Supervision Centre", CITY_ROOT)
    made.add(COMMAND, "指挥中心", "Command Centre", CITY_ROOT)
    duties = read_duties()
    for duty in duties:
        made.add(duty["code"], duty["name_zh"], duty["name_en"], CITY_ROOT)
    # Street offices come before the squads of the same streets: a street is first of all its office.
    for street in streets:
        made.add(f"ST-{street.code}", f"{street.name_zh}办事处" if street.name_zh.endswith("街道") else f"{street.name_zh}人民政府",
                 f"{street.name_en} Street Office", "ST", street.code)  # fmt: skip
    for duty in duties:
        code = duty["code"]
        if duty["teams"] not in ("district", "street"):
            continue
        for district in districts:
            made.add(f"{code}-{district.code}", f"{district.name_zh}{_short(duty['name_zh'])}", f"{district.name_en} {duty['name_en']}",
                     code, district.code)  # fmt: skip
        if duty["teams"] == "street":
            for street in streets:
                made.add(f"{code}-{street.code}", f"{street.name_zh.removesuffix('街道')}执法中队", f"{street.name_en} Enforcement Squad",
                         f"{code}-{street.code[:6]}", street.code)  # fmt: skip
    return made


def _short(name: str) -> str:
    """What a district calls its own branch of a city office."""
    return {
        "城市管理综合执法支队": "综合执法大队",
        "环境卫生管理处": "环卫所",
        "园林绿化中心": "园林所",
        "市政设施管理处": "市政所",
        "公安局交警支队": "交警大队",
    }.get(name, name)
