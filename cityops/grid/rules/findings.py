"""What validation finds: one value per fault, with its place, its cells and a sentence in two languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import shapely
from shapely.geometry.base import BaseGeometry

Severity = Literal["fault", "warning", "information"]


@dataclass(frozen=True)
class Kind:
    """A kind of finding with its sentences; `{…}` are filled from the finding's details."""

    name: str
    zh: str
    en: str
    severity: Severity = "fault"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("invalid_geometry", "网格{cells}的边界不成立（{reason_zh}）", "the boundary of cell {cells} is not a polygon: {reason}"),
        Kind("wrong_code", "网格编码{cells}有误：{reason_zh}", "the code {cells} is wrong: {reason}"),
        Kind("duplicate_code", "网格编码{cells}出现{count}次", "the code {cells} is used {count} times"),
        Kind("gap", "社区{community}内有{area_m2:.1f}平方米无网格覆盖", "{area_m2:.1f} m² of community {community} lie in no cell"),
        Kind("overlap", "网格{cells}重叠{area_m2:.1f}平方米", "cells {cells} overlap by {area_m2:.1f} m²"),
        Kind("sliver", "网格{cells}处有{width_m:.2f}米宽的碎缝（{of_zh}）", "a sliver {width_m:.2f} m wide ({of}) at {cells}"),
        Kind(
            "crosses_community",
            "网格{cells}越出社区{community}边界{area_m2:.1f}平方米",
            "cell {cells} reaches {area_m2:.1f} m² beyond community {community}",
        ),
        Kind(
            "split_beat", "责任网格{beat}的单元网格不相连，分为{count}块", "the cells of beat {beat} do not hang together: {count} pieces"
        ),
        Kind("no_beat", "网格{cells}不属于任何责任网格", "cell {cells} belongs to no beat", "warning"),
        Kind("unknown_crs", "坐标系{crs}无法识别", "the coordinate system {crs} is not known"),
        Kind("out_of_range", "坐标超出{crs}的范围：{reason}", "coordinates are outside the range of {crs}: {reason}"),
        Kind("outside", "网格不在任何社区内", "the cell lies in no community"),
        Kind("unknown_community", "社区{community}不存在或没有边界", "community {community} does not exist or has no boundary"),
        Kind("sequence_exhausted", "社区{community}的网格序号超过999", "community {community} would need more than 999 cell numbers"),
        Kind("missing_field", "文件没有字段{field}", "the file has no field {field}"),
        Kind("unreadable", "文件无法读取：{reason}", "the file cannot be read: {reason}"),
        Kind("empty", "文件中没有网格", "the file holds no cells"),
        Kind("wrong_grade", "网格{cells}的区域等级{grade}应为A、B或C", "the grade {grade} of cell {cells} is not A, B or C"),
        Kind(
            "existing_cells",
            "社区{community}已有{count}个现用网格，请用网格草案变更",
            "community {community} already has {count} cells; change them by a draft",
        ),
        Kind("remark", "读取文件时的提示：{reason}", "the reader of the file remarks: {reason}", "information"),
        Kind(
            "crs_converted",
            "坐标已由{crs}转换为CGCS2000（平均偏移{shift_m:.0f}米）",
            "coordinates were converted from {crs} to CGCS2000 (mean shift {shift_m:.0f} m)",
            "information",
        ),
        Kind(
            "codes_given",
            "文件没有编码，已按自西向东、自北向南编号",
            "the file has no codes; cells were numbered west to east, north to south",
            "information",
        ),
    )
}


REASONS_ZH = {
    "self-intersection": "边界自相交",
    "ring self-intersection": "边界环自相交",
    "hole lies outside shell": "内环在外环之外",
    "nested holes": "内环相互嵌套",
    "interior is disconnected": "内部不连通",
    "too few points in geometry component": "顶点不足",
    "duplicate rings": "边界环重复",
    "invalid coordinate": "坐标无效",
    "it is empty": "几何为空",
}


def broken(reason: str) -> dict[str, str]:
    """Why an outline is no polygon, in both languages; what GEOS says is taken as it is where we have no Chinese for it."""
    plain = reason.split("[")[0].strip().lower()
    return {"reason": plain, "reason_zh": REASONS_ZH.get(plain, plain)}


@dataclass(frozen=True)
class Finding:
    """One thing found. `geometry` is in degrees (4490) and may be missing when the thing has no place."""

    kind: str
    cells: tuple[str, ...] = ()
    geometry: BaseGeometry | None = None
    area_m2: float = 0.0
    rows: tuple[int, ...] = ()
    """Rows of the imported file, counted from 1."""
    details: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values that fill the sentence

    @property
    def severity(self) -> Severity:
        """fault, warning or information."""
        return KINDS[self.kind].severity

    def _filled(self, template: str) -> str:
        return template.format(**{"cells": ", ".join(self.cells), "area_m2": self.area_m2, **self.details})

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese."""
        return self._filled(KINDS[self.kind].zh)

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return self._filled(KINDS[self.kind].en)

    def as_feature(self) -> dict[str, Any]:
        """The finding as a GeoJSON feature."""
        return {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(self.geometry)) if self.geometry is not None else None,
            "properties": {
                "kind": self.kind,
                "severity": self.severity,
                "cells": list(self.cells),
                "rows": list(self.rows),
                "area_m2": round(self.area_m2, 3),
                "message_zh": self.message_zh,
                "message_en": self.message_en,
                **self.details,
            },
        }


@dataclass(frozen=True)
class Report:
    """All findings of one validation, faults first."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int] = field(default_factory=dict)
    """How many of what was looked at, by name."""

    @classmethod
    def of(cls, findings: Iterable[Finding], **checked: int) -> Report:
        """A report in its fixed order: by severity, kind, cells."""
        rank = {"fault": 0, "warning": 1, "information": 2}
        ordered = sorted(findings, key=lambda f: (rank[f.severity], list(KINDS).index(f.kind), f.cells, f.rows, -f.area_m2))
        return cls(tuple(ordered), checked)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that forbid loading or publishing."""
        return tuple(finding for finding in self.findings if finding.severity == "fault")

    def as_geojson(self) -> dict[str, Any]:
        """The report as a GeoJSON FeatureCollection with its counts."""
        return {
            "type": "FeatureCollection",
            "features": [finding.as_feature() for finding in self.findings],
            "faults": len(self.faults),
            "kinds": dict(Counter(finding.kind for finding in self.findings)),
            "checked": dict(self.checked),
        }

    def as_json(self) -> dict[str, Any]:
        """The report without geometries: each finding's properties with its box."""
        rows = []
        for finding in self.findings:
            shape = finding.geometry
            rows.append({**finding.as_feature()["properties"], "bbox": [round(v, 7) for v in shape.bounds] if shape is not None else None})
        return {
            "faults": len(self.faults),
            "kinds": dict(Counter(f.kind for f in self.findings)),
            "checked": dict(self.checked),
            "findings": rows,
        }

    def as_text(self, language: Literal["zh", "en"] = "en") -> str:
        """One line per finding, with rows and place, and a last line that counts."""
        lines = []
        for finding in self.findings:
            sentence = finding.message_zh if language == "zh" else finding.message_en
            rows = f" [row {', '.join(map(str, finding.rows))}]" if finding.rows else ""
            place = ""
            if finding.geometry is not None and not finding.geometry.is_empty:
                point = finding.geometry.representative_point()
                place = f" at {point.x:.6f}, {point.y:.6f}"
            lines.append(f"{finding.severity} {finding.kind}: {sentence}{rows}{place}")
        counted = ", ".join(f"{number} {name}" for name, number in self.checked.items())
        lines.append(f"{len(self.faults)} faults" + (f" in {counted}" if counted else ""))
        return "\n".join(lines)
