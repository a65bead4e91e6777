"""gunicorn's threaded worker, in which a caller that stalls does not keep a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKS = 10


class Patience:
    """How long a request may take to arrive, whether it stalls or comes byte by byte.

    The timeouts of sockets are for each piece, and gunicorn's is for the worker as a whole. Here
    one thread looks at all requests that are under way; those that take too long are heard no
    further: reading them comes to an end, answering them does not.
    """

    def __init__(self, seconds: float) -> None:
        """Take the limit. The thread starts with the first request, so never before a fork."""
        self._seconds = seconds
        self._under_way: dict[object, tuple[float, socket.socket]] = {}
        self._lock = threading.Lock()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def hearing(self, sock: socket.socket) -> Iterator[None]:
        """Be patient with a request from here on, but not for ever."""
        request = object()
        with self._lock:
            self._under_way[request] = (time.monotonic() + self._seconds, sock)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, daemon=True)
                self._watcher.start()
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[request]

    def _watch(self) -> None:
        while True:
            time.sleep(self._seconds / _LOOKS)
            with self._lock:
                now = time.monotonic()
                late = [sock for until, sock in self._under_way.values() if until <= now]
            for sock in late:
                # It may have hung up meanwhile.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)


class BoundedWorker(ThreadWorker):
    """The threaded worker, patient with each request as long as its own timeout says."""

    def init_process(self) -> None:
        """Start to serve."""
        self._patience = Patience(self.cfg.timeout)
        super().init_process()

    def handle(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types for it
        """Read and answer one request of a connection."""
        with self._patience.hearing(conn.sock):
            return super().handle(conn)
