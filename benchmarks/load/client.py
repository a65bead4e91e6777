"""Load from wrk, in a process of its own: closed connections, each posts as soon as it is answered.

wrk and not a client in Python, because the client shares the cores with the server under
measurement: one that takes half a core for itself makes the floor slow, and the service look good
beside it. wrk takes some 30 us of CPU a request. The server's own CPU is read from /proc and holds
nothing of the client's. Since a connection waits for its answer before it posts again, latencies
are those of a server that is as busy as its connections can make it, not of a rate.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.servers import Server

_SCRIPT = Path(__file__).with_name("post.lua")
# How long an answer may take before the run counts as failed.
_PATIENCE = 30


class NothingMeasuredError(Exception):
    """A run of which no figure can be used: why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to: rates in requests a second, latencies in ms, CPU in us a request."""

    requests: int
    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float


def why_not() -> str | None:
    """Say why no load can be made here, or None."""
    return None if shutil.which("wrk") else "wrk is missing (Debian: apt-get install wrk)"


@contextmanager
def bodies(*requests: dict[str, object]) -> Iterator[list[Path]]:
    """Write requests to files that wrk can post."""
    with TemporaryDirectory() as folder:
        files = []
        for number, request in enumerate(requests):
            files.append(Path(folder) / f"{number}.json")
            files[-1].write_bytes(orjson.dumps(request))
        yield files


def drive(server: Server, files: Sequence[Path], connections: int, seconds: float) -> Run:
    """Load a server for some whole seconds. Raises NothingMeasuredError where any call failed."""
    before = server.cpu_seconds()
    command = [
        "wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}s",
        "--timeout", f"{_PATIENCE}s", "--script", str(_SCRIPT),
        f"http://127.0.0.1:{server.port}{server.path}", "--", *map(str, files),
    ]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent = server.cpu_seconds() - before
    said = json.loads(told.splitlines()[-1])
    if said["failed"] or not said["requests"]:
        message = f"{server.path}: {said['failed']} of {said['requests']} calls failed"
        raise NothingMeasuredError(message)
    return Run(
        said["requests"],
        said["requests"] / said["microseconds"] * 1e6,
        said["p50"] / 1000,
        said["p95"] / 1000,
        said["p99"] / 1000,
        spent / said["requests"] * 1e6,
    )
