"""Judged calls are written ahead of their answers, and folded into the database a moment later."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from cds_service import metrics
from cds_service.identity import new_uuid
from cds_service.journal import Card, UnreachableError
from cds_service.store.opening import open_store
from cds_service.store.rows import decision_row
from cds_service.store.spool import SpoolFullError
from cds_service.store.tables import DAILY_COUNTS, DECISIONS, FEEDBACK
from tests.store.calls import KEY, decision, feedback, judged, rows
from tests.store.test_away import Away, counted
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cds_service.store.store import Store


@pytest.fixture
def another(address: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Open stores on one database and one spool, as worker processes do."""
    opened: list[Store] = []

    def open_another() -> Store:
        store = open_store(
            address, key=KEY, spool=tmp_path / "spool", durable=False, attended=False
        )
        # A SQLite file is claimed by the master of all of them.
        store._release()
        opened.append(store)
        return store

    yield open_another
    for each in opened:
        each.close()


@pytest.fixture
def ahead(another: Callable[[], Store]) -> Store:
    return another()


def test_a_call_waits_for_a_moment_and_nobody_calls_it_spooled(
    ahead: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = [counted(each) for each in (metrics.SPOOLED, metrics.REPLAYED, metrics.LOST)]
    for _ in range(3):
        ahead.judged(judged())
    assert rows(ahead, DECISIONS) == []
    health = ahead.health()
    assert (health.reachable, health.spooled) == (True, 0)
    ahead.tend()
    assert len(rows(ahead, DECISIONS)) == 3
    ahead.tend()
    assert len(rows(ahead, DECISIONS)) == 3
    assert not ahead.spool.waits()
    after = [counted(each) for each in (metrics.SPOOLED, metrics.REPLAYED, metrics.LOST)]
    assert after == before
    assert caplog.text == ""


def test_what_was_written_ahead_is_spooled_once_the_database_is_found_to_be_away(
    ahead: Store,
) -> None:
    before = counted(metrics.SPOOLED), counted(metrics.REPLAYED)
    ahead.judged(judged())
    ahead.judged(judged())
    with Away(ahead):
        assert ahead.health().spooled == 2
        ahead.tend()
        ahead.tend()
        ahead.judged(judged())
        ahead.tend()
        assert ahead.health().spooled == 3
        assert counted(metrics.SPOOLED) == before[0] + 3
    ahead.tend()
    assert len(rows(ahead, DECISIONS)) == 3
    assert counted(metrics.REPLAYED) == before[1] + 3


def test_a_database_that_goes_away_while_lines_come_in(
    ahead: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(metrics.SPOOLED)
    ahead.judged(judged())

    def fails(_: object) -> None:
        ahead.line.up = False
        raise UnreachableError

    with monkeypatch.context() as away:
        away.setattr(ahead.line, "run", fails)
        ahead.tend()
    assert ahead.spool.count() == 1
    assert counted(metrics.SPOOLED) == before + 1
    ahead.tend()
    assert len(rows(ahead, DECISIONS)) == 1


def test_closing_brings_in_what_waits(another: Callable[[], Store], tmp_path: Path) -> None:
    store = another()
    store.judged(judged())
    store.close()
    assert list((tmp_path / "spool").glob("*.ndjson")) == []
    assert len(rows(another(), DECISIONS)) == 1


def test_closing_while_the_database_is_away_leaves_it_to_the_next(
    another: Callable[[], Store],
) -> None:
    store = another()
    store.judged(judged())
    with Away(store):
        store.close()
        assert store.spool.count() == 1
        successor = another()
        successor.tend()
        assert len(rows(successor, DECISIONS)) == 1


def test_two_processes_bring_in_the_same_calls_and_each_counts_once(
    another: Callable[[], Store],
) -> None:
    one, two = another(), another()
    call = judged()
    one.judged(call)
    one.judged(judged())
    two.judged(judged())
    two._fold.everything()
    assert len(rows(two, DECISIONS)) == 3
    one.tend()
    two.tend()
    calls = [row["count"] for row in rows(two, DAILY_COUNTS) if row["kind"] == "call"]
    assert (len(rows(two, DECISIONS)), calls) == (3, [3])


def test_the_same_call_twice_in_one_batch_counts_once(ahead: Store) -> None:
    call = judged(Card(new_uuid(), "imaging", "warning"))
    row = decision_row(call, ahead._hasher)
    for _ in range(2):
        ahead.spool.add(row, away=False)
    ahead.tend()
    calls = [each["count"] for each in rows(ahead, DAILY_COUNTS) if each["kind"] == "call"]
    assert (len(rows(ahead, DECISIONS)), calls) == (1, [1])


@pytest.mark.parametrize("number", [1, 19, 20, 21, 60, 130])
def test_only_what_is_new_of_a_batch_counts(ahead: Store, number: int) -> None:
    made = [decision_row(judged(), ahead._hasher) for _ in range(number)]
    for batch in (made[::3], made):
        for row in batch:
            ahead.spool.add(row, away=False)
        ahead.tend()
    calls = [each["count"] for each in rows(ahead, DAILY_COUNTS) if each["kind"] == "call"]
    assert {each["uuid"] for each in rows(ahead, DECISIONS)} == {each["uuid"] for each in made}
    assert calls == [number]


def test_feedback_on_a_card_of_another_process_that_still_waits(
    another: Callable[[], Store],
) -> None:
    one, two = another(), another()
    card = Card(new_uuid(), "redflagcheck", "info")
    one.judged(judged(card))
    two.feedback([feedback(card.uuid)])
    assert two.dismissed("p1", "e1", "redflagcheck", decision())
    (outcome,) = [row for row in rows(two, DAILY_COUNTS) if row["kind"] == "outcome"]
    assert (outcome["topic"], outcome["name"], outcome["count"]) == (
        "redflagcheck",
        "overridden",
        1,
    )


def test_feedback_on_a_card_that_nobody_knows_does_not_wait_for_what_is_not_there(
    ahead: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[int] = []
    monkeypatch.setattr(ahead._fold, "everything", lambda: folded.append(1))
    ahead.feedback([feedback(new_uuid()), feedback("c")])
    assert not folded
    ahead.judged(judged())
    ahead.feedback([feedback("c", minutes=1)])
    assert not folded
    ahead.feedback([feedback(new_uuid())])
    assert len(folded) == 1
    assert len(rows(ahead, FEEDBACK)) == 4


def test_where_the_spool_has_no_room_the_call_goes_to_the_database_at_once(
    ahead: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SpoolFullError

    before = counted(metrics.LOST)
    with monkeypatch.context() as without:
        without.setattr(ahead.spool, "add", full)
        ahead.judged(judged())
        assert len(rows(ahead, DECISIONS)) == 1
        assert ahead.health().keeping
        with Away(ahead):
            ahead.judged(judged())
        without.setattr(ahead._together, "insert", lambda _: False)
        ahead.judged(judged())
    assert counted(metrics.LOST) == before + 2


def test_batches_of_all_sizes_need_few_statements(ahead: Store) -> None:
    # Each is kept prepared by each connection: one for every size of a batch is much memory.
    statements: set[str] = set()

    def remember(*call: Any) -> None:  # noqa: ANN401  of SQLAlchemy
        if "INSERT INTO decisions" in call[2]:
            statements.add(call[2])

    event.listen(ahead.line.engine, "before_cursor_execute", remember)
    for size in range(1, 60):
        for _ in range(size):
            ahead.judged(judged())
        ahead.tend()
    assert len(rows(ahead, DECISIONS)) == sum(range(1, 60))
    # One for each number of rows up to 20, and one for a single row.
    assert len(statements) <= 21


def test_threads_that_insert_at_the_same_moment_share_a_transaction(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, began, may_go, transactions = opened.line.run, threading.Event(), threading.Event(), []

    def waits(work: Callable[..., None]) -> None:
        transactions.append(work)
        began.set()
        assert may_go.wait(WAIT)
        run(work)

    monkeypatch.setattr(opened.line, "run", waits)
    threads = [threading.Thread(target=opened.judged, args=(judged(),)) for _ in range(4)]
    threads[0].start()
    assert began.wait(WAIT)
    for each in threads[1:]:
        each.start()
    gathered = opened._together._gathered
    while len(gathered) < 3:
        threads[1].join(0.001)
    may_go.set()
    for each in threads:
        each.join()
    assert len(transactions) == 2
    assert len(rows(opened, DECISIONS)) == 4


def test_a_forked_process_brings_in_what_it_wrote_and_not_what_its_parent_did(
    ahead: Store,
) -> None:
    ahead.judged(judged())
    child = os.fork()
    if child == 0:
        ahead.judged(judged())
        ahead.tend()
        os._exit(0 if ahead.line.up else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(rows(ahead, DECISIONS)) == 1
    ahead.tend()
    assert len(rows(ahead, DECISIONS)) == 2
