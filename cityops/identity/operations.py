"""The verbs of room identity: users, their scopes and passwords, departments. `actor` None is the system itself.

Every verb checks the policy, writes the audit line in the same transaction and marks the permission board after the
commit. Departments are in `departments.py`, sign-in and tokens in `sessions.py`, bulk loading and the demo accounts in
`accounts.py`; other rooms find the verbs they call here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.identity import audit, events, passwords, policy, queries, rules, sessions
from cityops.identity.accounts import DEMO_PASSWORD, DemoAccount, UserRow, create_demo_accounts, create_users_bulk, demo_accounts
from cityops.identity.audit import record_denial
from cityops.identity.board import permission_changed
from cityops.identity.checks import UNSET, Unset, active_department, check_division, clean_name, record
from cityops.identity.departments import DepartmentChange, change_department, create_department
from cityops.identity.errors import (
    LastAdministrator,
    LoginNotWellFormed,
    LoginTaken,
    OwnRightsAreFixed,
    PasswordNotRight,
    PasswordTooWeak,
    PostUnknown,
    PurposeMissing,
    VaultMissing,
)
from cityops.identity.models import ScopeRow, User
from cityops.identity.rules import Scope
from cityops.identity.vault import Vault
from cityops.identity.visibility import Viewer

__all__ = [
    "DEMO_PASSWORD",
    "UNSET",
    "DemoAccount",
    "DepartmentChange",
    "Scope",
    "UserChange",
    "UserRow",
    "change_department",
    "change_user",
    "create_demo_accounts",
    "create_department",
    "create_user",
    "create_users_bulk",
    "demo_accounts",
    "end_sessions",
    "grant_beat",
    "lock_user",
    "record_denial",
    "set_password",
    "set_scopes",
    "show_phone",
    "unlock_user",
    "withdraw_beat",
]


@dataclass(frozen=True)
class UserChange:
    """What is to change about a user; fields left UNSET stay."""

    name: str | Unset = UNSET
    posts: Sequence[str] | Unset = UNSET
    department_id: int | Unset | None = UNSET
    phone: str | Unset | None = UNSET
    active: bool | Unset = UNSET


def create_user(
    session: Session,
    actor: Viewer | None,
    *,
    login: str,
    name: str,
    posts: Sequence[str],
    department_id: int | None,
    password: str,
    scopes: Sequence[Scope],
    now: datetime,
    phone: str | None = None,
    vault: Vault | None = None,
) -> User:
    """A new user with his posts and scopes. Raises LoginTaken, Invalid kinds, and Refused kinds when beyond the actor's scope."""
    login = login.strip().lower()
    if not rules.LOGIN.fullmatch(login):
        raise LoginNotWellFormed(field="login", fix="for example li.ming or inspector12")
    name = clean_name(name, "name")
    held = _clean_posts(posts)
    _check_password(password, login)
    department = active_department(session, department_id)
    wanted = _clean_scopes(session, scopes)
    division_code = rules.home_division(department.division_code if department else None, wanted)
    _check_manage(session, actor, None, held, department_id, division_code, wanted)
    user = User(
        login=login,
        name=name,
        posts=held,
        department_id=department_id,
        division_code=division_code,
        phone_enc=_lock_phone(phone, vault),
        password_hash=passwords.hash_password(password),
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise LoginTaken(login=login, field="login", fix="choose another login") from error
    _write_scopes(session, user.id, wanted)
    permission_changed(session, user_ids=[user.id])
    record(
        session,
        actor,
        now,
        events.USER_CREATED,
        f"user:{user.id}",
        login=login,
        posts=held,
        department_id=department_id,
        scopes=_plain(wanted),
    )
    return user


def change_user(
    session: Session, actor: Viewer | None, user: User, change: UserChange, *, now: datetime, vault: Vault | None = None
) -> User:
    """Change a user read with a row lock. His own phone number is all anybody changes of himself."""
    given = {name: value for name, value in vars(change).items() if not isinstance(value, Unset)}
    if not given:
        return user
    if actor is not None and actor.user_id == user.id:
        if set(given) - {"phone"}:
            raise OwnRightsAreFixed(fix="ask another administrator")
    else:
        _check_manage_user(session, actor, user)
    before = queries.administrators_of_the_city(session, now) if _guard_administrators(session, user) else 0
    noted: dict[str, object] = {}
    if "name" in given:
        user.name = clean_name(given["name"], "name")
        noted["name"] = user.name
    if "posts" in given:
        user.posts = _clean_posts(given["posts"])
        noted["posts"] = user.posts
    if "department_id" in given:
        department = active_department(session, given["department_id"])
        user.department_id = given["department_id"]
        user.division_code = rules.home_division(department.division_code if department else None, _scopes(session, user))
        noted["department_id"] = user.department_id
    if "active" in given:
        user.active = given["active"]
        noted["active"] = user.active
    if "phone" in given:
        user.phone_enc = _lock_phone(given["phone"], vault)
        noted["phone"] = "changed"
    user.version += 1
    if actor is not None and actor.user_id != user.id:
        # Once more with what he would become: giving posts and departments is granting, too.
        _check_manage_user(session, actor, user)
    session.flush()
    _check_administrators(session, before, now)
    if given.get("active") is False:
        sessions.revoke_all(session, user.id, now=now)
    permission_changed(session, user_ids=[user.id])
    record(session, actor, now, events.USER_CHANGED, f"user:{user.id}", **noted)
    return user


def set_scopes(session: Session, actor: Viewer | None, user: User, scopes: Sequence[Scope], *, now: datetime) -> User:
    """Replace all scopes of a user read with a row lock."""
    _check_manage_user(session, actor, user)
    wanted = _clean_scopes(session, scopes)
    before = queries.administrators_of_the_city(session, now) if _guard_administrators(session, user) else 0
    department = queries.department_by_id(session, user.department_id) if user.department_id is not None else None
    division_code = rules.home_division(department.division_code if department else None, wanted)
    _check_manage(session, actor, user.id, user.posts, user.department_id, division_code, wanted)
    old = _scopes(session, user)
    session.execute(delete(ScopeRow).where(ScopeRow.user_id == user.id))
    _write_scopes(session, user.id, wanted)
    user.division_code = division_code
    user.version += 1
    session.flush()
    _check_administrators(session, before, now)
    permission_changed(session, user_ids=[user.id])
    record(session, actor, now, events.SCOPES_CHANGED, f"user:{user.id}", before=_plain(old), after=_plain(wanted))
    return user


def set_password(
    session: Session,
    actor: Viewer | None,
    user: User,
    password: str,
    *,
    now: datetime,
    present: str | None = None,
    keep_session_id: int | None = None,
) -> None:
    """A new password. One's own needs the present one and ends all other sessions; a reset ends every session."""
    own = actor is not None and actor.user_id == user.id
    if own:
        if present is None or not passwords.check_password(user.password_hash, present):
            raise PasswordNotRight(field="present_password", fix="type the password you signed in with")
    else:
        _check_manage_user(session, actor, user)
    _check_password(password, user.login)
    user.password_hash = passwords.hash_password(password)
    user.version += 1
    session.flush()
    ended = sessions.revoke_all(session, user.id, now=now, but=keep_session_id if own else None)
    record(session, actor, now, events.PASSWORD_CHANGED, f"user:{user.id}", own=own, sessions_ended=ended)


def lock_user(session: Session, actor: Viewer | None, user: User, *, until: datetime, now: datetime) -> None:
    """Keep a user out until an instant, and end his sessions."""
    _check_manage_user(session, actor, user)
    before = queries.administrators_of_the_city(session, now) if _guard_administrators(session, user) else 0
    user.locked_until = until
    user.version += 1
    session.flush()
    _check_administrators(session, before, now)
    sessions.revoke_all(session, user.id, now=now)
    record(session, actor, now, events.USER_LOCKED, f"user:{user.id}", until=until.isoformat())


def end_sessions(session: Session, actor: Viewer | None, user: User, *, now: datetime) -> int:
    """End every session and token of a user; returns how many there were."""
    _check_manage_user(session, actor, user)
    ended = sessions.revoke_all(session, user.id, now=now)
    record(session, actor, now, events.SESSION_REVOKED, f"user:{user.id}", sessions_ended=ended)
    return ended


def unlock_user(session: Session, actor: Viewer | None, user: User, *, now: datetime) -> None:
    """Let a user in again, and forget his failed attempts."""
    _check_manage_user(session, actor, user)
    user.locked_until = None
    user.failed_count = 0
    user.version += 1
    sessions.forgive_account(session, user.login)
    session.flush()
    permission_changed(session, user_ids=[user.id])
    record(session, actor, now, events.USER_UNLOCKED, f"user:{user.id}")


def show_phone(session: Session, actor: Viewer, user: User, *, purpose: str, vault: Vault, now: datetime) -> str | None:
    """The phone number in clear, for a purpose that the audit keeps. Everybody may see his own."""
    if actor.user_id != user.id and (refusal := policy.needs(actor, policy.REVEALS_PHONES)):
        raise refusal
    if not purpose.strip():
        raise PurposeMissing(field="purpose", fix="say in a few words what the number is needed for")
    record(session, actor, now, events.PHONE_SHOWN, f"user:{user.id}", purpose=purpose.strip()[:200])
    return None if user.phone_enc is None else vault.phone(user.phone_enc)


def grant_beat(session: Session, actor_id: int | None, user_id: int, beat_id: int, now: datetime) -> None:
    """Let an inspector see a beat; called by the grid when it assigns one, under the grid's own policy. Safe to repeat."""
    added = session.execute(
        text("INSERT INTO identity.scopes (user_id, beat_id) VALUES (:user, :beat) ON CONFLICT DO NOTHING RETURNING 1"),
        {"user": user_id, "beat": beat_id},
    ).first()
    if added:
        _beat_changed(session, actor_id, user_id, now, added=beat_id)


def withdraw_beat(session: Session, actor_id: int | None, user_id: int, beat_id: int, now: datetime) -> None:
    """Take a beat from an inspector, in whatever division his scope named it. Safe to repeat."""
    removed = session.execute(
        text("DELETE FROM identity.scopes WHERE user_id = :user AND beat_id = :beat RETURNING 1"), {"user": user_id, "beat": beat_id}
    ).first()
    if removed:
        _beat_changed(session, actor_id, user_id, now, removed=beat_id)


def _beat_changed(session: Session, actor_id: int | None, user_id: int, now: datetime, **detail: int) -> None:
    permission_changed(session, user_ids=[user_id])
    audit.record(session, now=now, actor_id=actor_id, act=events.SCOPES_CHANGED, subject=f"user:{user_id}", detail=detail)


def _check_manage_user(session: Session, actor: Viewer | None, user: User) -> None:
    _check_manage(session, actor, user.id, user.posts, user.department_id, user.division_code, _scopes(session, user))


def _check_manage(
    session: Session,
    actor: Viewer | None,
    user_id: int | None,
    posts: Sequence[str],
    department_id: int | None,
    division_code: str | None,
    scopes: Sequence[Scope],
) -> None:
    if actor is None:
        return
    reach = queries.reach(session, posts, department_id, scopes)
    refusal = policy.may_manage_user(actor, user_id=user_id, department_id=department_id, division_code=division_code, reach=reach)
    if refusal:
        raise refusal


def _guard_administrators(session: Session, user: User) -> bool:
    """Before an administrator is weakened: let nobody else weaken another one until we commit."""
    if "administrator" not in user.posts:
        return False
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('identity.administrators'))"))
    return True


def _check_administrators(session: Session, before: int, now: datetime) -> None:
    if before and not queries.administrators_of_the_city(session, now):
        raise LastAdministrator(fix="give another active user the post administrator and the whole city as scope first")


def _scopes(session: Session, user: User) -> list[Scope]:
    return queries.scopes_of(session, [user.id])[user.id]


def _write_scopes(session: Session, user_id: int, scopes: Iterable[Scope]) -> None:
    session.add_all([ScopeRow(user_id=user_id, **asdict(scope)) for scope in scopes])
    session.flush()


def _clean_scopes(session: Session, scopes: Sequence[Scope]) -> list[Scope]:
    for scope in scopes:
        check_division(scope.division_code, field="scopes.division_code")
        active_department(session, scope.department_id, field="scopes.department_id")
    return list(dict.fromkeys(scopes))


def _clean_posts(posts: Sequence[str]) -> list[str]:
    for post in posts:
        if post not in rules.POST_IDS:
            raise PostUnknown(post=post, field="posts", fix="GET /api/v1/posts lists them")
    return sorted(set(posts))


def _check_password(password: str, login: str) -> None:
    if why := rules.password_fault(password, login):
        raise PasswordTooWeak(why=why, field="password", fix="take a sentence of a few words")


def _lock_phone(phone: str | None, vault: Vault | None) -> bytes | None:
    if phone is None:
        return None
    if vault is None:
        raise VaultMissing(field="phone", fix="pass the vault of this installation")
    return vault.lock_phone(phone)


def _plain(scopes: Iterable[Scope]) -> list[dict[str, Any]]:  # Any: codes are strings, ids are numbers
    return [{axis: value for axis, value in asdict(scope).items() if value is not None} for scope in scopes]
