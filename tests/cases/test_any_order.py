"""Random people try random acts in random order on the real database.

The model below is written from the rules and shares no code with the workflow: a table of edges with their posts, and a
sentence for each guard. Whatever the model allows must happen, whatever it does not allow must be refused with a typed
error, and after every step the case file must be whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.cases import intake, lookups, operations, reasons
from cityops.cases.timeline import replay
from cityops.cases.verify import Walk, walk
from cityops.cases.workflow import case_workflow
from cityops.db.session import unit_of_work
from cityops.errors import CityopsError, Conflict, Invalid, NotFound, Refused
from cityops.standards.rules import Calendar
from tests.factories.cases import Town, saved_town

ZONE = ZoneInfo("Asia/Shanghai")
EDGES: dict[tuple[str, str], tuple[str, str]] = {
    ("send_verification", "to_accept"): ("verifying", "acceptor"),
    ("verify", "verifying"): ("to_accept", "inspector"),
    ("accept", "to_accept"): ("to_file", "acceptor"),
    ("file", "to_file"): ("to_dispatch", "shift_leader"),
    ("dispatch", "to_dispatch"): ("to_handle", "dispatcher"),
    ("receive", "to_handle"): ("handling", "handler"),
    ("handle", "handling"): ("handled", "handler"),
    ("return_case", "to_handle"): ("to_dispatch", "handler"),
    ("return_case", "handling"): ("to_dispatch", "handler"),
    ("feed_back", "handled"): ("to_check", "dispatcher"),
    ("send_check", "to_check"): ("checking", "acceptor"),
    ("check", "checking"): ("to_close or to_handle", "inspector"),
    ("close", "to_close"): ("closed", "shift_leader"),
    ("void", "to_accept"): ("voided", "shift_leader"),
    ("void", "to_file"): ("voided", "shift_leader"),
    ("void", "to_dispatch"): ("voided", "shift_leader"),
    ("send_back", "to_file"): ("to_accept", "shift_leader"),
    ("send_back", "to_dispatch"): ("to_file", "dispatcher"),
}
HANDLED_BY = ("to_handle", "handling", "suspended", "handled")
CLOSABLE = ("to_dispatch", *HANDLED_BY, "to_check", "checking", "to_close")
DEPARTMENT, ANY_DESK = "handler or department_head", "acceptor or shift_leader or dispatcher"
EDGES |= {("file_simply", "to_accept"): ("to_dispatch", "shift_leader"), ("redispatch", "to_handle"): ("to_handle", "dispatcher")}
EDGES |= {("apply_delay", state): (state, DEPARTMENT) for state in ("to_handle", "handling")}
EDGES |= {("decide_delay", state): (state, "dispatcher") for state in ("to_handle", "handling")}
EDGES |= {
    ("apply_suspension", "handling"): ("handling", DEPARTMENT),
    ("decide_suspension", "handling"): ("suspended or handling", "dispatcher"),
    ("resume", "suspended"): ("handling", "dispatcher or handler or department_head"),
}
EDGES |= {("supervise", state): (state, "supervisor or shift_leader") for state in ("to_dispatch", *HANDLED_BY)}
EDGES |= {("answer_supervision", state): (state, DEPARTMENT) for state in HANDLED_BY}
EDGES |= {("mark_urgent", state): (state, ANY_DESK) for state in ("to_accept", "verifying", "to_file", *CLOSABLE)}
EDGES |= {("force_close", state): ("closed", "shift_leader") for state in CLOSABLE}
EDGES |= {
    ("reopen", "closed"): ("to_dispatch", "shift_leader"),
    ("appeal", "closed"): ("closed", DEPARTMENT),
    ("review_appeal", "closed"): ("closed", "dispatcher"),
    ("decide_appeal", "closed"): ("closed", "acceptor"),
}
STAYING = {
    "apply_delay", "decide_delay", "apply_suspension", "supervise", "answer_supervision", "mark_urgent", "appeal", "review_appeal",
    "decide_appeal",
}  # fmt: skip
USUAL_ACTS = (
    "send_verification", "verify", "accept", "file", "dispatch", "receive", "handle", "feed_back", "send_check", "check", "close",
)  # fmt: skip
ACTS = sorted({act for act, _ in EDGES})
WHO = {
    "inspector": {"inspector"}, "inspector2": {"inspector"}, "acceptor": {"acceptor"}, "leader": {"shift_leader"},
    "dispatcher": {"dispatcher"}, "handler": {"handler"}, "teamster": {"handler"}, "drainer": {"handler"}, "head": {"department_head"},
    "supervisor": {"supervisor"}, "stranger": set(),
    "everybody": {"inspector", "acceptor", "shift_leader", "dispatcher", "handler"},
}  # fmt: skip
BRANCH = {
    "head": {"sanitation", "team"},
    "handler": {"sanitation", "team"},
    "teamster": {"team", "sanitation"},
    "drainer": {"drainage"},
    "everybody": {"sanitation", "team"},
}
SEEN_DEPARTMENTS = {"head": {"sanitation", "team"}, "handler": {"sanitation", "team"}, "teamster": {"team"}, "drainer": {"drainage"}}
UNKNOWN_DEPARTMENT = 2_000_000_000


def a_year_after(on: date) -> date:
    """The same day of the next year; a leap day has none, and the last of February stands for it."""
    return date(on.year + 1, on.month, 28 if (on.month, on.day) == (2, 29) else on.day)


@dataclass
class Model:
    """A case as the rules say it must be."""

    number: str
    source: str
    reporter: str
    state: str = "to_accept"
    verified: str | None = None
    department: str | None = None
    returned: bool = False
    receivers: set[str] = field(default_factory=set)
    assignee: str | None = None
    handler: str | None = None
    routed: str = "sanitation"
    """Where a dispatch without a name goes: where the rules say, or where the dispatcher sent it last."""
    events: int = 1
    department_ids: dict[str, int] = field(default_factory=dict)
    pending: str | None = None
    asked_until: date | None = None
    suspended_until: date | None = None
    delays: int = 0
    suspensions: int = 0
    supervision: str | None = None
    appeal: str | None = None
    reopened: int = 0
    due_at: datetime | None = None
    """The deadline of the row, read after each step: whether it is right is for the replay to say."""
    overdue: int = 0
    closed_at: datetime | None = None

    def is_seen_by(self, who: str) -> bool:
        if who in ("inspector", "acceptor", "leader", "dispatcher", "supervisor", "everybody") or who in (self.reporter, self.assignee):
            return True
        return self.department in SEEN_DEPARTMENTS.get(who, ())

    def allows(self, who: str, act: str, given: dict[str, Any], now: datetime) -> bool:
        """Whether the rules let this person do this now (inputs of several types, hence Any)."""
        edge = EDGES.get((act, self.state))
        if edge is None or not WHO[who] & set(edge[1].split(" or ")) or not self.is_seen_by(who):
            return False
        branch = self.department in BRANCH.get(who, ())
        today = now.astimezone(ZONE).date()
        yes = given.get("result") == "approved"
        no = given.get("result") == "refused" and bool(given.get("reason") or given.get("note"))
        since_end = now - (self.closed_at or now)
        needs_eyes = self.source in ("hotline", "public", "transfer")
        return {
            "send_verification": lambda: needs_eyes and self.verified != "exists",
            "verify": lambda: who == self.assignee == "inspector" and given.get("result") in ("exists", "absent", "unverifiable"),
            "accept": lambda: not needs_eyes or self.verified == "exists",
            "dispatch": lambda: given.get("department_id") != UNKNOWN_DEPARTMENT and (not self.returned or "department_id" in given),
            "receive": lambda: self.department in BRANCH.get(who, ()),
            "handle": lambda: self.department in BRANCH.get(who, ()) and bool(given.get("photos")),
            "return_case": lambda: self.department in BRANCH.get(who, ()) and bool(given.get("reason")),
            "check": lambda: (
                who == self.assignee == "inspector"
                and who not in self.receivers
                and given.get("result") in ("pass", "fail")
                and bool(given.get("photos"))
            ),
            "void": lambda: bool(given.get("reason")),
            "file_simply": lambda: not needs_eyes or self.verified == "exists",
            "redispatch": lambda: (
                bool(given.get("reason"))
                and given.get("department_id", UNKNOWN_DEPARTMENT) not in (UNKNOWN_DEPARTMENT, self.department_ids[self.department or ""])
            ),
            "feed_back": lambda: self.supervision != "open",
            "apply_delay": lambda: (
                branch and not self.pending and self.delays < 2 and bool(given.get("reason")) and (not self.due_at or now <= self.due_at)
            ),
            "decide_delay": lambda: self.pending == "delay" and (yes or no),
            "apply_suspension": lambda: (
                branch
                and not self.pending
                and not self.suspensions
                and bool(given.get("reason"))
                and today < given.get("until_on", today) <= a_year_after(today)
            ),
            "decide_suspension": lambda: (
                self.pending == "suspension" and (no or (yes and self.asked_until is not None and today < self.asked_until))
            ),
            "resume": lambda: "dispatcher" in WHO[who] or branch,
            "supervise": lambda: given.get("result") in ("overdue", "leader", "key_case") and bool(given.get("note")),
            "answer_supervision": lambda: branch and self.supervision == "open" and bool(given.get("note")),
            "mark_urgent": lambda: given.get("result") in ("urgent", "ordinary"),
            "force_close": lambda: bool(given.get("reason")),
            "reopen": lambda: bool(given.get("reason")) and since_end <= timedelta(days=30),
            "appeal": lambda: (
                branch and self.overdue > 0 and not self.appeal and bool(given.get("reason")) and since_end <= timedelta(days=15)
            ),
            "review_appeal": lambda: self.appeal == "asked" and (yes or no),
            "decide_appeal": lambda: self.appeal == "passed" and (yes or no),
            "send_back": lambda: bool(given.get("reason")),
        }.get(act, lambda: True)()

    def follow(self, who: str, act: str, given: dict[str, Any], departments: dict[int, str]) -> None:
        """Take the step."""
        before, yes = self.state, given.get("result") == "approved"
        self.state = EDGES[(act, self.state)][0]
        self.events += 1
        if act not in STAYING and not (act == "decide_suspension" and not yes):
            self.assignee = None
        self.follow_special(act, given, yes, departments)
        if self.state not in ("to_handle", "handling") or act in ("redispatch", "check"):
            self.pending = self.asked_until = None
        if before == "suspended" and self.state != "suspended":
            self.suspended_until = None
        if act == "verify":
            self.verified = given["result"]
        elif act in ("send_verification", "send_check"):
            self.assignee = "inspector"
        elif act == "dispatch":
            self.department = self.routed = departments[given["department_id"]] if "department_id" in given else self.routed
            self.handler = None
        elif act == "receive":
            self.assignee = self.handler = who
        elif act in ("resume", "decide_suspension") and (act == "resume" or yes):
            self.assignee = self.handler
        elif act == "return_case":
            self.department, self.returned = None, True
        elif act == "check":
            self.state = "to_close" if given["result"] == "pass" else "to_handle"
            self.handler = self.handler if given["result"] == "pass" else None
        if act in ("receive", "handle"):
            self.receivers.add(who)

    def follow_special(self, act: str, given: dict[str, Any], yes: bool, departments: dict[int, str]) -> None:
        """What the special acts change (inputs of several types, hence Any)."""
        if act == "apply_delay":
            self.pending = "delay"
        elif act == "decide_delay":
            self.pending, self.delays = None, self.delays + yes
        elif act == "apply_suspension":
            self.pending, self.asked_until = "suspension", given["until_on"]
        elif act == "decide_suspension":
            self.state = "suspended" if yes else "handling"
            self.suspended_until = self.asked_until if yes else None
            self.pending, self.asked_until, self.suspensions = None, None, self.suspensions + yes
        elif act == "redispatch":
            self.department, self.handler = departments[given["department_id"]], None
            self.routed = self.department
        elif act in ("accept", "file_simply"):
            self.routed = "sanitation"
        elif act in ("supervise", "answer_supervision"):
            self.supervision = "open" if act == "supervise" else "answered"
        elif act == "reopen":
            self.department, self.handler, self.reopened = None, None, self.reopened + 1
        elif act == "appeal":
            self.appeal = "asked"
        elif act == "review_appeal":
            self.appeal = "passed" if yes else "refused"
        elif act == "decide_appeal":
            self.appeal = "approved" if yes else "refused"


class AnyOrder(RuleBasedStateMachine):
    """The city, with people who do as they like."""

    engine: ClassVar[Engine]
    town: ClassVar[Town]
    media_dir: ClassVar[Path]
    calendar: ClassVar[Calendar]

    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self.touched: Model | None = None
        self.made = 0
        self.models: list[Model] = []
        self.departments = {self.town.departments[name]: name for name in ("sanitation", "drainage", "team")}

    @initialize(target=cases, source=st.sampled_from(["inspector", "public"]))
    def a_first_case(self, source: str) -> Any:  # Any: hypothesis' own type
        return self.report("inspector" if source == "inspector" else "acceptor", source, True)

    @precondition(lambda self: self.made < 6)
    @rule(
        target=cases,
        who=st.sampled_from(sorted(WHO)),
        source=st.sampled_from(["inspector", "video", "hotline", "public", "rumour"]),
        photo=st.booleans(),
    )
    def report(self, who: str, source: str, photo: bool) -> Any:  # Any: hypothesis' own type
        allowed = ("inspector" in WHO[who] and photo) if source == "inspector" else ("acceptor" in WHO[who] and source != "rumour")
        try:
            with unit_of_work(self.engine) as session:
                photos = [self.town.photo(session, who)] if photo else []
                number = self.town.report(session, who, source=source, photos=photos).number
        except CityopsError as refused:
            assert not allowed, f"{who} may report from {source}: {refused}"
            self.check_refusal(refused)
            return multiple()
        assert allowed, f"{who} may not report from {source}"
        self.made += 1
        self.touched = Model(number, source, who, department_ids={name: number for number, name in self.departments.items()})
        self.models.append(self.touched)
        return self.touched

    @rule(
        case=cases, who=st.sampled_from(sorted(WHO)), act=st.sampled_from(ACTS),
        reason=st.sampled_from([None, "", "职责不符"]),
        result=st.sampled_from(
            [None, "exists", "absent", "unverifiable", "pass", "fail", "perhaps", "approved", "refused", "leader", "urgent"]
        ),
        photo=st.booleans(), note=st.booleans(), days=st.sampled_from([None, 0, 1, 3, 365, 400]),
        department=st.sampled_from([None, None, "sanitation", "drainage", "team", "nowhere"]), minutes=st.integers(0, 600),
    )  # fmt: skip
    def anything(
        self, case: Model, who: str, act: str, reason: str | None, result: str | None, photo: bool, note: bool, days: int | None,
        department: str | None, minutes: int,
    ) -> None:  # fmt: skip
        """Anybody tries anything."""
        self.attempt(case, who, act, reason, result, photo, department, minutes, note=note, days=days)

    @rule(days=st.integers(0, 3))
    def the_watch_looks(self, days: int) -> None:
        """What is suspended and whose date has come is handled again, and nothing else is."""
        self.town.wait(days=days)
        with unit_of_work(self.engine) as session:
            operations.resume_due(session, self.town.now)
        for case in self.models:
            if case.suspended_until is not None and case.suspended_until <= self.town.now.astimezone(ZONE).date():
                case.state, case.suspended_until, case.assignee = "handling", None, case.handler
                case.events += 1
            self.touched = case
            self.the_case_file_is_whole()

    @rule(
        case=cases, seed=st.integers(0, 2**32), length=st.integers(8, 24),
        department=st.sampled_from([None, "sanitation", "drainage", "team"]), minutes=st.integers(0, 600),
    )  # fmt: skip
    def a_day_of_work(self, case: Model, seed: int, length: int, department: str | None, minutes: int) -> None:
        """Steps that somebody could really do, one after another, so that the walks get deep; evenly drawn, so that they get wide."""
        dice = Random(seed)
        for _ in range(length):
            way, good = dice.randrange(40), dice.random() < 0.7
            ways = {act: posts.split(" or ") for (act, state), (_, posts) in EDGES.items() if state == case.state}
            usual = [act for act in ways if act in USUAL_ACTS]
            if not ways:
                return
            if case.state == "to_accept":
                unseen = case.source in ("hotline", "public") and case.verified != "exists"
                usual = ["send_verification" if unseen else "accept"]
            waiting = [
                act
                for act, waits in {
                    f"decide_{case.pending}": case.pending, "answer_supervision": case.supervision == "open",
                    "review_appeal": case.appeal == "asked", "decide_appeal": case.appeal == "passed",
                    "apply_suspension": case.state == "handling" and not case.pending and not case.suspensions and good,
                    "appeal": case.overdue > 0 and not case.appeal,
                }.items()
                if waits and act in ways
            ]  # fmt: skip
            # What ends a case is rare, or nothing else would ever be seen.
            others = sorted(set(ways) - set(usual) - ({"force_close"} if way < 36 else set())) or usual
            if waiting and way % 2:
                act = waiting[0]
            else:
                act = usual[0] if usual and way < 22 else dice.choice(others)
            able = [who for who, posts in sorted(WHO.items()) if posts & set(ways[act]) and case.is_seen_by(who)] or ["everybody"]
            answers = {
                "verify": ("exists", "absent"),
                "check": ("pass", "fail"),
                "supervise": ("leader",) * 2,
                "mark_urgent": ("urgent",) * 2,
            }
            result = answers.get(act, ("approved", "approved" if way % 3 else "refused"))[0 if good else 1]
            self.attempt(case, able[way % len(able)], act, "职责不符", result, True, department, minutes, note=True, days=1 + way % 9)
            self.the_case_file_is_whole()

    def attempt(
        self, case: Model, who: str, act: str, reason: str | None, result: str | None, photo: bool, department: str | None, minutes: int,
        *, note: bool, days: int | None,
    ) -> None:  # fmt: skip
        self.town.wait(minutes=minutes)
        now = self.town.now
        self.touched = case
        given: dict[str, Any] = {"photos": []}  # inputs of several types
        if reason is not None:
            given["reason"] = reason
        if result is not None:
            given["result"] = result
        if note:
            given["note"] = "意见"
        if days is not None:
            given["until_on"] = now.astimezone(ZONE).date() + timedelta(days=days)
        if department is not None:
            given["department_id"] = self.town.departments.get(department, UNKNOWN_DEPARTMENT)
        try:
            with unit_of_work(self.engine) as session:
                if photo:
                    given["photos"] = [self.town.photo(session, who)]
                state = self.town.act(session, who, case.number, act, **given).state
        except CityopsError as refused:
            assert not case.allows(who, act, given, now), f"{who} may {act} a case that is {case.state}, but: {refused}"
            self.check_refusal(refused)
            return
        assert case.allows(who, act, given, now), f"{who} may not {act} a case that is {case.state} with {given}"
        case.follow(who, act, given, self.departments)
        assert state == case.state

    @staticmethod
    def check_refusal(refused: CityopsError) -> None:
        assert isinstance(refused, Refused | Conflict | Invalid | NotFound)
        assert refused.code and refused.message and "{" not in refused.message
        if hasattr(refused, "reason"):
            assert refused.reason.code in reasons.TEXTS and refused.reason.zh and refused.reason.en
        if isinstance(refused, Invalid):
            assert refused.field and refused.fix

    @invariant()
    def the_case_file_is_whole(self) -> None:
        if self.touched is None:
            return
        case = self.touched
        assert [finding for batch in walk(self.engine, self.media_dir, Walk(), case.number) for finding in batch] == []
        with self.engine.connect() as connection:
            row = connection.execute(text("SELECT * FROM cases.cases WHERE number = :n"), {"n": case.number}).one()
            tasks = connection.execute(
                text("SELECT count(*) FILTER (WHERE state = 'open') AS open FROM cases.tasks WHERE case_id = :id"), {"id": row.id}
            ).scalar_one()
            line = replay(case_workflow(), lookups.records(Session(connection), row.id), self.calendar)
        case.due_at, case.overdue, case.closed_at = row.due_at, row.overdue_count, row.closed_at
        assert (line.state, line.due_at, line.soon_at) == (row.state, row.due_at, row.soon_at), "the row is what the events say"
        assert (line.state_due_at, line.state_soon_at) == (row.state_due_at, row.state_soon_at)
        assert (line.delays, line.suspensions, line.overdue) == (row.delay_count, row.suspension_count, row.overdue_count)
        assert (row.delay_count, row.suspension_count, row.reopen_count) == (case.delays, case.suspensions, case.reopened)
        assert (row.pending, row.supervision, row.appeal) == (case.pending, case.supervision, case.appeal)
        assert row.exempt == (case.appeal == "approved") and (row.state == "suspended") == (case.suspended_until is not None)
        assert row.assignee_id == (self.town.users[case.assignee].id if case.assignee else None)
        finished = case.state in ("closed", "voided")
        assert row.state == case.state
        assert row.event_count == case.events == row.version
        assert (row.state_due_at is None) == finished and (finished or row.state_soon_at <= row.state_due_at)
        assert tasks == (case.state in ("verifying", "checking"))
        assert row.department_id == (self.town.departments[case.department] if case.department else None)
        assert (row.due_at is not None) or case.state not in ("to_handle", "handling", "suspended")


@pytest.mark.parametrize("examples", [20])
def test_no_order_of_acts_breaks_the_rules(database: Engine, tmp_path_factory: pytest.TempPathFactory, examples: int) -> None:
    media_dir = tmp_path_factory.mktemp("media")
    AnyOrder.engine, AnyOrder.media_dir = database, media_dir
    AnyOrder.town = saved_town(database, media_dir)
    with unit_of_work(database) as session:
        AnyOrder.calendar = intake.calendar(session)
    # The same walks on every run, because the two last lines demand that they came everywhere.
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )
    with database.connect() as connection:
        reached = set(connection.execute(text("SELECT DISTINCT to_state FROM cases.events")).scalars())
        done = set(connection.execute(text("SELECT DISTINCT act FROM cases.events")).scalars())
    assert len(reached) == 13, f"the walks were too shallow to mean anything: {sorted(reached)}"
    assert not set(ACTS) - done, f"the walks were too narrow to mean anything: {sorted(set(ACTS) - done)} never happened"
