"""What of a case the public sees, and how a class becomes a service. Pure: rows in, JSON values out.

Open311 knows two states; ours stand in `extended_attributes`. Of people nothing is shown: not who reported, not who
handles, and no telephone or identity number that somebody wrote into a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cityops.cases.workflow import Workflow

PUBLIC_SOURCE: Final = "public"
"""Cases from this source came by a public channel; no other case is ever shown."""

IMPACTS: Final = {
    "blocks_traffic": ("阻碍车辆通行", "blocks traffic"),
    "blocks_footway": ("阻碍行人通行", "blocks the footway"),
    "danger": ("有人身危险", "somebody may be hurt"),
    "at_night": ("夜间发生", "happens at night"),
}
"""What any reporter may tick; the acceptor reads it at the end of the description."""

_PERSONAL = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"  # a mobile number
    r"|(?<!\d)\d{17}[\dXx](?![\dXx])"  # an identity number
    r"|[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]*[A-Za-z0-9]"
)


def mask(text: str | None) -> str | None:
    """The text with mobile numbers, identity numbers and e-mail addresses blotted out."""
    return None if text is None else _PERSONAL.sub("***", text)


def service_code(edition: str, kind: str, class_code: str) -> str:
    """gbt30428.2-2013-event-0110."""
    return f"{edition}-{kind}-{class_code}"


def class_key(code: str) -> tuple[str, str, str] | None:
    """Edition, kind and class of a service code; None when it is none."""
    parts = code.rsplit("-", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and parts[1] in ("component", "event") else None


def w3(at: datetime | None, zone: ZoneInfo) -> str | None:
    """An instant in the city's own time, with its offset, to the second."""
    return None if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def service(row: Any, lang: str) -> dict[str, Any]:
    """A class as a service. `row`: a row of `queries.services` (hence Any)."""
    return {
        "service_code": service_code(row.edition, row.kind, row.code),
        "service_name": _said(row.name_zh, row.name_en, lang),
        "description": _said(row.filing_zh or row.name_zh, row.filing_en or row.name_en, lang),
        "metadata": True,
        "type": "realtime",
        "keywords": ",".join(dict.fromkeys([row.name_zh, row.name_en])),
        "group": _said(row.major_zh, row.major_en, lang) or "",
    }


def definition(code: str, kind: str, conditions: Sequence[Any], lang: str) -> dict[str, Any]:
    """The attributes of a service. `conditions`: rows with id, filing_zh, filing_en (hence Any)."""
    attributes: list[dict[str, Any]] = []

    def add(variable: str, datatype: str, zh: str, en: str, values: list[dict[str, str]]) -> None:
        attributes.append(
            {
                "variable": True, "code": variable, "datatype": datatype, "required": False,
                "datatype_description": "", "order": len(attributes) + 1, "description": _said(zh, en, lang), "values": values,
            }
        )  # fmt: skip

    if kind == "component":
        add("component_code", "string", "部件编码（如铭牌上有）", "Code of the component, if it bears one", [])
    if len(conditions) > 1:
        choices = [{"key": str(one.id), "name": _said(one.filing_zh, one.filing_en, lang) or ""} for one in conditions]
        add("condition", "singlevaluelist", "问题是哪一种", "Which of these is it", choices)
    impacts = [{"key": key, "name": zh if lang == "zh" else en} for key, (zh, en) in IMPACTS.items()]
    add("impact", "multivaluelist", "造成的影响", "What it does", impacts)
    return {"service_code": code, "attributes": attributes}


def request(row: Any, flow: Workflow, zone: ZoneInfo, lang: str) -> dict[str, Any]:
    """A case as a service request. `row`: a row of `sql/list_requests.sql` (hence Any)."""
    state = flow.states[row.state]
    return {
        "service_request_id": row.number,
        "status": "closed" if state.terminal else "open",
        "status_notes": _said(state.title_zh, state.title_en, lang),
        "service_name": _said(row.name_zh, row.name_en, lang),
        "service_code": service_code(row.edition, row.kind, row.class_code),
        "description": mask(row.description),
        "agency_responsible": _said(row.department_zh, row.department_en, lang),
        "service_notice": None,
        "requested_datetime": w3(row.reported_at, zone),
        "updated_datetime": w3(row.updated_at, zone),
        "expected_datetime": w3(row.due_at, zone),
        "address": mask(row.address),
        "address_id": None,
        "zipcode": None,
        "lat": row.lat,
        "long": row.lon,
        "media_url": None,
        "extended_attributes": {
            "state": row.state,
            "stage": row.stage,
            "stage_name": _said(flow.stages[row.stage].title_zh, flow.stages[row.stage].title_en, lang),
            "cell_code": row.cell_code,
            "closed_datetime": w3(row.closed_at, zone),
            "rework_count": row.rework_count,
        },
    }


def _said(zh: str | None, en: str | None, lang: str) -> str | None:
    return (zh or en) if lang == "zh" else (en or zh)
