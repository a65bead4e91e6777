"""What is counted: names, meanings and labels of every metric, and nothing of any patient."""

from __future__ import annotations

import os
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus-client reads it once, when it is imported: where worker processes leave their counts.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CALLS = Counter(
    "cds_calls", "Calls of a service, by its id and the status answered", ["service", "status"]
)
SECONDS = Histogram(
    "cds_call_seconds", "Time to answer a call of a service", ["service"], buckets=_FAST
)
CARDS = Counter("cds_cards", "Cards answered, by service and topic", ["service", "topic"])
SHADOWED = Counter("cds_cards_shadowed", "Cards that shadow mode kept back", ["service", "topic"])
REFUSED = Counter("cds_tokens_refused", "Calls refused for their token, by reason", ["reason"])
UNSHARED = Counter(
    "cds_tokens_checked_alone", "Tokens checked for replay in one worker only: no store"
)
FETCHES = Counter("cds_fetches", "Calls back to a FHIR server, by what came of them", ["outcome"])
FEEDBACK = Counter("cds_feedback", "Feedback kept, by outcome", ["outcome"])
SPOOLED = Counter("cds_store_spooled", "Judged calls written to the spool, the store being away")
REPLAYED = Counter("cds_store_replayed", "Judged calls brought from the spool into the store")
LOST = Counter("cds_store_lost", "Judged calls that could be kept nowhere")


@cache
def labelled(counter: Counter, *labels: str) -> Counter:
    """Return a counter with its labels; to look it up each time costs more than to count.

    It is kept for good, as the library keeps it: labels have few values, and no caller's words.
    """
    return counter.labels(*labels)


def exposition() -> tuple[bytes, str]:
    """Return all counts, of all worker processes, in Prometheus' text format and its type."""
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types there
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def forget_process(process: int) -> None:
    """Leave out what a process said of its own present; what it counted stays."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]  # as above
