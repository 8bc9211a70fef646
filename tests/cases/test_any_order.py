"""Random people try random acts in random order on the real database.

The model below is written from the rules and shares no code with the workflow: a table of edges with their posts, and a
sentence for each guard. Whatever the model allows must happen, whatever it does not allow must be refused with a typed
error, and after every step the case file must be whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from cityops.cases import reasons
from cityops.cases.verify import Walk, walk
from cityops.db.session import unit_of_work
from cityops.errors import CityopsError, Conflict, Invalid, NotFound, Refused
from tests.factories.cases import Town, saved_town

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
ASIDE = ("void", "send_back", "return_case")
ACTS = sorted({act for act, _ in EDGES})
WHO = {
    "inspector": {"inspector"}, "inspector2": {"inspector"}, "acceptor": {"acceptor"}, "leader": {"shift_leader"},
    "dispatcher": {"dispatcher"}, "handler": {"handler"}, "teamster": {"handler"}, "drainer": {"handler"}, "stranger": set(),
    "everybody": {"inspector", "acceptor", "shift_leader", "dispatcher", "handler"},
}  # fmt: skip
BRANCH = {
    "handler": {"sanitation", "team"},
    "teamster": {"team", "sanitation"},
    "drainer": {"drainage"},
    "everybody": {"sanitation", "team"},
}
SEEN_DEPARTMENTS = {"handler": {"sanitation", "team"}, "teamster": {"team"}, "drainer": {"drainage"}}
UNKNOWN_DEPARTMENT = 2_000_000_000


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
    events: int = 1

    def is_seen_by(self, who: str) -> bool:
        if who in ("inspector", "acceptor", "leader", "dispatcher", "everybody") or who in (self.reporter, self.assignee):
            return True
        return self.department in SEEN_DEPARTMENTS.get(who, ())

    def allows(self, who: str, act: str, given: dict[str, Any]) -> bool:
        """Whether the rules let this person do this now (inputs of several types, hence Any)."""
        edge = EDGES.get((act, self.state))
        if edge is None or edge[1] not in WHO[who] or not self.is_seen_by(who):
            return False
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
            "send_back": lambda: bool(given.get("reason")),
        }.get(act, lambda: True)()

    def follow(self, who: str, act: str, given: dict[str, Any], departments: dict[int, str]) -> None:
        """Take the step."""
        self.state = EDGES[(act, self.state)][0]
        self.events += 1
        self.assignee = None
        if act == "verify":
            self.verified = given["result"]
        elif act in ("send_verification", "send_check"):
            self.assignee = "inspector"
        elif act == "dispatch":
            self.department = departments[given["department_id"]] if "department_id" in given else "sanitation"
        elif act == "receive":
            self.assignee = who
        elif act == "return_case":
            self.department, self.returned = None, True
        elif act == "check":
            self.state = "to_close" if given["result"] == "pass" else "to_handle"
        if act in ("receive", "handle"):
            self.receivers.add(who)


class AnyOrder(RuleBasedStateMachine):
    """The city, with people who do as they like."""

    engine: ClassVar[Engine]
    town: ClassVar[Town]
    media_dir: ClassVar[Path]

    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self.touched: Model | None = None
        self.made = 0
        self.departments = {self.town.departments[name]: name for name in ("sanitation", "drainage", "team")}

    @precondition(lambda self: self.made < 3)
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
        self.touched = Model(number, source, who)
        return self.touched

    @rule(
        case=cases, who=st.sampled_from(sorted(WHO)), act=st.sampled_from(ACTS),
        reason=st.sampled_from([None, "", "职责不符"]),
        result=st.sampled_from([None, "exists", "absent", "unverifiable", "pass", "fail", "perhaps"]),
        photo=st.booleans(),
        department=st.sampled_from([None, None, "sanitation", "drainage", "team", "nowhere"]), minutes=st.integers(0, 600),
    )  # fmt: skip
    def anything(
        self, case: Model, who: str, act: str, reason: str | None, result: str | None, photo: bool, department: str | None, minutes: int
    ) -> None:
        """Anybody tries anything."""
        self.attempt(case, who, act, reason, result, photo, department, minutes)

    @rule(
        case=cases, steps=st.lists(st.tuples(st.integers(0, 7), st.booleans()), min_size=1, max_size=10),
        department=st.sampled_from([None, "sanitation", "drainage", "team"]), minutes=st.integers(0, 600),
    )  # fmt: skip
    def a_day_of_work(self, case: Model, steps: list[tuple[int, bool]], department: str | None, minutes: int) -> None:
        """Steps that somebody could really do, one after another, so that the walks get deep."""
        for way, good in steps:
            ways = sorted(((act, post) for (act, state), (_, post) in EDGES.items() if state == case.state), key=lambda w: w[0] in ASIDE)
            if not ways:
                return
            act, post = ways[0] if way < 6 else ways[way % len(ways)]
            if act == "accept" and case.source in ("hotline", "public") and case.verified is None:
                act, post = "send_verification", "acceptor"
            able = [who for who, posts in sorted(WHO.items()) if post in posts and case.is_seen_by(who)] or ["everybody"]
            result = {"verify": "exists" if good else "absent", "check": "pass" if good else "fail"}.get(act)
            self.attempt(case, able[way % len(able)], act, "职责不符", result, True, department, minutes)
            self.the_case_file_is_whole()

    def attempt(
        self, case: Model, who: str, act: str, reason: str | None, result: str | None, photo: bool, department: str | None, minutes: int
    ) -> None:
        self.town.wait(minutes=minutes)
        self.touched = case
        given: dict[str, Any] = {"photos": []}  # inputs of several types
        if reason is not None:
            given["reason"] = reason
        if result is not None:
            given["result"] = result
        if department is not None:
            given["department_id"] = self.town.departments.get(department, UNKNOWN_DEPARTMENT)
        try:
            with unit_of_work(self.engine) as session:
                if photo:
                    given["photos"] = [self.town.photo(session, who)]
                state = self.town.act(session, who, case.number, act, **given).state
        except CityopsError as refused:
            assert not case.allows(who, act, given), f"{who} may {act} a case that is {case.state}, but: {refused}"
            self.check_refusal(refused)
            return
        assert case.allows(who, act, given), f"{who} may not {act} a case that is {case.state} with {given}"
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
        finished = case.state in ("closed", "voided")
        assert row.state == case.state
        assert row.event_count == case.events == row.version
        assert (row.state_due_at is None) == finished and (finished or row.state_soon_at <= row.state_due_at)
        assert tasks == (case.state in ("verifying", "checking"))
        assert row.department_id == (self.town.departments[case.department] if case.department else None)
        assert (row.due_at is not None) or case.state not in ("to_handle", "handling")


@pytest.mark.parametrize("examples", [20])
def test_no_order_of_acts_breaks_the_rules(database: Engine, tmp_path_factory: pytest.TempPathFactory, examples: int) -> None:
    media_dir = tmp_path_factory.mktemp("media")
    AnyOrder.engine, AnyOrder.media_dir = database, media_dir
    AnyOrder.town = saved_town(database, media_dir)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)),
    )
    with database.connect() as connection:
        reached = set(connection.execute(text("SELECT DISTINCT to_state FROM cases.events")).scalars())
    assert len(reached) == 12, f"the walks were too shallow to mean anything: {sorted(reached)}"
