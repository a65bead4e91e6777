"""Servers started for a measurement, and the CPU time that their processes use."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_WITHIN = 60.0
# As record systems call: several clinicians open a chart at the same time.
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement: its main process, its port, and the path to post to."""

    pid: int
    port: int
    path: str
    first_answer: float

    def at(self, path: str) -> Server:
        """Return the same server with another path to post to."""
        return replace(self, path=path)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server and its workers so far."""
        return sum(_cpu(pid) for pid in (self.pid, *self.workers()))

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(worker) for worker in listed]

    def rss(self) -> list[int]:
        """Return the resident memory of each worker, in bytes."""
        return [resident(worker) for worker in self.workers()]

    def post(self, body: bytes, count: int) -> None:
        """Post a body some times over several connections at once; every answer must be 200."""
        with ThreadPoolExecutor(_CONNECTIONS) as clients:
            list(
                clients.map(
                    self._post, [body] * _CONNECTIONS, [count // _CONNECTIONS] * _CONNECTIONS
                )
            )

    def _post(self, body: bytes, count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for _ in range(count):
            connection.request("POST", self.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                message = f"{self.path} answered {answer.status}: nothing was measured"
                raise RuntimeError(message)
        connection.close()


@contextmanager
def floor(body: bytes, workers: int = 1) -> Iterator[Server]:
    """Run the floor."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", f"127.0.0.1:{port}", str(workers)]
    with running(command, port, "/cds-services/floor", body) as server:
        yield server


@contextmanager
def service(
    body: bytes,
    settings: Mapping[str, str] | None = None,
    *,
    workers: int = 1,
    log: Path | None = None,
) -> Iterator[Server]:
    """Run the service; it keeps nothing unless a setting says so, and logs errors only.

    With a ``log`` it writes a line for each request to that file.
    """
    port = free_port()
    path = "/cds-services/back-pain-patient-view"
    told = {"CDS_DATABASE_URL": "none"} | ({"CDS_LOG_LEVEL": "INFO"} if log else {})
    command = serve_command(port, workers)
    with running(command, port, path, body, told | dict(settings or {}), log=log) as server:
        yield server


def serve_command(port: int, workers: int) -> list[str]:
    """Return the command that serves on a port of loopback."""
    serve = [sys.executable, "-m", "cds_service", "serve"]
    return [*serve, "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]


@contextmanager
def running(
    command: list[str],
    port: int,
    path: str,
    body: bytes,
    settings: Mapping[str, str] | None = None,
    *,
    log: Path | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends, from its first answer on."""
    environment = os.environ | {"CDS_LOG_LEVEL": "ERROR"} | dict(settings or {})
    with ExitStack() as stack:
        stream = stack.enter_context(log.open("ab")) if log else None
        started = time.monotonic()
        process = subprocess.Popen(command, env=environment, stderr=stream)
        try:
            _await(port, process)
            server = Server(process.pid, port, path, 0.0)
            server.post(body, _CONNECTIONS)
            yield Server(process.pid, port, path, time.monotonic() - started)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    message = f"no server on port {port}: nothing was measured"
    raise RuntimeError(message)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
