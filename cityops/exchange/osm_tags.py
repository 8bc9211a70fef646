"""What OpenStreetMap tags mean here: the table `data/osm/tags.csv`, which a city may edit.

One line says that things with `key=value` (`*`: any value) and, where `also` is filled, one of its further tags, become a
component of a class or a feature of a base layer. For each target the first line that fits wins, so special lines stand
above general ones. An object may be both: a park is a component and part of the green layer.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cityops.errors import Invalid
from cityops.paths import data_dir

TARGETS = ("component", "roads", "water", "green", "buildings")
SHAPES = ("point", "line", "polygon")


class TagTableInvalid(Invalid):
    """Line {line} of the tag table {path} cannot be used: {reason}."""

    code = "osm-tag-table-invalid"


@dataclass(frozen=True)
class TagRule:
    """One line of the table. `shape` is how the class or layer is drawn; `kind` is the class code, or the road class."""

    target: str
    key: str
    value: str
    also_key: str
    also_values: frozenset[str]
    edition: str
    kind: str
    shape: str
    width_m: float | None

    def fits(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags is meant."""
        found = tags.get(self.key)
        if found is None or found == "no" or (self.value != "*" and found != self.value):
            return False
        return not self.also_key or tags.get(self.also_key) in self.also_values


@dataclass(frozen=True)
class TagTable:
    """The whole table, in order."""

    rules: tuple[TagRule, ...]

    @cached_property
    def _by_key(self) -> dict[str, list[tuple[int, TagRule]]]:
        out: dict[str, list[tuple[int, TagRule]]] = {}
        for place, rule in enumerate(self.rules):
            out.setdefault(rule.key, []).append((place, rule))
        return out

    def meanings(self, tags: Mapping[str, str]) -> dict[str, TagRule]:
        """What an object with these tags becomes: target -> the first rule of the table that fits."""
        best: dict[str, tuple[int, TagRule]] = {}
        for key in tags:
            for place, rule in self._by_key.get(key, ()):
                known = best.get(rule.target)
                if (known is None or place < known[0]) and rule.fits(tags):
                    best[rule.target] = (place, rule)
        return {target: rule for target, (_, rule) in best.items()}


def read_tag_table(path: Path | None = None) -> TagTable:
    """Read and check the table; raises TagTableInvalid naming the line."""
    path = path or data_dir() / "osm" / "tags.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return TagTable(tuple(_rule(row, line, path) for line, row in enumerate(csv.DictReader(file), start=2)))


def _rule(row: dict[str, str], line: int, path: Path) -> TagRule:
    def refuse(reason: str) -> TagTableInvalid:
        return TagTableInvalid(
            line=line, path=path.name, reason=reason, field="tags", fix="see the columns of the table that comes with cityops"
        )

    if row.get("target") not in TARGETS:
        raise refuse(f"target must be one of {', '.join(TARGETS)}")
    if row.get("shape") not in SHAPES:
        raise refuse(f"shape must be one of {', '.join(SHAPES)}")
    if not row.get("key") or not row.get("value"):
        raise refuse("key and value are needed")
    if row["target"] == "component" and not (row.get("edition") and row.get("class")):
        raise refuse("a component needs edition and class")
    also_key, _, also = (row.get("also") or "").partition("=")
    if bool(also_key) != bool(also):
        raise refuse("also is written key=value or key=value|value")
    try:
        width = float(row["width_m"]) if row.get("width_m") else None
    except ValueError:
        raise refuse("width_m is not a number") from None
    return TagRule(
        row["target"], row["key"], row["value"], also_key, frozenset(also.split("|")) if also else frozenset(),
        row.get("edition") or "", row.get("class") or "", row["shape"], width,
    )  # fmt: skip
