"""Reads of room identity: users and departments as rows, lists by cursor, the reach of a user, the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from cityops.db.sqlfiles import sql
from cityops.identity import policy, rules
from cityops.identity.models import Department, ScopeRow, SessionRow, User
from cityops.identity.visibility import Grant, ScopedColumns, Viewer, visible


def user_by_id(session: Session, user_id: int, *, lock: bool = False) -> User | None:
    """The user, with a row lock until the end of the transaction if he is about to be changed."""
    statement = select(User).where(User.id == user_id).execution_options(populate_existing=True)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def user_by_login(session: Session, login: str) -> User | None:
    """The user with this login, whatever its case was written in."""
    return session.scalars(select(User).where(User.login == login.strip().lower())).one_or_none()


def visible_user(session: Session, viewer: Viewer, user_id: int, *, lock: bool = False) -> User | None:
    """The user if the viewer may see him: the same predicate as the list."""
    predicate, params = visible(policy.over_users(viewer), policy.USER_COLUMNS)
    found = session.execute(text(f"SELECT 1 FROM identity.users AS u WHERE u.id = :id AND {predicate}"), {"id": user_id, **params}).first()
    return None if found is None else user_by_id(session, user_id, lock=lock)


def list_users(
    session: Session,
    viewer: Viewer,
    *,
    post: str | None = None,
    department_id: int | None = None,
    active: bool | None = None,
    q: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[User]:
    """Users the viewer may see, by login; `department_id` counts with its whole subtree, `q` is part of login or name."""
    predicate, params = visible(policy.over_users(viewer), policy.USER_COLUMNS)
    where = [predicate]
    if post is not None:
        where.append("u.posts @> ARRAY[CAST(:post AS text)]")
        params["post"] = post
    if department_id is not None:
        where.append("u.department_id = ANY(CAST(:departments AS integer[]))")
        params["departments"] = list(subtrees(session, [department_id]).get(department_id, ()))
    if active is not None:
        where.append("u.active = :active")
        params["active"] = active
    if q:
        where.append("(strpos(u.login, lower(:q)) > 0 OR strpos(u.name, :q) > 0)")
        params["q"] = q
    if after is not None:
        where.append("u.login > :after")
        params["after"] = after
    statement = text(f"SELECT u.* FROM identity.users AS u WHERE {' AND '.join(where)} ORDER BY u.login LIMIT :limit")
    return list(session.scalars(select(User).from_statement(statement), {**params, "limit": limit}))


def scopes_of(session: Session, user_ids: Sequence[int]) -> dict[int, list[rules.Scope]]:
    """The scopes of several users, in a fixed order."""
    found: dict[int, list[rules.Scope]] = {user_id: [] for user_id in user_ids}
    rows = session.scalars(select(ScopeRow).where(ScopeRow.user_id.in_(user_ids)).order_by(ScopeRow.id))
    for row in rows:
        found[row.user_id].append(rules.Scope(row.division_code, row.beat_id, row.department_id, row.layer))
    return found


def subtrees(session: Session, roots: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """For each department all departments at or below it."""
    rows = session.execute(text(sql(__package__, "resolve_reach")), {"roots": list(set(roots))})
    return {row.root: tuple(row.ids) for row in rows}


def reach(session: Session, posts: Sequence[str], department_id: int | None, scopes: Sequence[rules.Scope]) -> tuple[Grant, ...]:
    """The grants somebody with these posts, department and scopes has or would have, one per scope."""
    roots = [d for d in (department_id, *(scope.department_id for scope in scopes)) if d is not None]
    below = subtrees(session, roots) if roots else {}
    own = below.get(department_id) if department_id is not None else None
    return rules.separate_grants_of(posts, own, scopes, below)


def load_viewer(session: Session, user_id: int) -> Viewer | None:
    """An active user as a viewer, without a session: for the command line, jobs and tests."""
    user = user_by_id(session, user_id)
    if user is None or not user.active:
        return None
    grants = rules.merge(reach(session, user.posts, user.department_id, scopes_of(session, [user_id])[user_id]))
    return Viewer(user.id, user.login, user.name, frozenset(user.posts), user.department_id, grants)


def departments(session: Session, *, active: bool | None = None) -> list[Department]:
    """All departments by code; there are hundreds at most, so there are no pages."""
    statement = select(Department).order_by(Department.code)
    return list(session.scalars(statement if active is None else statement.where(Department.active == active)))


def department_by_id(session: Session, department_id: int, *, lock: bool = False) -> Department | None:
    """The department, with a row lock if it is about to be changed."""
    statement = select(Department).where(Department.id == department_id).execution_options(populate_existing=True)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def department_by_code(session: Session, code: str) -> Department | None:
    """The department with this code."""
    return session.scalars(select(Department).where(Department.code == code)).one_or_none()


def live_sessions(session: Session, user_id: int, now: datetime) -> list[SessionRow]:
    """The sessions and tokens of a user that work at `now`, newest first."""
    return list(
        session.scalars(
            select(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None), SessionRow.expires_at > now)
            .order_by(SessionRow.id.desc())
        )
    )


def administrators_of_the_city(session: Session, now: datetime) -> int:
    """How many active, unlocked administrators have the whole city as their scope."""
    return session.execute(
        text(
            """
            SELECT count(*) FROM identity.users AS u
            WHERE u.active AND u.posts @> ARRAY['administrator'] AND (u.locked_until IS NULL OR u.locked_until <= :now)
              AND EXISTS (SELECT 1 FROM identity.scopes AS s WHERE s.user_id = u.id
                          AND num_nonnulls(s.division_code, s.beat_id, s.department_id, s.layer) = 0)
            """
        ),
        {"now": now},
    ).scalar_one()


AUDIT_COLUMNS = ScopedColumns(layer="users", cell="u.division_code", departments=("u.department_id",), persons=("a.actor_id",))
"""A line of the audit belongs where its actor belongs; lines without an actor are the whole city's."""


def list_audit(
    session: Session,
    viewer: Viewer,
    *,
    actor_id: int | None = None,
    act: str | None = None,
    outcome: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Lines of the audit about actors the viewer may see, newest first; columns of identity.audit plus actor_login, actor_name."""
    predicate, params = visible(viewer, AUDIT_COLUMNS)
    where = [predicate]
    conditions: tuple[tuple[object, str, str], ...] = (
        (actor_id, "a.actor_id = :actor_id", "actor_id"),
        (act, "a.act = :act", "act"),
        (outcome, "a.outcome = :outcome", "outcome"),
        (subject, "a.object = :subject", "subject"),
        (since, "a.at >= :since", "since"),
        (until, "a.at < :until", "until"),
        (before_id, "a.id < :before_id", "before_id"),
    )
    for value, condition, name in conditions:
        if value is not None:
            where.append(condition)
            params[name] = value
    return session.execute(
        text(
            "SELECT a.*, u.login AS actor_login, u.name AS actor_name FROM identity.audit AS a"
            f" LEFT JOIN identity.users AS u ON u.id = a.actor_id WHERE {' AND '.join(where)} ORDER BY a.id DESC LIMIT :limit"
        ),
        {**params, "limit": limit},
    ).all()
