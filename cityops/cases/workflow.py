"""The workflow as data: read, checked, and asked what may follow what. Pure: no database, no Flask.

A table of states and acts is refused as a whole, with every fault named, unless each state can be reached and left, each
edge belongs to a post, each open state has a deadline and each target exists. Source of the seven stages and the posts:
GB/T 30428, as gathered in `data/workflow/case.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from cityops.cases import soundness
from cityops.cases.errors import WorkflowRefused
from cityops.cases.soundness import Fault
from cityops.paths import data_dir
from cityops.standards.rules import UNITS, Unit

DISPOSAL = "disposal"
UNTIL = "until"
SAME = "same"


@dataclass(frozen=True)
class Limit:
    """How long a case may stay in a state: `value` units, the disposal deadline, or (`until`) the date it is suspended until."""

    value: float | None
    unit: Unit | None
    disposal: bool = False
    within_disposal: bool = False
    until: bool = False


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
    """`act` leads from `source` (None: the case does not exist yet) to `target` for anyone holding one of `posts`.

    `stays`: the case stays where it is, with its task, its assignee and the deadline of its state.
    """

    act: str
    source: str | None
    target: str
    posts: tuple[str, ...]
    result: str | None = None
    clock: str | None = None
    stays: bool = False


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
    after_end: bool
    """Done to a finished case: reopening, appeal."""
    within: Limit | None
    """How long after the end it can be done; None for no limit."""
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
    faults += soundness.faults_of(flow, guards)
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
    if spec in (DISPOSAL, UNTIL):
        return Limit(None, None, disposal=spec == DISPOSAL, until=spec == UNTIL)
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
            clock = row.get("clock", spec.get("clock"))
            edges.append(Edge(name, source, target, owners, row.get("result"), clock, row.get("to") == SAME))
            where = f"{name}: {source or 'start'} -> {row.get('to')}"
            if not owners:
                faults.append(Fault("ownerless_edge", where))
            faults.extend(Fault("unknown_post", f"{where} ({post})") for post in owners if post not in posts)
    zh, en = _titles(spec)
    results = {str(key): _titles(value) for key, value in (spec.get("results") or {}).items()}
    return Act(
        name, spec.get("noun"), zh, en, tuple(spec.get("requires") or ()), tuple(spec.get("guards") or ()),
        results, spec.get("opens"), spec.get("closes"), bool(spec.get("aside", False)),
        bool(spec.get("system", False)), bool(spec.get("after_end", False)), _limit(name, spec.get("within"), faults), tuple(edges),
    )  # fmt: skip
