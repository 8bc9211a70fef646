"""What the chain of a case tells about its row: the columns that lists, maps and statistics read, folded from the events.

The row of a case is only a convenience; the chain is the file. So whoever changes the row behind the chain's back is found
by telling the story again. Pure: events in, columns out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cityops.cases.timeline import Record, edge_of
from cityops.cases.workflow import Workflow

REPORTED = ("source", "description", "address", "component_code", "area_grade")
"""Said once, by the report."""

DECIDED = ("kind", "edition", "class_code", "condition_id", "cell_code", "beat_id")
"""Said again whenever they change."""

COLUMNS = (
    *REPORTED, *DECIDED, "reporter_id", "department_id", "due_at", "state_due_at",
    "reported_at", "filed_at", "dispatched_at", "handled_at", "closed_at", "return_count", "rework_count", "overdue_count",
)  # fmt: skip


class Told:
    """The columns as the events so far tell them; Any: columns have several types."""

    def __init__(self, flow: Workflow) -> None:
        self._flow = flow
        self.columns: dict[str, Any] = dict.fromkeys(COLUMNS) | {"return_count": 0, "rework_count": 0, "overdue_count": 0}

    def add(self, record: Record) -> None:
        """One event further."""
        act, body, columns = record["act"], record["body"], self.columns
        if record["seq"] == 1:
            columns |= {"reporter_id": record["actor"], "reported_at": record["at"]}
            columns |= {name: body.get(name) for name in REPORTED}
        columns |= {name: body[name] for name in DECIDED if name in body}
        self._clock(record)
        self._stations(act, record["at"], body)
        columns["return_count"] += act == "return_case"
        columns["rework_count"] += act == "check" and body.get("result") == "fail"
        columns["overdue_count"] += body.get("in_time") is False

    def _clock(self, record: Record) -> None:
        body = record["body"]
        if "state_due_at" in body or record["from"] != record["to"]:
            self.columns["state_due_at"] = body.get("state_due_at")
        if "due_at" in body:
            self.columns["due_at"] = body["due_at"]
        else:
            edge = edge_of(self._flow, record)
            if (body.get("clock") or (edge.clock if edge else None)) == "clear":
                self.columns["due_at"] = None

    def _stations(self, act: str, at: str, body: Mapping[str, Any]) -> None:
        """The department, and when the case passed where."""
        columns = self.columns
        if act in ("file", "file_simply"):
            columns["filed_at"] = at
        elif act in ("dispatch", "redispatch"):
            columns |= {"department_id": body["department_id"], "dispatched_at": at, "handled_at": None}
        elif act == "return_case":
            columns |= {"department_id": None, "dispatched_at": None}
        elif act == "handle":
            columns["handled_at"] = at
        elif act == "check" and body.get("result") == "fail":
            columns["handled_at"] = None
        elif act in ("close", "force_close"):
            columns["closed_at"] = at
        elif act == "reopen":
            columns |= dict.fromkeys(("department_id", "dispatched_at", "handled_at", "closed_at"))

    def differences(self, row: Mapping[str, Any]) -> list[str]:
        """The columns in which the row says something else."""
        return [name for name, value in self.columns.items() if not _same(value, row[name])]


def _same(told: Any, held: Any) -> bool:
    """Whether a JSON value of the chain and a value of the table are the same (any types, hence Any)."""
    if told is None or held is None:
        return told is None and held is None
    if isinstance(held, datetime):
        return datetime.fromisoformat(told) == held
    if isinstance(held, Decimal):
        return Decimal(told) == held
    return bool(told == (held.strip() if isinstance(held, str) and isinstance(told, str) and len(held) != len(told) else held))
