"""Prints what keeping decisions costs: the same request with a store and without, in one run."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import orjson

from benchmarks import servers
from benchmarks.records import hook_request
from tests.cluster import Cluster, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNS = 7
_CALLS = 800
_KEY = "0123456789abcdef0123456789abcdef"


def main() -> None:
    """Measure all stores against none, interleaved, and print one line each."""
    body = orjson.dumps(hook_request(40))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir="."))
        stores = {
            "SQLite, normal": {"CDS_DATABASE_URL": f"sqlite:///{folder}/normal.db"},
            "SQLite, full": {
                "CDS_DATABASE_URL": f"sqlite:///{folder}/full.db",
                "CDS_STORE_DURABILITY": "full",
            },
        }
        reason = why_not()
        if reason is None:
            stores["PostgreSQL"] = {
                "CDS_DATABASE_URL": stack.enter_context(_postgres()),
                "CDS_HASH_KEY": _KEY,
                "CDS_SPOOL": f"{folder}/spool",
            }
        without = stack.enter_context(servers.service(body))
        kept = {
            name: stack.enter_context(servers.service(body, settings))
            for name, settings in stores.items()
        }
        for server in (without, *kept.values()):
            server.post(body, 200)
        print(f"the same request of {len(body)} bytes with a store (aim for SQLite: below 1.3)")
        rounds = [
            {name: _served(server, body) for name, server in {"none": without, **kept}.items()}
            for _ in range(_RUNS)
        ]
        for name in ("none", *kept):
            cost = statistics.median(each[name] for each in rounds)
            ratio = statistics.median(each[name] / each["none"] for each in rounds)
            print(f"  {name:16} {cost:8.1f} us   ratio {ratio:5.2f}")
        if reason is not None:
            print(f"  PostgreSQL not measured: {reason}")
        print()


@contextmanager
def _postgres() -> Iterator[str]:
    cluster = Cluster()
    try:
        yield cluster.url
    finally:
        cluster.remove()


def _served(server: servers.Server, body: bytes) -> float:
    """Return the service's CPU time for one request in microseconds; the database has its own."""
    before = server.cpu_seconds()
    server.post(body, _CALLS)
    return (server.cpu_seconds() - before) / _CALLS * 1e6


if __name__ == "__main__":
    main()
