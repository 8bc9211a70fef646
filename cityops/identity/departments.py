"""The verbs of the department tree: create, change, move, close. `actor` None is the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cityops.identity import events, policy, queries, rules
from cityops.identity.board import permission_changed
from cityops.identity.checks import UNSET, Unset, active_department, check_division, clean_name, record
from cityops.identity.errors import DepartmentCodeTaken, DepartmentStillUsed, DepartmentTreeHasCycle, OutsideYourScope
from cityops.identity.models import Department, User
from cityops.identity.visibility import Viewer


@dataclass(frozen=True)
class DepartmentChange:
    """What is to change about a department; fields left UNSET stay."""

    name_zh: str | Unset = UNSET
    name_en: str | Unset = UNSET
    parent_id: int | Unset | None = UNSET
    division_code: str | Unset | None = UNSET
    active: bool | Unset = UNSET


def create_department(
    session: Session,
    actor: Viewer | None,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    now: datetime,
    parent_id: int | None = None,
    division_code: str | None = None,
) -> Department:
    """A new department below `parent_id` (None: at the top)."""
    check_division(division_code)
    active_department(session, parent_id, field="parent_id")
    if actor is not None and (refusal := policy.may_manage_department(actor, department_ids=[parent_id], division_code=division_code)):
        raise refusal
    department = Department(
        code=code.strip(),
        name_zh=clean_name(name_zh, "name_zh"),
        name_en=clean_name(name_en, "name_en"),
        parent_id=parent_id,
        division_code=division_code,
    )
    try:
        with session.begin_nested():
            session.add(department)
    except IntegrityError as error:
        raise DepartmentCodeTaken(department_code=code, field="code", fix="choose another code") from error
    permission_changed(session, everybody=True)
    record(
        session,
        actor,
        now,
        events.DEPARTMENT_CREATED,
        f"department:{department.id}",
        code=code,
        parent_id=parent_id,
        division_code=division_code,
    )
    return department


def change_department(
    session: Session, actor: Viewer | None, department: Department, change: DepartmentChange, *, now: datetime
) -> Department:
    """Change a department read with a row lock: names, place in the tree, division, whether it is active."""
    given = {name: value for name, value in vars(change).items() if not isinstance(value, Unset)}
    if not given:
        return department
    _check_department(actor, department, [department.id])
    if "parent_id" in given and given["parent_id"] != department.parent_id:
        _move_department(session, actor, department, given["parent_id"])
    for name in {"name_zh", "name_en"} & set(given):
        setattr(department, name, clean_name(given[name], name))
    if "division_code" in given:
        check_division(given["division_code"])
        department.division_code = given["division_code"]
        _check_department(actor, department, [department.id])
        _rehome_users(session, department)
    if "active" in given:
        if department.active and not given["active"]:
            _check_unused(session, department)
        department.active = given["active"]
    department.version += 1
    session.flush()
    permission_changed(session, everybody=True)
    record(session, actor, now, events.DEPARTMENT_CHANGED, f"department:{department.id}", **given)
    return department


def _move_department(session: Session, actor: Viewer | None, department: Department, parent_id: int | None) -> None:
    """Put a department elsewhere in the tree.

    Whoever heads a department above the new place sees this department's rows wherever they lie, so somebody whose own
    scope is limited to divisions cannot give that.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('identity.departments'))"))
    active_department(session, parent_id, field="parent_id")
    if parent_id is not None and parent_id in queries.subtrees(session, [department.id])[department.id]:
        raise DepartmentTreeHasCycle(field="parent_id", fix="choose a department that is not below this one")
    if actor is not None and not policy.place_within(
        [grant for grant in actor.grants if grant.divisions is None], [department.id, parent_id], department.division_code
    ):
        raise OutsideYourScope(thing="place in the tree", fix="ask the administrator of the city")
    department.parent_id = parent_id


def _check_department(actor: Viewer | None, department: Department, department_ids: list[int | None]) -> None:
    if actor is not None:
        refusal = policy.may_manage_department(actor, department_ids=department_ids, division_code=department.division_code)
        if refusal:
            raise refusal


def _rehome_users(session: Session, department: Department) -> None:
    """The users of a department are administered where the department is."""
    users = list(session.scalars(select(User).where(User.department_id == department.id).with_for_update()))
    scopes = queries.scopes_of(session, [user.id for user in users])
    for user in users:
        user.division_code = rules.home_division(department.division_code, scopes[user.id])


def _check_unused(session: Session, department: Department) -> None:
    users = session.execute(select(func.count()).where(User.department_id == department.id, User.active)).scalar_one()
    children = session.execute(select(func.count()).where(Department.parent_id == department.id, Department.active)).scalar_one()
    if users or children:
        raise DepartmentStillUsed(users=users, children=children, field="active", fix="move them to another department first")
