"""Delay, suspension, re-dispatch, supervision, forced closing, reopening, appeal, urgency and the simple case."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from cityops.cases import errors, intake, lookups, operations, queries
from cityops.cases.filters import CaseFilter
from cityops.cases.timeline import replay
from cityops.cases.workflow import case_workflow
from tests.factories.cases import Town, make_town


@pytest.fixture
def town(session: Session, tmp_path: Path) -> Town:
    return make_town(session, tmp_path / "media")


def case_row(session: Session, number: str) -> Row[Any]:
    return session.execute(text("SELECT * FROM cases.cases WHERE number = :n"), {"n": number}).one()


def refusal(session: Session, town: Town, who: str, number: str, act: str, **given: Any) -> str:
    """The reason code of an act that is refused."""
    with pytest.raises((errors.ActNotPossible, errors.ActNotYours, errors.ActIncomplete)) as caught, session.begin_nested():
        town.act(session, who, number, act, **given)
    assert caught.value.reason.zh and caught.value.reason.en and "{" not in caught.value.reason.zh
    code: str = caught.value.reason.code
    return code


def light_of(session: Session, town: Town, number: str) -> str:
    found = queries.detail(session, town.people["leader"], number, town.now)
    assert found is not None
    light: str = json.loads(found[0])["light"]
    return light


def assert_row_is_what_the_events_say(session: Session, number: str) -> None:
    row = case_row(session, number)
    line = replay(case_workflow(), lookups.records(session, row.id), intake.calendar(session))
    assert (line.state, line.due_at, line.soon_at) == (row.state, row.due_at, row.soon_at)
    assert (line.state_due_at, line.state_soon_at) == (row.state_due_at, row.state_soon_at)
    assert (line.delays, line.suspensions, line.overdue) == (row.delay_count, row.suspension_count, row.overdue_count)
    assert (line.returns, line.reworks) == (row.return_count, row.rework_count)


def delayed(session: Session, town: Town, number: str, result: str = "approved") -> Row[Any]:
    town.act(session, "handler", number, "apply_delay", reason="需调配机械")
    town.act(session, "dispatcher", number, "decide_delay", result=result, reason="意见")
    assert_row_is_what_the_events_say(session, number)
    return case_row(session, number)


def suspended(session: Session, town: Town, until_on: date = date(2026, 12, 1)) -> str:
    number = town.bring_to(session, "handling").number
    town.act(session, "handler", number, "apply_suspension", reason="等待施工季节", until_on=until_on)
    assert town.act(session, "dispatcher", number, "decide_suspension", result="approved").state == "suspended"
    assert_row_is_what_the_events_say(session, number)
    return number


# Delay


def test_an_approved_delay_adds_one_original_limit_to_the_deadline(session: Session, town: Town) -> None:
    """Four working hours from Monday 09:00 end at 15:00; four more end on Tuesday at 09:00."""
    number = town.bring_to(session, "handling").number
    assert case_row(session, number).due_at == datetime(2026, 11, 16, 7, 0, tzinfo=UTC)
    case = delayed(session, town, number)
    assert case.due_at == case.state_due_at == datetime(2026, 11, 17, 1, 0, tzinfo=UTC)
    assert (case.delay_count, case.pending, case.state) == (1, None, "handling")
    assert case.assignee_id == town.users["handler"].id, "who handles goes on handling"
    assert delayed(session, town, number).due_at == datetime(2026, 11, 17, 7, 0, tzinfo=UTC)


def test_a_third_delay_is_refused_and_refused_ones_do_not_count(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    before = case_row(session, number).due_at
    for _ in range(3):
        assert delayed(session, town, number, "refused").due_at == before
    delayed(session, town, number)
    delayed(session, town, number)
    assert refusal(session, town, "handler", number, "apply_delay", reason="还要") == "delays_used_up"


def test_a_delay_is_applied_for_before_the_deadline_but_may_be_granted_after_it(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.act(session, "head", number, "apply_delay", reason="需调配机械")
    town.wait(hours=7)
    assert light_of(session, town, number) == "late"
    town.act(session, "dispatcher", number, "decide_delay", result="approved")
    assert light_of(session, town, number) == "ok", "what was applied for in time is in time"
    other = town.bring_to(session, "handling").number
    town.wait(days=2)
    assert refusal(session, town, "handler", other, "apply_delay", reason="晚了") == "overdue_already"


def test_a_delay_before_the_receipt_leaves_the_limit_for_receiving_alone(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_handle").number
    before = case_row(session, number)
    town.act(session, "head", number, "apply_delay", reason="人手不足")
    after = case_row(session, number)
    assert (after.state_due_at, after.due_at, after.pending) == (before.state_due_at, before.due_at, "delay")
    town.act(session, "handler", number, "receive")
    assert case_row(session, number).pending == "delay", "receiving does not withdraw the application"
    town.act(session, "dispatcher", number, "decide_delay", result="approved")
    assert_row_is_what_the_events_say(session, number)


def test_an_application_needs_a_reason_and_its_own_department_and_stands_alone(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    assert refusal(session, town, "handler", number, "apply_delay") == "reason_missing"
    assert refusal(session, town, "dispatcher", number, "apply_delay", reason="x") == "wrong_post"
    assert refusal(session, town, "dispatcher", number, "decide_delay", result="approved") == "no_delay_pending"
    town.act(session, "handler", number, "apply_delay", reason="需调配机械")
    assert refusal(session, town, "head", number, "apply_delay", reason="x") == "already_applied"
    assert refusal(session, town, "head", number, "apply_suspension", reason="x", until_on=date(2026, 12, 1)) == "already_applied"
    assert refusal(session, town, "handler", number, "decide_delay", result="approved") == "wrong_post"
    assert refusal(session, town, "dispatcher", number, "decide_delay", result="refused") == "refusal_without_reason"


def test_an_application_ends_when_the_department_is_done(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.act(session, "handler", number, "apply_delay", reason="需调配机械")
    town.act(session, "handler", number, "handle")
    assert case_row(session, number).pending is None
    assert refusal(session, town, "dispatcher", number, "decide_delay", result="approved") == "not_in_state"


def test_an_application_lies_on_the_dispatchers_desk(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number

    def listed(**wanted: Any) -> str:
        return queries.list_cases(session, town.people["dispatcher"], CaseFilter(**wanted), town.now)[0].items

    assert number not in listed(desk="mine") and number not in listed(mark=("delay",))
    town.act(session, "handler", number, "apply_delay", reason="需调配机械")
    assert number in listed(desk="mine") and number in listed(mark=("delay",)) and number not in listed(mark=("suspension", "urgent"))
    with pytest.raises(errors.FilterNotUnderstood):
        listed(mark=("holy",))


# Suspension


def test_a_suspended_case_is_paused_and_nobody_handles_it(session: Session, town: Town) -> None:
    number = suspended(session, town)
    town.wait(days=5)
    assert light_of(session, town, number) == "paused", "long past its old deadline, and yet not late"
    for act in ("handle", "return_case", "apply_delay", "receive"):
        assert refusal(session, town, "handler", number, act, reason="x") == "not_in_state"
    case = case_row(session, number)
    assert case.state_due_at == case.suspended_until == datetime(2026, 11, 30, 16, 0, tzinfo=UTC), "midnight in the city"
    assert json.loads(queries.summary(session, town.people["leader"], town.now))["late"] == 0
    paused = queries.list_cases(session, town.people["leader"], CaseFilter(light=("paused",)), town.now)[0].items
    late = queries.list_cases(session, town.people["leader"], CaseFilter(light=("late", "soon", "ok")), town.now)[0].items
    assert number in paused and number not in late


def test_resuming_moves_the_deadline_by_exactly_the_working_time_of_the_pause(session: Session, town: Town) -> None:
    """Suspended on Monday at 09:00, resumed on Wednesday at 10:00: seventeen working hours; 15:00 on Monday becomes 16:00 on Wednesday."""
    number = suspended(session, town)
    town.now = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
    assert town.act(session, "handler", number, "resume").state == "handling"
    case = case_row(session, number)
    assert case.due_at == case.state_due_at == datetime(2026, 11, 18, 8, 0, tzinfo=UTC)
    assert (case.suspended_at, case.suspended_until, case.suspension_count) == (None, None, 1)
    assert case.assignee_id == town.users["handler"].id
    assert_row_is_what_the_events_say(session, number)


def test_a_suspended_case_resumes_by_itself_when_its_date_comes(session: Session, town: Town) -> None:
    number = suspended(session, town)
    expected = case_row(session, number).due_at
    assert operations.resume_due(session, datetime(2026, 11, 30, 15, 59, tzinfo=UTC)) == 0
    late_watch = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
    assert operations.resume_due(session, late_watch) == 1
    assert operations.resume_due(session, late_watch) == 0
    case = case_row(session, number)
    assert case.state == "handling"
    assert case.due_at == expected == datetime(2026, 12, 1, 4, 0, tzinfo=UTC), "it does not matter when the watch looked"
    last = session.execute(text("SELECT * FROM cases.events WHERE case_id = :id ORDER BY seq DESC LIMIT 1"), {"id": case.id}).one()
    assert (last.act, last.actor_id, last.actor_post) == ("resume_by_itself", 0, "system")
    assert_row_is_what_the_events_say(session, number)


def test_a_case_is_suspended_once_and_for_a_year_at_most(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    assert refusal(session, town, "handler", number, "apply_suspension", reason="x") == "until_missing"
    assert refusal(session, town, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 11, 16)) == "until_passed"
    assert refusal(session, town, "handler", number, "apply_suspension", reason="x", until_on=date(2027, 11, 17)) == "until_too_far"
    assert refusal(session, town, "handler", number, "apply_suspension", until_on=date(2027, 11, 16)) == "reason_missing"
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2027, 11, 16))
    town.act(session, "dispatcher", number, "decide_suspension", result="refused", note="可以先行处理")
    assert case_row(session, number).state == "handling", "a refused application changes nothing"
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2027, 11, 16))
    town.act(session, "dispatcher", number, "decide_suspension", result="approved")
    town.wait(days=3)
    town.act(session, "dispatcher", number, "resume")
    assert refusal(session, town, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 12, 1)) == "suspended_before"


def test_a_suspension_cannot_be_granted_after_its_date(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 11, 18))
    town.wait(days=3)
    assert refusal(session, town, "dispatcher", number, "decide_suspension", result="approved") == "until_passed"
    town.act(session, "dispatcher", number, "decide_suspension", result="refused", note="已过期")


def test_being_late_is_not_washed_away_by_a_suspension(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.wait(days=1)
    due = case_row(session, number).due_at
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 12, 1))
    town.act(session, "dispatcher", number, "decide_suspension", result="approved")
    town.wait(days=3)
    town.act(session, "dispatcher", number, "resume")
    assert case_row(session, number).due_at == due
    town.act(session, "handler", number, "handle")
    assert case_row(session, number).overdue_count == 1


def test_another_department_does_not_resume_a_case(session: Session, town: Town) -> None:
    number = suspended(session, town)
    with pytest.raises(errors.CaseNotFound):
        town.act(session, "drainer", number, "resume")
    assert refusal(session, town, "leader", number, "resume") == "wrong_post"


def test_delay_and_suspension_together_add_up(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    delayed(session, town, number)
    town.act(session, "handler", number, "apply_suspension", reason="x", until_on=date(2026, 11, 19))
    town.act(session, "dispatcher", number, "decide_suspension", result="approved")
    operations.resume_due(session, datetime(2026, 11, 19, 0, 0, tzinfo=UTC))
    town.now = datetime(2026, 11, 19, 0, 0, tzinfo=UTC)
    assert case_row(session, number).due_at == datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
    assert delayed(session, town, number).due_at == datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


# Re-dispatch


def test_the_dispatcher_corrects_himself_before_the_receipt_and_the_clock_starts_anew(session: Session, town: Town) -> None:
    number = town.bring_to(session, "to_handle").number
    sanitation, drainage = town.departments["sanitation"], town.departments["drainage"]
    town.act(session, "handler", number, "apply_delay", reason="需调配机械")
    town.wait(hours=1)
    assert refusal(session, town, "dispatcher", number, "redispatch", reason="错派") == "department_missing"
    assert refusal(session, town, "dispatcher", number, "redispatch", reason="错派", department_id=sanitation) == "same_department"
    assert refusal(session, town, "dispatcher", number, "redispatch", department_id=drainage) == "reason_missing"
    town.act(session, "dispatcher", number, "redispatch", reason="错派", department_id=drainage)
    case = case_row(session, number)
    assert (case.state, case.department_id, case.redispatch_count, case.pending) == ("to_handle", drainage, 1, None)
    assert case.due_at == datetime(2026, 11, 16, 8, 0, tzinfo=UTC) and case.routing["rule"] == "dispatcher"
    assert_row_is_what_the_events_say(session, number)
    town.act(session, "drainer", number, "receive")
    assert refusal(session, town, "dispatcher", number, "redispatch", reason="x", department_id=sanitation) == "not_in_state"


# Supervision


def test_a_supervised_case_is_answered_before_it_is_fed_back(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    before = case_row(session, number)
    assert refusal(session, town, "supervisor", number, "supervise", result="leader") == "note_missing"
    assert refusal(session, town, "handler", number, "answer_supervision", note="x") == "no_supervision_open"
    town.act(session, "supervisor", number, "supervise", result="leader", note="请今日内处理完毕")
    case = case_row(session, number)
    assert (case.supervision, case.supervision_kind, case.supervision_count) == ("open", "leader", 1)
    assert (case.state, case.due_at, case.state_due_at, case.assignee_id) == (
        before.state, before.due_at, before.state_due_at, before.assignee_id,
    )  # fmt: skip
    town.act(session, "handler", number, "handle")
    assert refusal(session, town, "dispatcher", number, "feed_back") == "supervision_unanswered"
    town.act(session, "head", number, "answer_supervision", note="已处理")
    assert town.act(session, "dispatcher", number, "feed_back").state == "to_check"


def test_supervising_does_not_disturb_the_inspectors_task(session: Session, town: Town) -> None:
    written = town.bring_to(session, "checking")
    town.act(session, "acceptor", written.number, "mark_urgent", result="urgent")
    task = session.execute(text("SELECT state FROM cases.tasks WHERE case_id = :id"), {"id": written.id}).scalar_one()
    case = case_row(session, written.number)
    assert task == "open" and case.assignee_id == town.users["inspector"].id and case.urgent
    assert town.act(session, "inspector", written.number, "check", result="pass").state == "to_close"


# Forced closing and reopening


@pytest.mark.parametrize("state", ["to_dispatch", "to_handle", "handling", "handled", "to_check", "checking", "to_close"])
def test_the_shift_leader_closes_by_force_with_a_reason_from_everywhere_after_filing(session: Session, town: Town, state: str) -> None:
    written = town.bring_to(session, state)
    assert refusal(session, town, "leader", written.number, "force_close") == "reason_missing"
    assert refusal(session, town, "dispatcher", written.number, "force_close", reason="x") == "wrong_post"
    town.act(session, "leader", written.number, "force_close", reason="拆迁区域，无法处理")
    case = case_row(session, written.number)
    assert (case.state, case.forced, case.closed_at, case.overdue_count) == ("closed", True, town.now, 0)
    still_open = text("SELECT count(*) FROM cases.tasks WHERE case_id = :id AND state = 'open'")
    assert session.execute(still_open, {"id": written.id}).scalar_one() == 0
    assert_row_is_what_the_events_say(session, written.number)


def test_forced_closing_hides_no_lateness(session: Session, town: Town) -> None:
    number = town.bring_to(session, "handling").number
    town.wait(days=2)
    town.act(session, "leader", number, "force_close", reason="x")
    assert case_row(session, number).overdue_count == 1
    assert_row_is_what_the_events_say(session, number)


def test_a_suspended_case_can_be_closed_by_force(session: Session, town: Town) -> None:
    number = suspended(session, town)
    town.act(session, "leader", number, "force_close", reason="x")
    assert case_row(session, number).suspended_until is None
    assert_row_is_what_the_events_say(session, number)


def test_a_closed_case_is_reopened_within_its_window_and_goes_the_whole_way_again(session: Session, town: Town) -> None:
    number = town.bring_to(session, "closed").number
    assert refusal(session, town, "leader", number, "reopen") == "reason_missing"
    assert refusal(session, town, "acceptor", number, "reopen", reason="x") == "wrong_post"
    assert refusal(session, town, "leader", number, "close") == "finished"
    town.wait(days=30)
    assert town.act(session, "leader", number, "reopen", reason="问题再次出现").state == "to_dispatch"
    case = case_row(session, number)
    assert (case.reopen_count, case.closed_at, case.department_id, case.due_at) == (1, None, None, None)
    assert case.state_due_at is not None
    for who, act, given in (
        ("dispatcher", "dispatch", {}), ("handler", "receive", {}), ("handler", "handle", {}), ("dispatcher", "feed_back", {}),
        ("acceptor", "send_check", {}), ("inspector", "check", {"result": "pass"}), ("leader", "close", {}),
    ):  # fmt: skip
        town.act(session, who, number, act, **given)
        assert_row_is_what_the_events_say(session, number)
    town.wait(days=30, seconds=1)
    assert refusal(session, town, "leader", number, "reopen", reason="x") == "window_over"


def test_a_voided_case_stays_voided(session: Session, town: Town) -> None:
    number = town.report(session).number
    town.act(session, "leader", number, "void", reason="重复")
    assert refusal(session, town, "leader", number, "reopen", reason="x") == "finished"


# Appeal


def overdue_and_closed(session: Session, town: Town) -> str:
    number = town.bring_to(session, "handling").number
    town.wait(days=2)
    for who, act, given in (
        ("handler", "handle", {}), ("dispatcher", "feed_back", {}), ("acceptor", "send_check", {}),
        ("inspector", "check", {"result": "pass"}), ("leader", "close", {}),
    ):  # fmt: skip
        town.act(session, who, number, act, **given)
    return number


def on_time(session: Session, town: Town) -> tuple[int, float | None]:
    told = json.loads(queries.summary(session, town.people["leader"], town.now))
    return told["closed_30_days"], told["on_time_rate"]


def test_an_approved_appeal_leaves_the_statistics_and_keeps_the_record(session: Session, town: Town) -> None:
    number = overdue_and_closed(session, town)
    assert on_time(session, town) == (1, 0.0)
    assert refusal(session, town, "dispatcher", number, "review_appeal", result="approved") == "no_appeal_to_review"
    town.act(session, "head", number, "appeal", reason="暴雨期间无法作业")
    assert refusal(session, town, "acceptor", number, "decide_appeal", result="approved") == "no_appeal_to_decide"
    town.act(session, "dispatcher", number, "review_appeal", result="approved")
    assert on_time(session, town) == (1, 0.0), "the first look decides nothing"
    town.act(session, "acceptor", number, "decide_appeal", result="approved")
    case = case_row(session, number)
    assert (case.appeal, case.exempt, case.overdue_count, case.state) == ("approved", True, 1, "closed")
    assert on_time(session, town) == (0, None)
    assert refusal(session, town, "handler", number, "appeal", reason="x") == "appealed_before"


@pytest.mark.parametrize("refuser", ["dispatcher", "acceptor"])
def test_a_refused_appeal_changes_nothing_and_there_is_no_second(session: Session, town: Town, refuser: str) -> None:
    number = overdue_and_closed(session, town)
    town.act(session, "handler", number, "appeal", reason="x")
    if refuser == "acceptor":
        town.act(session, "dispatcher", number, "review_appeal", result="approved")
        town.act(session, "acceptor", number, "decide_appeal", result="refused", note="无依据")
    else:
        town.act(session, "dispatcher", number, "review_appeal", result="refused", note="无依据")
    case = case_row(session, number)
    assert (case.appeal, case.exempt) == ("refused", False)
    assert refusal(session, town, "handler", number, "appeal", reason="x") == "appealed_before"


def test_only_an_overdue_case_is_appealed_and_not_for_ever(session: Session, town: Town) -> None:
    in_time = town.bring_to(session, "closed").number
    assert refusal(session, town, "handler", in_time, "appeal", reason="x") == "never_overdue"
    late = overdue_and_closed(session, town)
    town.wait(days=15, seconds=1)
    assert refusal(session, town, "handler", late, "appeal", reason="x") == "window_over"


# Urgent and simple cases


def test_a_simple_case_is_accepted_and_filed_in_one_step(session: Session, town: Town) -> None:
    number = town.report(session).number
    assert refusal(session, town, "acceptor", number, "file_simply") == "wrong_post"
    assert town.act(session, "leader", number, "file_simply").state == "to_dispatch"
    case = case_row(session, number)
    assert case.simplified and case.filed_at == town.now and case.condition_id is not None and case.limit_value is not None
    public = town.report(session, "acceptor", source="public").number
    assert refusal(session, town, "leader", public, "file_simply") == "not_verified"
    town.act(session, "dispatcher", number, "send_back", reason="不简单")
    assert not case_row(session, number).simplified


def test_urgency_is_set_and_taken_back(session: Session, town: Town) -> None:
    number = town.report(session).number
    assert town.act(session, "acceptor", number, "mark_urgent", result="urgent").state == "to_accept"
    assert case_row(session, number).urgent
    town.act(session, "leader", number, "mark_urgent", result="ordinary")
    assert not case_row(session, number).urgent
    assert town.now - case_row(session, number).updated_at == timedelta(0)
