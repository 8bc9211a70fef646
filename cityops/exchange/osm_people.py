"""A default organisation for an imported place, and accounts to try it with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.exchange.default_organisation import COMMAND, SUPERVISION, Area, build_organisation
from cityops.exchange.osm_grid import Grid
from cityops.grid.operations import assign_inspector
from cityops.identity.accounts import DEMO_PASSWORD, DemoAccount, create_demo_accounts, create_users_bulk
from cityops.identity.models import Department


def make_people(session: Session, now: datetime, name: str, district: str, grid: Grid, *, demo: bool) -> list[DemoAccount]:
    """Departments for every duty; with `demo`, the demo accounts and one handler per duty, all with the demo password."""
    made = build_organisation(name, name, [Area(district, name, name)], [Area(code, label, label) for code, label in grid.streets])
    session.add_all(
        Department(
            id=one.id, code=one.code, name_zh=one.name_zh, name_en=one.name_en, parent_id=one.parent_id, division_code=one.division_code
        )
        for one in made.departments
    )
    session.flush()
    session.execute(text("SELECT setval(pg_get_serial_sequence('identity.departments', 'id'), (SELECT max(id) FROM identity.departments))"))
    if not demo:
        return []
    by_code = made.by_code
    accounts = create_demo_accounts(
        session,
        now,
        departments={
            "centre": by_code[SUPERVISION].id,
            "command": by_code[COMMAND].id,
            "drainage": by_code["DR"].id,
            "sanitation": by_code["SN"].id,
        },
        division_code=None,
    )
    duties = [one for one in made.departments if one.code.isalpha() and one.code not in (SUPERVISION, COMMAND, "CITY")]
    create_users_bulk(
        session,
        now,
        [
            {
                "login": f"handler-{one.code.lower()}",
                "name": f"{one.name_zh}处置员",
                "posts": ["handler"],
                "department_id": one.id,
                "scopes": (),
            }
            for one in duties
        ],
        password=DEMO_PASSWORD,
    )
    inspector = session.execute(text("SELECT id FROM identity.users WHERE login = 'inspector1'")).scalar_one()
    for beat, _ in grid.beats:
        assign_inspector(session, None, now, beat, inspector)
    extra = [DemoAccount(f"handler-{one.code.lower()}", f"{one.name_zh}处置员", ("handler",)) for one in duties]
    return [*accounts, *extra]
