"""Writing while thinking: one batch goes into the database while the next one is made."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread
from types import TracebackType

Work = Callable[[], None]


class Writer:
    """Runs the given work in order on a thread of its own, at most one piece ahead; use as a context manager.

    While it is open, nobody else may use the connection the work writes to. The first error stops the work and is raised
    again to whoever hands in more or leaves the block.
    """

    def __init__(self) -> None:
        self._queue: Queue[Work | None] = Queue(maxsize=1)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="sample-writer", daemon=True)

    def put(self, work: Work) -> None:
        """Hand in the next piece; waits while one is waiting already."""
        self._raise()
        self._queue.put(work)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._error is None:
                try:
                    work()
                except BaseException as error:  # it is raised again in the thread that waits for the work
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._raise()
