"""What callers see while workers and whole instances are replaced under load."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import orjson

from benchmarks.load.plans import WORKERS
from benchmarks.load.tables import Verdicts, table
from benchmarks.records import hook_request
from tests.cluster import Cluster
from tests.cluster import why_not as why_no_database
from tests.faults.callers import Fates, calling
from tests.faults.proxy import proxy
from tests.faults.proxy import why_not as why_no_proxy
from tests.test_serve import Running
from tests.waiting import free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CONNECTIONS = 16
_BEFORE, _BETWEEN = 3.0, 2.0  # seconds
# The proxy lets a replica that failed alone for 5 seconds, and a caller do 200 calls a second.
_PROXY_BETWEEN, _PROXY_PAUSE = 7.0, 0.1
_KEY = "0123456789abcdef0123456789abcdef"


def show(folder: Path, verdicts: Verdicts) -> None:
    """Print what became of the calls while workers, instances, and instances behind nginx go."""
    with ExitStack() as stack:
        settings = stack.enter_context(_shared_store(folder))
        seen = {
            "workers (SIGHUP, twice)": _workers(folder, settings),
            "instances, one after the other": _instances(folder, settings),
        }
        reason = why_no_proxy()
        if reason is None:
            seen["the same behind nginx"] = _behind_proxy(folder, settings)
    print(f"### Replaced under load: {_CONNECTIONS} connections\n")
    table(
        ("what is replaced", "answered", "nobody listened", "cut", "otherwise", "slowest ms"),
        [
            (
                name,
                f"{fates.answered[200]:,}",
                fates.refused,
                fates.cut + fates.closed,
                fates.answered.total() - fates.answered[200],
                f"{fates.slowest * 1000:.0f}",
            )
            for name, fates in seen.items()
        ],
    )
    if reason is not None:
        print(f"Not tried behind a proxy: {reason}\n")
    for name, fates in seen.items():
        lost = fates.calls - fates.answered[200] - (0 if "nginx" in name else fates.refused)
        verdicts.add(
            f"a rolling restart under load: {name}",
            "no caller sees a failure" if "nginx" in name else "no call that was taken is lost",
            f"{lost} of {fates.calls:,}",
            holds=lost == 0,
        )


@contextmanager
def _shared_store(folder: Path) -> Iterator[Mapping[str, str]]:
    """Give two instances one PostgreSQL; where there is none, they keep nothing."""
    if why_no_database() is not None:
        yield {}
        return
    cluster = Cluster()
    try:
        yield {
            "CDS_DATABASE_URL": cluster.url,
            "CDS_HASH_KEY": _KEY,
            "CDS_SPOOL": str(folder / "spool"),
        }
    finally:
        cluster.remove()


def _start(folder: Path, settings: Mapping[str, str], port: int) -> Running:
    bind = f"127.0.0.1:{port}"
    workers = str(WORKERS)
    return Running(folder / f"{port}.log", "--workers", workers, CDS_BIND=bind, **settings)


def _workers(folder: Path, settings: Mapping[str, str]) -> Fates:
    service = _start(folder, settings, free_port())
    with calling([service.port], _body(), connections=_CONNECTIONS) as fates:
        for _ in range(2):
            time.sleep(_BEFORE)
            before = set(service.workers())
            service.process.send_signal(signal.SIGHUP)
            until(partial(_replaced, service, before), "new workers")
        time.sleep(_BETWEEN)
    _stop(service)
    return fates


def _replaced(service: Running, before: set[int]) -> bool:
    return not before & set(service.workers())


def _instances(folder: Path, settings: Mapping[str, str]) -> Fates:
    ports = free_port(), free_port()
    instances = [_start(folder, settings, port) for port in ports]
    with calling(ports, _body(), connections=_CONNECTIONS) as fates:
        started = [_replaced_by(folder, settings, each, _BETWEEN) for each in instances]
        time.sleep(_BETWEEN)
    _stop(*started)
    return fates


def _behind_proxy(folder: Path, settings: Mapping[str, str]) -> Fates:
    ports, front = (free_port(), free_port()), free_port()
    settings = {**settings, "CDS_OPEN": "yes"}
    instances = [_start(folder, settings, port) for port in ports]
    with (
        proxy(front, ports, folder),
        calling([front], _body(), connections=_CONNECTIONS, pause=_PROXY_PAUSE) as fates,
    ):
        started = [_replaced_by(folder, settings, each, _PROXY_BETWEEN) for each in instances]
        time.sleep(_BETWEEN)
    _stop(*started)
    return fates


def _replaced_by(
    folder: Path, settings: Mapping[str, str], old: Running, between: float
) -> Running:
    """Stop an instance after a while, and start another in its place."""
    time.sleep(between)
    _stop(old)
    return _start(folder, settings, old.port)


def _stop(*instances: Running) -> None:
    for each in instances:
        if each.stop() != 0:
            message = f"the instance on port {each.port} did not stop cleanly"
            raise RuntimeError(message)


def _body() -> bytes:
    return orjson.dumps(hook_request(10))
