"""Whether a worker's memory stays level over many requests.

How many calls a worker has answered is read from the counts that it leaves for Prometheus.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from prometheus_client.mmap_dict import MmapedDict

from benchmarks import servers
from benchmarks.load.client import bodies, drive
from benchmarks.load.plans import DISCHARGE, SIGN, VIEW, WORKERS
from benchmarks.load.tables import Verdicts, table
from benchmarks.records import hook_request
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.servers import Server

_MIB = 1024 * 1024
_AT_MOST = 1.10
_STEPS = 10
_CONNECTIONS, _SECONDS = 16, 10
# Most records are short, some are long. The bodies of a hook are posted one after the other.
_MIX = {VIEW: (10,) * 16 + (40,) * 3 + (200,), SIGN: (10,), DISCHARGE: (10, 40)}
# Bodies of another hook go to another path, so the hooks take turns; patient-view most often.
_TURNS = (VIEW, VIEW, VIEW, VIEW, VIEW, VIEW, VIEW, VIEW, SIGN, DISCHARGE)


def show(folder: Path, last: int, verdicts: Verdicts) -> None:
    """Print the curve of each worker's memory up to its ``last`` request."""
    step = last // _STEPS
    body = orjson.dumps(hook_request(10))
    settings = {"CDS_DATABASE_URL": f"sqlite:///{folder}/memory.db"}
    with servers.service(body, settings, workers=WORKERS, log=folder / "memory.log") as service:
        curves = _curves(service, last, step)
    workers = sorted(curves)
    print(f"### Resident memory of each of {WORKERS} workers, MiB, by requests that it answered\n")
    names = [f"worker {number}" for number, _ in enumerate(workers, 1)]
    table(
        ("requests", *names),
        [
            (f"{at:,}", *(f"{curves[worker][at] / _MIB:.1f}" for worker in workers))
            for at in range(step, last + 1, step)
        ],
    )
    growth = max(curves[worker][last] / curves[worker][step] for worker in workers)
    verdicts.add(
        f"memory of a worker from its {step:,}th to its {last:,}th request",
        "grows by 10 % at most",
        f"{growth - 1:+.1%}",
        holds=growth <= _AT_MOST,
    )


def _curves(service: Server, last: int, step: int) -> Mapping[int, dict[int, int]]:
    """Load the service until each worker has answered enough; a new connection finds either."""
    until(lambda: len(service.workers()) == WORKERS, "workers")
    curves: dict[int, dict[int, int]] = {worker: {} for worker in service.workers()}
    turn = 0
    while min(len(curve) for curve in curves.values()) < last // step:
        name = _TURNS[turn % len(_TURNS)]
        turn += 1
        with bodies(*(hook_request(size, name) for size in _MIX[name])) as files:
            drive(service.at(f"/cds-services/{name}"), files, _CONNECTIONS, _SECONDS)
        if set(service.workers()) != curves.keys():
            message = "a worker ended: nothing was measured"
            raise RuntimeError(message)
        for worker, curve in curves.items():
            reached, now = answered(worker) // step * step, servers.resident(worker)
            for at in range(step, min(reached, last) + 1, step):
                curve.setdefault(at, now)
    return curves


def answered(worker: int) -> int:
    """Return how many calls a worker has answered so far."""
    maps = Path(f"/proc/{worker}/maps").read_text(encoding="utf-8")
    name = f"/counter_{worker}.db"
    file = next((line.split()[-1] for line in maps.splitlines() if line.endswith(name)), None)
    if file is None:
        return 0  # the file is made with the first call
    values = MmapedDict.read_all_values_from_file(file)  # type: ignore[no-untyped-call]  # the library has no types there
    return int(sum(each[1] for each in values if orjson.loads(each[0])[0] == "cds_calls"))
