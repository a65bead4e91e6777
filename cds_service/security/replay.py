"""That a token is used once: asked of the journal, and of one worker alone while that is away."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cds_service import metrics
from cds_service.journal import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.journal import Journal

_AT_MOST = 100_000


class UsedHere:
    """The tokens that this worker has seen and that still live; of too many, the latest."""

    def __init__(self, now: Callable[[], float] = time.time, at_most: int = _AT_MOST) -> None:
        """Remember nothing yet. ``now`` is in seconds since 1970."""
        self._now, self._at_most = now, at_most
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def first_use(self, issuer: str, token_id: str, until: float) -> bool:
        """Tell whether a token is used here for the first time, and remember it."""
        with self._lock:
            if (issuer, token_id) in self._until:
                return False
            self._forget()
            self._until[issuer, token_id] = until
            return True

    def _forget(self) -> None:
        """Let the oldest go, those that have ended and those that are too many."""
        now = self._now()
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now and len(self._until) < self._at_most:
                return
            del self._until[oldest]


class Replay:
    """Whether a token is used for the first time.

    This worker's own memory is asked first. It sees what came to it even while the journal is
    away; then another worker would not, which is counted. Without a journal that is always so.
    """

    def __init__(self, journal: Journal | None, here: UsedHere | None = None) -> None:
        """Ask a journal, where there is one."""
        self._journal = journal
        self._here = here or UsedHere()

    def first_use(self, issuer: str, token_id: str, until: float) -> bool:
        """Tell whether a token is used for the first time; it lives ``until``, since 1970."""
        if not self._here.first_use(issuer, token_id, until):
            return False
        if self._journal is not None:
            try:
                moment = datetime.fromtimestamp(until, UTC)
                return self._journal.first_use(issuer, token_id, moment)
            except UnreachableError:
                pass  # counted below: the card goes out
        metrics.UNSHARED.inc()
        return True
