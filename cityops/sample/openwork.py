"""Open work on purpose: cases that lie on each desk now, some in time, some soon due, some late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cityops.sample import mix
from cityops.sample.standards_table import standard_of
from cityops.sample.timeline import PATTERNS, Limits
from cityops.sample.worktime import Instants, counted_us, is_working

if TYPE_CHECKING:
    from cityops.sample.story import Story

# State, pattern, and the number of the act that led into it.
DESKS = (
    ("to_accept", "plain", 0),
    ("to_accept", "verified", 2),
    ("verifying", "verified", 1),
    ("to_file", "plain", 1),
    ("to_dispatch", "plain", 2),
    ("to_handle", "plain", 3),
    ("handling", "plain", 4),
    ("handled", "plain", 5),
    ("to_check", "plain", 6),
    ("checking", "plain", 7),
    ("to_close", "plain", 8),
)
FIELD_STATES = ("verifying", "checking")
DEPARTMENT_STATES = ("to_handle", "handling")
DUTY_CLASSES = {
    "DR": {("component", "0102"), ("component", "0103"), ("component", "0104"), ("event", "0506"), ("event", "0503"), ("event", "0130")},
    "SN": {("event", "0110"), ("event", "0192"), ("event", "0112"), ("event", "0111"), ("event", "0114"), ("component", "0305")},
}
"""What drainage and sanitation handle, as (kind, class code)."""
LIGHTS = (("ok", 0.55, 0.06, 0.70), ("soon", 0.25, 0.82, 0.97), ("late", 0.20, 1.06, 2.4))


@dataclass(frozen=True)
class OpenWork:
    """One planned open case: its class (place in the mix), source, anchor, pattern, and the times of its acts up to now."""

    state: str
    kind: int
    source: int
    anchor: int
    pattern: str
    times: Instants


def plan_open_work(story: Story, each: int, demo_beats: list[int], rng: np.random.Generator) -> list[OpenWork]:
    """`each` cases per desk. Tasks of the field lie mostly in `demo_beats`; two thirds of what departments handle is split
    between drainage and sanitation, whose handlers have demo accounts."""
    out: list[OpenWork] = []
    at_demo_beats = np.flatnonzero(np.isin(story.anchors.beat, demo_beats))
    month = story.last_day.month - 1
    cumulative = np.cumsum(story.weights[month])
    for state, pattern, last in DESKS:
        count = each if pattern == "plain" or state == "verifying" else max(1, each // 3)
        used = _used(count, rng)
        for k in range(count):
            kind = int(mix.pick(cumulative, rng, 1)[0])
            if state in DEPARTMENT_STATES and k % 3:
                wanted = DUTY_CLASSES["DR" if k % 3 == 1 else "SN"]
                options = [n for n, one in enumerate(story.table) if (one.kind, one.class_code) in wanted]
                kind = int(rng.choice(options)) if options else kind
            one = story.table[kind]
            anchor = int(story.choose_anchors(np.array([kind]), rng)[0])
            if state in FIELD_STATES and one.kind == "event" and k % 4 != 3:
                anchor = int(rng.choice(at_demo_beats))
            source = mix.SOURCES.index("hotline" if pattern == "verified" else "inspector")
            standard = standard_of(story.standards[(one.edition, one.kind, one.class_code)], one.condition)
            value = standard.limits[story.anchors.grade[anchor]]
            limits = Limits(np.array([counted_us(value, standard.unit, story.keeper.work.day_us)]), np.array([is_working(standard.unit)]))
            times = story.keeper.backward(PATTERNS[pattern], last, story.until_us, limits, used[k : k + 1])[0]
            out.append(OpenWork(state, kind, source, anchor, pattern, times))
    return out


def _used(count: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shares of the limit used up, so that every light is on every desk when there are three cases or more."""
    lights = [name for name, share, _, _ in LIGHTS for _ in range(max(1, round(share * count)))][:count]
    if count >= 3:
        lights = (["ok", "soon", "late", *lights[: count - 3]] if count < 6 else lights)[:count]
    bounds = {name: (low, high) for name, _, low, high in LIGHTS}
    out = [rng.uniform(*bounds[lights[k] if k < len(lights) else "ok"]) for k in range(count)]
    return np.array(out)
