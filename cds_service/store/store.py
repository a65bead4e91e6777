"""The store as the edge knows it: judged calls, feedback and tokens, whatever the database does."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, literal, select

from cds_service import metrics
from cds_service.identity import milliseconds_of
from cds_service.journal import Health, UnreachableError
from cds_service.store.daily import DailyCounts
from cds_service.store.fold import Fold
from cds_service.store.outcomes import cards_sent, keep_feedback
from cds_service.store.rows import criteria_of, decision_row, feedback_row, moment_of
from cds_service.store.sessions import SessionRows
from cds_service.store.tables import CARDS, DECISIONS, FEEDBACK, SESSIONS, TOKENS
from cds_service.store.together import Together
from cds_service.store.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from cds_service.clinical.decision import Decision
    from cds_service.journal import Feedback, Judged
    from cds_service.store.counts import Sent
    from cds_service.store.key import Hasher
    from cds_service.store.line import Line
    from cds_service.store.rows import Row
    from cds_service.store.spool import Spool

log = logging.getLogger("cds_service.store")


class Store:
    """A Journal over a database, with a spool for what is not in it yet.

    One is made before the worker processes are forked and serves in each of them. Where the spool
    is durable, a judged call is in the database, on the disk, before it is answered. Otherwise it
    is in the spool, and what waits there is brought into the database a few times a second.
    ``release`` gives back what was claimed when it was opened; ``attended`` is False where a test
    does the upkeep by hand.
    """

    def __init__(
        self,
        line: Line,
        spool: Spool,
        hasher: Hasher,
        *,
        release: Callable[[], None] = lambda: None,
        attended: bool = True,
    ) -> None:
        """Put a store together; nothing is opened yet."""
        self.line, self.spool, self._hasher, self._release = line, spool, hasher, release
        self._lost = 0
        self._upkeep = Upkeep(self) if attended else None
        self.sessions = SessionRows(line, self._attend)
        self.counts = DailyCounts(line, self._attend)
        self._fold, self._together = Fold(line, spool, self.lose), Together(line, spool)

    def judged(self, call: Judged) -> None:
        """Keep a judged call; never raises. What could be kept nowhere is counted."""
        self._attend()
        try:
            row = decision_row(call, self._hasher)
            if self.spool.durable:
                if not self._together.insert(row):
                    self._wait(row)
            else:
                self._write_ahead(row)
        except Exception as error:  # noqa: BLE001  a card that may save somebody goes out, whatever fails here
            self.lose(1, f"neither the database nor the spool took it: {type(error).__name__}")

    def _write_ahead(self, row: Row) -> None:
        if not self.line.up:
            self._wait(row)
            return
        try:
            self.spool.add(row, away=False)
        except OSError:
            # The database may have room where the spool has none.
            if not self._together.insert(row):
                raise

    def _wait(self, row: Row) -> None:
        self.spool.add(row, away=True)
        metrics.SPOOLED.inc()

    def lose(self, count: int, why: str) -> None:
        """Count judged calls that could be kept nowhere, and say so."""
        self._lost += count
        metrics.LOST.inc(count)
        log.error("%d judged calls are lost: %s", count, why)

    def feedback(self, entries: Sequence[Feedback]) -> None:
        """Keep feedback, each entry once and for good. Raises UnreachableError."""
        self._attend()
        received = datetime.now(UTC)
        rows = [feedback_row(entry, received) for entry in entries]
        if not rows:
            return
        sent = self._sent({entry.card for entry in entries})

        def work(connection: Connection) -> list[str]:
            return keep_feedback(connection, self.line.database, rows, sent, self.line.reasons)

        for outcome in self.line.run(work):
            metrics.FEEDBACK.labels(outcome).inc()

    def _sent(self, cards: set[str]) -> dict[str, Sent]:
        """Find cards that were sent. Raises UnreachableError.

        A decision that still waits is brought in first. So the decision of every card that has
        feedback is in the database, and `dismissed` need not look at what waits.
        """
        sent = self.line.run(lambda connection: cards_sent(connection, cards))
        waiting = {each for each in cards - sent.keys() if milliseconds_of(each) is not None}
        if waiting and self.spool.waits():
            self._fold.everything()
            sent |= self.line.run(lambda connection: cards_sent(connection, waiting))
        return sent

    def first_use(self, issuer: str, token_id: str, until: datetime) -> bool:
        """Tell whether a token is used for the first time. Raises UnreachableError."""
        self._attend()
        row = {"issuer": _hash(issuer), "token": _hash(token_id), "until": moment_of(until)}
        once = self.line.database.insert_once(TOKENS.c.token)

        def work(connection: Connection) -> bool:
            with connection.begin():
                return connection.scalar(once, row) is not None

        return self.line.run(work)

    def dismissed(self, patient: str, encounter: str, topic: str, decision: Decision) -> bool:
        """Tell whether a card of a topic was overridden in this encounter on the same verdicts."""
        found = (
            select(literal(1))
            .select_from(DECISIONS)
            .join(CARDS, CARDS.c.decision == DECISIONS.c.uuid)
            .join(FEEDBACK, FEEDBACK.c.card == CARDS.c.uuid)
            .where(
                DECISIONS.c.patient == self._hasher.patient(patient),
                DECISIONS.c.encounter == self._hasher.encounter(encounter),
                DECISIONS.c.profile == decision.profile,
                DECISIONS.c.digest == decision.digest,
                DECISIONS.c.criteria == criteria_of(decision),
                CARDS.c.topic == topic,
                FEEDBACK.c.outcome == "overridden",
            )
            .limit(1)
        )
        try:
            return self.line.run(lambda connection: connection.scalar(found) is not None)
        except UnreachableError:
            return False

    def health(self) -> Health:
        """Return how the store is, as this process sees it; it asks the database."""
        self._attend()
        try:
            self.line.run(lambda connection: connection.scalar(select(literal(1))))
        except UnreachableError:
            reachable = False
        else:
            reachable = True
        return Health(
            reachable,
            # While the database is away, what was written ahead waits for it like the rest.
            self.spool.count(ahead=not reachable),
            self._lost,
            reachable or self.spool.has_room(),
        )

    def after_fork(self) -> None:
        """Leave the connections and files of the process that forked this one to it."""
        self.line.after_fork()
        self.spool.after_fork()
        self._fold.after_fork()
        self._together.after_fork()

    # --- upkeep ---

    def _attend(self) -> None:
        if self._upkeep is not None:
            self._upkeep.attend()

    def tend(self) -> None:
        """See whether the database is back, and bring it what waits in the spool."""
        self.line.probe()
        self._fold.own()

    def purge(self, now: datetime) -> None:
        """Forget the tokens and sessions that have ended. Raises UnreachableError."""
        ended = [delete(each).where(each.c.until < moment_of(now)) for each in (TOKENS, SESSIONS)]

        def work(connection: Connection) -> None:
            with connection.begin():
                for each in ended:
                    connection.execute(each)

        self.line.run(work)

    def close(self) -> None:
        """Bring in what waits, close the connections, and give back what was claimed.

        What cannot be brought in stays in the spool, for whoever starts next.
        """
        if self._upkeep is not None:
            self._upkeep.stop()
        self._fold.own()
        self.spool.close()
        self.line.engine.dispose()
        if self._upkeep is not None:
            self._upkeep.end()
        self._release()


def _hash(text: str) -> str:
    """Return the hash of a token's part: every service that shares a database makes the same."""
    return hashlib.sha256(text.encode()).hexdigest()
