"""Puts the service under load on this machine's loopback, and prints what it costs and holds."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from benchmarks import servers
from benchmarks.load import client, costs, memory, rates, restarts, starts
from benchmarks.load.plans import FULL, QUICK, WORKERS, Plan
from benchmarks.load.tables import Verdicts, machine
from benchmarks.records import hook_request
from tests.cluster import Cluster, why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers import Server

_KEY = "0123456789abcdef0123456789abcdef"
_MEMORY_REQUESTS, _MEMORY_MINUTES = 200_000, 15


def main(arguments: list[str]) -> int:
    """Run what is asked for; return 1 if a line that must hold is missed."""
    asked = _parser().parse_args(arguments)
    reason = client.why_not()
    if reason is not None:
        print(f"not run: {reason}")
        return 2
    verdicts = Verdicts()
    with TemporaryDirectory(prefix="load-", dir=".") as name:
        folder = Path(name).resolve()
        if asked.what == "rss":
            minutes = _MEMORY_MINUTES * asked.requests / _MEMORY_REQUESTS
            _announce(minutes)
            memory.show(folder, asked.requests, verdicts)
        else:
            plan = QUICK if asked.what == "quick" else FULL
            _announce(plan.minutes)
            _measure(plan, folder, verdicts)
    return 1 if verdicts.show() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load ARGS=…", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("full", "quick", "rss"), default="full")
    parser.add_argument(
        "--requests",
        type=int,
        default=_MEMORY_REQUESTS,
        help="for rss: how many requests each worker answers (default: %(default)s)",
    )
    return parser


def _announce(minutes: float) -> None:
    print(f"## Under load\n\nOn {machine()}. This takes about {minutes:.1f} minutes.\n", flush=True)


def _measure(plan: Plan, folder: Path, verdicts: Verdicts) -> None:
    body = orjson.dumps(hook_request(40))
    with ExitStack() as stack:
        floor = stack.enter_context(servers.floor(body, WORKERS))
        stores = {"SQLite": _service(stack, body, folder, {"CDS_DATABASE_URL": _file(folder)})}
        rates.show(plan, floor, stores["SQLite"])
        reason = why_not()
        if reason is None:
            settings = {
                "CDS_DATABASE_URL": stack.enter_context(_postgres()),
                "CDS_HASH_KEY": _KEY,
                "CDS_SPOOL": str(folder / "spool"),
            }
            stores["PostgreSQL"] = _service(stack, body, folder, settings)
        costs.show(plan, floor, stores, verdicts)
        if reason is not None:
            print(f"PostgreSQL not measured: {reason}\n")
    starts.show(plan, WORKERS, _file(folder), verdicts)
    restarts.show(folder, verdicts)


def _file(folder: Path) -> str:
    return f"sqlite:///{folder}/store.db"


def _service(stack: ExitStack, body: bytes, folder: Path, settings: dict[str, str]) -> Server:
    """Run the service as it ships: with a store, and a line of JSON for each call."""
    log = folder / "service.log"
    return stack.enter_context(servers.service(body, settings, workers=WORKERS, log=log))


@contextmanager
def _postgres() -> Iterator[str]:
    cluster = Cluster()
    try:
        yield cluster.url
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
