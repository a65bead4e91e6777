"""A worker is killed under load: its own calls break off, and nothing else is seen of it."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import orjson

from benchmarks.records import hook_request
from tests.faults.callers import calling
from tests.test_serve import Running
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 16
BODY = orjson.dumps(hook_request(10))


def test_only_calls_in_that_worker_break_off_and_no_answered_row_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    service = Running(tmp_path / "log", "--workers", "2", CDS_DATABASE_URL=f"sqlite:///{file}")
    with calling([service.port], BODY, connections=CONNECTIONS) as fates:
        until(lambda: fates.answered[200] > 100, "calls before it is killed")
        until(lambda: len(service.workers()) == 2, "workers")
        before = service.workers()
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(service.workers()) - {before[0]}) == 2, "a new worker")
        seen = fates.answered[200]
        until(lambda: fates.answered[200] > seen + 100, "calls with the new worker")
    assert set(fates.answered) == {200}
    assert fates.refused == 0, "the port stays open"
    # None, where the other worker held all connections.
    assert fates.closed + fates.cut <= CONNECTIONS, "one call a connection at most"
    assert before[1] in service.workers(), "the other worker goes on"
    until(lambda: set(fates.cards) <= kept(file), "what the killed worker left comes in by itself")
    assert service.stop() == 0
    assert "Perhaps out of memory?" in service.log.read_text()


def kept(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as database:
        return {each for (each,) in database.execute("SELECT uuid FROM cards")}
