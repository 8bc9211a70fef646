"""What an import of a map extract did, and everything it could not use: as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TEXTS = {
    "en": {
        "head": "{file}: {nodes} nodes, {ways} ways, {relations} relations; {things} of them carry tags",
        "city": "{name} ({district}): {communities} communities, {cells} cells, {beats} beats, {components} components",
        "mapped": "became components", "layers": "became features of the base map", "unmapped": "no class in the tag table",
        "unfit": "drawn in a shape the class cannot take", "outside": "outside the extract's box", "off_grid": "outside every cell",
        "incomplete": "lie partly outside the file and cannot be drawn",
        "nothing": "nothing was loaded (--dry-run)",
    },
    "zh": {
        "head": "{file}：{nodes} 个节点，{ways} 条路径，{relations} 个关系；其中 {things} 个带标签",
        "city": "{name}（{district}）：{communities} 个社区，{cells} 个单元网格，{beats} 个责任网格，{components} 个部件",
        "mapped": "转为部件", "layers": "转为底图要素", "unmapped": "标签表中没有对应类别",
        "unfit": "几何类型与类别不符", "outside": "在数据范围之外", "off_grid": "不在任何网格内",
        "incomplete": "部分在文件之外，无法绘制",
        "nothing": "未写入任何数据（--dry-run）",
    },
}  # fmt: skip


@dataclass
class OsmReport:
    """Counts of an import. Every tagged object of the file is in at least one of them."""

    file: str
    nodes: int
    ways: int
    relations: int
    things: int
    name: str = ""
    district: str = ""
    communities: int = 0
    cells: int = 0
    beats: int = 0
    components: int = 0
    dry_run: bool = False
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    """`edition/class` -> names in zh and en."""
    mapped: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    unfit: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    off_grid: Counter[str] = field(default_factory=Counter)
    incomplete: Counter[str] = field(default_factory=Counter)

    PARTS = ("mapped", "layers", "unmapped", "unfit", "outside", "off_grid", "incomplete")

    def as_json(self) -> dict[str, Any]:  # Any: texts, numbers and lists
        """The whole report as JSON values."""
        out: dict[str, Any] = {
            "file": self.file, "nodes": self.nodes, "ways": self.ways, "relations": self.relations, "tagged": self.things,
            "name": self.name, "district_code": self.district, "communities": self.communities, "cells": self.cells,
            "beats": self.beats, "components": self.components, "dry_run": self.dry_run,
        }  # fmt: skip
        for part in self.PARTS:
            counts: Counter[str] = getattr(self, part)
            out[part] = {"total": counts.total(), "items": [self._item(part, what, n) for what, n in _ranked(counts)]}
        return out

    def _item(self, part: str, what: str, count: int) -> dict[str, Any]:  # Any: texts and a number
        if part != "mapped":
            return {"what": what, "count": count}
        zh, en = self.classes.get(what, ("", ""))
        return {"class": what, "name_zh": zh, "name_en": en, "count": count}

    def as_text(self, language: str = "en", longest: int = 400) -> str:
        """The report for people; lists longer than `longest` say how many lines are left out, JSON has them all."""
        say: Mapping[str, str] = TEXTS[language]
        lines = [say["head"].format(**vars(self))]
        lines.append(say["nothing"] if self.dry_run else say["city"].format(**vars(self)))
        for part in self.PARTS:
            counts: Counter[str] = getattr(self, part)
            if not counts:
                continue
            lines.append(f"\n{counts.total():,} {say[part]}")
            for what, count in _ranked(counts)[:longest]:
                label = what
                if part == "mapped" and what in self.classes:
                    label = f"{what}  {self.classes[what][0] if language == 'zh' else self.classes[what][1]}"
                lines.append(f"{count:>8,}  {label}")
            if len(counts) > longest:
                lines.append(f"{'':>8}  … {len(counts) - longest}")
        return "\n".join(lines)


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
