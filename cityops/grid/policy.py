"""Who may change the grid: a reason, or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from cityops.errors import Refused
from cityops.grid.errors import NotYourGrid
from cityops.identity.visibility import Viewer

DRAWS = ("planner", "administrator")
"""Draft and publish cells, make beats."""
ASSIGNS = ("planner", "administrator", "shift_leader", "supervisor")
"""Say which inspector walks which beat."""
CHECKS = ("planner", "administrator", "supervisor", "evaluator")
"""Look at the faults of the grid."""


def covers(viewer: Viewer, communities: Iterable[str], layer: str = "cells") -> bool:
    """Whether every one of these places lies in a scope of his that is not narrowed to beats."""
    wide = [
        grant
        for grant in viewer.grants
        if grant.beat_ids is None and grant.cells is None and (grant.layers is None or layer in grant.layers)
    ]
    return all(any(grant.divisions is None or code.startswith(grant.divisions) for grant in wide) for code in communities)


def may_draw(actor: Viewer | None, communities: Iterable[str] = ()) -> Refused | None:
    """He draws the grid by post, within his divisions. None as the actor is the system itself."""
    return _may(actor, DRAWS, communities, "drawing the grid needs the post planner or administrator")


def may_assign(actor: Viewer | None, communities: Iterable[str] = ()) -> Refused | None:
    """He gives beats to inspectors by post, within his divisions."""
    return _may(actor, ASSIGNS, communities, "assigning beats needs the post planner, administrator, supervisor or shift leader")


def may_check(actor: Viewer | None) -> Refused | None:
    """He sees the faults of the grid by post."""
    return _may(actor, CHECKS, (), "the faults of the grid are shown to planners, supervisors, evaluators and administrators")


def _may(actor: Viewer | None, posts: tuple[str, ...], communities: Iterable[str], reason: str) -> Refused | None:
    if actor is None:
        return None
    if not actor.has(*posts):
        return NotYourGrid(reason=reason[0].upper() + reason[1:] + ".", fix="ask an administrator for the post")
    if not covers(actor, communities):
        return NotYourGrid(reason="This ground lies outside your divisions.", fix="ask somebody responsible for that division")
    return None
