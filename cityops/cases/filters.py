"""Which cases a list, a map, a count or an export is about: one builder, so that they cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cityops.cases.errors import FilterNotUnderstood
from cityops.cases.lookups import COLUMNS
from cityops.cases.workflow import Workflow, case_workflow
from cityops.components.queries import id_of
from cityops.identity.queries import subtrees
from cityops.identity.visibility import Viewer, prefix_range, visible

OPEN = "c.state NOT IN ('closed', 'voided')"
"""The open cases, in the words of the partial indexes."""

LIGHTS = {
    "ok": "(c.state_soon_at > :now AND c.state <> 'suspended')",
    "soon": "(c.state_soon_at <= :now AND c.state_due_at >= :now AND c.state <> 'suspended')",
    "late": "(c.state_due_at < :now AND c.state <> 'suspended')",
    "paused": "(c.state_due_at IS NULL OR c.state = 'suspended')",
}
LIGHT = (
    "CASE WHEN c.state_due_at IS NULL OR c.state = 'suspended' THEN 'paused' WHEN {now} > c.state_due_at THEN 'late'"
    " WHEN {now} >= c.state_soon_at THEN 'soon' ELSE 'ok' END"
)
"""The traffic light of a row; `{now}` is a parameter or now()."""

MARKS = {
    "delay": "c.pending = 'delay'",
    "suspension": "c.pending = 'suspension'",
    "appeal": "c.appeal IN ('asked', 'passed')",
    "supervised": "c.supervision = 'open'",
    "urgent": "c.urgent",
    "simplified": "c.simplified",
    "forced": "c.forced",
    "reopened": "c.reopen_count > 0",
    "exempt": "c.exempt",
}
"""Special circumstances a list can be asked for: what waits for a decision or an answer, and what a case is marked with."""


@dataclass(frozen=True)
class CaseFilter:
    """What is asked for; an empty value asks for everything. `bbox` is west, south, east, north in EPSG:4490 degrees."""

    state: tuple[str, ...] = ()
    stage: tuple[int, ...] = ()
    desk: str | None = None
    kind: str | None = None
    source: tuple[str, ...] = ()
    class_code: tuple[str, ...] = ()
    department: int | None = None
    division: str | None = None
    cell: str | None = None
    beat: int | None = None
    component: str | None = None
    light: tuple[str, ...] = ()
    mark: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Condition:
    """A WHERE over `cases.cases AS c`: `everywhere` without the box, `in_view` with it. Params: several types, hence Any."""

    everywhere: str
    in_view: str
    params: dict[str, Any]
    open_only: bool
    """Whether only open cases can match; then the order by deadline needs no thought about missing deadlines."""


def build(session: Session, viewer: Viewer, wanted: CaseFilter, now: datetime) -> Condition:
    """The filter and the viewer's visibility as SQL; raises FilterNotUnderstood for values that cannot be."""
    flow = case_workflow()
    seen, params = visible(viewer, COLUMNS)
    parts: list[str] = [seen]
    params["now"] = now
    open_only = _states(flow, wanted, parts, params)
    open_only |= _lights(wanted, parts, params)
    if not all(mark in MARKS for mark in wanted.mark):
        raise FilterNotUnderstood(field_name="mark", field="mark", fix="of " + ", ".join(MARKS))
    if wanted.mark:
        parts.append("(" + " OR ".join(MARKS[mark] for mark in dict.fromkeys(wanted.mark)) + ")")
    if wanted.desk == "mine":
        parts.append(_desk(session, flow, viewer, params))
        open_only = True
    elif wanted.desk is not None:
        raise FilterNotUnderstood(field_name="desk", field="desk", fix="desk=mine")
    _simple(session, wanted, parts, params)
    if wanted.q:
        parts.append(_words(session, wanted.q, params))
    if open_only:
        parts.insert(1, OPEN)
    everywhere = " AND ".join(parts)
    in_view = everywhere
    if wanted.bbox is not None:
        params |= dict(zip(("f_west", "f_south", "f_east", "f_north"), wanted.bbox, strict=True))
        in_view += " AND c.geom && ST_MakeEnvelope(:f_west, :f_south, :f_east, :f_north, 4490)"
    return Condition(everywhere, in_view, params, open_only)


def _states(flow: Workflow, wanted: CaseFilter, parts: list[str], params: dict[str, Any]) -> bool:
    """States and stages; `open` stands for every state that is not an end. Returns whether only open cases can match."""
    states: set[str] = set()
    for name in wanted.state:
        if name == "open":
            states |= set(flow.open_states)
        elif name in flow.states:
            states.add(name)
        else:
            raise FilterNotUnderstood(field_name="state", field="state", fix="open, or of " + ", ".join(flow.states))
    if wanted.stage:
        if not all(stage in flow.stages for stage in wanted.stage):
            raise FilterNotUnderstood(field_name="stage", field="stage", fix="numbers from 1 to 7")
        parts.append("c.stage = ANY(CAST(:f_stages AS smallint[]))")
        params["f_stages"] = list(wanted.stage)
    if states and states != set(flow.open_states):
        parts.append("c.state = ANY(CAST(:f_states AS text[]))")
        params["f_states"] = sorted(states)
    return bool(states) and states <= set(flow.open_states)


def _lights(wanted: CaseFilter, parts: list[str], params: dict[str, Any]) -> bool:
    if not wanted.light:
        return False
    if not all(light in LIGHTS for light in wanted.light):
        raise FilterNotUnderstood(field_name="light", field="light", fix="of " + ", ".join(LIGHTS))
    parts.append("(" + " OR ".join(LIGHTS[light] for light in dict.fromkeys(wanted.light)) + ")")
    return "paused" not in wanted.light


def _desk(session: Session, flow: Workflow, viewer: Viewer, params: dict[str, Any]) -> str:
    """What waits for this viewer: the states of his posts; for handlers in their department, for inspectors in their hands."""
    either: list[str] = []
    for post in sorted(viewer.posts & flow.posts.keys()):
        states = flow.desk(post)
        if not states:
            continue
        params[f"f_desk_{post}"] = states
        part = f"c.state = ANY(CAST(:f_desk_{post} AS text[]))"
        if post == "handler":
            below = subtrees(session, [viewer.department_id]) if viewer.department_id is not None else {}
            params["f_desk_departments"] = list(below.get(viewer.department_id or 0, ()))
            part += " AND c.department_id = ANY(CAST(:f_desk_departments AS integer[]))"
        elif post == "inspector":
            params["f_desk_user"] = viewer.user_id
            part += " AND (c.assignee_id = :f_desk_user OR c.assignee_id IS NULL)"
        elif post == "dispatcher":
            part += " OR c.pending IS NOT NULL"  # the department waits for his decision
        either.append(f"({part})")
    return "(" + " OR ".join(either) + ")" if either else "FALSE"


def _simple(session: Session, wanted: CaseFilter, parts: list[str], params: dict[str, Any]) -> None:
    """The filters that are one comparison each."""
    for name, value, condition in (
        ("kind", wanted.kind, "c.kind = :f_kind"),
        ("sources", list(wanted.source) or None, "c.source = ANY(CAST(:f_sources AS text[]))"),
        ("classes", list(wanted.class_code) or None, "c.class_code = ANY(CAST(:f_classes AS text[]))"),
        ("cell", wanted.cell, "c.cell_code = CAST(:f_cell AS bpchar)"),
        ("beat", wanted.beat, "c.beat_id = :f_beat"),
        ("since", wanted.since, "c.reported_at >= :f_since"),
        ("until", wanted.until, "c.reported_at < :f_until"),
    ):
        if value is not None:
            parts.append(condition)
            params[f"f_{name}"] = value
    if wanted.department is not None:
        params["f_departments"] = list(subtrees(session, [wanted.department]).get(wanted.department, ()))
        parts.append("c.department_id = ANY(CAST(:f_departments AS integer[]))")
    if wanted.division is not None:
        if not (wanted.division.isascii() and wanted.division.isdigit() and len(wanted.division) in (6, 9, 12)):
            raise FilterNotUnderstood(field_name="division", field="division", fix="a division code of 6, 9 or 12 digits")
        params["f_division_a"], params["f_division_z"] = prefix_range(wanted.division)
        parts.append("c.cell_code >= CAST(:f_division_a AS bpchar) AND c.cell_code < CAST(:f_division_z AS bpchar)")
    if wanted.component is not None:
        params["f_component"] = id_of(session, wanted.component)
        parts.append("c.component_id = :f_component")


def _words(session: Session, q: str, params: dict[str, Any]) -> str:
    """Every word has to be found, each in the number, the address or the description; a whole component code finds its cases."""
    parts = []
    for i, word in enumerate(q.split()[:8]):
        params[f"f_q{i}"] = "%" + word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        # Chinese has no capitals, and folding what cannot be folded costs most of the search.
        like = "LIKE" if word.lower() == word.upper() else "ILIKE"
        either = [f"c.{column} {like} :f_q{i}" for column in ("number", "address", "description")]
        if word.isascii() and word.isdigit() and len(word) >= 14:
            params[f"f_qc{i}"] = id_of(session, word)
            either.append(f"c.component_id = CAST(:f_qc{i} AS bigint)")
        parts.append("(" + " OR ".join(either) + ")")
    return "(" + " AND ".join(parts) + ")" if parts else "TRUE"
