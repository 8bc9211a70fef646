"""What happens when: how many cases each day, at which hour, of which class, reported by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cityops.sample import names
from cityops.sample.terrain import Floats

MONTHS: dict[str, tuple[float, ...]] = {
    "all": (1.0,) * 12,
    "warm": (0.5, 0.6, 0.9, 1.1, 1.3, 1.4, 1.4, 1.4, 1.2, 1.0, 0.7, 0.5),
    "summer": (0.6, 0.6, 0.8, 1.0, 1.2, 1.5, 1.7, 1.6, 1.2, 0.8, 0.6, 0.5),
    "flood": (0.1, 0.2, 0.4, 0.7, 1.1, 2.0, 3.2, 2.6, 1.2, 0.4, 0.2, 0.1),
    "autumn": (0.5, 0.4, 0.7, 0.8, 0.8, 0.7, 0.7, 0.8, 1.3, 2.2, 2.2, 1.2),
    "winter": (4.2, 2.6, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.8, 3.4),
}
HOURS: dict[str, tuple[float, ...]] = {
    "day": (0, 0, 0, 0, 0, 0.05, 0.2, 0.6, 2.2, 3.4, 3.1, 1.8, 0.5, 0.6, 2.0, 2.9, 2.7, 1.7, 0.7, 0.4, 0.25, 0.1, 0.03, 0),
    "early": (0, 0, 0, 0, 0.05, 0.3, 1.0, 2.4, 3.6, 3.0, 2.0, 1.0, 0.4, 0.5, 1.5, 1.8, 1.4, 0.8, 0.4, 0.2, 0.1, 0.05, 0, 0),
    "evening": (0.05, 0, 0, 0, 0, 0.05, 0.2, 0.4, 1.2, 1.8, 1.8, 1.5, 0.6, 0.5, 1.3, 1.8, 2.2, 2.6, 2.8, 2.4, 1.6, 0.8, 0.3, 0.1),
}
WEEKDAYS = (1.04, 1.07, 1.05, 1.04, 1.02, 0.82, 0.66)
SOURCES = ("inspector", "hotline", "video", "public", "transfer")
SOURCE_SHARES = (0.936, 0.045, 0.011, 0.005, 0.003)


@dataclass(frozen=True)
class Kind:
    """A class of problem with how often it happens and how it is described."""

    kind: str
    class_code: str
    edition: str
    condition: int
    weight: float
    months: str
    hours: str
    phrase_zh: str


COMPONENT_SHARE = 0.025


def kinds() -> list[Kind]:
    """The mix; components are scaled to their share of all cases. A class may stand in it several times, with several conditions."""
    rows = names.rows("case_mix")
    total = {kind: sum(float(row["weight"]) for row in rows if row["kind"] == kind) for kind in ("event", "component")}
    share = {"event": 1 - COMPONENT_SHARE, "component": COMPONENT_SHARE}
    return [
        Kind(
            kind=row["kind"],
            class_code=row["class_code"],
            edition=row["edition"],
            condition=int(row["condition"]),
            weight=float(row["weight"]) / total[row["kind"]] * share[row["kind"]],
            months=row["months"],
            hours=row["hours"],
            phrase_zh=row["phrase_zh"],
        )
        for row in rows
    ]


def daily_counts(cases: int, first: date, days: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many cases on each day, summing to `cases`: weekly and seasonal rhythm, holidays' lull, slow growth, chance."""
    on = [first + timedelta(days=k) for k in range(days)]
    week = np.array([WEEKDAYS[day.weekday()] for day in on])
    season = 1 + 0.13 * np.sin(2 * np.pi * (np.array([day.timetuple().tm_yday for day in on]) - 100) / 365.25)
    growth = np.linspace(0.9, 1.1, days)
    # The week of National Day is quiet; the first days of a drive against one nuisance are not.
    lull = np.array([0.55 if (day.month == 10 and day.day <= 7) else 0.4 if (day.month == 2 and 8 <= day.day <= 16) else 1.0 for day in on])
    drive = np.array([1.35 if (day.toordinal() // 45) % 4 == 0 and day.toordinal() % 45 < 6 else 1.0 for day in on])
    weight = week * season * growth * lull * drive * rng.lognormal(0.0, 0.07, days)
    wanted = weight / weight.sum() * cases
    counts = np.floor(wanted).astype(np.int64)
    rest = cases - int(counts.sum())
    counts[np.argsort(-(wanted - counts), kind="stable")[:rest]] += 1
    return counts


def class_weights(table: list[Kind]) -> Floats:
    """Weights (12, n) of the classes by month; each month sums to one, components keep their share in every month."""
    out = np.array([[one.weight * MONTHS[one.months][month] for one in table] for month in range(12)])
    component = np.array([one.kind == "component" for one in table])
    for part, share in ((component, COMPONENT_SHARE), (~component, 1 - COMPONENT_SHARE)):
        out[:, part] *= share / out[:, part].sum(axis=1, keepdims=True)
    return out


def pick(cumulative: Floats, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """`count` draws from a cumulative weight array."""
    return np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right").clip(max=len(cumulative) - 1)


def seconds_of_day(table: list[Kind], classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A second of the local day for each case, by the hours its class is seen at."""
    out = np.empty(len(classes), dtype=np.int64)
    profile = np.array([list(HOURS).index(one.hours) for one in table])[classes]
    for number, hours in enumerate(HOURS.values()):
        own = np.flatnonzero(profile == number)
        out[own] = pick(np.cumsum(hours), rng, len(own)) * 3_600 + rng.integers(0, 3_600, len(own))
    return out
