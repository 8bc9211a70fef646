"""Signing in and out: attempts and their back-off, cookie sessions, bearer and personal tokens, revocation."""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select, text, update
from sqlalchemy.orm import Session

from cityops.db.session import unit_of_work
from cityops.identity import audit, events, passwords, policy, queries, rules, tokens
from cityops.identity.board import permission_changed
from cityops.identity.errors import NoSuchSession, SignInFailed, SignInPaused
from cityops.identity.models import Attempt, SessionRow, User
from cityops.identity.visibility import Viewer

KEPT_AFTER_END = timedelta(days=90)
"""How long an ended session stays in the table; the audit keeps its line for good."""


@dataclass(frozen=True)
class Issued:
    """A new session. The token is shown this once; `csrf` belongs to cookies only."""

    session_id: int
    user_id: int
    token: str
    csrf: str | None
    expires_at: datetime


@dataclass(frozen=True)
class Caller:
    """Where a request came from, for the audit and the list of sessions."""

    ip: str | None = None
    agent: str | None = None


def sign_in(engine: Engine, *, login: str, password: str, kind: str, label: str, caller: Caller, now: datetime) -> Issued:
    """A session for whoever knows the password. Raises SignInFailed or SignInPaused.

    It runs in three short transactions of its own, because a failure must be counted although the request fails. The
    attempt is counted before the password is checked, so a hundred guesses sent at once are a hundred attempts. Login
    and address are treated alike whether the login exists or not: same statements, same hash, same answers.
    """
    login = login.strip().lower()
    account, address = _account_key(login), _address_key(caller.ip)
    paused = _count_attempt(engine, account, address, now)
    with Session(engine, expire_on_commit=False) as session:
        user = queries.user_by_login(session, login)
    right = passwords.check_password(user.password_hash if user else None, password)
    if user is None or not right or not user.active or (user.locked_until is not None and user.locked_until > now):
        _note_failure(engine, user, login, right, paused, caller, now)
        raise SignInFailed(fix="check both; a forgotten password is reset by an administrator")
    with unit_of_work(engine) as session:
        current = queries.user_by_id(session, user.id, lock=True)
        if current is None or current.password_hash != user.password_hash:
            # The password was changed while we were checking the old one.
            raise SignInFailed(fix="sign in with the new password")
        if passwords.needs_new_hash(current.password_hash):
            current.password_hash = passwords.hash_password(password)
        current.failed_count = 0
        _forgive(session, account, address)
        issued = _issue(session, current.id, kind, label, caller, now)
        audit.record(
            session,
            now=now,
            actor_id=current.id,
            act=events.SIGN_IN,
            subject=f"session:{issued.session_id}",
            detail={"kind": kind, "label": label},
            ip=caller.ip,
        )
    return issued


def issue_token(session: Session, viewer: Viewer, *, kind: str, label: str, caller: Caller, now: datetime) -> Issued:
    """A bearer or personal token for a viewer who is signed in at the console."""
    issued = _issue(session, viewer.user_id, kind, label, caller, now)
    audit.record(
        session,
        now=now,
        actor_id=viewer.user_id,
        act=events.TOKEN_ISSUED,
        subject=f"session:{issued.session_id}",
        detail={"kind": kind, "label": label},
        ip=caller.ip,
    )
    return issued


def issue_token_for(session: Session, user: User, *, kind: str, label: str, now: datetime) -> Issued:
    """A token made at the command line by whoever runs the server."""
    issued = _issue(session, user.id, kind, label, Caller(agent="cityops users token"), now)
    audit.record(
        session,
        now=now,
        actor_id=None,
        act=events.TOKEN_ISSUED,
        subject=f"session:{issued.session_id}",
        detail={"kind": kind, "user": user.login},
    )
    return issued


def _issue(session: Session, user_id: int, kind: str, label: str, caller: Caller, now: datetime) -> Issued:
    session.execute(delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.expires_at < now - KEPT_AFTER_END))
    token = tokens.new_token(kind)
    row = SessionRow(
        user_id=user_id,
        kind=kind,
        label=label,
        token_digest=tokens.digest(token),
        csrf=tokens.new_csrf() if kind == "cookie" else None,
        created_at=now,
        last_seen_at=now,
        expires_at=now + rules.LIFETIME[kind],
        ip=caller.ip,
        agent=(caller.agent or "")[:200] or None,
    )
    session.add(row)
    session.flush()
    return Issued(row.id, user_id, token, row.csrf, row.expires_at)


def revoke(session: Session, actor: Viewer, session_id: int, *, caller: Caller, now: datetime) -> None:
    """End one session: one's own, or that of a user one may manage. To everyone else it does not exist."""
    row = session.get(SessionRow, session_id, with_for_update=True)
    if row is None:
        raise NoSuchSession(field="id")
    if row.user_id != actor.user_id:
        user = queries.user_by_id(session, row.user_id)
        if user is None or not _may_manage(session, actor, user):
            raise NoSuchSession(field="id")
    if row.revoked_at is None:
        row.revoked_at = now
        permission_changed(session, digests=[row.token_digest])
        own = row.user_id == actor.user_id
        audit.record(
            session,
            now=now,
            actor_id=actor.user_id,
            act=events.SIGN_OUT if own and row.kind == "cookie" else events.SESSION_REVOKED,
            subject=f"session:{session_id}",
            detail={"kind": row.kind, "user_id": row.user_id},
            ip=caller.ip,
        )


def revoke_all(session: Session, user_id: int, *, now: datetime, but: int | None = None) -> int:
    """End every session of a user except `but`; the caller writes the audit. Returns how many were ended."""
    statement = (
        update(SessionRow)
        .where(SessionRow.user_id == user_id, SessionRow.revoked_at.is_(None), SessionRow.id.is_distinct_from(but))
        .values(revoked_at=now)
        .returning(SessionRow.id)
        .execution_options(synchronize_session=False)
    )
    ended = len(session.scalars(statement).all())
    permission_changed(session, user_ids=[user_id])
    return ended


def may_see_sessions(session: Session, actor: Viewer, user: User) -> bool:
    """Whether the actor may list (and end) the sessions of this user."""
    return user.id == actor.user_id or _may_manage(session, actor, user)


def _may_manage(session: Session, actor: Viewer, user: User) -> bool:
    scopes = queries.scopes_of(session, [user.id])[user.id]
    reach = queries.reach(session, user.posts, user.department_id, scopes)
    refusal = policy.may_manage_user(
        actor, user_id=user.id, department_id=user.department_id, division_code=user.division_code, reach=reach
    )
    return refusal is None


def forgive_account(session: Session, login: str) -> None:
    """Forget the failed attempts of a login, when an administrator unlocks it."""
    session.execute(delete(Attempt).where(Attempt.key == _account_key(login)))


def _account_key(login: str) -> str:
    """A digest, because people type passwords into the wrong field and this table must not keep them."""
    return "login:" + hashlib.sha256(login.encode("utf-8", "surrogatepass")).hexdigest()


def _address_key(ip: str | None) -> str | None:
    """The address; of IPv6 the /64, which is what one household or office gets."""
    if ip is None:
        return None
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return f"address:{ip[:64]}"
    if parsed.version == 6:
        return f"address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"


def _count_attempt(engine: Engine, account: str, address: str | None, now: datetime) -> timedelta:
    """Count one attempt under both keys; raises SignInPaused while either is paused, and then counts nothing."""
    with engine.begin() as connection:
        if address is not None:
            _count(connection, address, rules.ADDRESS_BACK_OFF, now)
        return _count(connection, account, rules.ACCOUNT_BACK_OFF, now)


def _count(connection: Connection, key: str, back_off: rules.BackOff, now: datetime) -> timedelta:
    """Count under one key and set the pause that follows; the row lock makes concurrent attempts queue up."""
    failed = connection.execute(
        text(
            """
            INSERT INTO identity.attempts AS a (key, failed_count, last_at) VALUES (:key, 1, :now)
            ON CONFLICT (key) DO UPDATE
               SET failed_count = CASE WHEN a.last_at < :forgotten THEN 1 ELSE a.failed_count + 1 END, last_at = :now
             WHERE a.locked_until IS NULL OR a.locked_until <= :now
            RETURNING failed_count
            """
        ),
        {"key": key, "now": now, "forgotten": now - back_off.forgotten_after},
    ).scalar_one_or_none()
    if failed is None:
        until = connection.execute(select(Attempt.locked_until).where(Attempt.key == key)).scalar_one()
        assert until is not None, "only a pause keeps the row from being counted"
        raise SignInPaused(wait_s=max(1, math.ceil((until - now).total_seconds())), fix="wait, then try again")
    pause = back_off.pause(failed)
    connection.execute(
        update(Attempt).where(Attempt.key == key).values(locked_until=now + pause if pause else None),
    )
    return pause


def _forgive(session: Session, account: str, address: str | None) -> None:
    """After a success the account starts anew; the address only gets this attempt back.

    Otherwise somebody with one account of his own could reset the count between guesses at others.
    """
    session.execute(delete(Attempt).where(Attempt.key == account))
    if address is not None:
        session.execute(
            update(Attempt)
            .where(Attempt.key == address)
            .values(failed_count=func.greatest(Attempt.failed_count - 1, 0), locked_until=None)
            .execution_options(synchronize_session=False)
        )


def _note_failure(engine: Engine, user: User | None, login: str, right: bool, paused: timedelta, caller: Caller, now: datetime) -> None:
    """Count the failure on the user and write the audit; for an unknown login the statements are the same."""
    if user is None:
        reason = "login-unknown"
    elif not right:
        reason = "password-wrong"
    else:
        reason = "user-locked" if user.active else "user-inactive"
    known = user.login if user is not None else None
    subject = f"user:{user.id}" if user is not None else _account_key(login)[:22]
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE identity.users SET failed_count = failed_count + 1 WHERE id = :id"), {"id": user.id if user is not None else -1}
        )
        audit.record(
            connection,
            now=now,
            actor_id=user.id if user is not None else None,
            act=events.SIGN_IN_PAUSED if paused else events.SIGN_IN,
            subject=subject,
            outcome=audit.FAILED,
            reason=reason,
            detail={"login": known, "pause_s": paused.total_seconds()},
            ip=caller.ip,
        )
