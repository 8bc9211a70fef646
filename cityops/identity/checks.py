"""What every verb of room identity checks or writes in the same way."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from cityops.identity import audit, queries, rules
from cityops.identity.errors import DepartmentUnknown, DivisionCodeNotWellFormed, NameMissing
from cityops.identity.models import Department
from cityops.identity.visibility import Viewer

CALLER_IP = "identity.caller_ip"
"""Key in `Session.info` under which a request notes where it came from."""


class Unset:
    """The field was not sent; None would mean: make it empty."""


UNSET: Final = Unset()


def clean_name(name: str, field: str) -> str:
    """The name with single spaces; raises NameMissing naming `field`."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise NameMissing(field=field, fix="write the name as it is read aloud")
    return name


def check_division(code: str | None, field: str = "division_code") -> None:
    """Raises DivisionCodeNotWellFormed; None is the whole city."""
    if code is not None and not (code.isascii() and rules.DIVISION.fullmatch(code)):
        raise DivisionCodeNotWellFormed(division_code=code, field=field, fix="take the code from GET /api/v1/divisions")


def active_department(session: Session, department_id: int | None, field: str = "department_id") -> Department | None:
    """The department with this id, None for None; raises DepartmentUnknown when there is no active one."""
    if department_id is None:
        return None
    department = queries.department_by_id(session, department_id)
    if department is None or not department.active:
        raise DepartmentUnknown(department_id=department_id, field=field, fix="GET /api/v1/departments lists them")
    return department


def record(session: Session, actor: Viewer | None, now: datetime, act: str, subject: str, **detail: object) -> None:
    """The audit line of an act that was done; the actor None is the system. The address is what the request left on the session."""
    actor_id, ip = actor.user_id if actor else None, session.info.get(CALLER_IP)
    audit.record(session, now=now, actor_id=actor_id, act=act, subject=subject, detail=detail, ip=ip)
