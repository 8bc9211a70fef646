"""What the write path has to know before it decides: small reads, each one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from cityops.cases.offline_verifier import read
from cityops.cases.routing import Candidate
from cityops.cases.rules import Facts
from cityops.cases.workflow import Workflow
from cityops.db.sqlfiles import sql
from cityops.identity.visibility import ScopedColumns, Viewer, visible

COLUMNS = ScopedColumns(
    layer="cases", cell="c.cell_code", beat="c.beat_id", departments=("c.department_id",), persons=("c.reporter_id", "c.assignee_id")
)
"""What the visibility predicate looks at in a row of `cases.cases AS c`."""


def find_case_id(session: Session, viewer: Viewer, number: str, *, lock: bool = False) -> int | None:
    """The id of a case this viewer may see; with `lock`, its row is held until the transaction ends."""
    where, params = visible(viewer, COLUMNS)
    ending = " FOR UPDATE OF c" if lock else ""
    query = text(f"SELECT c.id FROM cases.cases AS c WHERE c.number = :number AND {where}{ending}")
    return session.execute(query, {"number": number, **params}).scalar()


def case_facts(session: Session, viewer: Viewer, case_id: int) -> Row[Any]:
    """The case's row with what its guards look at (columns of `sql/case_facts.sql`, hence Any)."""
    beats = sorted({beat for grant in viewer.grants for beat in grant.beat_ids or ()})
    return session.execute(
        text(sql(__package__, "case_facts")),
        {"case_id": case_id, "user_id": viewer.user_id, "user_department_id": viewer.department_id, "beat_ids": beats},
    ).one()


def records(session: Session, case_id: int) -> list[dict[str, Any]]:
    """The events of a case in order, as `timeline.replay` wants them (JSON values, hence Any)."""
    rows = session.execute(text("SELECT body FROM cases.events WHERE case_id = :id ORDER BY seq"), {"id": case_id})
    return [read(row.body) for row in rows]


def suspensions_over(session: Session, now: datetime, at_most: int) -> Sequence[str]:
    """The numbers of suspended cases whose date has come, the oldest first; those that somebody else works on are left out."""
    query = text(
        "SELECT c.number FROM cases.cases AS c WHERE c.state = 'suspended' AND c.suspended_until <= :now"
        " ORDER BY c.suspended_until, c.id LIMIT :at_most FOR UPDATE SKIP LOCKED"
    )
    return session.execute(query, {"now": now, "at_most": at_most}).scalars().all()


def facts_of(flow: Workflow, viewer: Viewer, case: Row[Any], now: datetime) -> Facts:
    """The guards' view of a row of `case_facts`."""
    source = flow.sources.get(case.source)
    return Facts(
        state=case.state,
        needs_verification=source is not None and source.needs_verification,
        verified=case.verified,
        condition_id=case.condition_id,
        department_id=case.department_id,
        in_department=case.in_department,
        may_answer_task=case.may_answer_task,
        has_handled=case.has_handled,
        now=now,
        posts=viewer.posts,
        due_at=case.due_at,
        closed_at=case.closed_at,
        pending=case.pending,
        asked_until=case.asked_until,
        delay_count=case.delay_count,
        suspension_count=case.suspension_count,
        supervision=case.supervision,
        overdue_count=case.overdue_count,
        appeal=case.appeal,
    )


def routing_candidates(
    session: Session, *, maintainer_id: int | None, condition_department: str | None, class_department: str | None, cell_code: str
) -> list[Candidate]:
    """What each routing rule would say."""
    rows = session.execute(
        text(sql(__package__, "routing_candidates")),
        {
            "maintainer_id": maintainer_id,
            "condition_department": condition_department,
            "class_department": class_department,
            "cell_code": cell_code,
        },
    )
    return [Candidate(row.rule, row.id, row.name_zh, row.name_en) for row in rows]


@dataclass(frozen=True)
class Department:
    id: int
    name_zh: str
    name_en: str


def active_department(session: Session, department_id: int) -> Department | None:
    """The department, if it is active."""
    row = session.execute(
        text("SELECT id, name_zh, name_en FROM identity.departments WHERE id = :id AND active"), {"id": department_id}
    ).first()
    return Department(row.id, row.name_zh, row.name_en) if row else None


def choose_inspector(session: Session, case_id: int, beat_id: int | None) -> int | None:
    """Who gets the task; None when nobody walks the beat, and then any inspector who sees the case may take it."""
    return session.execute(text(sql(__package__, "choose_inspector")), {"case_id": case_id, "beat_id": beat_id}).scalar()


def is_active_inspector(session: Session, user_id: int) -> bool:
    """Whether a task may be given to this user."""
    query = text("SELECT 1 FROM identity.users WHERE id = :id AND active AND 'inspector' = ANY (posts)")
    return session.execute(query, {"id": user_id}).first() is not None


def take_number(session: Session, district: str, on: date) -> int | None:
    """The next serial of a district and day, from 1 to 99,999, then None; the counter stays locked until the transaction ends."""
    return session.execute(text(sql(__package__, "take_number")), {"district": district, "counted_on": on}).scalar()


def cases_to_move(session: Session, cell_codes: Sequence[str]) -> Sequence[Row[Any]]:
    """The open cases of these cells whose cell or beat is another now, locked (columns of `sql/cases_to_move.sql`, hence Any)."""
    if not cell_codes:
        return []
    return session.execute(text(sql(__package__, "cases_to_move")), {"cell_codes": list(cell_codes)}).all()


def photos_in_use(session: Session, photo_ids: Sequence[int]) -> set[int]:
    """Those of the photos that belong to a case already."""
    rows = session.execute(text("SELECT photo_id FROM cases.photos WHERE photo_id = ANY(CAST(:ids AS bigint[]))"), {"ids": list(photo_ids)})
    return {row.photo_id for row in rows}


def version_of(session: Session, case_id: int) -> int:
    """The version of a case by its id."""
    return int(session.execute(text("SELECT version FROM cases.cases WHERE id = :id"), {"id": case_id}).scalar_one())
