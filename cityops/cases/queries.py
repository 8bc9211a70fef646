"""Reads of the case file: list, counts, detail, summary, events, tasks' place on the map. Bytes come ready from PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.cases import effects, lookups, policy
from cityops.cases.errors import FilterNotUnderstood
from cityops.cases.filters import LIGHT, OPEN, CaseFilter, Condition, build
from cityops.cases.lookups import COLUMNS
from cityops.cases.workflow import case_workflow
from cityops.db.sqlfiles import sql
from cityops.identity.visibility import ScopedColumns, Viewer, visible

COUNT_CAP = 10_000
"""Counting stops here, so that a list of ten million costs no more than one of ten thousand."""
VIEW_CAP = 2_000
"""Counting within a box stops earlier: no index holds the places themselves, so each case counted is a row read."""

NOW_LIGHT = LIGHT.format(now=":now")


@dataclass(frozen=True)
class Order:
    """A way to sort the list: the key's SQL, its direction, and whether the key can be missing."""

    key: str
    descending: bool
    nullable: bool

    @property
    def sql(self) -> str:
        """What follows ORDER BY; the id makes the order total."""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.key} {direction}, c.id {direction}"

    def after(self, key: str | None, row_id: int, params: dict[str, Any], open_only: bool) -> str:
        """The condition for the rows behind this one. PostgreSQL sorts missing keys last going up and first going down."""
        params["after_id"] = row_id
        sign = "<" if self.descending else ">"
        if key is None:
            params["after_key"] = None
            beyond = "" if not self.descending else f" OR {self.key} IS NOT NULL"
            return f"(({self.key} IS NULL AND c.id {sign} :after_id){beyond})"
        params["after_key"] = key
        row = f"({self.key}, c.id) {sign} (CAST(:after_key AS timestamptz), :after_id)"
        return f"({row} OR {self.key} IS NULL)" if self.nullable and not self.descending and not open_only else row


ORDERS = {
    "due": Order("c.state_due_at", False, True),
    "-due": Order("c.state_due_at", True, True),
    "reported": Order("c.reported_at", False, False),
    "-reported": Order("c.reported_at", True, False),
}


@dataclass(frozen=True)
class Page:
    """One page: the items as JSON text, and the sort key of the last one when more follow."""

    items: str
    next: tuple[str | None, int] | None


@dataclass(frozen=True)
class Counts:
    """How many cases match: without the box, within it, and those that no map can show. Each stops at its cap."""

    total: int
    in_view: int
    without_place: int
    capped: bool


def _fresh_plan(session: Session) -> None:
    """Plan the next statements for their values (a plan made for any value would read an index of the whole city), and
    without helpers, which would cost a short query more than they save and would mix the order of `_rows`."""
    session.execute(
        text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('max_parallel_workers_per_gather', '0', true)")
    )


def list_cases(
    session: Session, viewer: Viewer, wanted: CaseFilter, now: datetime, *, sort: str = "due",
    after: tuple[str | None, int] | None = None, limit: int = 50,
) -> tuple[Page, Counts]:  # fmt: skip
    """One page of the cases the viewer sees and the filter wants, and how many there are."""
    if sort not in ORDERS:
        raise FilterNotUnderstood(field_name="sort", field="sort", fix="one of " + ", ".join(ORDERS))
    order = ORDERS[sort]
    condition = build(session, viewer, wanted, now)
    _fresh_plan(session)
    params = {**condition.params, "limit": limit}
    where = condition.in_view
    if after is not None:
        where += " AND " + order.after(after[0], after[1], params, condition.open_only)
    rows = _rows(order, where, condition.open_only or (after is not None and after[0] is None))
    statement = sql(__package__, "list_items").format(rows=rows, order=order.sql, key=order.key, light=NOW_LIGHT)
    row = session.execute(text(statement), params).one()
    more = (row.last_key.isoformat() if row.last_key else None, row.last_id) if row.has_more else None
    return Page(row.items, more), count_cases(session, wanted, condition)


def _rows(order: Order, where: str, one_kind: bool) -> str:
    """The rows of a page and one more.

    By deadline the open cases come first and the finished ones, which have none, after them. Where both can match, the two
    are asked one after the other: the few open ones have indexes of their own, and the many finished ones are touched only
    when the open ones do not fill the page.
    """
    if one_kind or order.key != "c.state_due_at" or order.descending:
        return f"SELECT c.* FROM cases.cases AS c WHERE {where} ORDER BY {order.sql} LIMIT :limit + 1"
    first = f"SELECT c.* FROM cases.cases AS c WHERE {OPEN} AND {where} ORDER BY {order.sql} LIMIT :limit + 1"
    then = f"SELECT c.* FROM cases.cases AS c WHERE c.state_due_at IS NULL AND {where} ORDER BY c.id LIMIT :limit + 1"
    return f"SELECT * FROM (({first}) UNION ALL ({then})) AS u LIMIT :limit + 1"


def count_cases(session: Session, wanted: CaseFilter, condition: Condition) -> Counts:
    """The counts beside a list."""

    def capped(where: str, cap: int) -> str:
        return f"(SELECT count(*) FROM (SELECT 1 FROM cases.cases AS c WHERE {where} LIMIT {cap + 1}) AS n)"

    in_view = capped(condition.in_view, VIEW_CAP) if wanted.bbox is not None else "NULL"
    nowhere = capped(f"c.geom IS NULL AND {condition.everywhere}", COUNT_CAP)
    statement = f"SELECT {capped(condition.everywhere, COUNT_CAP)} AS total, {in_view} AS in_view, {nowhere} AS without_place"
    row = session.execute(text(statement), condition.params).one()
    total = min(row.total, COUNT_CAP)
    in_box = total if row.in_view is None else min(row.in_view, VIEW_CAP)
    cut = row.total > COUNT_CAP or (row.in_view or 0) > VIEW_CAP
    return Counts(total, in_box, min(row.without_place, COUNT_CAP), cut)


def detail(session: Session, viewer: Viewer, number: str, now: datetime) -> tuple[str, int] | None:
    """The whole case as JSON text, and its version; None when there is none or the viewer may not see it."""
    case_id = lookups.find_case_id(session, viewer, number)
    return None if case_id is None else detail_of(session, viewer, case_id, now)


def detail_of(session: Session, viewer: Viewer, case_id: int, now: datetime) -> tuple[str, int]:
    """The whole case by its id. Only for a viewer who was found to see it, or who has just acted on it."""
    facts = lookups.case_facts(session, viewer, case_id)
    statement = sql(__package__, "detail").format(light=NOW_LIGHT)
    body: str = session.execute(text(statement), {"case_id": case_id, "now": now}).scalar_one()
    acts = effects.as_json(acts_of(viewer, facts, now))
    return f'{body[:-1]}, "acts" : {acts}}}', facts.version


def acts_of(viewer: Viewer, case: Any, now: datetime) -> list[dict[str, Any]]:
    """Every act that leads on from here, with the reason when this viewer cannot do it (JSON values and a row, hence Any)."""
    flow = case_workflow()
    facts = lookups.facts_of(flow, viewer, case, now)
    listed = []
    for act in flow.acts_from(case.state):
        refused = policy.refusal(flow, viewer, facts, act)
        listed.append(
            {
                "act": act.id, "noun": act.noun, "title_zh": act.title_zh, "title_en": act.title_en, "aside": act.aside,
                "allowed": refused is None, "reason_code": refused.code if refused else None,
                "reason_zh": refused.zh if refused else None, "reason_en": refused.en if refused else None,
                "requires": list(act.requires),
                "results": [{"result": key, "title_zh": zh, "title_en": en} for key, (zh, en) in act.results.items()],
            }
        )  # fmt: skip
    return listed


def summary(session: Session, viewer: Viewer, now: datetime) -> str:
    """The vital signs as JSON text."""
    seen, params = visible(viewer, COLUMNS)
    walked, more = visible(viewer, ScopedColumns(layer="cases", cell="b.cell_code", beat="b.beat_id"), prefix="w")
    _fresh_plan(session)
    statement = sql(__package__, "summary").format(visible=seen, walked=walked)
    return str(session.execute(text(statement), {**params, **more, "now": now}).scalar_one())


def events_json(session: Session, case_id: int) -> str:
    """The chain of a case as JSON text: every event with the exact text that was hashed."""
    query = text(
        "SELECT json_agg(json_build_object('seq', e.seq, 'at', e.at, 'act', e.act, 'text', e.body,"
        " 'prev_digest', encode(e.prev_digest, 'hex'), 'digest', encode(e.digest, 'hex')) ORDER BY e.seq)::text"
        " FROM cases.events AS e WHERE e.case_id = :case_id"
    )
    return str(session.execute(query, {"case_id": case_id}).scalar_one())


def photo_visible(session: Session, viewer: Viewer, photo_id: int) -> bool:
    """Whether the viewer sees the case a photo belongs to; told to room media."""
    seen, params = visible(viewer, COLUMNS)
    query = text(f"SELECT 1 FROM cases.photos AS p JOIN cases.cases AS c ON c.id = p.case_id WHERE p.photo_id = :photo_id AND {seen}")
    return session.execute(query, {"photo_id": photo_id, **params}).first() is not None


def workflow_json() -> str:
    """The workflow for those who draw it: stages, states, acts, sources, posts."""
    flow = case_workflow()
    return json.dumps(
        {
            "stages": [{"number": s.number, "id": s.id, "title_zh": s.title_zh, "title_en": s.title_en} for s in flow.stages.values()],
            "states": [
                {"state": s.id, "stage": s.stage, "title_zh": s.title_zh, "title_en": s.title_en, "start": s.start, "terminal": s.terminal}
                for s in flow.states.values()
            ],
            "acts": [
                {
                    "act": a.id, "noun": a.noun, "title_zh": a.title_zh, "title_en": a.title_en, "requires": list(a.requires),
                    "results": [{"result": k, "title_zh": zh, "title_en": en} for k, (zh, en) in a.results.items()],
                    "edges": [{"from": e.source, "to": e.target, "posts": list(e.posts), "result": e.result} for e in a.edges],
                }
                for a in flow.acts.values()
            ],
            "sources": [
                {"source": s.id, "title_zh": s.title_zh, "title_en": s.title_en, "posts": list(s.posts),
                 "needs_verification": s.needs_verification, "needs_photo": s.needs_photo}
                for s in flow.sources.values()
            ],
            "posts": [{"post": post, "title_zh": zh, "title_en": en} for post, (zh, en) in flow.posts.items()],
        },
        ensure_ascii=False,
    )  # fmt: skip
