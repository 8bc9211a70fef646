"""`cityops users list|add|passwd|lock|unlock|token|sign-out`: who works in the city.

Whoever can run this on the server is the system itself: scopes do not limit him, the audit names no actor, and the last
administrator of the city cannot be locked out even so. A password is asked for or read from standard input, never taken
from the command line, where every process of the machine could read it.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import secrets
import sys
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cityops import clock
from cityops.cli.city import open_city
from cityops.db.session import unit_of_work
from cityops.errors import Invalid, NotFound
from cityops.identity import operations, queries, rules, sessions
from cityops.identity.board import Board
from cityops.identity.models import User
from cityops.identity.rules import Scope

YEARS_100 = timedelta(days=36525)


class NoSuchLogin(NotFound):
    """There is no user with the login {login}."""


class NoSuchDepartmentCode(NotFound):
    """There is no department with the code {department_code}."""


class PasswordMissing(Invalid):
    """No password was given."""


class PasswordsDiffer(Invalid):
    """The two passwords are not the same."""


class ScopeMissing(Invalid):
    """A user with these posts sees nothing without a scope."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the noun `users`."""
    parser = subparsers.add_parser("users", help="who works in the city: list, add, passwd, lock, unlock, token, sign-out")
    acts = parser.add_subparsers(metavar="ACT", required=True)

    act = acts.add_parser("list", help="logins, posts and scopes")
    act.add_argument("--post", choices=sorted(rules.POST_IDS))
    act.add_argument("--department", metavar="CODE", help="with all departments below it")
    act.add_argument("--search", metavar="TEXT", help="part of the login or the name")
    act.set_defaults(run=list_users)

    act = acts.add_parser("add", help="make a user; the password is asked for, or read from standard input")
    act.add_argument("login")
    act.add_argument("--name", required=True)
    act.add_argument("--post", action="append", required=True, choices=sorted(rules.POST_IDS), help="may be repeated")
    act.add_argument("--department", metavar="CODE")
    act.add_argument("--whole-city", action="store_true", help="a scope without any limit")
    act.add_argument(
        "--division", action="append", default=[], metavar="CODE", help="a scope on a division of 6, 9 or 12 digits; may be repeated"
    )
    act.add_argument("--beat", action="append", default=[], type=int, metavar="ID", help="a scope on a beat; may be repeated")
    act.add_argument("--generate", action="store_true", help="make a password and print it")
    act.set_defaults(run=add_user)

    act = acts.add_parser("passwd", help="set a password and end all sessions of the user")
    act.add_argument("login")
    act.add_argument("--generate", action="store_true", help="make a password and print it")
    act.set_defaults(run=set_password)

    act = acts.add_parser("lock", help="keep a user out and end his sessions")
    act.add_argument("login")
    act.add_argument("--hours", type=float, help="for how long (default: until unlocked)")
    act.set_defaults(run=lock_user)

    act = acts.add_parser("unlock", help="let a user in again and forget failed attempts")
    act.add_argument("login")
    act.set_defaults(run=unlock_user)

    act = acts.add_parser("token", help="make a token and print it; it is shown this once")
    act.add_argument("login")
    act.add_argument(
        "--kind", choices=("personal", "bearer"), default="personal", help="personal for desktop GIS (default), bearer for scripts"
    )
    act.add_argument("--label", default="command line", help="what it is for")
    act.set_defaults(run=make_token)

    act = acts.add_parser("sign-out", help="end all sessions and tokens of a user")
    act.add_argument("login")
    act.set_defaults(run=sign_out)


@contextlib.contextmanager
def _city() -> Iterator[Session]:
    """One unit of work on the city; running servers of this machine heed its changes at once."""
    with open_city() as city:
        board = None
        # Without the board (another user's home) the notification of the database reaches the servers a moment later.
        with contextlib.suppress(OSError):
            board = Board(city.settings.home / "permissions.board")
        with unit_of_work(city.engine) as session:
            yield session
        del board


def _user(session: Session, login: str) -> User:
    user = queries.user_by_login(session, login)
    if user is None:
        raise NoSuchLogin(login=login, fix="cityops users list")
    return user


def _department_id(session: Session, code: str | None) -> int | None:
    if code is None:
        return None
    department = queries.department_by_code(session, code)
    if department is None:
        raise NoSuchDepartmentCode(department_code=code, fix="GET /api/v1/departments lists them")
    return department.id


def _password(arguments: argparse.Namespace) -> str:
    if arguments.generate:
        return secrets.token_urlsafe(12)
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
        if not password:
            raise PasswordMissing(fix="pipe it in, or use --generate")
        return password
    password = getpass.getpass(f"Password of {arguments.login}: ")
    if password != getpass.getpass("Once more: "):
        raise PasswordsDiffer(fix="try again")
    return password


def _describe(scope: Scope) -> str:
    axes = (("division", scope.division_code), ("beat", scope.beat_id), ("department", scope.department_id), ("layer", scope.layer))
    return "+".join(f"{axis} {value}" for axis, value in axes if value is not None) or "whole city"


def list_users(arguments: argparse.Namespace) -> None:
    """Print one line per user."""
    with _city() as session:
        statement = select(User).order_by(User.login)
        if arguments.post:
            statement = statement.where(User.posts.contains([arguments.post]))
        if (department_id := _department_id(session, arguments.department)) is not None:
            statement = statement.where(User.department_id.in_(queries.subtrees(session, [department_id])[department_id]))
        if arguments.search:
            statement = statement.where(
                User.login.contains(arguments.search, autoescape=True) | User.name.contains(arguments.search, autoescape=True)
            )
        users = list(session.scalars(statement))
        scopes = queries.scopes_of(session, [user.id for user in users])
        now = clock.now()
        for user in users:
            state = "closed" if not user.active else "locked" if user.locked_until is not None and user.locked_until > now else "active"
            reach = ", ".join(_describe(scope) for scope in scopes[user.id]) or "-"
            print(f"{user.login}\t{user.name}\t{','.join(user.posts) or '-'}\t{state}\t{reach}")
        print(f"{len(users)} users", file=sys.stderr)


def add_user(arguments: argparse.Namespace) -> None:
    """Make one user."""
    scopes = [Scope(division_code=code) for code in arguments.division] + [Scope(beat_id=beat) for beat in arguments.beat]
    if arguments.whole_city:
        scopes.append(Scope())
    if not scopes and not rules.DEPARTMENT_POSTS & set(arguments.post):
        raise ScopeMissing(field="scope", fix="add --whole-city, --division CODE or --beat ID")
    password = _password(arguments)
    with _city() as session:
        user = operations.create_user(
            session,
            None,
            login=arguments.login,
            name=arguments.name,
            posts=arguments.post,
            department_id=_department_id(session, arguments.department),
            password=password,
            scopes=scopes,
            now=clock.now(),
        )
        login = user.login
    print(f"{login} added" + (f"; password {password}" if arguments.generate else ""))


def set_password(arguments: argparse.Namespace) -> None:
    """Set a password."""
    password = _password(arguments)
    with _city() as session:
        operations.set_password(session, None, _user(session, arguments.login), password, now=clock.now())
    print(f"{arguments.login} has a new password" + (f": {password}" if arguments.generate else "") + "; all sessions ended")


def lock_user(arguments: argparse.Namespace) -> None:
    """Keep a user out."""
    now = clock.now()
    until = now + (timedelta(hours=arguments.hours) if arguments.hours is not None else YEARS_100)
    with _city() as session:
        operations.lock_user(session, None, _user(session, arguments.login), until=until, now=now)
    print(f"{arguments.login} is locked" + (f" until {until:%Y-%m-%d %H:%M} UTC" if arguments.hours is not None else ""))


def unlock_user(arguments: argparse.Namespace) -> None:
    """Let a user in again."""
    with _city() as session:
        operations.unlock_user(session, None, _user(session, arguments.login), now=clock.now())
    print(f"{arguments.login} may sign in again")


def make_token(arguments: argparse.Namespace) -> None:
    """Print a new token on standard output, everything else on standard error."""
    with _city() as session:
        user = _user(session, arguments.login)
        issued = sessions.issue_token_for(session, user, kind=arguments.kind, label=arguments.label, now=clock.now())
    print(issued.token)
    print(f"{arguments.kind} token of {arguments.login}, valid until {issued.expires_at:%Y-%m-%d}; it is shown this once", file=sys.stderr)


def sign_out(arguments: argparse.Namespace) -> None:
    """End all sessions and tokens of a user."""
    with _city() as session:
        user = _user(session, arguments.login)
        ended = operations.end_sessions(session, None, user, now=clock.now())
    print(f"{ended} sessions and tokens of {arguments.login} ended")
