"""What is done beside the calls, in each process: watching, bringing in, purging."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cds_service.journal import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.store.store import Store

log = logging.getLogger("cds_service.store")

# Seconds. What a look finds waiting goes into the database in one batch.
_LOOK, _PURGE = 0.25, 600.0


class Upkeep:
    """Two threads of a process: the one that works may hang, so the other watches it too."""

    def __init__(self, store: Store) -> None:
        """Keep the store; the threads start with the first call in a process."""
        self._store = store
        self._process = 0
        self._starting = threading.Lock()
        self._tending: threading.Thread | None = None
        self._stop, self._end = threading.Event(), threading.Event()
        self._purge_at = 0.0

    def attend(self) -> None:
        """Start the threads in a process that has none: they are not forked with it."""
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._tending = self._start("tend", self._tend, self._stop)
            self._start("watch", self._store.line.cut_hanging, self._end)

    def stop(self) -> None:
        """Let the thread that works come to its end; the other one still cuts what hangs."""
        self._stop.set()
        if self._tending is not None and self._process == os.getpid():
            self._tending.join()

    def end(self) -> None:
        """Let the thread end that watches."""
        self._end.set()

    def _start(
        self, name: str, work: Callable[[], None], until: threading.Event
    ) -> threading.Thread:
        thread = threading.Thread(
            target=self._repeat, args=(work, until), name=f"store-{name}", daemon=True
        )
        thread.start()
        return thread

    def _tend(self) -> None:
        self._store.tend()
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + _PURGE
            with suppress(UnreachableError):
                self._store.purge(datetime.now(UTC))

    def _repeat(self, work: Callable[[], None], until: threading.Event) -> None:
        while not until.wait(_LOOK):
            try:
                work()
            except Exception as error:  # noqa: BLE001  a thread that ended would be missed by nobody
                log.error("upkeep of the store: %s", type(error).__name__)  # noqa: TRY400  an error's text may hold values
