"""What a sentence about a place asks for: a name, a door plate, a crossing, or so many metres from something. No I/O.

The forms are those reports use (reference: GB/T 30428.3 place types and the practice of acceptance desks): 梅溪路86号,
人民路与建设路交叉口, 人民公园以北50米, and in English 50 m north of People's Park, corner of A and B.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from pypinyin import Style, lazy_pinyin

KINDS: Final = ("region", "tract", "block", "street", "plate", "poi")
LEVELS: Final = ("plate", "crossing", "poi", "interpolated", "offset", "street", "tract", "block", "region", "none")
"""What an address can be matched to; `interpolated` lies between two known plates, `none` is nothing at all."""

MAX_HOUSE_NUMBER = 99_999
FARTHEST_OFFSET_M = 20_000.0
LONGEST_QUESTION = 200

FUZZY_FACTOR = 0.9
"""A resemblance of one is worth less than an equal name."""
INTERPOLATED_FACTOR = 0.85
BARE_STREET_FACTOR = 0.6
"""The street was found and the number was not."""
OFFSET_FACTOR = 0.9

_BEARINGS: Final = {"北": 0.0, "东北": 45.0, "东": 90.0, "东南": 135.0, "南": 180.0, "西南": 225.0, "西": 270.0, "西北": 315.0}
_BEARINGS_EN: Final = {
    "n": 0.0, "north": 0.0, "ne": 45.0, "northeast": 45.0, "e": 90.0, "east": 90.0, "se": 135.0, "southeast": 135.0,
    "s": 180.0, "south": 180.0, "sw": 225.0, "southwest": 225.0, "w": 270.0, "west": 270.0, "nw": 315.0, "northwest": 315.0,
}  # fmt: skip
_DIGITS: Final = {c: n for n, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = "[〇零一二两三四五六七八九十百千]+"

_OFFSET = re.compile(
    r"^(?P<base>.+?)的?(?:以|之|正|偏|往|向|朝)?(?P<way>东北|东南|西北|西南|东|南|西|北)(?:边|侧|面|方向|方|向|部)?(?:约|大约)?"
    rf"(?P<far>\d+(?:\.\d+)?|{_NUMERAL})(?P<unit>米|公里|千米|km|m)(?:处|左右|的地方)?$"
)
_OFFSET_EN = re.compile(
    r"^(?P<far>\d+(?:\.\d+)?)\s*(?P<unit>km|m|metres?|meters?|kilomet(?:re|er)s?)\s+"
    r"(?P<way>north-?east|north-?west|south-?east|south-?west|north|south|east|west|ne|nw|se|sw|n|s|e|w)\s+of\s+(?P<base>.+)$"
)
_CROSSING_END = r"的?(?P<end>交叉路口|十字路口|丁字路口|交叉口|交汇处|交会处|交叉处|相交处|交口|路口|口)"
_CROSSING_STREETS = re.compile(rf"^(?P<a>.+?(?:路|街|道|巷))(?:与|和|跟|及|、|&|/|×|\+)(?P<b>.+?){_CROSSING_END}$")
_CROSSING = re.compile(rf"^(?P<a>.+?)(?:与|和|跟|及|、|&|/|×|\+)(?P<b>.+?){_CROSSING_END}$")
_CROSSING_BARE = re.compile(rf"^(?P<a>.+?(?:路|街|道|巷))(?P<b>.+?(?:路|街|道|巷)){_CROSSING_END}$")
_CROSSING_EN = re.compile(r"^(?:(?:corner|crossing|intersection|junction)\s+of\s+)(?P<a>.+?)\s+and\s+(?P<b>.+)$")
_CROSSING_SIGN = re.compile(r"^(?P<a>.+?)\s*(?:&|×|@)\s*(?P<b>.+)$")
_PLATE = re.compile(r"^(?P<street>.*?[^\d\s-])\s*(?P<number>\d{1,5})(?P<suffix>[-之]\d{1,4}|[a-z])?(?:号|號)(?P<rest>.*)$")
_PLATE_LAST = re.compile(r"^(?P<street>[^\d]*[^\d\s,-])[ ,]+(?P<number>\d{1,5})(?P<suffix>[a-z])?$")
_PLATE_FIRST = re.compile(r"^(?P<number>\d{1,5})(?P<suffix>[a-z])?[ ,]+(?P<street>[^\d]{3,})$")
_NUMERAL_BEFORE_PLATE = re.compile(rf"(?P<numeral>{_NUMERAL})(?=[号號])")
_VAGUE_END = re.compile(r"(?:附近|旁边|旁|对面|门口|门前|周边|一带|处)$")
_PROVINCE = re.compile(r"^[一-鿿]{2,3}?(?:省|自治区)")


@dataclass(frozen=True)
class Name:
    """A name, as it was written."""

    words: str


@dataclass(frozen=True)
class Plate:
    """A house number in a street."""

    street: str
    number: int
    suffix: str = ""


@dataclass(frozen=True)
class Crossing:
    """Where two streets meet."""

    first: str
    second: str


@dataclass(frozen=True)
class Offset:
    """So many metres from something, in degrees clockwise from north."""

    base: str
    bearing_deg: float
    distance_m: float


Asked = Name | Plate | Crossing | Offset


def parse(question: str) -> Asked:
    """What is asked for; a sentence in no known form is a name."""
    said = unicodedata.normalize("NFKC", question).casefold().strip(" ,;。.")
    said = _NUMERAL_BEFORE_PLATE.sub(lambda found: str(numeral(found["numeral"])), said)
    # Between Chinese characters a blank says nothing; between Latin words it separates.
    said = re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", re.sub(r"\s+", " ", said))
    return _offset(said) or _crossing(said) or _plate(said) or Name(_VAGUE_END.sub("", said) or said)


def _offset(said: str) -> Offset | None:
    found = _OFFSET.match(said) or _OFFSET_EN.match(said)
    if found is None:
        return None
    far = float(found["far"]) if found["far"][0].isdigit() else float(numeral(found["far"]))
    distance_m = far * (1000.0 if found["unit"] in ("公里", "千米", "km") or found["unit"].startswith("kilo") else 1.0)
    way = found["way"].replace("-", "")
    bearing = _BEARINGS[way] if way in _BEARINGS else _BEARINGS_EN[way]
    return Offset(found["base"], bearing, distance_m) if 0 < distance_m <= FARTHEST_OFFSET_M else None


def _crossing(said: str) -> Crossing | None:
    for form in (_CROSSING_STREETS, _CROSSING, _CROSSING_BARE, _CROSSING_EN, _CROSSING_SIGN):
        found = form.match(said)
        if found is not None:
            second = found["b"]
            if found.groupdict().get("end") == "路口" and not second.endswith(("路", "街", "道", "巷")):
                second += "路"  # the one 路 of 建设路口 belongs to the street as well
            return Crossing(found["a"], second)
    return None


def _plate(said: str) -> Plate | None:
    found = _PLATE.match(said) or _PLATE_LAST.match(said) or _PLATE_FIRST.match(said)
    if found is None or not 0 < int(found["number"]) <= MAX_HOUSE_NUMBER:
        return None
    return Plate(found["street"].strip(" ,"), int(found["number"]), (found["suffix"] or "").replace("之", "-"))


def numeral(written: str) -> int:
    """A whole number in Chinese characters, by value (八十六) or digit by digit (八六); 0 for an empty string."""
    if not any(c in _UNITS for c in written):
        return int("".join(str(_DIGITS[c]) for c in written) or "0")
    total, digit = 0, None
    for c in written:
        if c in _UNITS:
            total += (1 if digit is None else digit) * _UNITS[c]
            digit = None
        else:
            digit = _DIGITS[c]
    return total + (digit or 0)


def fold(name: str) -> str:
    """A name without what people write in different ways: width, case, blanks, punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def latin(name: str) -> str:
    """The folded name in plain Latin letters: pinyin without tones for Chinese, no accents elsewhere."""
    spelt = "".join(lazy_pinyin(fold(name), style=Style.NORMAL, v_to_u=False))
    return "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))


def initials(name: str) -> str:
    """First letters: rml for 人民路; of Latin words the letter each begins with."""
    letters: list[str] = []
    for word in re.split(r"[^\w]+", unicodedata.normalize("NFKC", name).casefold()):
        letters += [part[:1] for part in lazy_pinyin(word, style=Style.NORMAL)]
    return latin("".join(letters))


def is_latin(words: str) -> bool:
    """Whether somebody typed letters, which may be pinyin."""
    key = fold(words)
    return bool(key) and key.isascii()


def without_prefixes(words: str, known: list[str]) -> str:
    """The words without the administrative places before them (省, then `known` names, longest first, each at most once)."""
    rest = _PROVINCE.sub("", words)
    for name in sorted(known, key=len, reverse=True):
        if name and rest.startswith(name) and len(rest) - len(name) >= 2:
            rest = rest[len(name) :]
    return rest


def plate_name(street: str, number: int, suffix: str) -> str:
    """86号, 86-2号 in a Chinese street; the number before the name elsewhere."""
    if is_latin(latin_only(street)):
        return f"{number}{suffix} {street}"
    return f"{street}{number}{suffix}号"


def latin_only(name: str) -> str:
    """The name without accents, to see whether it is written in Latin letters."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
