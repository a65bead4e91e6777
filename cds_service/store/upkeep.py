"""What is done beside the calls, in each process: watching, replaying, purging."""

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

_LOOK, _PURGE = 0.5, 600.0  # seconds


class Upkeep:
    """Two threads of a process: the one that works may hang, so the other watches it too."""

    def __init__(self, store: Store) -> None:
        """Keep the store; the threads start with the first call in a process."""
        self._store = store
        self._process = 0
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._purge_at = 0.0

    def attend(self) -> None:
        """Start the threads in a process that has none: they are not forked with it."""
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            for name, work in (("tend", self._tend), ("watch", self._store.line.cut_hanging)):
                threading.Thread(
                    target=self._repeat, args=(work,), name=f"store-{name}", daemon=True
                ).start()

    def stop(self) -> None:
        """Let the threads end."""
        self._stop.set()

    def _tend(self) -> None:
        self._store.tend()
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + _PURGE
            with suppress(UnreachableError):
                self._store.purge(datetime.now(UTC))

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stop.wait(_LOOK):
            try:
                work()
            except Exception as error:  # noqa: BLE001  a thread that ended would be missed by nobody
                log.error("upkeep of the store: %s", type(error).__name__)  # noqa: TRY400  an error's text may hold values
