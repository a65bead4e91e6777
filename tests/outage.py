"""Many calls over several connections while the database stops and starts again.

`make soak` runs this with 20,000 calls; the suite runs the same journey with fewer.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.cluster import Cluster, why_not
from tests.waiting import WAIT, free_port, until

CONNECTIONS = 16
JSON = {"Content-Type": "application/json"}
SAMPLE = "sciatica-three-weeks"
SERVICE = "back-pain-patient-view"


@dataclass
class Told:
    """What the clients saw: statuses, wrong answers, cards, and feedback by what came of it."""

    calls: Counter[int] = field(default_factory=Counter)
    feedback: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    kept: list[tuple[str, int]] = field(default_factory=list)
    slowest: float = 0.0


@dataclass
class Found:
    """What the database holds afterwards."""

    decisions: int
    cards: set[str]
    feedback: set[tuple[str, int]]


class Outage:
    """A service with two workers on a PostgreSQL of its own."""

    def __init__(self, folder: Path, cluster: Cluster, port: int) -> None:
        self.cluster, self.port = cluster, port
        self.log, self.spool = folder / "log", folder / "spool"
        others = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
        settings = {
            "CDS_DATABASE_URL": cluster.url,
            "CDS_HASH_KEY": "0123456789abcdef0123456789abcdef",
            "CDS_SPOOL": str(self.spool),
            "CDS_LOG_LEVEL": "WARNING",
        }
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "cds_service", "serve", "--bind", f"127.0.0.1:{port}",
                    "--workers", "2",
                ],
                env=others | settings,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(self._answers, f"an answer; see {self.log}")
        self.told = Told()
        self._mine = threading.Lock()
        request = json.loads(self.get(f"/samples/{SAMPLE}?hook={SERVICE}"))
        # Without an encounter: in one, a check that was overridden is rightly not repeated.
        del request["context"]["encounterId"], request["prefetch"]["encounter"]
        self._call = json.dumps(request).encode()
        # What is right is what was answered before anything happened: one call more than counted.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        self._right = _said(self._post(connection, f"/cds-services/{SERVICE}", self._call)[1])
        connection.close()
        assert len(self._right) > 1

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        return body

    def run(self, calls: int) -> None:
        """Call; stop the database after two fifths, and start it again after three."""
        numbers, stopped = itertools.count(), threading.Event()

        def client(_: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
            while (number := next(numbers)) < calls:
                # One in ten tells what became of a card; the others ask.
                (self._tell if number % 10 == 9 else self._ask)(connection)
                if number == calls * 2 // 5:
                    self.cluster.stop()
                    stopped.set()
                if number == calls * 3 // 5:
                    stopped.wait(WAIT)
                    self.cluster.start()
            connection.close()

        with ThreadPoolExecutor(CONNECTIONS) as clients:
            list(clients.map(client, range(CONNECTIONS)))

    def _post(
        self, connection: http.client.HTTPConnection, path: str, body: bytes
    ) -> tuple[int, Any]:
        began = time.monotonic()
        connection.request("POST", path, body, JSON)
        answer = connection.getresponse()
        parsed = json.loads(answer.read())
        with self._mine:
            self.told.slowest = max(self.told.slowest, time.monotonic() - began)
        return answer.status, parsed

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        status, body = self._post(connection, f"/cds-services/{SERVICE}", self._call)
        with self._mine:
            self.told.calls[status] += 1
            if status == http.client.OK and _said(body) == self._right:
                self.told.cards += [card["uuid"] for card in body["cards"]]
            else:
                self.told.wrong.append(f"{status}")

    def _tell(self, connection: http.client.HTTPConnection) -> None:
        with self._mine:
            # A card may be reported several times, so each report has a moment of its own.
            place = sum(self.told.feedback.values())
            card = self.told.cards[place % len(self.told.cards)] if self.told.cards else "none"
        at = datetime.fromtimestamp(time.time(), UTC).isoformat()
        entry = {
            "card": card,
            "outcome": "overridden",
            "outcomeTimestamp": at,
            "overrideReason": {"userComment": str(place)},
        }
        status, _ = self._post(
            connection,
            f"/cds-services/{SERVICE}/feedback",
            json.dumps({"feedback": [entry]}).encode(),
        )
        with self._mine:
            self.told.feedback[status] += 1
            if status == http.client.OK:
                self.told.kept.append((card, place))
            elif status != http.client.SERVICE_UNAVAILABLE:
                self.told.wrong.append(f"feedback {status}")

    def found(self) -> Found:
        """Wait until nothing waits any more, and return what the database holds."""
        until(self._waits_no_more, "the database to hold everything")
        engine = create_engine(self.cluster.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            decisions = connection.scalar(text("SELECT count(*) FROM decisions"))
            cards = set(connection.scalars(text("SELECT uuid FROM cards")))
            kept = connection.execute(text("SELECT card, comment FROM feedback"))
            feedback = {(card, int(place)) for card, place in kept}
        engine.dispose()
        return Found(decisions or 0, cards, feedback)

    def _waits_no_more(self) -> bool:
        store = json.loads(self.get("/readyz"))["store"]
        # What was written ahead a moment ago is not spooled, and not in the database either.
        ahead = any(self.spool.glob("*.ndjson"))
        return store == {"reachable": True, "spooled": 0, "lost": 0} and not ahead

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT)


def _said(body: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what a clinician reads of an answer; uuids and moments differ from call to call."""
    return [
        (card["source"]["topic"]["code"], card["summary"], card["detail"])
        for card in body.get("cards", [])
    ]


def main(calls: int = 20_000) -> int:
    """Run the journey and print what was seen; return 1 if anything was wrong or is missing."""
    reason = why_not()
    if reason:
        sys.stdout.write(f"not run: {reason}\n")
        return 1
    cluster = Cluster()
    try:
        with tempfile.TemporaryDirectory() as folder:
            outage = Outage(Path(folder), cluster, free_port())
            began = time.monotonic()
            outage.run(calls)
            took = time.monotonic() - began
            found = outage.found()
            counts = [
                line
                for line in outage.get("/metrics").decode().splitlines()
                if line.startswith("cds_store_")
            ]
            outage.stop()
    finally:
        cluster.remove()
    told = outage.told
    missing = len(set(told.kept) - found.feedback)
    unseen = len(set(told.cards) - found.cards)
    sys.stdout.write(
        f"{calls} requests at {CONNECTIONS} connections in {took:.0f} s, the slowest "
        f"{told.slowest:.2f} s; the database away from 2/5 to 3/5\n"
        f"calls by status      {dict(told.calls)}, wrong answers {len(told.wrong)}\n"
        f"feedback by status   {dict(told.feedback)}, answered 200 and missing {missing}\n"
        f"decisions in the database {found.decisions} of {sum(told.calls.values()) + 1}, "
        f"cards missing {unseen}\n" + "\n".join(counts) + "\n"
    )
    whole = found.decisions == sum(told.calls.values()) + 1
    return 0 if whole and not (told.wrong or missing or unseen) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
