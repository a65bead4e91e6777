"""The service is stopped in earnest: what it took up is answered, and nobody waits in vain."""

from __future__ import annotations

import http.client
import signal
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import orjson

from benchmarks.records import hook_request
from tests.faults.callers import calling
from tests.test_serve import Running
from tests.waiting import WAIT, until

if TYPE_CHECKING:
    from pathlib import Path

BODY = orjson.dumps(hook_request(10))


def test_every_call_that_was_taken_up_is_answered_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    service = Running(tmp_path / "log", "--workers", "2", CDS_DATABASE_URL=f"sqlite:///{file}")
    with calling([service.port], BODY, connections=16) as fates:
        until(lambda: fates.answered[200] > 100, "calls before it stops")
        assert service.stop() == 0
        until(lambda: fates.refused > 0, "who comes later to hear so")
    assert set(fates.answered) == {200}
    assert fates.closed == 0, "who was kept alive is told that the connection ends"
    with closing(sqlite3.connect(file)) as database:
        (kept,) = database.execute("SELECT count(*) FROM decisions").fetchone()
        cards = {each for (each,) in database.execute("SELECT uuid FROM cards")}
    assert kept == fates.answered[200]
    assert cards == set(fates.cards)
    assert "Traceback" not in service.log.read_text()


def test_it_listens_no_more_while_the_last_are_answered(tmp_path: Path) -> None:
    service = Running(tmp_path / "log")
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=WAIT)) as kept:
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        service.process.send_signal(signal.SIGTERM)
        until(lambda: refused(service.port), "new connections are refused")
        kept.request("GET", "/healthz")
        answer = kept.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        answer.read()
    assert service.process.wait(WAIT) == 0


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
