"""Many users at once, and the accounts a newcomer signs in with. Everything made here is synthetic unless it is imported."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cityops.identity import events, passwords, rules
from cityops.identity.board import permission_changed
from cityops.identity.checks import record
from cityops.identity.models import Department, ScopeRow, User
from cityops.identity.rules import Scope

DEMO_PASSWORD = "nanyang-2026"


class UserRow(TypedDict):
    """One user of a bulk load; login, posts and division codes are checked by the table's constraints."""

    login: str
    name: str
    posts: Sequence[str]
    department_id: int | None
    scopes: Sequence[Scope]


@dataclass(frozen=True)
class DemoAccount:
    """What `make run` prints: who can sign in, with what, and as what."""

    login: str
    name: str
    posts: tuple[str, ...]
    password: str = DEMO_PASSWORD


def create_users_bulk(session: Session, now: datetime, rows: Sequence[UserRow], *, password: str | None = None) -> dict[str, int]:
    """Load users with one shared hash and return login -> id.

    Hashing ten thousand passwords one by one would take minutes. Without `password` the shared hash is that of a random
    string nobody keeps, so these users exist and are assigned work but cannot sign in until a password is set.
    """
    if not rows:
        return {}
    shared = passwords.hash_password(password if password is not None else secrets.token_urlsafe(32))
    divisions = {row.id: row.division_code for row in session.execute(select(Department.id, Department.division_code))}
    made = session.execute(
        insert(User).returning(User.id, User.login),
        [
            {
                "login": row["login"],
                "name": row["name"],
                "posts": sorted(set(row["posts"])),
                "department_id": row["department_id"],
                "division_code": rules.home_division(divisions.get(row["department_id"] or -1), row["scopes"]),
                "password_hash": shared,
                "created_at": now,
            }
            for row in rows
        ],
    )
    ids = {row.login: row.id for row in made}
    scopes = [{"user_id": ids[row["login"]], **asdict(scope)} for row in rows for scope in dict.fromkeys(row["scopes"])]
    if scopes:
        session.execute(insert(ScopeRow), scopes)
    permission_changed(session, everybody=True)
    record(session, None, now, events.USERS_LOADED, "users", count=len(ids))
    return ids


DEMO_LOGINS = (
    "inspector1",
    "acceptor1",
    "leader1",
    "dispatcher1",
    "handler1",
    "handler2",
    "head1",
    "supervisor1",
    "planner1",
    "evaluator1",
    "admin",
)


def demo_accounts(session: Session, password: str = DEMO_PASSWORD) -> list[DemoAccount]:
    """The demo accounts that exist, are active and still have the demo password, in the order of the desks."""
    users = {user.login: user for user in session.scalars(select(User).where(User.login.in_(DEMO_LOGINS), User.active))}
    still = {kept: passwords.check_password(kept, password) for kept in {user.password_hash for user in users.values()}}
    return [
        DemoAccount(login, users[login].name, tuple(users[login].posts), password)
        for login in DEMO_LOGINS
        if login in users and still[users[login].password_hash]
    ]


def create_demo_accounts(
    session: Session,
    now: datetime,
    *,
    departments: Mapping[str, int],
    division_code: str | None,
    beat_ids: Sequence[int] = (),
    password: str = DEMO_PASSWORD,
) -> list[DemoAccount]:
    """One account per desk, all with one password; accounts that exist already are left as they are.

    `departments` gives ids for centre (监督中心), command (指挥中心), drainage (排水) and sanitation (环卫); a missing one
    falls back to centre, a missing centre to no department. `division_code` is what the desks see (None: the whole city).
    """
    centre = departments.get("centre")
    desk = (Scope(division_code=division_code),)
    command = departments.get("command", centre)
    drainage, sanitation = departments.get("drainage", centre), departments.get("sanitation", centre)
    beats = tuple(Scope(beat_id=beat_id) for beat_id in beat_ids)
    wanted: list[UserRow] = [
        {"login": "inspector1", "name": "王监督", "posts": ["inspector"], "department_id": centre, "scopes": beats},
        {"login": "acceptor1", "name": "李受理", "posts": ["acceptor"], "department_id": centre, "scopes": desk},
        {"login": "leader1", "name": "赵值班", "posts": ["shift_leader"], "department_id": centre, "scopes": desk},
        {"login": "dispatcher1", "name": "陈派遣", "posts": ["dispatcher"], "department_id": command, "scopes": desk},
        {"login": "handler1", "name": "周排水", "posts": ["handler"], "department_id": drainage, "scopes": ()},
        {"login": "handler2", "name": "吴环卫", "posts": ["handler"], "department_id": sanitation, "scopes": ()},
        {"login": "head1", "name": "郑主任", "posts": ["department_head"], "department_id": drainage, "scopes": ()},
        {"login": "supervisor1", "name": "冯督察", "posts": ["supervisor"], "department_id": command, "scopes": (Scope(),)},
        {"login": "planner1", "name": "褚规划", "posts": ["planner"], "department_id": centre, "scopes": (Scope(),)},
        {"login": "evaluator1", "name": "卫评价", "posts": ["evaluator"], "department_id": centre, "scopes": (Scope(),)},
        {"login": "admin", "name": "系统管理员", "posts": ["administrator"], "department_id": centre, "scopes": (Scope(),)},
    ]
    present = set(session.scalars(select(User.login).where(User.login.in_([row["login"] for row in wanted]))))
    create_users_bulk(session, now, [row for row in wanted if row["login"] not in present], password=password)
    return [DemoAccount(row["login"], row["name"], tuple(row["posts"]), password) for row in wanted]
