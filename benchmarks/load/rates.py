"""How much the service takes, by hook, size of record and number of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.load.client import Run, bodies, drive
from benchmarks.load.tables import table
from benchmarks.records import hook_request

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.load.plans import Plan
    from benchmarks.servers import Server

_MIB = 1024 * 1024
_WARM = 1
_HEAD = (
    "resources",
    "connections",
    "requests/s",
    "of the floor",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "floor p99",
    "CPU us/request",
    "to the floor",
    "RSS/worker MiB",
)


def show(plan: Plan, floor: Server, service: Server) -> None:
    """Print one table for each hook; floor and service take turns in every line."""
    for name in plan.services:
        print(f"### {name}\n")
        answering = service.at(f"/cds-services/{name}")
        rows = []
        for size in plan.sizes:
            with bodies(hook_request(size, name)) as files:
                for server in (floor, answering):
                    drive(server, files, 8, _WARM)
                rows += [
                    _row(plan, floor, answering, files, size, connections)
                    for connections in plan.connections
                ]
        table(_HEAD, rows)


def _row(
    plan: Plan, floor: Server, service: Server, files: list[Path], size: int, connections: int
) -> tuple[object, ...]:
    bare = drive(floor, files, connections, plan.cell)
    ours = drive(service, files, connections, plan.cell)
    return (size, connections, *_cells(bare, ours), f"{max(service.rss()) / _MIB:.0f}")


def _cells(bare: Run, ours: Run) -> tuple[str, ...]:
    return (
        f"{ours.rate:.0f}",
        f"{ours.rate / bare.rate:.0%}",
        f"{ours.p50:.1f}",
        f"{ours.p95:.1f}",
        f"{ours.p99:.1f}",
        f"{bare.p99:.1f}",
        f"{ours.cpu:.0f}",
        f"{ours.cpu / bare.cpu:.2f}",
    )
