"""Who may do what with components and class tables. Each rule returns the refusal as an error, or None when allowed."""

from __future__ import annotations

from collections.abc import Iterable

from cityops.components.errors import ClassEditRefused, OutsideYourArea, PostMayNotEditComponents
from cityops.errors import Refused
from cityops.identity.visibility import ScopedColumns, Viewer, sees

LAYER = "components"

BEAT = "(SELECT b.beat_id FROM grid.beat_cells AS b WHERE b.cell_code = c.cell_code AND b.until IS NULL)"
"""The beat a component lies in today follows from its cell, so no component has to change when beats are drawn anew."""

COLUMNS = ScopedColumns(layer=LAYER, cell="c.cell_code", beat=BEAT, departments=("c.managing_id", "c.owner_id", "c.maintainer_id"))
"""What the visibility predicate looks at; queries name the components table `c`."""

POSTS: dict[str, tuple[str, ...]] = {
    "register": ("inspector", "planner", "administrator"),
    "update": ("inspector", "planner", "administrator"),
    "relocate": ("inspector", "planner", "administrator"),
    "recode": ("planner", "administrator"),
    "retire": ("planner", "administrator"),
    "reinstate": ("planner", "administrator"),
}
"""Posts by act. Inspectors keep the register true on their walk; what changes identity is for planners and administrators."""


def may_change(actor: Viewer, act: str, cell_code: str, beat_id: int | None, departments: Iterable[int | None]) -> Refused | None:
    """Whether he may `act` on a component that lies (or will lie) in this cell and beat and belongs to these departments."""
    if not actor.has(*POSTS[act]):
        return PostMayNotEditComponents(act=act, fix="ask one of: " + ", ".join(POSTS[act]))
    if not sees(actor, LAYER, cell=cell_code, beat=beat_id, departments=tuple(departments)):
        return OutsideYourArea(fix="ask for a scope that holds this place, or leave the component to who has it")
    return None


def may_edit_classes(actor: Viewer) -> Refused | None:
    """Whether he may change class tables."""
    return None if actor.has("planner", "administrator") else ClassEditRefused(fix="ask a planner")
