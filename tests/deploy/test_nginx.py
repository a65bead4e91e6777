"""The proxy's configuration as it ships, in Debian's nginx, before two replicas on loopback.

Changed for it are places only: ports, paths under /tmp, and the one line of the upstream, because
Debian's nginx is too old to ask for a name again and again (`resolve`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.needs import need
from tests.processes import children, resume, suspend, taken
from tests.protocol import check_cards, check_outcome
from tests.records import SERVICE, condition, hook_request, whole_prefetch
from tests.test_serve import Running
from tests.waiting import WAIT, free_port, until, until_it_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "deploy/nginx/nginx.conf").read_text(encoding="utf-8")
UPSTREAM = "        server service:8000 resolve max_fails=2 fail_timeout=5s;\n"
JSON = {"Content-Type": "application/json"}
CALL = json.dumps(hook_request(whole_prefetch(condition()))).encode()
HEAD = (
    f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(CALL)}\r\n\r\n"
).encode()


class Proxy:
    """nginx before two replicas."""

    def __init__(self, folder: Path) -> None:
        self.replicas = [Running(folder / f"replica-{n}", CDS_OPEN="yes") for n in range(2)]
        self.port = free_port()
        self.log = folder / "log"
        configuration = folder / "nginx.conf"
        configuration.write_text(self._placed(folder))
        # As root it would become another user, who may not look into the folder of a test.
        own = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                ["nginx", "-e", "stderr", "-c", configuration, "-p", folder, "-g", own],
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        until_it_answers(self.process, self.log, lambda: self.request("GET", "/healthz"))

    def _placed(self, folder: Path) -> str:
        assert CONFIGURATION.count(UPSTREAM) == 1
        servers = "".join(
            UPSTREAM.replace("service:8000 resolve", f"127.0.0.1:{each.port}")
            for each in self.replicas
        )
        placed = CONFIGURATION.replace(UPSTREAM, servers)
        placed = placed.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
        return re.sub(r"(?<= )/tmp/", f"{folder}/", placed)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read(), response.headers

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)

    def lines(self) -> list[dict[str, object]]:
        found = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in found]

    def await_line(self, path: str, status: int) -> dict[str, object]:
        def found() -> list[dict[str, object]]:
            return [x for x in self.lines() if (x["path"], x["status"]) == (path, status)]

        until(found, f"a line of {path} with {status} in {self.log}")
        return found()[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT)
        for each in self.replicas:
            each.process.terminate()
            each.process.wait(WAIT)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Proxy]:
    there = shutil.which("nginx") is not None
    need("nginx", "none is installed here (Debian: apt-get install nginx)", present=there)
    proxy = Proxy(folder)
    try:
        yield proxy
    finally:
        proxy.stop()
    for each in proxy.replicas:
        assert "Traceback" not in each.log.read_text()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with started(tmp_path_factory.mktemp("nginx")) as proxy:
        yield proxy


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Proxy]:
    """Start one for a test that leaves it in no state for others."""
    with started(tmp_path) as proxy:
        yield proxy


def test_a_call_its_headers_and_its_line(proxy: Proxy) -> None:
    status, body, headers = proxy.request("POST", f"{SERVICE}?patient=p1", CALL, JSON)
    assert status == 200
    check_cards(json.loads(body))
    assert headers["Server"] == "nginx", "not which"
    assert headers["Cache-Control"] == "no-store"
    line = proxy.await_line(SERVICE, 200)
    assert line["request"] == headers["X-Request-ID"]
    assert "p1" not in proxy.log.read_text()
    logged = [each.log.read_text() for each in proxy.replicas]
    assert sum(f'"request":"{line["request"]}"' in each for each in logged) == 1
    assert proxy.request("GET", "/metrics")[0] == 404
    assert proxy.request("GET", "/readyz")[0] == 200


def test_who_stalls_keeps_nobody_else_waiting(proxy: Proxy) -> None:
    """More stall than the replicas have threads; they all still do when a call is answered."""
    stalled = [proxy.connect() for _ in range(12)]
    for number, each in enumerate(stalled):
        each.sendall(HEAD[:40] if number % 3 == 0 else HEAD + CALL[:-1])
    for _ in range(4):
        assert proxy.request("POST", SERVICE, CALL, JSON)[0] == 200
    for each in stalled:
        each.settimeout(0)
        with pytest.raises(BlockingIOError):
            each.recv(1)
        each.settimeout(WAIT)
    stalled[1].sendall(CALL[-1:])
    assert stalled[1].recv(12) == b"HTTP/1.1 200", "it may go on as long as it has time"
    for each in stalled:
        each.close()


def test_what_is_too_large(proxy: Proxy) -> None:
    mebibyte = 1024 * 1024
    status, body, _ = proxy.request("POST", SERVICE, b" " * (10 * mebibyte + 1), JSON)
    assert status == 413
    check_outcome(json.loads(body), status)
    with proxy.connect() as caller:
        caller.sendall(HEAD.replace(str(len(CALL)).encode(), str(12 * mebibyte).encode()))
        assert caller.recv(12) == b"HTTP/1.1 413", "before it comes"
    assert proxy.request("GET", "/healthz", headers={"A": "x" * 40_000})[0] == 400


def test_more_calls_than_are_let_through(own: Proxy) -> None:
    """All at once, so that their number counts and not how fast this machine is."""
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(own.connect()) for _ in range(500)]
        until(lambda: taken(own.port) == len(callers), "every connection to be taken")
        # What came while it stood still is taken up in one go, and by one look at the clock.
        suspend(own.process.pid)
        for each in callers:
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        resume(own.process.pid)
        said = [each.recv(12) for each in callers]
    assert set(said) == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
    assert said.count(b"HTTP/1.1 200") >= 400


def test_who_hangs_up_harms_nobody_else(own: Proxy) -> None:
    # Stopped, so that no answer is there before the caller has gone.
    for each in own.replicas:
        suspend(each.process.pid)
    caller = own.connect()
    caller.sendall(HEAD + CALL)
    caller.close()
    own.await_line(SERVICE, 499)
    for each in own.replicas:
        resume(each.process.pid)
    assert own.request("POST", SERVICE, CALL, JSON)[0] == 200


def test_a_replica_that_dies(own: Proxy) -> None:
    first, second = own.replicas
    kill(first)
    answered = [own.request("POST", SERVICE, CALL, JSON)[0] for _ in range(20)]
    assert set(answered) == {200}, "a call that it dropped goes to the other one"
    kill(second)
    assert own.request("POST", SERVICE, CALL, JSON)[0] == 502


def kill(replica: Running) -> None:
    """Kill the master and its worker at once, as a machine that fails."""
    for each in (replica.process.pid, *children(replica.process.pid)):
        os.kill(each, signal.SIGKILL)
    replica.process.wait(WAIT)
