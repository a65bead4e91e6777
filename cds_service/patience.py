"""How long callers are waited for: until their request is here, and until they close."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOKS = 10
# Seconds that a caller has to close what we have closed, and bytes that it may still send: a body
# that is refused by its head is still on its way, and with the rest unread the refusal is lost.
TO_CLOSE, STILL_SENT = 2.0, 16 * 1024 * 1024
_AT_ONCE = 65_536  # bytes


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
            self._under_way[request] = (monotonic() + self._seconds, sock)
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
            sleep(self._seconds / _LOOKS)
            with self._lock:
                now = monotonic()
                late = [sock for until, sock in self._under_way.values() if until <= now]
            for sock in late:
                # It may have hung up meanwhile.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)


@dataclass(slots=True)
class _Parting:
    """When a caller is given up, and how many bytes it has sent since it was answered."""

    until: float
    read: int = 0


class Partings:
    """Connections that end: answered, closed by us, and not yet by whoever called.

    To close with something unread would cut off the end of the answer (RFC 9112, 9.6). So what
    still comes is read, as long as the caller may take; nobody else waits for it meanwhile.
    """

    def __init__(self, poller: selectors.BaseSelector, gone: Callable[[], object]) -> None:
        """Take what tells of sockets, and what is called for each connection that is gone."""
        self._poller = poller
        self._gone = gone
        self._waited_for: dict[socket.socket, _Parting] = {}

    def begin(self, sock: socket.socket) -> None:
        """Say that no more is sent, and let the caller close."""
        try:
            sock.settimeout(0)
            sock.shutdown(socket.SHUT_WR)
            self._poller.register(sock, selectors.EVENT_READ, partial(self._hear, sock))
        except OSError:  # it has hung up
            self._close(sock)
            return
        self._waited_for[sock] = _Parting(monotonic() + TO_CLOSE)

    def give_up(self) -> None:
        """Close what had its time."""
        now = monotonic()
        for sock in [sock for sock, each in self._waited_for.items() if each.until <= now]:
            self._end(sock)

    def _hear(self, sock: socket.socket, _fileobj: object) -> None:
        try:
            size = len(sock.recv(_AT_ONCE))
        except BlockingIOError:
            return
        except OSError:  # it has hung up
            size = 0
        parting = self._waited_for[sock]
        parting.read += size
        if not size or parting.read >= STILL_SENT:
            self._end(sock)

    def _end(self, sock: socket.socket) -> None:
        self._poller.unregister(sock)
        del self._waited_for[sock]
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        sock.close()
        self._gone()
