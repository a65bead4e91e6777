"""A caller that stalls loses its thread, and everybody else is answered."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from cds_service.worker import Patience
from tests.records import SERVICE
from tests.test_serve import WAIT, environment, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS = 4
IMPATIENT = """
import sys
from cds_service.app import create_app
from cds_service.serve import Server, gunicorn_options
from cds_service.settings import Settings
settings = Settings(bind=sys.argv[1])
Server(gunicorn_options(settings, 1) | {"timeout": 2}, create_app).run()
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a service with one worker that waits two seconds for a request."""
    log: Path = tmp_path_factory.mktemp("worker") / "log"
    port = free_port()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, f"127.0.0.1:{port}"],
            env=environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        try:
            healthy(port)
            break
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
    yield port
    process.terminate()
    assert process.wait(WAIT) == 0
    assert "Traceback" not in log.read_text()


def healthy(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WAIT) as answer:
        return bool(answer.status == 200)


HEAD = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
STALLED = {
    "in its first line": b"POST /cds-ser",
    "in its headers": HEAD,
    "before its body": HEAD + b"Content-Length: 100\r\n\r\n",
    "in its body": HEAD + b'Content-Length: 100\r\n\r\n{"hook":',
    "in a chunk": HEAD + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"hook":',
}


@pytest.mark.parametrize("sent", STALLED.values(), ids=STALLED)
def test_callers_that_stall(port: int, sent: bytes) -> None:
    stalled = [socket.create_connection(("127.0.0.1", port), timeout=WAIT) for _ in range(THREADS)]
    for each in stalled:
        each.sendall(sent)
    assert healthy(port), "every thread was held, and is free again"
    for each in stalled:
        answer = each.makefile("rb").read()
        assert not answer or answer.startswith(b"HTTP/1.1 400 ")
        each.close()


def test_a_caller_that_sends_byte_by_byte(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as dripping:
        dripping.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        dripping.settimeout(0.1)
        answer = b""
        for _ in range(WAIT * 10):
            try:
                dripping.sendall(b" ")
                answer = dripping.recv(100)
                break
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_connection_that_is_gone_is_left_alone() -> None:
    patience = Patience(0.1)
    ours, theirs = socket.socketpair()
    with patience.hearing(ours):
        ours.close()
        time.sleep(0.2)
    again, other = socket.socketpair()
    with patience.hearing(again):
        assert again.recv(1) == b"", "the watch goes on"
    for each in (theirs, again, other):
        each.close()
