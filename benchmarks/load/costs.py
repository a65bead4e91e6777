"""What a patient-view request costs with everything on, beside the floor, in interleaved rounds."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.load.client import Run, bodies, drive
from benchmarks.load.tables import Verdicts, table
from benchmarks.records import hook_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.load.plans import Plan
    from benchmarks.servers import Server

_SIZE = 40
_CONNECTIONS = 16
_WARM = 2
_CPU_AT_MOST = 2.2
_RATE_AT_LEAST = 0.45
_FLOOR, _SQLITE = "floor", "SQLite"


def show(plan: Plan, floor: Server, stores: Mapping[str, Server], verdicts: Verdicts) -> None:
    """Print medians over the rounds for the floor and the service on each store."""
    servers = {_FLOOR: floor, **stores}
    with bodies(hook_request(_SIZE)) as files:
        for server in servers.values():
            drive(server, files, _CONNECTIONS, _WARM)
        rounds = [
            {name: drive(each, files, _CONNECTIONS, plan.round) for name, each in servers.items()}
            for _ in range(plan.rounds)
        ]
    print(
        f"### A patient-view request with {_SIZE} resources, {_CONNECTIONS} connections, store and "
        f"log on: median of {plan.rounds} interleaved runs\n"
    )
    table(
        ("", "requests/s", "of the floor", "p50 ms", "p99 ms", "CPU us/request", "to the floor"),
        [_row(name, rounds) for name in servers],
    )
    ratios = sorted(each[_SQLITE].cpu / each[_FLOOR].cpu for each in rounds)
    verdicts.add(
        f"server CPU of a request with {_SIZE} resources on SQLite, JSON log on",
        f"at most {_CPU_AT_MOST} times the floor's",
        f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
        holds=median(ratios) <= _CPU_AT_MOST,
    )
    shares = sorted(each[_SQLITE].rate / each[_FLOOR].rate for each in rounds)
    verdicts.add(
        "requests a second of two workers on SQLite",
        f"at least {_RATE_AT_LEAST:.0%} of the floor's",
        f"{median(shares):.0%} ({shares[0]:.0%} to {shares[-1]:.0%})",
        holds=median(shares) >= _RATE_AT_LEAST,
    )


def _row(name: str, rounds: list[dict[str, Run]]) -> tuple[str, ...]:
    mine = [each[name] for each in rounds]
    return (
        name,
        f"{median(each.rate for each in mine):.0f}",
        f"{median(each[name].rate / each[_FLOOR].rate for each in rounds):.0%}",
        f"{median(each.p50 for each in mine):.1f}",
        f"{median(each.p99 for each in mine):.1f}",
        f"{median(each.cpu for each in mine):.0f}",
        f"{median(each[name].cpu / each[_FLOOR].cpu for each in rounds):.2f}",
    )
