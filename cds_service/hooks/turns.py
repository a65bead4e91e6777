"""Who waits for a FHIR server: every call while it is in time, one at a time once it is late."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.security.allowance import Allowance


class Turns:
    """The servers that used up the time of a call, as one process saw them.

    A call that waits holds a thread, and there are few: without this, a server that stands still
    would hold all of them, and with them the calls that need nothing of it.
    """

    def __init__(self) -> None:
        """Think well of every server."""
        # Of each late server, whether a call tries it now.
        self._late: dict[str, bool] = {}
        self._lock = Lock()

    @contextmanager
    def turn(self, server: str, allowance: Allowance) -> Iterator[bool]:
        """Yield whether a call may ask a server, and see afterwards if its time was used up."""
        with self._lock:
            tries = self._late.get(server)
            if tries is False:
                self._late[server] = True
        if tries:
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                if not allowance.is_used_up():
                    self._late.pop(server, None)
                elif tries is None:
                    # One that asked before it was known; another may be trying by now.
                    self._late.setdefault(server, False)
                else:
                    self._late[server] = False
