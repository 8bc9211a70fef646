"""A small register: ground with cells, departments of the usual duties, people who may and may not change components."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components.operations import NewComponent, register
from cityops.components.queries import ComponentRecord
from cityops.identity.models import Department, User
from cityops.identity.queries import load_viewer
from cityops.identity.rules import Scope
from cityops.identity.visibility import Viewer
from tests.factories import grid
from tests.factories.identity import make_department, make_user

NOW = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
"""A Monday, 09:00 in Nanyang."""
LAMP, MANHOLE, TREE, GUARDRAIL, CAR_PARK = "0137", "0103", "0402", "0217", "0201"


@dataclass
class Register:
    """The register of a test. `people` are viewers by what they are; `users` the same as rows."""

    ground: grid.Ground
    departments: dict[str, Department]
    users: dict[str, User] = field(default_factory=dict)
    people: dict[str, Viewer] = field(default_factory=dict)

    def spot(self, cell: int, east: float = 0.0, north: float = 0.0) -> shapely.Point:
        """A point in a cell (by position), moved from its middle by parts of a small step (about 10 m)."""
        middle = self.ground.shapes[cell].representative_point()
        return shapely.Point(middle.x + east * 1e-4, middle.y + north * 1e-4)

    def add(self, session: Session, cell: int = 0, class_code: str = LAMP, **given: Any) -> ComponentRecord:  # Any: fields of NewComponent
        """A component registered by the system in the middle of a cell."""
        now = given.pop("now", NOW)
        geom = given.pop("geom") if "geom" in given else self.spot(cell)
        return register(session, None, now, NewComponent(class_code=class_code, geom=geom, **given))


def make_register(session: Session, *, seed: int = 5) -> Register:
    """Write ground, departments and people into the session's database."""
    ground = grid.ground(seed=seed)
    grid.store(session, ground)
    codes = ("UM", "DR", "GR", "PS", "ST-411303005")
    departments = {code: make_department(session, code, division_code="411303005" if "-" in code else None) for code in codes}
    departments["DR-TEAM"] = make_department(session, "DRTEAM", parent=departments["DR"])
    made = Register(ground, departments)
    beat_id = session.execute(
        text("SELECT beat_id FROM grid.beat_cells WHERE cell_code = CAST(:code AS bpchar) AND until IS NULL"), {"code": ground.codes[0]}
    ).scalar_one()
    scopes: dict[str, tuple[tuple[str, ...], Scope]] = {
        "planner": (("planner",), Scope()),
        "administrator": (("administrator",), Scope()),
        "inspector": (("inspector",), Scope(beat_id=beat_id)),
        "drainer": (("handler",), Scope(department_id=departments["DR"].id)),
        "supervisor": (("supervisor",), Scope()),
        "elsewhere": (("planner",), Scope(division_code="411302")),
        "second_community": (("planner",), Scope(division_code="411303005002")),
        "roads_only": (("planner",), Scope(layer="roads")),
    }
    for name, (posts, scope) in scopes.items():
        user = make_user(session, *posts, scopes=(scope,), department=departments["DR"] if "handler" in posts else None)
        viewer = load_viewer(session, user.id)
        assert viewer is not None
        made.users[name], made.people[name] = user, viewer
    return made
