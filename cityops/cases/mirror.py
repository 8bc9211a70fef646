"""The workflow file mirrored into the database, where the triggers read it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.cases.workflow import Workflow


def write(session: Session, flow: Workflow) -> None:
    """Make the tables say what the file says. A state that cases still use cannot be dropped; the database refuses it."""
    session.execute(text("LOCK TABLE cases.workflow_states, cases.workflow_edges IN SHARE ROW EXCLUSIVE MODE"))
    session.execute(
        text(
            "INSERT INTO cases.workflow_states (state, stage, is_start, is_terminal, title_zh, title_en)"
            " VALUES (:state, :stage, :is_start, :is_terminal, :title_zh, :title_en)"
            " ON CONFLICT (state) DO UPDATE SET stage = excluded.stage, is_start = excluded.is_start,"
            " is_terminal = excluded.is_terminal, title_zh = excluded.title_zh, title_en = excluded.title_en"
        ),
        [
            {
                "state": s.id,
                "stage": s.stage,
                "is_start": s.start,
                "is_terminal": s.terminal,
                "title_zh": s.title_zh,
                "title_en": s.title_en,
            }
            for s in flow.states.values()
        ],
    )
    # Two results of one act may lead to the same state: for the database they are one edge.
    edges = {(edge.act, edge.source, edge.target): sorted(edge.posts) for edge in flow.edges()}
    session.execute(text("DELETE FROM cases.workflow_edges"))
    session.execute(
        text(
            "INSERT INTO cases.workflow_edges (act, from_state, to_state, posts)"
            " VALUES (:act, :from_state, :to_state, CAST(:posts AS text[]))"
        ),
        [{"act": act, "from_state": source, "to_state": target, "posts": posts} for (act, source, target), posts in edges.items()],
    )
    session.execute(text("DELETE FROM cases.workflow_states WHERE NOT state = ANY(CAST(:states AS text[]))"), {"states": list(flow.states)})
