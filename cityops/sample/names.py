"""Names of streets, lanes, communities and people: tables in `data/sample`, picked the same way for the same seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from cityops.paths import data_dir
from cityops.sample.streets import StreetLine

NUMERALS = "零一二三四五六七八九"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of `data/sample/<name>.csv`."""
    with (data_dir() / "sample" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Name:
    """A name in both languages."""

    zh: str
    en: str


@cache
def _pool(family: str) -> tuple[Name, ...]:
    return tuple(Name(row["name_zh"], row["name_en"]) for row in rows("street_names") if row["family"] == family)


def chinese(number: int) -> str:
    """A number below 100 in Chinese numerals, as lanes are numbered: 3 三, 12 十二, 20 二十."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("" if tens == 1 else NUMERALS[tens]) + "十"
    return head + (NUMERALS[ones] if ones or not tens else "")


def coined(number: int) -> Name:
    """A street name put together from two characters; different for each of the first few hundred numbers."""
    first, second = _pool("first"), _pool("second")
    a = first[number % len(first)]
    b = second[(number // len(first) + 5 * (number % len(first))) % len(second)]
    turn = number // (len(first) * len(second))
    tail = ("路", "街", "大街", "东路", "西路", "南路", "北路")[turn % 7] if turn else "路"
    kind = ("Road", "Street", "High Street", "East Road", "West Road", "South Road", "North Road")[turn % 7]
    return Name(f"{a.zh}{b.zh}{tail}", f"{a.en}{b.en} {kind}")


def name_lines(lines: list[StreetLine], middle_rank: dict[str, int]) -> list[Name]:
    """A name for each through street; the best known ones are nearest the centre, further out they are coined."""
    out = []
    for line in lines:
        pool = _pool(line.family)
        if line.family == "river":
            out.append(pool[line.rank])
            continue
        place = line.rank - middle_rank[line.family] + len(pool) // 2
        if 0 <= place < len(pool):
            out.append(pool[place])
        else:
            far = place - len(pool) if place >= len(pool) else -1 - place
            side = (place < 0) + 2 * (line.family == "ew")
            out.append(coined(300 + 4 * far + side))
    return out


def lane(parent: Name, number: int) -> Name:
    """The name of the n-th lane off a street."""
    return Name(f"{parent.zh}{chinese(number) if number < 100 else number}巷", f"{parent.en} Lane {number}")


COMMUNITY_WORDS = (
    "和平", "建国", "东风", "红旗", "解放", "光明", "友谊", "新生", "幸福", "团结", "向阳",
    "前进", "胜利", "华山", "玄妙观", "书院", "医圣祠", "琉璃桥", "望仙台", "府衙", "王府山", "宛南",
    "仓门口", "小西关", "民主", "菜园", "槐树湾", "柳河", "白河湾", "独山", "卧龙岗", "靳庄",
)  # fmt: skip


def community(number: int) -> str:
    """The name of the n-th community of a street: a word, then the word with a numeral."""
    turn, place = divmod(number, len(COMMUNITY_WORDS))
    return f"{COMMUNITY_WORDS[place]}{chinese(turn + 1) if turn else ''}社区"


SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚玲桂英建国文华志红梅春燕宏亮晓东海波振宇佳慧子轩"


def person(number: int) -> str:
    """An invented personal name."""
    a, rest = number % len(SURNAMES), number // len(SURNAMES)
    first = GIVEN[(rest * 7 + a * 3) % len(GIVEN)]
    second = GIVEN[(rest * 11 + a * 5 + 17) % len(GIVEN)]
    return SURNAMES[a] + first + (second if (rest + a) % 3 else "")
