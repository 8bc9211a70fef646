"""Whether a workflow table is sound: every fault it has, each with a stable reason and its place. Pure.

States form a graph that is walked from the start, from the ends, and once more with the disposal clock beside it; acts and
edges are looked at one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cityops.cases.workflow import Workflow

REQUIREMENTS = frozenset({"reason", "photo", "department", "result", "condition", "until", "note"})
CLOCKS = frozenset({"start", "stop", "clear", "extend", "pause", "resume"})
WINDOW_UNITS = ("natural_day", "urgent_hour")
TASKS = frozenset({"verify", "check"})
SYSTEM_POST = "system"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a workflow table: a stable `reason`, and `where` it is."""

    reason: str
    where: str

    def __str__(self) -> str:
        return f"{self.reason} at {self.where}"


def faults_of(flow: Workflow, guards: frozenset[str]) -> Iterator[Fault]:
    """Everything wrong with a table; `guards` are the names of the guard functions that exist."""
    yield from _act_faults(flow, guards)
    yield from _edge_faults(flow)
    yield from _shape_faults(flow)


def _act_faults(flow: Workflow, guards: frozenset[str]) -> Iterator[Fault]:
    """What is wrong with single acts."""
    nouns = Counter(act.noun for act in flow.acts.values() if act.noun)
    for act in flow.acts.values():
        if not act.title_zh or not act.title_en:
            yield Fault("no_title", act.id)
        if not act.edges:
            yield Fault("act_without_edge", act.id)
        if act.noun is None and not act.system and any(edge.source is not None for edge in act.edges):
            yield Fault("no_noun", act.id)
        if act.noun and nouns[act.noun] > 1:
            yield Fault("duplicate_noun", act.id)
        yield from (Fault("unknown_guard", f"{act.id} ({guard})") for guard in act.guards if guard not in guards)
        yield from (Fault("unknown_requirement", f"{act.id} ({need})") for need in act.requires if need not in REQUIREMENTS)
        yield from (Fault("unknown_task", f"{act.id} ({task})") for task in (act.opens, act.closes) if task and task not in TASKS)
        if act.system != all(edge.posts == (SYSTEM_POST,) for edge in act.edges):
            yield Fault("system_act_with_posts", act.id)
        if act.within is not None and (act.within.unit not in WINDOW_UNITS or not act.after_end):
            yield Fault("bad_window", act.id)
        if bool(act.results) != ("result" in act.requires):
            yield Fault("results_without_requirement", act.id)


def _edge_faults(flow: Workflow) -> Iterator[Fault]:
    """What is wrong with single edges, and with edges that cannot be told apart."""
    seen: Counter[tuple[str, str | None, str | None]] = Counter()
    for edge in flow.edges():
        where = f"{edge.act}: {edge.source or 'start'} -> {edge.target}"
        if edge.target not in flow.states:
            yield Fault("dangling_target", where)
        if edge.source is not None and edge.source not in flow.states:
            yield Fault("dangling_source", where)
        if edge.source is not None and edge.source in flow.states and flow.states[edge.source].terminal != flow.acts[edge.act].after_end:
            yield Fault("after_end_from_open_state" if flow.acts[edge.act].after_end else "terminal_with_way_out", where)
        if edge.source is None and edge.target in flow.states and not flow.states[edge.target].start:
            yield Fault("enters_beside_start", where)
        if edge.clock is not None and edge.clock not in CLOCKS:
            yield Fault("unknown_clock", where)
        if edge.result is not None and edge.result not in flow.acts[edge.act].results:
            yield Fault("unknown_result", where)
        seen[(edge.act, edge.source, edge.result)] += 1
    for (name, source, _), count in seen.items():
        if count > 1:
            yield Fault("ambiguous_edge", f"{name} from {source or 'start'}")
    for act in flow.acts.values():
        for source in {edge.source for edge in act.edges}:
            named = {edge.result for edge in act.edges_from(source)}
            if named != {None} and named != set(act.results):
                yield Fault("result_without_edge", f"{act.id} from {source}")


def _shape_faults(flow: Workflow) -> Iterator[Fault]:
    """What is wrong with the graph as a whole."""
    starts = [state.id for state in flow.states.values() if state.start]
    if not starts:
        yield Fault("no_start", "no state is marked start")
    if len(starts) > 1:
        yield Fault("several_starts", ", ".join(starts))
    if not any(edge.source is None for edge in flow.edges()):
        yield Fault("no_entry", "no act makes a case")
    ends = [state.id for state in flow.states.values() if state.terminal]
    if not ends:
        yield Fault("no_end", "no state is marked terminal")
    pairs = [(edge.source, edge.target) for edge in flow.edges() if edge.source is not None]
    yield from (Fault("unreachable_state", s) for s in flow.states if s not in _walk(starts, pairs))
    # A way out of the usual path is no way to live by: each state has to lead to an end without one.
    usual = [(edge.target, edge.source) for edge in flow.edges() if edge.source is not None and not flow.acts[edge.act].aside]
    back = _walk(ends, usual)
    yield from (Fault("no_way_to_an_end", s) for s in flow.states if s not in back)
    yield from _disposal_faults(flow)


def _disposal_faults(flow: Workflow) -> Iterator[Fault]:
    """A state that lives by the disposal clock may only be entered while that clock runs, and a suspended one while it is paused.

    The clock's condition (stopped, running, paused) is followed along every path: it is part of where the walk stands.
    """
    entry = [(edge.target, "running" if edge.clock == "start" else "stopped") for edge in flow.edges() if edge.source is None]
    seen: set[tuple[str, str]] = set()
    while entry:
        here = entry.pop()
        if here in seen or here[0] not in flow.states:
            continue
        seen.add(here)
        state, clock = here
        limit = flow.states[state].limit
        if limit and (limit.disposal or limit.within_disposal) and clock != "running":
            yield Fault("disposal_clock_not_running", state)
        if limit and limit.until != (clock == "paused"):
            yield Fault("pause_without_a_date" if clock == "paused" else "date_without_a_pause", state)
        for edge in flow.edges():
            if edge.source == state:
                if edge.clock in NEEDS and clock != NEEDS[edge.clock]:
                    yield Fault("clock_cannot_" + edge.clock, f"{edge.act} from {state}")
                entry.append((edge.target, TURNS.get(edge.clock or "", clock)))


TURNS = {"start": "running", "stop": "stopped", "clear": "stopped", "pause": "paused", "resume": "running"}
NEEDS = {"extend": "running", "pause": "running", "resume": "paused"}


def _walk(seeds: Iterable[str], pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Everything reachable from `seeds` along `pairs`."""
    following: dict[str, list[str]] = {}
    for source, target in pairs:
        following.setdefault(source, []).append(target)
    reached, waiting = set(), list(seeds)
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(following.get(state, ()))
    return reached
