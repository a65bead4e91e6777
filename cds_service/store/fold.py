"""Folds what waits in the spool into the database: what was written ahead, what was left."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from cds_service import metrics
from cds_service.journal import UnreachableError
from cds_service.store.intake import take_in
from cds_service.store.spool_file import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.store.line import Line
    from cds_service.store.spool import Spool

log = logging.getLogger("cds_service.store")


class Fold:
    """Brings lines in, and says which of them had to wait. ``lose`` hears of those that cannot."""

    def __init__(self, line: Line, spool: Spool, lose: Callable[[int, str], None]) -> None:
        """Keep both ends."""
        self._line, self._spool, self._lose = line, spool, lose
        self.after_fork()

    def after_fork(self) -> None:
        """Forget who was folding in the process that forked this one."""
        self._turn = threading.Lock()

    def own(self) -> None:
        """Bring in what this process wrote, and what others left that are no more.

        While the database is away it stays, and counts as spooled from then on.
        """
        with self._turn:
            if self._line.up:
                self._bring()
            if not self._line.up:
                metrics.SPOOLED.inc(self._spool.set_aside())

    def everything(self) -> None:
        """Bring in also what other processes have written ahead so far; they do not notice."""
        self.own()
        # What of it is broken or does not fit is found by the process that wrote it.
        take_in(self._spool.written_by_others(), self._line, self._spool, lambda _, __: None)

    def _bring(self) -> None:
        replayed = 0
        for file in self._spool.take():
            try:
                brought = take_in(file.lines(), self._line, self._spool, self._lose)
            except UnreachableError:
                break
            if file.kind == AWAY:
                replayed += brought
            self._spool.done(file)
        if replayed:
            metrics.REPLAYED.inc(replayed)
            log.warning("%d judged calls came from the spool into the database", replayed)
