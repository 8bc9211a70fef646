"""Who may do what to a case: a reason, or nothing. The list of acts in a detail and the write path ask the same function."""

from __future__ import annotations

from collections.abc import Iterable

from cityops.cases.reasons import Reason, reason
from cityops.cases.rules import GUARDS, Facts, window_ends
from cityops.cases.workflow import Act, Edge, Workflow
from cityops.identity.visibility import Viewer


def refusal(flow: Workflow, viewer: Viewer, facts: Facts, act: Act) -> Reason | None:
    """Why this viewer cannot do `act` now; None when nothing but the inputs is missing.

    The order is from what concerns the case to what concerns the person, so that the most useful reason comes first.
    """
    edges = act.edges_from(facts.state)
    if not edges:
        state = flow.states[facts.state]
        if state.terminal:
            return reason("finished")
        return reason("not_in_state", state_zh=state.title_zh, state_en=state.title_en, act_zh=act.title_zh, act_en=act.title_en)
    if not any(viewer.has(*edge.posts) for edge in edges):
        return _wrong_post(flow, act, {post: None for edge in edges for post in edge.posts})
    if act.within is not None and facts.closed_at is not None and facts.now > window_ends(facts.closed_at, act.within):
        return reason("window_over", act_zh=act.title_zh, act_en=act.title_en)
    for name in act.guards:
        found = GUARDS[name](facts)
        if found is not None:
            return found
    return None


def source_refusal(flow: Workflow, viewer: Viewer, source: str) -> Reason | None:
    """Why this viewer cannot enter a report from `source` (a key of the workflow's sources)."""
    spec = flow.sources[source]
    if viewer.has(*spec.posts):
        return None
    zh, en = _names(flow, spec.posts)
    return reason("wrong_post_for_source", posts_zh=zh, posts_en=en, source_zh=spec.title_zh, source_en=spec.title_en)


def post_for(viewer: Viewer, edge: Edge) -> str:
    """The post in which the viewer takes this edge: the first owner of the edge that he holds."""
    return next(post for post in edge.posts if post in viewer.posts)


def _wrong_post(flow: Workflow, act: Act, posts: Iterable[str]) -> Reason:
    zh, en = _names(flow, posts)
    return reason("wrong_post", posts_zh=zh, posts_en=en, act_zh=act.title_zh, act_en=act.title_en)


def _names(flow: Workflow, posts: Iterable[str]) -> tuple[str, str]:
    titles = [flow.posts[post] for post in posts]
    return "、".join(zh for zh, _ in titles), " or ".join(en for _, en in titles)
