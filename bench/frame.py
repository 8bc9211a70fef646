"""What a measurement is: two ways to the same end, alternated in one run, compared by the median of their ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Ratio:
    """One line of the result. `value` is ours / theirs; the budget is a floor for rates and a ceiling for times."""

    subject: str
    ours: str
    theirs: str
    value: float
    budget: float | None
    sense: Literal["at least", "at most"]
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None without a budget."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.sense == "at least" else self.value <= self.budget

    def row(self) -> str:
        """The line as Markdown."""
        verdict = {True: "met", False: "**missed**", None: ""}[self.met]
        budget = "" if self.budget is None else f"{self.sense} {self.budget:g}"
        return f"| {self.subject} | {self.ours} | {self.theirs} | {self.value:.2f} | {budget} | {verdict} | {self.note} |"


HEAD = "| what | ours | compared with | ratio | budget | | note |\n|---|---|---|---|---|---|---|"


def alternate(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Median of ours, of theirs, and of the ratios of neighbouring rounds: a machine that slows down slows both.

    The one that begins changes from round to round.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            second, first = theirs(), ours()
        else:
            first, second = ours(), theirs()
        pairs.append((first, second))
    return (
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[0] / pair[1] for pair in pairs),
    )


def rates(subject: str, theirs_name: str, measured: tuple[float, float, float], budget: float | None, note: str = "") -> Ratio:
    """A comparison of rates (per second; more is better)."""
    mine, other, ratio = measured
    return Ratio(subject, f"{mine:,.0f}/s", f"{theirs_name} {other:,.0f}/s", ratio, budget, "at least", note)


def times(subject: str, theirs_name: str, measured: tuple[float, float, float], budget: float | None, note: str = "") -> Ratio:
    """A comparison of durations in seconds (less is better)."""
    mine, other, ratio = measured
    return Ratio(subject, _duration(mine), f"{theirs_name} {_duration(other)}", ratio, budget, "at most", note)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.1f} s"


def table(results: Sequence[Ratio]) -> str:
    """All lines as one Markdown table."""
    return "\n".join([HEAD, *(result.row() for result in results)])
