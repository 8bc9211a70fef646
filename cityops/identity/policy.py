"""Who may do what with users, departments and the audit. Each rule returns the refusal as an error, or None when allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cityops.errors import Refused
from cityops.identity.errors import GrantsMoreThanHeld, OutsideYourScope, OwnRightsAreFixed, PostMissing
from cityops.identity.rules import all_held
from cityops.identity.visibility import Grant, ScopedColumns, Viewer

MANAGES_USERS = ("administrator",)
READS_AUDIT = ("administrator", "supervisor")
SEES_COLLEAGUES = ("administrator", "supervisor", "evaluator", "planner", "acceptor", "shift_leader", "dispatcher", "department_head")
"""The desks need to know whom they send; inspectors and handlers see themselves only."""
REVEALS_PHONES = ("administrator", "supervisor", "shift_leader", "dispatcher")

USER_COLUMNS = ScopedColumns(layer="users", cell="u.division_code", departments=("u.department_id",), persons=("u.id",))
"""A user lies in the division that administers him and in his department; he always sees himself."""


def needs(viewer: Viewer, posts: Iterable[str]) -> Refused | None:
    """He must hold one of `posts`."""
    posts = tuple(posts)
    return None if viewer.has(*posts) else PostMissing(posts=", ".join(posts), fix="ask an administrator for the post")


def over_users(viewer: Viewer) -> Viewer:
    """The viewer as far as users are concerned: without a post that works with colleagues he sees himself only."""
    return viewer if viewer.has(*SEES_COLLEAGUES) else replace(viewer, grants=(), signature="")


def place_within(grants: Iterable[Grant], department_ids: Sequence[int | None], division_code: str | None) -> bool:
    """Whether one grant covers somebody who belongs to these departments and is administered by this division (None: the city)."""
    return any(
        grant.beat_ids is None
        and grant.cells is None
        and grant.layers is None
        and (grant.divisions is None or (division_code is not None and division_code.startswith(grant.divisions)))
        and (grant.department_ids is None or all(d in grant.department_ids for d in department_ids))
        for grant in grants
    )


def may_manage_user(
    actor: Viewer, *, user_id: int | None, department_id: int | None, division_code: str | None, reach: Iterable[Grant]
) -> Refused | None:
    """He may change a user who belongs within his scope and sees nothing beyond it.

    Without the second condition the administrator of one district could set the password of somebody who sees the whole
    city, and so become him. `user_id` is None for a user still to be made; `reach` are that user's grants.
    """
    if refusal := needs(actor, MANAGES_USERS):
        return refusal
    if user_id is not None and user_id == actor.user_id:
        return OwnRightsAreFixed(fix="ask another administrator")
    if not place_within(actor.grants, [department_id], division_code):
        return OutsideYourScope(thing="user", fix="ask the administrator of the city")
    if not all_held(actor.grants, reach):
        return GrantsMoreThanHeld(fix="narrow the scopes: name a division and a department within yours")
    return None


def may_manage_department(actor: Viewer, *, department_ids: Sequence[int | None], division_code: str | None) -> Refused | None:
    """He may change a department whose place in the tree and whose division are within his scope.

    `department_ids` are all departments that must be his: the old and the new parent, and the department itself.
    """
    if refusal := needs(actor, MANAGES_USERS):
        return refusal
    if not place_within(actor.grants, department_ids, division_code):
        return OutsideYourScope(thing="department", fix="ask the administrator of the city")
    return None
