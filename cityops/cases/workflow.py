"""The workflow as data: read, checked, and asked what may follow what. Pure: no database, no Flask.

A table of states and acts is refused as a whole, with every fault named, unless each state can be reached and left, each
edge belongs to a post, each open state has a deadline and each target exists. Source of the seven stages and the posts:
GB/T 30428, as gathered in `data/workflow/case.yaml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from cityops.cases.errors import WorkflowRefused
from cityops.paths import data_dir
from cityops.standards.rules import UNITS, Unit

REQUIREMENTS = frozenset({"reason", "photo", "department", "result", "condition"})
CLOCKS = frozenset({"start", "stop", "clear"})
TASKS = frozenset({"verify", "check"})
DISPOSAL = "disposal"
SAME = "same"
SYSTEM_POST = "system"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a workflow table: a stable `reason`, and `where` it is."""

    reason: str
    where: str

    def __str__(self) -> str:
        return f"{self.reason} at {self.where}"


@dataclass(frozen=True)
class Limit:
    """How long a case may stay in a state: `value` units, or the disposal deadline when `disposal` is set."""

    value: float | None
    unit: Unit | None
    disposal: bool = False
    within_disposal: bool = False


@dataclass(frozen=True)
class Stage:
    number: int
    id: str
    title_zh: str
    title_en: str


@dataclass(frozen=True)
class State:
    id: str
    stage: int
    title_zh: str
    title_en: str
    start: bool
    terminal: bool
    limit: Limit | None


@dataclass(frozen=True)
class Edge:
    """`act` leads from `source` (None: the case does not exist yet) to `target` for anyone holding one of `posts`."""

    act: str
    source: str | None
    target: str
    posts: tuple[str, ...]
    result: str | None = None
    clock: str | None = None


@dataclass(frozen=True)
class Act:
    id: str
    noun: str | None
    title_zh: str
    title_en: str
    requires: tuple[str, ...]
    guards: tuple[str, ...]
    results: Mapping[str, tuple[str, str]]
    opens: str | None
    closes: str | None
    aside: bool
    system: bool
    edges: tuple[Edge, ...]

    def edges_from(self, state: str | None) -> tuple[Edge, ...]:
        """The edges of this act that leave `state`."""
        return tuple(edge for edge in self.edges if edge.source == state)


@dataclass(frozen=True)
class Source:
    """Where a report comes from: `posts` may enter it; `needs_verification` sends an inspector before it is accepted."""

    id: str
    title_zh: str
    title_en: str
    posts: tuple[str, ...]
    needs_verification: bool
    needs_photo: bool


@dataclass(frozen=True)
class Workflow:
    """A checked workflow. Build it with `parse`; a value of this class is always sound."""

    id: str
    stages: Mapping[int, Stage]
    states: Mapping[str, State]
    acts: Mapping[str, Act]
    posts: Mapping[str, tuple[str, str]]
    sources: Mapping[str, Source]
    by_noun: Mapping[str, Act] = field(default_factory=dict)

    @property
    def start(self) -> str:
        """The state a new case is in."""
        return next(state.id for state in self.states.values() if state.start)

    @property
    def open_states(self) -> tuple[str, ...]:
        """The states in which somebody still has to do something."""
        return tuple(state.id for state in self.states.values() if not state.terminal)

    def edges(self) -> Iterator[Edge]:
        """Every edge, in the order of the file."""
        for act in self.acts.values():
            yield from act.edges

    def task_in(self, state: str) -> str | None:
        """The kind of inspector's task that is open while a case is in `state`."""
        return next((act.opens for act in self.acts.values() if act.opens and any(e.target == state for e in act.edges)), None)

    def acts_from(self, state: str) -> list[Act]:
        """The acts that somebody can do in `state`, in the order of the file."""
        return [act for act in self.acts.values() if not act.system and act.edges_from(state)]

    def desk(self, post: str) -> list[str]:
        """The states whose usual next act belongs to `post`: what lies on that desk."""
        usual = [edge for act in self.acts.values() if not act.aside for edge in act.edges]
        return [state for state in self.open_states if any(edge.source == state and post in edge.posts for edge in usual)]


@cache
def case_workflow() -> Workflow:
    """The workflow of this installation, read once per process."""
    return load(data_dir() / "workflow" / "case.yaml")


def load(path: Any) -> Workflow:
    """Read and check a workflow file (a path); raises WorkflowRefused with every fault found."""
    return parse(yaml.safe_load(path.read_text(encoding="utf-8")))


def parse(table: Any, guards: frozenset[str] | None = None) -> Workflow:
    """Check a workflow given as plain data (what YAML holds, hence Any); raises WorkflowRefused with every fault found.

    `guards` are the names of the guard functions that exist; by default those of `rules.py`.
    """
    if guards is None:
        from cityops.cases.rules import GUARDS

        guards = frozenset(GUARDS)
    faults: list[Fault] = []
    if not isinstance(table, dict) or not all(isinstance(table.get(key), dict) for key in ("stages", "posts", "sources", "states", "acts")):
        raise WorkflowRefused([Fault("malformed", "the file needs the maps stages, posts, sources, states and acts")])
    posts = {str(post): _titles(spec) for post, spec in table["posts"].items()}
    stages = {int(n): Stage(int(n), str(s["id"]), *_titles(s)) for n, s in table["stages"].items()}
    states = {str(name): _state(str(name), spec, stages, faults) for name, spec in table["states"].items()}
    acts = {str(name): _act(str(name), spec, posts, faults) for name, spec in table["acts"].items()}
    sources = {str(name): _source(str(name), spec, posts, faults) for name, spec in table["sources"].items()}
    flow = Workflow(str(table.get("id", "")), stages, states, acts, posts, sources, {a.noun: a for a in acts.values() if a.noun})
    faults += _act_faults(flow, guards)
    faults += _edge_faults(flow)
    faults += _shape_faults(flow)
    if faults:
        raise WorkflowRefused(faults)
    return flow


def _titles(spec: Any) -> tuple[str, str]:
    spec = spec if isinstance(spec, dict) else {}
    return str(spec.get("title_zh", "")), str(spec.get("title_en", ""))


def _state(name: str, spec: Any, stages: Mapping[int, Stage], faults: list[Fault]) -> State:
    spec = spec if isinstance(spec, dict) else {}
    limit = _limit(name, spec.get("limit"), faults)
    terminal = bool(spec.get("terminal", False))
    if spec.get("stage") not in stages:
        faults.append(Fault("unknown_stage", name))
    if limit is None and not terminal:
        faults.append(Fault("no_deadline", name))
    if limit is not None and terminal:
        faults.append(Fault("deadline_on_terminal", name))
    zh, en = _titles(spec)
    if not zh or not en:
        faults.append(Fault("no_title", name))
    return State(name, int(spec.get("stage") or 0), zh, en, bool(spec.get("start", False)), terminal, limit)


def _source(name: str, spec: Any, posts: Mapping[str, Any], faults: list[Fault]) -> Source:
    spec = spec if isinstance(spec, dict) else {}
    owners = tuple(spec.get("posts") or ())
    if not owners:
        faults.append(Fault("ownerless_source", name))
    faults.extend(Fault("unknown_post", f"source {name} ({post})") for post in owners if post not in posts)
    return Source(name, *_titles(spec), owners, bool(spec.get("needs_verification", False)), bool(spec.get("needs_photo", False)))


def _limit(name: str, spec: Any, faults: list[Fault]) -> Limit | None:
    if spec is None:
        return None
    if spec == DISPOSAL:
        return Limit(None, None, disposal=True)
    value, unit = (spec.get("value"), spec.get("unit")) if isinstance(spec, dict) else (None, None)
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0 or unit not in UNITS:
        faults.append(Fault("bad_limit", name))
        return Limit(None, None)
    return Limit(float(value), unit, within_disposal=bool(spec.get("within_disposal", False)))


def _act(name: str, spec: Any, posts: Mapping[str, Any], faults: list[Fault]) -> Act:
    spec = spec if isinstance(spec, dict) else {}
    edges: list[Edge] = []
    for row in spec.get("edges") or []:
        owners = tuple(row.get("posts", spec.get("posts")) or ())
        sources = row.get("from")
        for source in sources if isinstance(sources, list) else [sources]:
            target = str(source if row.get("to") == SAME else row.get("to"))
            edges.append(Edge(name, source, target, owners, row.get("result"), row.get("clock", spec.get("clock"))))
            where = f"{name}: {source or 'start'} -> {row.get('to')}"
            if not owners:
                faults.append(Fault("ownerless_edge", where))
            faults.extend(Fault("unknown_post", f"{where} ({post})") for post in owners if post not in posts)
    zh, en = _titles(spec)
    results = {str(key): _titles(value) for key, value in (spec.get("results") or {}).items()}
    return Act(
        name, spec.get("noun"), zh, en, tuple(spec.get("requires") or ()), tuple(spec.get("guards") or ()),
        results, spec.get("opens"), spec.get("closes"), bool(spec.get("aside", False)),
        bool(spec.get("system", False)), tuple(edges),
    )  # fmt: skip


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
        if edge.source in flow.states and flow.states[edge.source].terminal:
            yield Fault("terminal_with_way_out", where)
        if edge.source is None and edge.target in flow.states and not flow.states[edge.target].start:
            yield Fault("enters_beside_start", where)
        if edge.clock is not None and edge.clock not in CLOCKS:
            yield Fault("unknown_clock", where)
        if edge.result is not None and edge.result not in flow.acts[edge.act].results:
            yield Fault("unknown_result", where)
        seen[(edge.act, edge.source, edge.result)] += 1
    for (act, source, _), count in seen.items():
        if count > 1:
            yield Fault("ambiguous_edge", f"{act} from {source or 'start'}")
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
    back = _walk(ends, [(target, source) for source, target in pairs])
    yield from (Fault("no_way_to_an_end", s) for s in flow.states if s not in back)
    yield from _disposal_faults(flow)


def _disposal_faults(flow: Workflow) -> Iterator[Fault]:
    """A state that lives by the disposal clock may only be entered while that clock runs.

    The clock's condition is followed along every path: running or not is part of where the walk stands.
    """
    entry = [(edge.target, edge.clock == "start") for edge in flow.edges() if edge.source is None]
    seen: set[tuple[str, bool]] = set()
    while entry:
        here = entry.pop()
        if here in seen or here[0] not in flow.states:
            continue
        seen.add(here)
        state, running = here
        limit = flow.states[state].limit
        if limit and (limit.disposal or limit.within_disposal) and not running:
            yield Fault("disposal_clock_not_running", state)
        for edge in flow.edges():
            if edge.source == state:
                entry.append((edge.target, running if edge.clock is None else edge.clock == "start"))


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
