"""One worker of the web server: gunicorn's threads, taught to leave without waiting for those who only listen."""

from __future__ import annotations

import time
from types import FrameType

from gunicorn.workers.gthread import ThreadWorker

LINGER_S = 0.3
"""How long a leaving worker keeps a connection that has been answered, in case the next request is already on its way."""


class CityWorker(ThreadWorker):
    """Asked to leave, it finishes the requests being answered; it does not wait for live streams and idle connections.

    A live stream never ends by itself, and a browser keeps connections open on which it has not asked anything yet. gunicorn
    would wait for both as long as for an honest request.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: leave in order. The work is done in the main loop, since a signal handler may hold nobody's lock."""
        super().handle_exit(sig, frame)
        self.method_queue.defer(self._let_listeners_go)

    def _let_listeners_go(self) -> None:
        if self.app.callable is not None:
            stream = self.app.callable.extensions.get("cityops_stream")
            if stream is not None:
                stream.end()
        for connection in self.pending_conns:
            connection.timeout = 0.0  # monotonic: long ago, so the loop that called us closes it next

    def murder_keepalived(self, force: bool = False) -> None:
        """Close kept-alive connections whose time is over; with us leaving that is very soon."""
        if not self.alive:
            soon = time.monotonic() + LINGER_S
            for connection in self.keepalived_conns:
                connection.timeout = min(connection.timeout, soon)
        super().murder_keepalived(force)
