"""What is counted: names, meanings and labels of every metric, and nothing of any patient."""

from __future__ import annotations

import atexit
import os
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from cds_service.clinical.decision import Gate
from cds_service.clinical.truth import Truth
from cds_service.counts import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from cds_service.clinical.decision import Decision

# prometheus-client reads it once, when it is imported: where worker processes leave their counts.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

CALLS = Counter(
    "cds_calls",
    "Calls of a service, by its id (assessment: REST) and the status answered",
    ["service", "status"],
)
SECONDS = Histogram(
    "cds_call_seconds", "Time to answer a call of a service", ["service"], buckets=BUCKETS
)
CARDS = Counter("cds_cards", "Cards answered, by service and topic", ["service", "topic"])
SHADOWED = Counter("cds_cards_shadowed", "Cards that shadow mode kept back", ["service", "topic"])
MET = Counter("cds_criteria_met", "Judged calls in which a criterion was met", ["criterion"])
UNANSWERED = Counter(
    "cds_unanswered", "Judged calls in which a finding was not answered", ["finding"]
)
PREFETCH = Counter(
    "cds_prefetch",
    "Prefetch keys, by how they came: whole, fetched, incomplete, absent (other: none of ours)",
    ["key", "state"],
)
REFUSED = Counter("cds_tokens_refused", "Calls refused for their token, by reason", ["reason"])
UNSHARED = Counter(
    "cds_tokens_checked_alone", "Tokens checked for replay in one worker only: no store"
)
FETCHES = Counter("cds_fetches", "Calls back to a FHIR server, by what came of them", ["outcome"])
FEEDBACK = Counter("cds_feedback", "Feedback kept, by outcome", ["outcome"])
SPOOLED = Counter("cds_store_spooled", "Judged calls written to the spool, the store being away")
REPLAYED = Counter("cds_store_replayed", "Judged calls brought from the spool into the store")
LOST = Counter("cds_store_lost", "Judged calls that could be kept nowhere")
WAITING = Gauge(
    "cds_store_waiting",
    "Judged calls that wait in the spool, when last asked",
    multiprocess_mode="livemostrecent",
)
REACHABLE = Gauge(
    "cds_store_reachable",
    "1: the database could be reached, when last asked",
    multiprocess_mode="livemostrecent",
)
CONTENT = Gauge(
    "cds_content_info",
    "1: what judges; the version of the service, the profile, the digest of the content",
    ["version", "profile", "digest"],
    multiprocess_mode="max",
)

Metric = TypeVar("Metric", Counter, Histogram)
Observed = TypeVar("Observed", bound="Hashable")


@cache
def labelled(metric: Metric, *labels: str) -> Metric:
    """Return a metric with its labels; to look it up each time costs more than to count.

    It is kept for good, as the library keeps it: labels have few values, and no caller's words.
    """
    return metric.labels(*labels)


class Tally(Generic[Observed]):
    """Counts what would be dozens of increments a call, at the price of one look-up.

    Equal observations are put together and turned into counts once a second, by a thread that
    comes with the first of them and so never before a fork.
    """

    _all: ClassVar[WeakSet[Tally[Any]]] = WeakSet()
    _every: ClassVar = 1.0  # seconds

    def __init__(
        self, counter: Counter, labels: Callable[[Observed], Iterable[tuple[str, ...]]]
    ) -> None:
        """Take the counter, and the labels that an observation counts for."""
        self._counter, self._labels = counter, labels
        self._seen: dict[Observed, int] = {}
        self._lock = threading.Lock()
        self._all.add(self)

    def add(self, observed: Observed) -> None:
        """Count an observation, soon."""
        with self._lock:
            if not self._seen:
                soon = threading.Timer(self._every, self._write)
                soon.daemon = True
                soon.start()
            self._seen[observed] = self._seen.get(observed, 0) + 1

    def _write(self) -> None:
        with self._lock:
            seen, self._seen = self._seen, {}
        for observed, times in seen.items():
            for labels in self._labels(observed):
                labelled(self._counter, *labels).inc(times)

    @classmethod
    def write_all(cls) -> None:
        """Turn all that this process observed into counts now."""
        for each in list(cls._all):
            each._write()  # noqa: SLF001  of the same class


def _names(observed: tuple[str, ...]) -> Iterable[tuple[str]]:
    return zip(observed)


_MET = Tally(MET, _names)
_UNANSWERED = Tally(UNANSWERED, _names)


def count_verdicts(decision: Decision) -> None:
    """Count the criteria that a judged call met, and the findings that it left open."""
    if decision.gate is Gate.OPEN:
        met = Truth.PRESENT
        _MET.add(tuple([name for name, truth in decision.truths.items() if truth is met]))
        _UNANSWERED.add(tuple([each.finding for each in decision.unanswered]))


# A worker that ends takes nothing with it.
atexit.register(Tally.write_all)


def show_content(version: str, profile: str, digest: str) -> None:
    """Show what judges from now on."""
    for metric in CONTENT.collect():
        for sample in metric.samples:
            CONTENT.labels(**sample.labels).set(0)
    CONTENT.labels(version, profile, digest).set(1)


def exposition() -> tuple[bytes, str]:
    """Return all counts, of all worker processes, in Prometheus' text format and its type."""
    Tally.write_all()
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def forget_process(process: int) -> None:
    """Leave out what a process said of its own present; what it counted stays."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]  # as above
