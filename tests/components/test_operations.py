"""Registering, changing, moving, re-coding and retiring components."""

from __future__ import annotations

from datetime import timedelta

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from cityops.components import operations as op
from cityops.components.errors import (
    AttributeInvalid,
    ClassNotFound,
    ClassNotUsable,
    CodeInvalid,
    CodesExhausted,
    CodeTaken,
    ComponentChanged,
    ComponentInUse,
    ComponentNotFound,
    ComponentRetired,
    DepartmentUnknown,
    GeometryInvalid,
    NothingChanges,
    OutsideTheGrid,
    OutsideYourArea,
    PostMayNotEditComponents,
    ReasonMissing,
)
from cityops.components.operations import ComponentChange, NewComponent
from cityops.components.queries import aliases_of, by_code
from cityops.grid.events import Publication
from tests.factories.components import CAR_PARK, GUARDRAIL, LAMP, MANHOLE, NOW, TREE, Register, make_register


@pytest.fixture
def city(session: Session) -> Register:
    return make_register(session)


def later(minutes: int):
    return NOW + timedelta(minutes=minutes)


def test_a_registered_component_has_the_code_of_its_district_class_and_number(session: Session, city: Register) -> None:
    first, second = city.add(session), city.add(session, 1)
    other = city.add(session, 2, MANHOLE)
    assert first.code == "4113030137000001"
    assert second.code == "4113030137000002"
    assert other.code == "4113030103000001"


def test_a_component_knows_its_cell_and_the_default_department_of_its_class(session: Session, city: Register) -> None:
    lamp = city.add(session, 3)
    assert lamp.cell_code == city.ground.codes[3]
    assert lamp.managing_id == city.departments["UM"].id
    assert city.add(session, 4, MANHOLE).managing_id == city.departments["DR"].id


def test_a_class_that_falls_to_the_territory_goes_to_the_street_that_holds_the_place(session: Session, city: Register) -> None:
    assert city.add(session, class_code="0123").managing_id == city.departments["ST-411303005"].id


def test_a_class_whose_department_does_not_exist_yet_leaves_the_department_open(session: Session, city: Register) -> None:
    assert city.add(session, class_code="0105").managing_id is None


def test_a_bridge_may_be_drawn_as_a_point_but_a_lamp_not_as_an_area(session: Session, city: Register) -> None:
    area = city.spot(0).buffer(0.0001)
    assert city.add(session, class_code=CAR_PARK).shape == "ST_Point"
    assert city.add(session, class_code=CAR_PARK, geom=area).shape == "ST_Polygon"
    assert city.add(session, class_code=GUARDRAIL, geom=shapely.LineString([city.spot(0), city.spot(0, 1, 1)])).shape == "ST_LineString"
    with pytest.raises(GeometryInvalid) as refusal:
        city.add(session, class_code=LAMP, geom=area)
    assert refusal.value.field == "geom"


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(),
        shapely.Point(500, 10),
        shapely.GeometryCollection([shapely.Point(112.5, 33)]),
        shapely.Polygon([(112.53, 32.99), (112.54, 33.0), (112.54, 32.99), (112.53, 33.0)]),
    ],
    ids=["empty", "not degrees", "collection", "bow-tie"],
)
def test_a_geometry_that_is_no_place_is_refused(session: Session, city: Register, shape: shapely.Geometry) -> None:
    with pytest.raises(GeometryInvalid):
        city.add(session, class_code=CAR_PARK, geom=shape)


def test_a_place_outside_the_grid_is_refused(session: Session, city: Register) -> None:
    with pytest.raises(OutsideTheGrid):
        city.add(session, geom=shapely.Point(112.0, 33.0))


def test_an_event_class_an_unknown_one_and_one_switched_off_are_refused(session: Session, city: Register) -> None:
    with pytest.raises(ClassNotFound):
        city.add(session, class_code="9999")
    with pytest.raises(ClassNotFound):
        city.add(session, class_code="0138", edition="no-such")
    op.change_class(session, None, "gbt30428.2-2013", "component", TREE, op.ClassChange(active=False))
    with pytest.raises(ClassNotUsable):
        city.add(session, class_code=TREE)


def test_a_code_brought_along_is_kept_and_never_given_again(session: Session, city: Register) -> None:
    brought = city.add(session, code="4113030137000041")
    assert brought.code == "4113030137000041"
    assert city.add(session, 1).code == "4113030137000042"
    with pytest.raises(CodeTaken):
        city.add(session, 2, code="4113030137000041")
    assert city.add(session, 3, code="4113030137000005").code == "4113030137000005"
    assert city.add(session, 4).code == "4113030137000043"


@pytest.mark.parametrize("code", ["4113020137000001", "4113030103000001", "41130301370001", "411303013700000x"])
def test_a_code_that_does_not_say_where_and_what_is_refused(session: Session, city: Register, code: str) -> None:
    with pytest.raises(CodeInvalid):
        city.add(session, code=code)


def test_the_widths_of_a_code_are_a_setting(session: Session, city: Register) -> None:
    session.execute(
        text("""INSERT INTO core.settings (key, value) VALUES ('components.code_format', '{"district": 6, "class": 4, "sequence": 8}')""")
    )
    assert city.add(session).code == "411303013700000001"


def test_a_full_prefix_says_so(session: Session, city: Register) -> None:
    session.execute(text("INSERT INTO components.code_counters (prefix, last) VALUES ('4113030137', 999999)"))
    with pytest.raises(CodesExhausted):
        city.add(session)


def test_a_change_keeps_the_version_that_was(session: Session, city: Register) -> None:
    lamp = city.add(session, note="new")
    changed = op.update(session, None, later(5), lamp.code, ComponentChange(state="damaged", note=None), reason="seen on patrol")
    assert (changed.state, changed.note, changed.version) == ("damaged", None, 2)
    was = by_code(session, lamp.code, later(4))
    assert was is not None and (was.state, was.note, was.version) == ("intact", "new", 1)
    assert by_code(session, lamp.code, NOW - timedelta(seconds=1)) is None
    reason = session.execute(text("SELECT reason FROM components.changes WHERE id = :id"), {"id": changed.change_id}).scalar_one()
    assert reason == "seen on patrol"


def test_attributes_are_merged_and_a_null_takes_one_away(session: Session, city: Register) -> None:
    lamp = city.add(session, attributes={"height_m": 9, "maker": "A"})
    changed = op.update(
        session, None, later(1), lamp.code, ComponentChange(attributes={"maker": None, "watt": 60}), reason="seen on patrol"
    )
    assert changed.attributes == {"height_m": 9, "watt": 60}


def test_a_change_that_changes_nothing_is_refused(session: Session, city: Register) -> None:
    lamp = city.add(session)
    with pytest.raises(NothingChanges):
        op.update(session, None, later(1), lamp.code, ComponentChange(state="intact"), reason="seen on patrol")


def test_wrong_values_name_their_field(session: Session, city: Register) -> None:
    lamp = city.add(session)
    with pytest.raises(AttributeInvalid, match="state"):
        op.update(session, None, later(1), lamp.code, ComponentChange(state="rusty"), reason="seen on patrol")
    with pytest.raises(DepartmentUnknown):
        op.update(session, None, later(1), lamp.code, ComponentChange(owner_id=10**8), reason="seen on patrol")


def test_a_stale_writer_is_told_so(session: Session, city: Register) -> None:
    lamp = city.add(session)
    op.update(session, None, later(1), lamp.code, ComponentChange(state="damaged"), expected=1, reason="seen on patrol")
    with pytest.raises(ComponentChanged):
        op.update(session, None, later(2), lamp.code, ComponentChange(state="missing"), expected=1, reason="seen on patrol")


def test_a_move_finds_the_new_cell_and_keeps_the_code(session: Session, city: Register) -> None:
    lamp = city.add(session, 0)
    moved = op.relocate(session, None, later(1), lamp.code, city.spot(40), reason="road widened")
    assert (moved.code, moved.cell_code) == (lamp.code, city.ground.codes[40])
    was = by_code(session, lamp.code, NOW)
    assert was is not None and was.cell_code == city.ground.codes[0] and was.lon == pytest.approx(lamp.lon)


def test_a_recoded_component_answers_to_its_old_code_for_ever(session: Session, city: Register) -> None:
    pole = city.add(session, class_code="0134")
    once = op.recode(session, None, later(1), pole.code, class_code="0131", reason="owner found")
    twice = op.recode(session, None, later(2), pole.code, class_code="0130", reason="owner found again")
    assert (once.code, twice.code) == ("4113030131000001", "4113030130000001")
    for code in (pole.code, once.code, twice.code):
        found = by_code(session, code)
        assert found is not None and found.id == pole.id and found.code == twice.code
    assert aliases_of(session, pole.id) == [pole.code, once.code]
    was = by_code(session, twice.code, later(1))
    assert was is not None and was.code == once.code
    with pytest.raises(CodeTaken):
        city.add(session, 1, class_code="0134", code=pole.code)


def test_recoding_and_retiring_need_a_reason(session: Session, city: Register) -> None:
    lamp = city.add(session)
    for verb in (op.recode, op.retire):
        with pytest.raises(ReasonMissing):
            verb(session, None, later(1), lamp.code, reason="  ")


def test_a_retired_component_stays_readable_and_may_come_back(session: Session, city: Register) -> None:
    lamp = city.add(session)
    gone = op.retire(session, None, later(1), lamp.code, reason="taken down")
    assert gone.retired_at == later(1)
    with pytest.raises(ComponentRetired):
        op.update(session, None, later(2), lamp.code, ComponentChange(state="missing"), reason="seen on patrol")
    back = op.reinstate(session, None, later(3), lamp.code, reason="put up again")
    assert back.retired_at is None
    then = by_code(session, lamp.code, later(2))
    assert then is not None and then.retired_at is not None
    with pytest.raises(ComponentInUse):
        op.reinstate(session, None, later(4), lamp.code, reason="twice")


def test_an_inspector_registers_and_updates_in_the_own_beat_only(session: Session, city: Register) -> None:
    inspector = city.people["inspector"]
    lamp = op.register(session, inspector, NOW, NewComponent(class_code=LAMP, geom=city.spot(0)))
    assert op.update(session, inspector, later(1), lamp.code, ComponentChange(state="damaged"), reason="seen on patrol").state == "damaged"
    far = len(city.ground.codes) - 1
    with pytest.raises(OutsideYourArea):
        op.register(session, inspector, NOW, NewComponent(class_code=LAMP, geom=city.spot(far)))
    with pytest.raises(OutsideYourArea):
        op.relocate(session, inspector, later(2), lamp.code, city.spot(far), reason="seen on patrol")
    with pytest.raises(PostMayNotEditComponents):
        op.retire(session, inspector, later(2), lamp.code, reason="no")
    with pytest.raises(PostMayNotEditComponents):
        op.recode(session, inspector, later(2), lamp.code, reason="no")


def test_a_supervisor_reads_but_does_not_write(session: Session, city: Register) -> None:
    with pytest.raises(PostMayNotEditComponents):
        op.register(session, city.people["supervisor"], NOW, NewComponent(class_code=LAMP, geom=city.spot(0)))


@pytest.mark.parametrize("who", ["elsewhere", "roads_only", "second_community"])
def test_what_one_may_not_see_does_not_exist_for_one(session: Session, city: Register, who: str) -> None:
    lamp = city.add(session, 0)
    with pytest.raises(ComponentNotFound):
        op.retire(session, city.people[who], later(1), lamp.code, reason="no")


def test_a_writer_limited_to_a_department_cannot_give_things_away(session: Session, city: Register) -> None:
    from cityops.identity.queries import load_viewer
    from cityops.identity.rules import Scope
    from tests.factories.identity import make_user

    drain = city.departments["DR"]
    keeper = load_viewer(session, make_user(session, "planner", scopes=(Scope(department_id=drain.id),)).id)
    cover = city.add(session, class_code=MANHOLE)
    with pytest.raises(OutsideYourArea):
        op.update(session, keeper, later(1), cover.code, ComponentChange(managing_id=city.departments["UM"].id), reason="seen on patrol")
    team = city.departments["DR-TEAM"].id
    assert op.update(session, keeper, later(1), cover.code, ComponentChange(managing_id=team), reason="seen on patrol").managing_id == team


def test_components_of_an_ended_cell_move_to_the_cell_that_holds_them_now(session: Session, city: Register) -> None:
    lamp, retired = city.add(session, 0), city.add(session, 0, geom=city.spot(0, 0.5, 0))
    untouched = city.add(session, 7)
    op.retire(session, None, later(1), retired.code, reason="gone")
    old = city.ground.codes[0]
    new = old[:12] + "900"
    session.execute(
        text(
            "INSERT INTO grid.cells (code, community_code, geom, area_m2, started_on)"
            " SELECT :new, community_code, geom, area_m2, '2026-11-16' FROM grid.cells WHERE code = CAST(:old AS bpchar)"
        ),
        {"new": new, "old": old},
    )
    session.execute(
        text("UPDATE grid.cells SET ended_on = '2026-11-16', end_reason = 'split' WHERE code = CAST(:old AS bpchar)"), {"old": old}
    )
    publication = Publication(None, 1, later(10), later(10).date(), "split", ended={old: (new,)}, created=(new,))
    assert op.recell(session, publication) == 1
    now_in, then_in = by_code(session, lamp.code), by_code(session, lamp.code, later(9))
    assert now_in is not None and now_in.cell_code == new and now_in.version == 2
    assert then_in is not None and then_in.cell_code == old
    still = by_code(session, retired.code)
    assert still is not None and still.cell_code == old
    assert by_code(session, untouched.code) == untouched
    back = op.reinstate(session, None, later(11), retired.code, reason="found")
    assert back.cell_code == new


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM components.components",
        "UPDATE components.components SET state = 'damaged'",
        "UPDATE components.components SET state = 'damaged', version = version + 1",
        "DELETE FROM components.history",
        "UPDATE components.history SET note = 'x'",
        "DELETE FROM components.code_aliases",
        "DELETE FROM components.changes",
        "UPDATE components.changes SET reason = 'x'",
        "DELETE FROM components.classes WHERE code = '0137' AND kind = 'component'",
        "UPDATE components.classes SET code = '0999' WHERE code = '0137' AND kind = 'component' AND edition LIKE 'gbt%'",
        "DELETE FROM identity.departments WHERE code = 'UM'",
    ],
)
def test_the_database_itself_refuses_to_lose_anything(session: Session, city: Register, statement: str) -> None:
    lamp = city.add(session)
    op.recode(session, None, later(1), lamp.code, reason="so that there is history")
    with pytest.raises(Exception, match=r"refused|must raise version|still referred|violates"), session.begin_nested():
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("column", "value"),
    [("cell_code", "'411303005999999'"), ("class_code", "'0999'"), ("owner_id", "77777777"), ("change_id", "77777777")],
)
def test_the_database_itself_refuses_a_reference_to_nothing(session: Session, city: Register, column: str, value: str) -> None:
    lamp = city.add(session)
    change = f"{value}" if column == "change_id" else "(SELECT max(id) FROM components.changes)"
    columns = "code, edition, class_code, geom, cell_code, owner_id, valid_from, change_id"
    picked = {name: name for name in columns.split(", ")} | {"code": "'4113030137009999'", "change_id": change, column: value}
    with pytest.raises(Exception, match="does not exist"), session.begin_nested():
        copied = f"SELECT {', '.join(picked.values())} FROM components.components WHERE id = :id"
        session.execute(text(f"INSERT INTO components.components ({columns}) {copied}"), {"id": lamp.id})


def test_the_outbox_tells_what_happened_with_the_place(session: Session, city: Register) -> None:
    lamp = city.add(session)
    op.retire(session, None, later(1), lamp.code, reason="gone")
    rows = session.execute(text("SELECT subject, payload FROM core.outbox WHERE topic = 'component' ORDER BY id")).all()
    assert [(row.subject, row.payload["act"]) for row in rows] == [(lamp.code, "component_registered"), (lamp.code, "component_retired")]
    assert rows[0].payload["lon"] == pytest.approx(lamp.lon)
