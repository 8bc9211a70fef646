"""Progress of long work: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 5.0


class progress:  # noqa: N801 - it is used like the function `tqdm`
    """`for item in progress(items, text="…")`, or `with progress(total=n, text="…") as bar: bar.update(k)`.

    The items are `Any`, so that the second form, which has none, needs no annotation.
    """

    def __init__(self, items: Iterable[Any] = (), *, total: int | None = None, text: str = "", unit: str = "") -> None:
        self._items = items
        self._text = text
        self._unit = f" {unit}" if unit else ""
        self._total = len(items) if total is None and isinstance(items, Sized) else total
        self._done = 0
        self._said_at = time.monotonic()
        self._began_at = self._said_at
        self._bar = tqdm(total=self._total, desc=text, unit=unit or "it", unit_scale=True, leave=True) if sys.stderr.isatty() else None

    def update(self, count: int = 1) -> None:
        """`count` more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._said_at > _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            of_total = f" of {self._total:,}" if self._total else ""
            print(f"{self._text}: {self._done:,}{of_total}{self._unit}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """The work is over; says how long it took when no bar did."""
        if self._bar is not None:
            self._bar.close()
        else:
            took_s = time.monotonic() - self._began_at
            print(f"{self._text}: {self._done:,}{self._unit} in {took_s:.1f} s", file=sys.stderr, flush=True)

    def __iter__(self) -> Iterator[Any]:
        try:
            for item in self._items:
                yield item
                self.update()
        finally:
            self.close()

    def __enter__(self) -> progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
