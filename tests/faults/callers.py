"""Clients that call over kept-alive connections until told to stop, and know each call's fate."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.records import SERVICE
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JSON = {"Content-Type": "application/json"}


@dataclass
class Fates:
    """What became of the calls.

    ``answered`` by status. ``refused``: nobody listened, so nothing was sent. ``closed``: a
    connection that had served before was closed by the time it was used again, as a server may.
    ``cut``: the connection was taken and the call sent, and no whole answer came.
    """

    answered: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    closed: int = 0
    cut: int = 0
    slowest: float = 0.0
    cards: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.answered.total() + self.refused + self.closed + self.cut


@contextmanager
def calling(
    ports: Sequence[int], body: bytes, *, connections: int, pause: float = 0.0
) -> Iterator[Fates]:
    """Call until the block ends, each connection one port; ``pause`` lies between two calls."""
    fates, mine, over = Fates(), threading.Lock(), threading.Event()

    def client(number: int) -> None:
        caller = _Caller(ports[number % len(ports)], body, fates, mine)
        while not over.is_set():
            caller.call()
            over.wait(pause)
        caller.connection.close()

    with ThreadPoolExecutor(connections) as threads:
        clients = [threads.submit(client, number) for number in range(connections)]
        try:
            yield fates
        finally:
            over.set()
    for each in clients:
        each.result()


class _Caller:
    """One client with one connection, made again whenever it is gone."""

    def __init__(self, port: int, body: bytes, fates: Fates, mine: threading.Lock) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        self._body, self._fates, self._mine = body, fates, mine

    def call(self) -> None:
        fresh = self.connection.sock is None
        if fresh and not self._connect():
            return
        began = time.perf_counter()
        try:
            self.connection.request("POST", SERVICE, self._body, JSON)
            answer = self.connection.getresponse()
            said = answer.read()
        except ConnectionError:  # RemoteDisconnected is one too
            self.connection.close()
            with self._mine:
                self._fates.cut += fresh
                self._fates.closed += not fresh
            return
        except http.client.HTTPException:
            self.connection.close()
            with self._mine:
                self._fates.cut += 1
            return
        took = time.perf_counter() - began
        cards = json.loads(said)["cards"] if answer.status == http.client.OK else []
        with self._mine:
            self._fates.slowest = max(self._fates.slowest, took)
            self._fates.answered[answer.status] += 1
            self._fates.cards += [card["uuid"] for card in cards]

    def _connect(self) -> bool:
        try:
            self.connection.connect()
        except ConnectionError:
            self.connection.close()
            with self._mine:
                self._fates.refused += 1
            time.sleep(0.01)
            return False
        return True
