"""A small city in which cases can live: ground, departments, one person per post, a component, and photos."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import shapely
from PIL import Image
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.cases import operations
from cityops.cases.operations import CaseWritten
from cityops.components.operations import NewComponent, register
from cityops.db.session import unit_of_work
from cityops.identity.models import User
from cityops.identity.queries import load_viewer
from cityops.identity.rules import Scope
from cityops.identity.visibility import Viewer
from cityops.media.operations import take_in
from tests.factories import grid
from tests.factories.identity import make_department, make_user

MONDAY = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
"""A Monday, 09:00 in Nanyang."""
EDITION = "gbt30428.2-2013"
REFUSE = {"kind": "event", "class_code": "0110"}
MANHOLE = {"kind": "component", "class_code": "0103"}

LONG_RUN = int(os.environ.get("ORACLE_TIMELINES", "0"))
"""How many random timelines the oracle walks when somebody asks for a long run."""

_colours = count(1)


def jpeg(colour: int | None = None, *, size: tuple[int, int] = (64, 48), **save: Any) -> bytes:  # Any: Pillow's own arguments
    """A small photo; every call without a colour gives another picture."""
    n = next(_colours) if colour is None else colour
    image = Image.new("RGB", size, (n % 251, n // 251 % 251, n // 63001 % 251))
    image.putpixel((1, 1), (n * 7 % 256, n * 13 % 256, n * 29 % 256))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, **save)
    return out.getvalue()


@dataclass
class Town:
    """The city of a test. `people` are viewers by login; `at` is a point (degrees) in the middle of the first cell."""

    ground: grid.Ground
    media_dir: Path
    users: dict[str, User]
    people: dict[str, Viewer]
    departments: dict[str, int]
    beats: list[int]
    component_code: str
    at: tuple[float, float]
    elsewhere: tuple[float, float]
    """A point in the last cell, in another community and beat."""
    now: datetime = MONDAY
    done: list[CaseWritten] = field(default_factory=list)

    def photo(self, session: Session, who: str, data: bytes | None = None) -> int:
        """A new photo handed in by this person."""
        return take_in(session, self.people[who], self.now, self.media_dir, data or jpeg()).id

    def report(self, session: Session, who: str = "inspector", **changes: Any) -> CaseWritten:  # Any: the arguments of `report`
        """A report of exposed refuse in the first cell, with a photo."""
        lon, lat = self.at
        given = {"source": "inspector", **REFUSE, "lon": lon, "lat": lat, "description": "路边有暴露垃圾"} | changes
        if given["source"] == "inspector" and "photos" not in changes:
            given["photos"] = [self.photo(session, who)]
        return operations.report(session, self.people[who], self.now, **given)

    def act(self, session: Session, who: str, number: str, act: str, **inputs: Any) -> CaseWritten:  # Any: the inputs of `advance`
        """One act, with a photo where the workflow asks for one."""
        if act in ("handle", "check") and "photos" not in inputs:
            inputs["photos"] = [self.photo(session, who)]
        return operations.advance(session, self.people[who], self.now, number, act, **inputs)

    def bring_to(self, session: Session, state: str, **changes: Any) -> CaseWritten:  # Any: the arguments of `report`
        """A case walked along the usual path to a state."""
        written = self.report(session, **changes)
        for reached, who, act, inputs in USUAL:
            if written.state == state:
                return written
            written = self.act(session, who, written.number, act, **inputs)
            assert written.state == reached
        assert written.state == state
        return written

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


USUAL: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("to_file", "acceptor", "accept", {}),
    ("to_dispatch", "leader", "file", {}),
    ("to_handle", "dispatcher", "dispatch", {}),
    ("handling", "handler", "receive", {}),
    ("handled", "handler", "handle", {}),
    ("to_check", "dispatcher", "feed_back", {}),
    ("checking", "acceptor", "send_check", {}),
    ("to_close", "inspector", "check", {"result": "pass"}),
    ("closed", "leader", "close", {}),
)


def make_town(session: Session, media_dir: Path) -> Town:
    """Write the city into the session's database."""
    ground = grid.ground(seed=7)
    grid.store(session, ground)
    beats = [row.id for row in session.execute(text("SELECT id FROM grid.beats ORDER BY code"))]
    centre = make_department(session, "centre", division_code="411303")
    sanitation = make_department(session, "SN-411303", division_code="411303")
    team = make_department(session, "SN-411303-1", parent=sanitation)
    drainage = make_department(session, "DR-411303", division_code="411303")
    street = make_department(session, "ST-411303005", division_code="411303005")
    district = (Scope(division_code="411303"),)
    beat_of_first = session.execute(
        text("SELECT beat_id FROM grid.beat_cells WHERE cell_code = CAST(:code AS text)"), {"code": ground.codes[0]}
    ).scalar_one()
    beat_of_last = session.execute(
        text("SELECT beat_id FROM grid.beat_cells WHERE cell_code = CAST(:code AS text)"), {"code": ground.codes[-1]}
    ).scalar_one()
    make: Callable[..., User] = lambda *posts, **kw: make_user(session, *posts, **kw)  # noqa: E731  # a shorter name for the table below
    users = {
        "inspector": make("inspector", department=centre, scopes=(Scope(beat_id=beat_of_first),)),
        "inspector2": make("inspector", department=centre, scopes=(Scope(beat_id=beat_of_last),)),
        "acceptor": make("acceptor", department=centre, scopes=district),
        "leader": make("shift_leader", department=centre, scopes=district),
        "dispatcher": make("dispatcher", department=centre, scopes=district),
        "handler": make("handler", department=sanitation, scopes=(Scope(department_id=sanitation.id),)),
        "teamster": make("handler", department=team, scopes=(Scope(department_id=team.id),)),
        "drainer": make("handler", department=drainage, scopes=(Scope(department_id=drainage.id),)),
        "head": make("department_head", department=sanitation, scopes=(Scope(department_id=sanitation.id),)),
        "supervisor": make("supervisor", department=centre, scopes=district),
        "everybody": make("inspector", "acceptor", "shift_leader", "dispatcher", "handler", department=sanitation, scopes=(Scope(),)),
        "stranger": make("supervisor", department=centre, scopes=(Scope(division_code="411302"),)),
    }
    people = {name: load_viewer(session, user.id) for name, user in users.items()}
    inside = [shapely.get_coordinates(shape.representative_point())[0] for shape in (ground.shapes[0], ground.shapes[-1])]
    component = register(
        session, None, MONDAY,
        NewComponent(edition=EDITION, class_code="0103", geom=shapely.Point(*inside[0]), maintainer_id=drainage.id),
    )  # fmt: skip
    return Town(
        ground, media_dir, users, {name: viewer for name, viewer in people.items() if viewer is not None},
        {"centre": centre.id, "sanitation": sanitation.id, "team": team.id, "drainage": drainage.id, "street": street.id},
        beats, component.code, tuple(inside[0]), tuple(inside[1]),
    )  # fmt: skip


def saved_town(engine: Engine, media_dir: Path) -> Town:
    """The city, committed."""
    with unit_of_work(engine) as session:
        return make_town(session, media_dir)
