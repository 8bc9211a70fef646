"""Users, departments and signed-in clients for tests. Passwords are shared and hashed once, so that a test costs milliseconds."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cityops import clock
from cityops.db.session import unit_of_work
from cityops.identity import passwords, queries, rules, sessions
from cityops.identity.models import Department, ScopeRow, User
from cityops.identity.rules import Scope
from cityops.identity.visibility import Viewer

PASSWORD = "long enough to pass"
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
WHOLE_CITY = (Scope(),)

_numbers = count(1)


@cache
def password_hash() -> str:
    """The hash of PASSWORD, made once per run."""
    return passwords.hash_password(PASSWORD)


def make_department(
    session: Session, code: str | None = None, parent: Department | None = None, division_code: str | None = None
) -> Department:
    """A department with a code of its own."""
    code = code or f"D{next(_numbers)}"
    department = Department(
        code=code, name_zh=f"部门{code}", name_en=f"Department {code}", parent_id=parent.id if parent else None, division_code=division_code
    )
    session.add(department)
    session.flush()
    return department


def make_user(
    session: Session,
    *posts: str,
    login: str | None = None,
    department: Department | None = None,
    scopes: Sequence[Scope] = (),
    active: bool = True,
) -> User:
    """A user with PASSWORD, written past the operations."""
    login = login or f"user{next(_numbers)}"
    user = User(
        login=login,
        name=f"名{login}",
        posts=sorted(posts),
        department_id=department.id if department else None,
        division_code=rules.home_division(department.division_code if department else None, list(scopes)),
        password_hash=password_hash(),
        active=active,
        created_at=NOW,
    )
    session.add(user)
    session.flush()
    session.add_all(
        [
            ScopeRow(user_id=user.id, division_code=s.division_code, beat_id=s.beat_id, department_id=s.department_id, layer=s.layer)
            for s in scopes
        ]
    )
    session.flush()
    return user


def make_viewer(session: Session, *posts: str, **kwargs: Any) -> Viewer:  # Any: the arguments of make_user
    """A new user as a viewer, without a session."""
    viewer = queries.load_viewer(session, make_user(session, *posts, **kwargs).id)
    assert viewer is not None
    return viewer


def saved_user(engine: Engine, *posts: str, **kwargs: Any) -> User:  # Any: the arguments of make_user
    """A user committed to the database."""
    with unit_of_work(engine) as session:
        return make_user(session, *posts, **kwargs)


def bearer(engine: Engine, user: User) -> dict[str, str]:
    """The headers of a new bearer token of this user."""
    with unit_of_work(engine) as session:
        issued = sessions.issue_token_for(session, user, kind="bearer", label="test", now=clock.now())
    return {"Authorization": f"Bearer {issued.token}"}


def personal(engine: Engine, user: User) -> dict[str, str]:
    """The headers of HTTP Basic with a new personal token of this user."""
    with unit_of_work(engine) as session:
        issued = sessions.issue_token_for(session, user, kind="personal", label="test", now=clock.now())
    return {"Authorization": "Basic " + base64.b64encode(f"{user.login}:{issued.token}".encode()).decode()}


def sign_in(client: FlaskClient, login: str, password: str = PASSWORD, **kwargs: Any) -> TestResponse:  # Any: werkzeug's own arguments
    """POST /session."""
    return client.post("/api/v1/session", json={"login": login, "password": password}, **kwargs)


def signed_in(app: Flask, user: User) -> tuple[FlaskClient, dict[str, str]]:
    """A client with the session cookie of this user, and the header that its changes need."""
    client = app.test_client()
    answer = sign_in(client, user.login)
    assert answer.status_code == 200, answer.text
    return client, {"X-CSRF-Token": answer.get_json()["csrf_token"]}
