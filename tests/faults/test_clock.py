"""The machine's clock is set forward and back while calls come in."""

from __future__ import annotations

import http.client
import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from benchmarks.records import hook_request
from tests.faults.callers import calling
from tests.needs import need
from tests.test_serve import Running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.callers import Fates

SOURCE = Path(__file__).with_name("clock.c")
BODY = orjson.dumps(hook_request(10))
DAY = 86_400
# In seconds from the right time: forward, far back, to the right time, and a little back.
JUMPS = (0, 2 * DAY, -3 * DAY, 0, -90)


class Clock:
    """The clock of processes that are started with it: what it is off by may change at any time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compiler = shutil.which("cc")
        need("cc", "apt-get install gcc", present=compiler is not None)
        library, self._offset = folder / "clock.so", folder / "offset"
        compiling = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
        subprocess.run(compiling, check=True)
        self.set(0)
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("CLOCK_OFFSET", str(self._offset))

    def set(self, seconds: int) -> None:
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{seconds}\n", encoding="utf-8")
        fresh.replace(self._offset)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(tmp_path, monkeypatch)


@pytest.fixture
def service(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    clock.set(0)
    address = f"sqlite:///{tmp_path}/store.db"
    running = Running(tmp_path / "log", "--workers", "2", CDS_DATABASE_URL=address)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_calls_go_on_and_are_kept_when_the_clock_jumps(
    tmp_path: Path, clock: Clock, service: Running
) -> None:
    until(lambda: len(service.workers()) == 2, "workers")
    workers = service.workers()
    with calling([service.port], BODY, connections=4) as fates:
        for offset in JUMPS:
            clock.set(offset)
            more(fates, 40)
    assert set(fates.answered) == {http.client.OK}
    assert fates.cut + fates.closed + fates.refused == 0
    assert service.workers() == workers, "no worker was taken for one that hangs"
    clock.set(0)
    assert service.stop() == 0
    lines = map(json.loads, service.log.read_text(encoding="utf-8").splitlines())
    answered = [line for line in lines if line["says"] == "answered"]
    assert min(line["milliseconds"] for line in answered) > 0
    days = {datetime.fromisoformat(line["at"]).date() for line in answered}
    assert max(days) - min(days) >= timedelta(days=4), "the clock of the service did jump"
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        cards = [each for (each,) in database.execute("SELECT uuid FROM cards")]
        (kept, quickest) = database.execute(
            "SELECT count(*), min(seconds) FROM decisions"
        ).fetchone()
    assert sorted(cards) == sorted(fates.cards), "no id came twice, none is missing"
    assert kept == fates.answered[http.client.OK]
    assert quickest > 0


def more(fates: Fates, calls: int) -> None:
    seen = fates.answered.total()
    until(lambda: fates.answered.total() >= seen + calls, "calls")
