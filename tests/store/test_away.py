"""While the database is away: cards go out, what was judged waits, and comes in once."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cds_service import metrics
from cds_service.journal import UnreachableError
from cds_service.store import line as line_module
from cds_service.store.opening import open_store
from cds_service.store.spool import Spool
from cds_service.store.tables import CARDS, DECISIONS, FEEDBACK
from tests.records import NOW
from tests.store.calls import KEY, decision, feedback, judged, rows
from tests.waiting import WAIT, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Counter

    from cds_service.store.store import Store
    from tests.cluster import Cluster


def counted(counter: Counter) -> float:
    (metric,) = counter.collect()
    return float(metric.samples[0].value)


class Away:
    """Takes the line of a store down, as a failure does, and lets it come up again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.probe = store.line.probe

    def __enter__(self) -> None:
        # In this order: a store that is attended is looked after four times a second.
        self.store.line.probe = lambda: None  # type: ignore[method-assign]
        self.store.line.up = False

    def __exit__(self, *_: object) -> None:
        self.store.line.probe = self.probe  # type: ignore[method-assign]


def test_judged_calls_wait_and_come_in_once(opened: Store) -> None:
    before = counted(metrics.SPOOLED), counted(metrics.REPLAYED)
    with Away(opened):
        for _ in range(3):
            opened.judged(judged())
        opened.tend()
        health = opened.health()
    assert (health.reachable, health.spooled, health.lost, health.keeping) == (False, 3, 0, True)
    opened.tend()
    assert len(rows(opened, DECISIONS)) == 3
    assert len(rows(opened, CARDS)) == 6
    assert opened.health().spooled == 0
    assert (counted(metrics.SPOOLED), counted(metrics.REPLAYED)) == (before[0] + 3, before[1] + 3)
    opened.tend()
    assert len(rows(opened, DECISIONS)) == 3


def test_what_waits_is_readable_by_us_only_and_holds_no_id(opened: Store, tmp_path: Path) -> None:
    with Away(opened):
        opened.judged(judged(patient="Amelia-Example"))
    (file,) = (tmp_path / "spool").glob("*.ndjson")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "Amelia" not in file.read_text()
    (line,) = file.read_text().splitlines()
    assert set(json.loads(line)) == set(DECISIONS.columns.keys())


def test_feedback_and_tokens_are_refused_at_once(opened: Store) -> None:
    with Away(opened):
        with pytest.raises(UnreachableError):
            opened.feedback([feedback("c")])
        with pytest.raises(UnreachableError):
            opened.first_use("ehr", "t", NOW + timedelta(minutes=5))
        assert not opened.dismissed("p1", "e1", "redflagcheck", decision())


def test_a_replay_that_breaks_off_begins_anew_and_nothing_is_twice(
    opened: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.intake._BATCH", 2)
    with Away(opened):
        for _ in range(5):
            opened.judged(judged())
    run, calls = opened.line.run, []

    def fails_at_the_second(work: object) -> object:
        calls.append(work)
        if len(calls) == 2:
            raise UnreachableError
        return run(work)  # type: ignore[arg-type]

    opened.line.probe()
    monkeypatch.setattr(opened.line, "run", fails_at_the_second)
    opened.tend()
    assert len(rows(opened, DECISIONS)) == 2
    # Meanwhile more comes to wait; neither file covers the other.
    with Away(opened):
        opened.judged(judged())
    assert len(list((tmp_path / "spool").glob("*.ndjson"))) == 2
    assert opened.spool.count() == 6
    opened.tend()
    assert len(rows(opened, DECISIONS)) == 6
    assert not opened.spool.waits()


def test_another_process_brings_what_a_dead_one_left(
    opened: Store, address: str, tmp_path: Path
) -> None:
    with Away(opened):
        opened.judged(judged())
    opened.close()
    store = open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
    store.tend()
    assert len(rows(store, DECISIONS)) == 1
    store.close()


def test_lines_that_cannot_come_in_are_counted(opened: Store, tmp_path: Path) -> None:
    before = counted(metrics.LOST)
    with Away(opened):
        opened.judged(judged())
    (file,) = (tmp_path / "spool").glob("*.ndjson")
    whole = file.read_text()
    wrong = json.loads(whole)
    wrong |= {"uuid": "0", "gate": None}
    uncounted = wrong | {"criteria": "{"}
    wrong_lines = [json.dumps(wrong), json.dumps(uncounted), '{"uuid":"1"}', "[]"]
    file.write_text("\n".join([*wrong_lines, whole + whole[:50]]))
    opened.tend()
    assert len(rows(opened, DECISIONS)) == 1
    assert counted(metrics.LOST) == before + 5
    assert opened.health().lost == 5
    assert not opened.spool.waits()


def test_a_full_spool_loses_and_says_so(
    opened: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened.spool = Spool(tmp_path / "spool", durable=True, limit=2_000)
    with Away(opened):
        for _ in range(3):
            opened.judged(judged())
        health = opened.health()
    assert health.lost >= 1
    assert health.spooled + health.lost == 3
    assert "are lost: neither the database nor the spool took it: SpoolFullError" in caplog.text
    opened.spool = Spool(tmp_path / "spool", durable=True, limit=1)
    assert not opened.spool.has_room()


def test_a_spool_that_cannot_be_made(opened: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    opened.spool = Spool(tmp_path / "file" / "spool", durable=False)
    with Away(opened):
        opened.judged(judged())
        health = opened.health()
    assert (health.lost, health.keeping) == (1, False)


# --- a SQLite file that is busy ---


def test_a_busy_sqlite_file_holds_one_card_for_a_moment_and_no_other(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db", attended=False)
    with store.line.engine.connect() as other:
        other.exec_driver_sql("SELECT 1")
        raw = other.connection.driver_connection
        raw.execute("COMMIT")  # type: ignore[union-attr]
        raw.execute("BEGIN EXCLUSIVE")  # type: ignore[union-attr]
        store.judged(judged())
        assert not store.line.up
        store.judged(judged())
        assert store.spool.count() == 2
        raw.execute("ROLLBACK")  # type: ignore[union-attr]
    store.tend()
    assert len(rows(store, DECISIONS)) == 2
    store.close()


# --- a PostgreSQL server that stops, stands still, or is not there yet ---


@pytest.fixture
def own(postgres: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(postgres, key=KEY, spool=tmp_path / "spool", attended=False)
    yield store
    store.close()


def until_up(store: Store) -> None:
    def comes_up() -> bool:
        store.tend()
        return store.line.up

    until(comes_up, "the line to come up")


def test_a_restart_between_two_calls_is_not_noticed(own: Store, cluster: Cluster) -> None:
    own.judged(judged())
    cluster.stop()
    cluster.start()
    own.judged(judged())
    cluster.stop()
    cluster.start()
    own.feedback([feedback("c")])
    assert own.line.up
    assert own.spool.count() == 0
    assert len(rows(own, DECISIONS)) == 2


def test_a_server_that_stops_and_comes_back(
    own: Store, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    own.judged(judged())
    cluster.stop()
    own.judged(judged(patient="Amelia-Example"))
    own.tend()
    with pytest.raises(UnreachableError):
        own.feedback([feedback("c")])
    assert own.health().spooled == 1
    assert caplog.text.count("the store is away (OperationalError)") == 1
    assert "Amelia" not in caplog.text
    cluster.start()
    until_up(own)
    own.tend()
    assert len(rows(own, DECISIONS)) == 2
    own.feedback([feedback("c")])
    assert len(rows(own, FEEDBACK)) == 1


def test_a_server_that_stands_still_is_cut_off(
    own: Store, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "HANGS", 0.2)
    own.judged(judged())
    cluster.suspend()
    try:
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.05):
                own.line.cut_hanging()

        watching = threading.Thread(target=watch)
        watching.start()
        own.judged(judged())
        assert not own.line.up
        assert own.spool.count() == 1
        stop.set()
        watching.join()
    finally:
        cluster.resume()
    until_up(own)
    own.tend()
    assert len(rows(own, DECISIONS)) == 2


def test_a_server_that_is_not_there_at_the_start(
    cluster: Cluster, postgres: str, tmp_path: Path
) -> None:
    cluster.stop()
    try:
        store = open_store(postgres, key=KEY, spool=tmp_path / "spool", attended=False)
        store.judged(judged())
        assert store.health().spooled == 1
    finally:
        cluster.start()
    until_up(store)
    store.tend()
    assert len(rows(store, DECISIONS)) == 1
    store.close()


# --- in the background ---


def test_upkeep_brings_what_waits_without_being_asked(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = open_store(address, key=KEY, spool=tmp_path / "spool")
    store.line.up = False
    store.judged(judged())
    until(lambda: not store.spool.waits(), "what waits to be brought in")
    assert len(rows(store, DECISIONS)) == 1
    assert "the store is back" in caplog.text
    store.close()


def test_upkeep_survives_what_fails_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        message = "Amelia Example"
        raise RuntimeError(message)

    monkeypatch.setattr(store, "tend", fail)
    store.health()
    store.health()
    assert failed.wait(WAIT)
    monkeypatch.undo()
    until(lambda: "upkeep" in caplog.text, "a line of the log")
    assert "upkeep of the store: RuntimeError" in caplog.text
    assert "Amelia" not in caplog.text
    store.close()


def test_a_forked_process_keeps_with_connections_of_its_own(opened: Store) -> None:
    opened.judged(judged())
    child = os.fork()
    if child == 0:
        opened.judged(judged())
        os._exit(0 if opened.line.up else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    opened.judged(judged())
    assert len(rows(opened, DECISIONS)) == 3
    assert opened.line.up
