"""Each token once: in one worker, among several, and while the store is away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cds_service import metrics
from cds_service.journal import Health, UnreachableError
from cds_service.security.replay import Replay, UsedHere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cds_service.clinical.decision import Decision
    from cds_service.journal import Feedback, Judged


class Shared:
    """A journal that remembers used tokens, and that can be away."""

    def __init__(self) -> None:
        self.used: dict[tuple[str, str], datetime] = {}
        self.away = False

    def first_use(self, issuer: str, token_id: str, until: datetime) -> bool:
        if self.away:
            raise UnreachableError
        return self.used.setdefault((issuer, token_id), until) is until

    def judged(self, call: Judged) -> None:
        raise NotImplementedError

    def feedback(self, entries: Sequence[Feedback]) -> None:
        raise NotImplementedError

    def dismissed(self, patient: str, encounter: str, topic: str, decision: Decision) -> bool:
        raise NotImplementedError

    def health(self) -> Health:
        return Health(reachable=not self.away)


UNTIL = 2_000_000_000.0


def alone() -> float:
    count: float = metrics.UNSHARED._value.get()
    return count


def test_once_by_issuer_and_id() -> None:
    here = UsedHere(lambda: 0.0)
    assert here.first_use("a", "1", 10)
    assert not here.first_use("a", "1", 10)
    assert here.first_use("a", "2", 10)
    assert here.first_use("b", "1", 10)


def test_what_has_ended_is_forgotten() -> None:
    now = 0.0
    here = UsedHere(lambda: now)
    for number in range(100):
        assert here.first_use("a", str(number), 10)
    now = 10.0
    assert here.first_use("a", "100", 20)
    assert list(here._until) == [("a", "100")]


def test_of_too_many_the_oldest_is_forgotten() -> None:
    here = UsedHere(lambda: 0.0, at_most=3)
    for each in "wxyz":
        assert here.first_use("a", each, 10)
    assert not here.first_use("a", "x", 10)
    assert len(here._until) == 3


def test_two_workers_see_each_others_tokens() -> None:
    journal = Shared()
    one, other = Replay(journal), Replay(journal)
    before = alone()
    assert one.first_use("a", "1", UNTIL)
    assert not other.first_use("a", "1", UNTIL)
    assert not one.first_use("a", "1", UNTIL)
    assert journal.used == {("a", "1"): datetime.fromtimestamp(UNTIL, UTC)}
    assert alone() == before


def test_while_the_store_is_away_each_worker_looks_for_itself_and_it_is_counted() -> None:
    journal = Shared()
    one, other = Replay(journal), Replay(journal)
    assert one.first_use("a", "1", UNTIL)
    journal.away = True
    before = alone()
    assert not one.first_use("a", "1", UNTIL), "remembered here from before"
    assert one.first_use("a", "2", UNTIL)
    assert not one.first_use("a", "2", UNTIL)
    assert other.first_use("a", "2", UNTIL), "what the count warns of"
    assert alone() == before + 2


def test_without_a_store_it_is_always_so() -> None:
    before = alone()
    replay = Replay(None)
    assert replay.first_use("a", "1", UNTIL)
    assert not replay.first_use("a", "1", UNTIL)
    assert alone() == before + 1
