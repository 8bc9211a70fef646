"""The workflow table proves itself when it is loaded, and a broken copy is refused with every fault named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from cityops.cases.errors import WorkflowRefused
from cityops.cases.filters import OPEN
from cityops.cases.workflow import Workflow, case_workflow, parse
from cityops.paths import data_dir

Table = dict[str, Any]  # what YAML holds


@pytest.fixture(scope="module")
def sound() -> Table:
    loaded: Table = yaml.safe_load((data_dir() / "workflow" / "case.yaml").read_text(encoding="utf-8"))
    return loaded


def faults_of(table: Table) -> set[str]:
    with pytest.raises(WorkflowRefused) as caught:
        parse(table)
    assert all(fault.where for fault in caught.value.faults)
    assert all(str(fault) in str(caught.value) for fault in caught.value.faults)
    return {fault.reason for fault in caught.value.faults}


def test_the_shipped_workflow_is_sound() -> None:
    flow = case_workflow()
    assert flow.start == "to_accept"
    assert {stage.id for stage in flow.stages.values()} == {
        "collection",
        "establishment",
        "dispatch",
        "handling",
        "feedback",
        "check",
        "evaluation",
    }
    assert {state.stage for state in flow.states.values()} == set(range(1, 8))
    assert [state.id for state in flow.states.values() if state.terminal] == ["closed", "voided"]
    assert all(f"'{state.id}'" in OPEN for state in flow.states.values() if state.terminal), "the partial indexes name the same ends"


def test_each_post_finds_its_own_desk() -> None:
    flow = case_workflow()
    assert flow.desk("acceptor") == ["to_accept", "to_check"]
    assert flow.desk("shift_leader") == ["to_file", "to_close"]
    assert flow.desk("dispatcher") == ["to_dispatch", "handled"]
    assert flow.desk("handler") == ["to_handle", "handling"]
    assert flow.desk("inspector") == ["verifying", "checking"]


def drop_edge(act: str) -> Callable[[Table], None]:
    return lambda t: t["acts"].pop(act)


def change(*path: Any, to: Any) -> Callable[[Table], None]:
    def mutate(table: Table) -> None:
        place = table
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return mutate


MUTANTS: list[tuple[str, Callable[[Table], None]]] = [
    ("unreachable_state", drop_edge("send_check")),
    (
        "unreachable_state",
        change("states", "forgotten", to={"stage": 3, "title_zh": "忘", "title_en": "f", "limit": {"value": 1, "unit": "natural_day"}}),
    ),
    ("no_way_to_an_end", drop_edge("close")),
    ("ownerless_edge", change("acts", "close", "posts", to=[])),
    ("ownerless_edge", lambda t: t["acts"]["file"].pop("posts")),
    ("unknown_post", change("acts", "close", "posts", to=["king"])),
    ("no_deadline", lambda t: t["states"]["to_file"].pop("limit")),
    ("bad_limit", change("states", "to_file", "limit", to={"value": 0, "unit": "working_hour"})),
    ("bad_limit", change("states", "to_file", "limit", to={"value": 2, "unit": "fortnight"})),
    ("bad_limit", change("states", "to_file", "limit", to={"value": True, "unit": "working_hour"})),
    ("deadline_on_terminal", change("states", "closed", "limit", to={"value": 1, "unit": "working_hour"})),
    ("dangling_target", change("acts", "file", "edges", 0, "to", to="nowhere")),
    ("dangling_source", change("acts", "file", "edges", 0, "from", to="nowhere")),
    ("terminal_with_way_out", lambda t: t["acts"]["void"]["edges"].append({"from": "closed", "to": "voided"})),
    ("no_start", change("states", "to_accept", "start", to=False)),
    ("several_starts", change("states", "to_file", "start", to=True)),
    ("enters_beside_start", change("acts", "report", "edges", to=[{"to": "to_file"}])),
    ("no_entry", drop_edge("report")),
    ("no_end", lambda t: [t["states"][s].pop("terminal") for s in ("closed", "voided")]),
    ("ambiguous_edge", lambda t: t["acts"]["close"]["edges"].append({"from": "to_close", "to": "voided"})),
    ("unknown_guard", change("acts", "close", "guards", to=["moon_is_full"])),
    ("unknown_requirement", change("acts", "close", "requires", to=["bribe"])),
    ("unknown_task", change("acts", "send_check", "opens", to="dance")),
    ("unknown_clock", change("acts", "dispatch", "clock", to="wind")),
    ("duplicate_noun", change("acts", "close", "noun", to="filing")),
    ("no_noun", lambda t: t["acts"]["close"].pop("noun")),
    ("act_without_edge", change("acts", "close", "edges", to=[])),
    ("results_without_requirement", change("acts", "check", "requires", to=["photo"])),
    ("unknown_result", change("acts", "check", "edges", 0, "result", to="perhaps")),
    ("result_without_edge", lambda t: t["acts"]["check"]["edges"].pop()),
    ("unknown_stage", change("states", "to_file", "stage", to=9)),
    ("no_title", change("states", "to_file", "title_zh", to="")),
    ("disposal_clock_not_running", lambda t: t["acts"]["dispatch"].pop("clock")),
    ("disposal_clock_not_running", lambda t: t["acts"]["check"]["edges"][1].pop("clock")),
    ("clock_cannot_extend", change("acts", "decide_delay", "edges", 0, "from", to=["to_handle", "handled"])),
    ("clock_cannot_pause", lambda t: t["acts"]["decide_suspension"]["edges"][0].update({"from": "handled"})),
    ("clock_cannot_resume", change("acts", "receive", "clock", to="resume")),
    ("date_without_a_pause", lambda t: t["acts"]["decide_suspension"]["edges"][0].pop("clock")),
    ("pause_without_a_date", lambda t: t["acts"]["decide_suspension"]["edges"][0].update({"to": "handled"})),
    ("disposal_clock_not_running", lambda t: t["acts"]["resume"].pop("clock")),
    ("no_way_to_an_end", drop_edge("resume_by_itself")),
    ("unreachable_state", drop_edge("decide_suspension")),
    ("no_deadline", lambda t: t["states"]["suspended"].pop("limit")),
    ("terminal_with_way_out", change("acts", "reopen", "after_end", to=False)),
    ("after_end_from_open_state", change("acts", "appeal", "edges", 0, "from", to="to_close")),
    ("bad_window", change("acts", "appeal", "within", "unit", to="working_day")),
    ("bad_window", change("acts", "void", "within", to={"value": 3, "unit": "natural_day"})),
    ("bad_limit", change("acts", "appeal", "within", to={"value": 0, "unit": "natural_day"})),
    ("unknown_requirement", change("acts", "apply_suspension", "requires", to=["until", "blood"])),
    ("ownerless_edge", change("acts", "decide_delay", "posts", to=[])),
    ("result_without_edge", lambda t: t["acts"]["decide_delay"]["edges"].pop()),
    ("ownerless_source", change("sources", "hotline", "posts", to=[])),
    ("malformed", lambda t: t.pop("acts")),
]


@pytest.mark.parametrize(("reason", "mutate"), MUTANTS, ids=[f"{i}-{reason}" for i, (reason, _) in enumerate(MUTANTS)])
def test_a_broken_copy_is_refused_with_its_reason(sound: Table, reason: str, mutate: Callable[[Table], None]) -> None:
    broken = copy.deepcopy(sound)
    mutate(broken)
    assert reason in faults_of(broken)


def test_a_table_that_is_no_table_is_refused() -> None:
    assert faults_of([]) == {"malformed"}  # type: ignore[arg-type]  # that is the point


def test_every_edge_taken_away_alone_is_noticed_or_leaves_a_sound_table(sound: Table) -> None:
    """No mutation may crash the checker: it either refuses with reasons or returns a workflow that keeps all promises."""
    for act in sound["acts"]:
        for i in range(len(sound["acts"][act]["edges"])):
            broken = copy.deepcopy(sound)
            del broken["acts"][act]["edges"][i]
            try:
                flow = parse(broken)
            except WorkflowRefused as refused:
                assert refused.faults
            else:
                assert promises_hold(flow)


def promises_hold(flow: Workflow) -> bool:
    """The promises, checked in another way than the checker does: by walking at random lengths from the start."""
    reached = {flow.start}
    for _ in flow.states:
        reached |= {edge.target for edge in flow.edges() if edge.source in reached}
    return reached == set(flow.states) and all(state.limit or state.terminal for state in flow.states.values())
