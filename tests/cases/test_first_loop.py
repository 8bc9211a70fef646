"""One case from its report to its closing, and the ways beside the usual path."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, event, text
from sqlalchemy.orm import Session

from cityops.cases import errors
from cityops.components.operations import retire
from cityops.db.versions import TOUCHED
from cityops.geo.crs import from_storage
from tests.factories.cases import MANHOLE, USUAL, Town, make_town


@pytest.fixture
def town(session: Session, tmp_path: Path) -> Town:
    return make_town(session, tmp_path / "media")


def case_row(session: Session, number: str) -> Row[Any]:
    return session.execute(text("SELECT * FROM cases.cases WHERE number = :n"), {"n": number}).one()


def last_body(session: Session, case_id: int) -> dict[str, Any]:
    query = text("SELECT body FROM cases.events WHERE case_id = :id ORDER BY seq DESC LIMIT 1")
    body: dict[str, Any] = json.loads(session.execute(query, {"id": case_id}).scalar_one())["body"]
    return body


def reason_of(caught: pytest.ExceptionInfo[Any]) -> str:
    code: str = caught.value.reason.code
    return code


def test_a_case_travels_through_all_seven_stages(session: Session, town: Town) -> None:
    written = town.bring_to(session, "closed")
    query = text(
        "SELECT s.stage FROM cases.events e JOIN cases.workflow_states s ON s.state = e.to_state WHERE e.case_id = :id ORDER BY e.seq"
    )
    stages = list(session.execute(query, {"id": written.id}).scalars())
    assert sorted(set(stages)) == [1, 2, 3, 4, 5, 6, 7]
    assert stages == sorted(stages)
    closed = case_row(session, written.number)
    assert closed.state_due_at is None and closed.closed_at == town.now and closed.overdue_count == 0


def test_the_system_finds_cell_beat_grade_and_department(session: Session, town: Town) -> None:
    case = case_row(session, town.report(session).number)
    assert case.cell_code == town.ground.codes[0]
    assert case.beat_id in town.beats
    assert case.area_grade == "B"
    assert case.routing["rule"] == "class_department"
    assert case.routing["department_id"] == town.departments["sanitation"]
    assert case.department_id is None, "the department learns of a case when it is dispatched, not before"


def test_the_maintainer_of_a_component_comes_before_every_other_rule(session: Session, town: Town) -> None:
    number = town.report(session, **MANHOLE, component_code=town.component_code).number
    case = case_row(session, number)
    assert case.component_code == town.component_code
    assert case.routing["rule"] == "component_maintainer"
    assert case.routing["department_id"] == town.departments["drainage"]
    assert {loser["rule"] for loser in case.routing["losers"]} == {"condition_department", "class_department", "street"}
    assert all(loser["why_zh"] and loser["why_en"] for loser in case.routing["losers"])


def test_a_report_names_a_component_in_use_of_the_reported_class_and_near_the_place(session: Session, town: Town) -> None:
    storm_grate = {"kind": "component", "class_code": "0104"}
    with pytest.raises(errors.ComponentOfOtherClass) as other:
        town.report(session, **storm_grate, component_code=town.component_code)
    assert other.value.field == "class_code" and other.value.fix
    with pytest.raises(errors.ComponentFarAway):
        town.report(session, **MANHOLE, component_code=town.component_code, lon=town.elsewhere[0], lat=town.elsewhere[1])
    retire(session, None, town.now, town.component_code, reason="removed")
    with pytest.raises(errors.ComponentRetired):
        town.report(session, **MANHOLE, component_code=town.component_code)


def test_a_component_alone_gives_the_place(session: Session, town: Town) -> None:
    case = case_row(session, town.report(session, **MANHOLE, component_code=town.component_code, lon=None, lat=None).number)
    assert case.cell_code == town.ground.codes[0]
    assert case.geom is not None


def test_a_place_in_gcj02_is_moved_to_where_it_is(session: Session, town: Town) -> None:
    x, y = from_storage(*town.at, "GCJ-02")
    case = case_row(session, town.report(session, lon=float(x), lat=float(y), crs="GCJ-02").number)
    assert case.cell_code == town.ground.codes[0]


def test_a_hotline_call_may_know_no_more_than_the_cell(session: Session, town: Town) -> None:
    number = town.report(session, "acceptor", source="hotline", lon=None, lat=None, cell_code=town.ground.codes[3]).number
    case = case_row(session, number)
    assert case.geom is None and case.cell_code == town.ground.codes[3]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lon": 0.0, "lat": 0.0}, errors.PlaceOutsideGrid),
        ({"lon": None, "lat": None}, errors.PlaceMissing),
        ({"lon": None, "lat": None, "cell_code": "999999999999999"}, errors.CellNotLive),
        ({"class_code": "9999"}, errors.ClassNotKnown),
        ({"edition": "no-such"}, errors.ClassNotKnown),
        ({"condition_id": 2_000_000_000}, errors.ConditionNotKnown),
        ({"component_code": "4113030103999999"}, errors.ComponentNotKnown),
        ({"source": "rumour"}, errors.SourceNotKnown),
        ({"source": "hotline"}, errors.ActNotYours),
        ({"photos": []}, errors.ActIncomplete),
        ({"photos": [2_000_000_000]}, errors.PhotoNotUsable),
    ],
)
def test_a_wrong_report_is_refused_with_a_typed_error(
    session: Session, town: Town, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        town.report(session, **({"photos": [town.photo(session, "inspector")]} if changes.get("source") == "hotline" else {}), **changes)
    assert getattr(caught.value, "message", "")
    assert session.execute(text("SELECT count(*) FROM cases.number_counters")).scalar_one() == 0, "a refused report takes no number"


def test_another_persons_photo_cannot_be_used(session: Session, town: Town) -> None:
    with pytest.raises(errors.PhotoNotUsable):
        town.report(session, photos=[town.photo(session, "acceptor")])


def test_a_photo_belongs_to_one_case(session: Session, town: Town) -> None:
    photo = town.photo(session, "inspector")
    town.report(session, photos=[photo])
    with pytest.raises(errors.PhotoNotUsable):
        town.report(session, photos=[photo])


def test_a_public_report_has_to_be_verified_first(session: Session, town: Town) -> None:
    written = town.report(session, "acceptor", source="public")
    with pytest.raises(errors.ActNotPossible) as caught:
        town.act(session, "acceptor", written.number, "accept")
    assert reason_of(caught) == "not_verified"

    sent = town.act(session, "acceptor", written.number, "send_verification")
    assert sent.state == "verifying"
    task = session.execute(text("SELECT * FROM cases.tasks WHERE case_id = :id"), {"id": written.id}).one()
    assert task.kind == "verify" and task.assignee_id == town.users["inspector"].id, "the inspector of the beat gets the task"

    with pytest.raises(errors.CaseNotFound):
        town.act(session, "inspector2", written.number, "verify", result="exists")
    assert town.act(session, "inspector", written.number, "verify", result="exists").state == "to_accept"
    done = session.execute(text("SELECT * FROM cases.tasks WHERE case_id = :id"), {"id": written.id}).one()
    assert (done.state, done.result, done.done_by) == ("done", "exists", town.users["inspector"].id)
    assert town.act(session, "acceptor", written.number, "accept").state == "to_file"


def test_a_report_that_was_not_found_can_only_be_voided_or_looked_at_again(session: Session, town: Town) -> None:
    number = town.report(session, "acceptor", source="hotline").number
    town.act(session, "acceptor", number, "send_verification")
    town.act(session, "inspector", number, "verify", result="absent")
    with pytest.raises(errors.ActNotPossible) as caught:
        town.act(session, "acceptor", number, "accept")
    assert reason_of(caught) == "found_absent"
    assert town.act(session, "leader", number, "void", reason="现场不存在").state == "voided"
    with pytest.raises(errors.ActNotPossible) as caught:
        town.act(session, "leader", number, "void", reason="again")
    assert reason_of(caught) == "finished"


def test_an_inspectors_own_report_needs_no_verification(session: Session, town: Town) -> None:
    number = town.report(session).number
    with pytest.raises(errors.ActNotPossible) as caught:
        town.act(session, "acceptor", number, "send_verification")
    assert reason_of(caught) == "needs_no_verification"


@pytest.mark.parametrize(
    ("state", "who", "act", "code"),
    [
        ("to_accept", "inspector", "accept", "wrong_post"),
        ("to_file", "acceptor", "file", "wrong_post"),
        ("to_dispatch", "leader", "dispatch", "wrong_post"),
        ("to_handle", "dispatcher", "receive", "wrong_post"),
        ("checking", "acceptor", "check", "wrong_post"),
        ("to_close", "dispatcher", "close", "wrong_post"),
        ("to_close", "acceptor", "close", "wrong_post"),
    ],
)
def test_an_act_belongs_to_its_post(session: Session, town: Town, state: str, who: str, act: str, code: str) -> None:
    number = town.bring_to(session, state).number
    with pytest.raises(errors.ActNotYours) as caught:
        town.act(session, who, number, act, **({"result": "pass"} if act == "check" else {}))
    assert reason_of(caught) == code


def test_a_handler_of_another_department_does_not_even_see_the_case(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_handle").number
    with pytest.raises(errors.CaseNotFound):
        town.act(session, "drainer", number, "receive")


def test_an_inspector_cannot_close_a_case(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_close").number
    with pytest.raises(errors.ActNotYours) as caught:
        town.act(session, "inspector", number, "close")
    assert "值班长" in caught.value.reason.zh and "shift leader" in caught.value.reason.en


def test_nobody_checks_the_own_work(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_handle").number
    town.act(session, "everybody", number, "receive")
    town.act(session, "everybody", number, "handle")
    town.act(session, "dispatcher", number, "feed_back")
    town.act(session, "acceptor", number, "send_check")
    with pytest.raises(errors.ActNotYours) as caught:
        town.act(session, "everybody", number, "check", result="pass")
    assert reason_of(caught) == "checker_is_handler"
    assert town.act(session, "inspector", number, "check", result="pass").state == "to_close"


def test_handling_needs_a_photo_taken_afterwards(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    with pytest.raises(errors.ActIncomplete) as caught:
        town.act(session, "handler", number, "handle", photos=[])
    assert reason_of(caught) == "photo_missing" and caught.value.field == "photos"
    town.act(session, "handler", number, "handle")
    phases = session.execute(text("SELECT phase FROM cases.photos ORDER BY seq")).scalars().all()
    assert list(phases) == ["before", "after"]


@pytest.mark.parametrize(
    ("state", "who", "act"), [("to_file", "leader", "send_back"), ("to_accept", "leader", "void"), ("to_handle", "handler", "return_case")]
)
@pytest.mark.parametrize("words", [None, "", "   "])
def test_a_way_back_needs_a_reason(session: Session, town: Town, state: str, who: str, act: str, words: str | None) -> None:
    number = town.bring_to(session, state).number
    with pytest.raises(errors.ActIncomplete) as caught:
        town.act(session, who, number, act, reason=words)
    assert reason_of(caught) == "reason_missing" and caught.value.field == "reason"


def test_a_failed_check_sends_the_case_back_to_the_same_department_with_a_new_clock(session: Session, town: Town) -> None:
    number = town.bring_to(session, "checking").number
    before = case_row(session, number)
    town.wait(days=1)
    assert town.act(session, "inspector", number, "check", result="fail").state == "to_handle"
    case = case_row(session, number)
    assert case.rework_count == 1 and case.department_id == town.departments["sanitation"]
    assert case.due_at > before.due_at and case.handled_at is None
    town.act(session, "handler", number, "receive")
    town.act(session, "handler", number, "handle")
    assert case_row(session, number).state == "handled"


def test_a_returned_case_waits_for_another_department(session: Session, town: Town) -> None:
    written = town.bring_to(session, "handling")
    back = town.act(session, "handler", written.number, "return_case", reason="不属于环卫职责")
    assert back.state == "to_dispatch"
    case = case_row(session, written.number)
    assert (case.return_count, case.department_id, case.due_at) == (1, None, None)
    assert last_body(session, written.id)["department_id"] == town.departments["sanitation"]
    with pytest.raises(errors.ActIncomplete) as caught:
        town.act(session, "dispatcher", written.number, "dispatch")
    assert reason_of(caught) == "department_returned"
    town.act(session, "dispatcher", written.number, "dispatch", department_id=town.departments["drainage"])
    case = case_row(session, written.number)
    assert case.department_id == town.departments["drainage"]
    assert case.routing["rule"] == "dispatcher"
    assert case.routing["losers"][0]["department_id"] == town.departments["sanitation"]


def test_sending_back_goes_one_desk_back(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_dispatch").number
    assert town.act(session, "dispatcher", number, "send_back", reason="标准有误").state == "to_file"
    assert town.act(session, "leader", number, "send_back", reason="类别有误").state == "to_accept"
    with pytest.raises(errors.ActNotPossible):
        town.act(session, "leader", number, "send_back", reason="无处可退")


def test_accepting_may_correct_the_class_and_finds_limit_and_department_anew(session: Session, town: Town) -> None:
    number = town.report(session).number
    town.act(session, "acceptor", number, "accept", kind="component", class_code="0103")
    case = case_row(session, number)
    assert (case.kind, case.class_code) == ("component", "0103")
    assert case.routing["department_id"] == town.departments["drainage"]
    assert (case.limit_value, case.limit_unit) == (Decimal("2.00"), "urgent_hour")


def test_a_standard_of_another_class_is_refused(session: Session, town: Town) -> None:
    number = town.report(session).number
    foreign = session.execute(
        text("SELECT id FROM standards.conditions WHERE class_code = '0103' AND kind = 'component' LIMIT 1")
    ).scalar_one()
    with pytest.raises(errors.ConditionNotKnown):
        town.act(session, "acceptor", number, "accept", condition_id=foreign)


def test_the_disposal_clock_runs_from_dispatch_by_the_class_standard(session: Session, town: Town) -> None:
    """Exposed refuse has four working hours; dispatched on Monday at 09:00, that is 15:00 with the noon break."""
    number = town.bring_to(session, "to_handle").number
    case = case_row(session, number)
    assert (case.limit_value, case.limit_unit) == (Decimal("4.00"), "working_hour")
    assert case.due_at == datetime(2026, 11, 16, 7, 0, tzinfo=UTC)
    assert case.soon_at == datetime(2026, 11, 16, 6, 12, tzinfo=UTC)
    assert case.state_due_at <= case.due_at


@pytest.mark.parametrize(("hours", "late"), [(1, 0), (9, 1)])
def test_whether_the_department_was_in_time_is_settled_when_it_hands_back(session: Session, town: Town, hours: int, late: int) -> None:
    written = town.bring_to(session, "handling")
    town.wait(hours=hours)
    town.act(session, "handler", written.number, "handle")
    assert case_row(session, written.number).overdue_count == late
    assert last_body(session, written.id)["in_time"] is (late == 0)


def test_every_open_state_has_a_deadline(session: Session, town: Town) -> None:
    written = town.report(session)
    for state, who, act, inputs in USUAL:
        case = case_row(session, written.number)
        assert case.state_due_at is not None and case.state_soon_at <= case.state_due_at
        assert case.state_due_at > town.now
        town.act(session, who, written.number, act, **inputs)
        assert case_row(session, written.number).state == state


def test_numbers_run_without_a_gap_by_district_and_local_day(session: Session, town: Town) -> None:
    town.now = datetime(2026, 11, 16, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Nanyang
    assert [town.report(session).number for _ in range(2)] == ["411303-20261116-00001", "411303-20261116-00002"]
    town.wait(seconds=1)
    assert town.report(session).number == "411303-20261117-00001"


def test_a_refused_report_leaves_no_gap(session: Session, town: Town) -> None:
    town.report(session)
    with pytest.raises(RuntimeError), session.begin_nested():
        town.report(session)
        raise RuntimeError("the request dies")
    assert town.report(session).number.endswith("-00002")


def test_the_day_ends_when_its_numbers_are_used_up(session: Session, town: Town) -> None:
    session.execute(text("INSERT INTO cases.number_counters VALUES ('411303', '2026-11-16', 99998)"))
    assert town.report(session).number.endswith("-99999")
    with pytest.raises(errors.NumbersUsedUp):
        town.report(session)


def test_a_stale_version_is_refused(session: Session, town: Town) -> None:
    number = town.report(session).number
    town.act(session, "acceptor", number, "accept", expected_version=1)
    with pytest.raises(errors.CaseChanged):
        town.act(session, "leader", number, "file", expected_version=1)


def test_a_case_that_may_not_be_seen_does_not_exist(session: Session, town: Town) -> None:
    number = town.report(session).number
    with pytest.raises(errors.CaseNotFound):
        town.act(session, "stranger", number, "void", reason="no")


def test_clocks_of_two_machines_cannot_make_a_chain_run_backwards(session: Session, town: Town) -> None:
    written = town.report(session)
    town.wait(seconds=-5)
    town.act(session, "acceptor", written.number, "accept")
    times = session.execute(text("SELECT at FROM cases.events WHERE case_id = :id ORDER BY seq"), {"id": written.id}).scalars().all()
    assert times[0] == times[1]


def test_each_write_tells_the_stream_and_the_tiles(session: Session, town: Town) -> None:
    written = town.bring_to(session, "to_file")
    messages = session.execute(
        text("SELECT payload FROM core.outbox WHERE topic = 'case' AND subject = :n ORDER BY id"), {"n": written.number}
    )
    assert [(m.payload["act"], m.payload["state"], m.payload["version"]) for m in messages] == [
        ("report", "to_accept", 1),
        ("accept", "to_file", 2),
    ]
    assert {area[0] for area in session.info[TOUCHED]} >= {"cases"}


def test_a_report_and_each_act_take_a_handful_of_statements(session: Session, town: Town) -> None:
    sent: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *args: sent.append(args[2]))
    photo = town.photo(session, "inspector")
    sent.clear()
    written = town.report(session, photos=[photo])
    assert len([s for s in sent if not s.startswith(("SAVEPOINT", "RELEASE"))]) <= 13, sent
    for _, who, act, inputs in USUAL:
        given = dict(inputs)
        if act in ("handle", "check"):
            given["photos"] = [town.photo(session, who)]
        sent.clear()
        town.act(session, who, written.number, act, **given)
        assert len([s for s in sent if not s.startswith(("SAVEPOINT", "RELEASE"))]) <= 11, (act, sent)


def test_time_between_the_states_is_kept_by_the_events(session: Session, town: Town) -> None:
    written = town.report(session)
    town.wait(minutes=5)
    town.act(session, "acceptor", written.number, "accept")
    times = session.execute(text("SELECT at FROM cases.events WHERE case_id = :id ORDER BY seq"), {"id": written.id}).scalars().all()
    assert times[1] - times[0] == timedelta(minutes=5)
