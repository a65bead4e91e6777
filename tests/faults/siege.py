"""A service under hostile bodies: what it answers, and whether it is the same afterwards.

`make faults` runs this with 10,000 bodies; the suite runs it with a few hundred.
"""

from __future__ import annotations

import http.client
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks.records import hook_request
from benchmarks.servers import resident
from tests.faults.callers import JSON
from tests.faults.hostile import MAX_BODY, Attack, attacks
from tests.records import SERVICE
from tests.test_serve import Running
from tests.waiting import WAIT, until

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTIONS = 8
_WORKERS = 2
_NONE = 0  # for a connection that was closed without an answer
_MIB = 1024 * 1024
_FLAT = 1.10
_WAVES = 5
_ASKED = 50


@dataclass
class Seen:
    """Statuses by kind of attack, and what must not be: server errors, silence, other workers."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> Counter[int]:
        return sum(self.statuses.values(), Counter())


class Siege:
    """A service with a store, two workers and a small limit for bodies."""

    def __init__(self, folder: Path) -> None:
        self.service = Running(
            folder / "log",
            "--workers",
            str(_WORKERS),
            CDS_MAX_BODY=str(MAX_BODY),
            CDS_DATABASE_URL=f"sqlite:///{folder}/store.db",
            # So that blocks which were freed go back, and what still grows is kept by somebody.
            MALLOC_TRIM_THRESHOLD_="131072",
        )
        until(lambda: len(self.service.workers()) == _WORKERS, "workers")
        self.workers = self.service.workers()
        self._call = orjson.dumps(hook_request(40))

    def run(self, count: int, seed: int) -> Seen:
        """Send attacks over several connections at once."""
        seen, mine = Seen(), threading.Lock()
        waiting: Iterator[Attack] = attacks(count, seed)

        def client() -> None:
            while True:
                with mine:
                    attack = next(waiting, None)
                if attack is None:
                    return
                status = self._send(attack)
                with mine:
                    seen.statuses.setdefault(attack.kind, Counter())[status] += 1
                    if status >= http.client.INTERNAL_SERVER_ERROR or (
                        status == _NONE and attack.framed
                    ):
                        seen.wrong.append(f"{attack.kind}: {status} to {attack.pieces!r:.2000}")

        with ThreadPoolExecutor(_CONNECTIONS) as clients:
            for each in [clients.submit(client) for _ in range(_CONNECTIONS)]:
                each.result()
        if self.service.workers() != self.workers:
            seen.wrong.append(f"workers {self.service.workers()}, were {self.workers}")
        return seen

    def _send(self, attack: Attack) -> int:
        """Return the status of the answer; TimeoutError says that the service hangs."""
        with socket.create_connection(("127.0.0.1", self.service.port), WAIT) as connection:
            try:
                for piece in attack.pieces:
                    connection.sendall(piece)
                    time.sleep(attack.seconds)
                connection.shutdown(socket.SHUT_WR)
            except TimeoutError:
                raise
            except OSError:
                pass  # it was answered and closed before all was sent
            with suppress(ConnectionError):
                line = connection.makefile("rb").readline()
                return int(line.split()[1]) if line else _NONE
        return _NONE

    def normal(self) -> tuple[list[str], float]:
        """Return what a clinician reads of an honest call, and the median time to it in ms."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=WAIT)
        summaries, times = set(), []
        for _ in range(_ASKED):
            began = time.perf_counter()
            connection.request("POST", SERVICE, self._call, JSON)
            answer = connection.getresponse()
            said = orjson.loads(answer.read())
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status == http.client.OK, said
            summaries.add("\n".join(card["summary"] for card in said["cards"]))
        connection.close()
        (same,) = summaries
        return same.splitlines(), statistics.median(times)

    def resident(self) -> int:
        return max(resident(worker) for worker in self.workers)

    def faults_logged(self) -> list[str]:
        """Return the lines of the log that speak of an error of ours."""
        lines = self.service.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if '"level":"error"' in line or "Traceback" in line]


def main(count: int = 10_000, seed: int = 1) -> int:
    """Besiege a service and print what was seen; return 1 if anything was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        siege = Siege(Path(folder))
        summaries, before = siege.normal()
        began = time.monotonic()
        waves, curve = [], [siege.resident()]
        for number in range(_WAVES):
            waves.append(siege.run(count // _WAVES, seed * _WAVES + number))
            curve.append(siege.resident())
        took = time.monotonic() - began
        again, after = siege.normal()
        wrong = [each for wave in waves for each in wave.wrong] + siege.faults_logged()
        siege.service.stop()
    # The first wave makes the allocator's pools as large as bodies of that kind need them.
    grown = curve[-1] / curve[1]
    statuses = {
        kind: sum((each.statuses[kind] for each in waves), Counter())
        for kind in sorted(waves[0].statuses)
    }
    kinds = "\n".join(
        f"  {kind:32} {dict(sorted(each.items()))}" for kind, each in statuses.items()
    )
    sys.stdout.write(
        f"{count} hostile bodies, seed {seed}, in {took:.0f} s; statuses (0: closed without an "
        f"answer)\n{kinds}\n"
        f"server errors, hangs, lost workers and errors logged: {len(wrong)}\n"
        "resident memory of a worker, MiB, before and after each fifth: "
        f"{' '.join(f'{each / _MIB:.0f}' for each in curve)}; from the first fifth x{grown:.3f}\n"
        f"an honest call: {before:.1f} ms before, {after:.1f} ms after, "
        f"{'the same cards' if again == summaries else 'OTHER CARDS'}\n"
        + "".join(f"{each}\n" for each in wrong[:20])
    )
    return 1 if wrong or again != summaries or grown > _FLAT else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
