"""A caller that stalls loses its thread, and everybody else is answered."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING

import pytest
from gunicorn.http import errors

from cds_service.security.edge import HEADERS
from cds_service.worker import BoundedWorker
from tests.protocol import check_outcome
from tests.records import SERVICE
from tests.test_serve import environment
from tests.waiting import WAIT, free_port, until_it_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS = 4
# gunicorn's own timeout stays as it is: a worker that a busy machine lets stand for two seconds is
# none that hangs.
IMPATIENT = """
import sys
from cds_service import worker
from cds_service.app import create_app
from cds_service.serve import Server, gunicorn_options
from cds_service.settings import Settings
settings = Settings(bind=sys.argv[1], log_level="DEBUG")
options = gunicorn_options(settings, 1)
patience = worker.Patience
worker.Patience = lambda seconds: patience(2 * seconds / options["timeout"])
Server(options, create_app).run()
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worker") / "log"


@pytest.fixture(scope="module")
def port(log: Path) -> Iterator[int]:
    """Start a service with one worker that waits two seconds for a request."""
    port = free_port()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, f"127.0.0.1:{port}"],
            env=environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    until_it_answers(process, log, lambda: healthy(port))
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


NAME = "Erika-Mustermann"
POST = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\n"
NOT_HTTP = {
    "a doubtful length": (f"{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a length and chunks": (
        f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400
    ),
    "an unknown coding": (f"{POST}Transfer-Encoding: {NAME}\r\n\r\n", 501),
    "a first line that is none": (f"{NAME}\r\n\r\n", 400),
    "another version": (f"GET /{NAME} HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "a header that is none": (f"{POST}{NAME}\r\n\r\n", 400),
    "a header's name with a space": (f"{POST}{NAME} : x\r\n\r\n", 400),
    "a folded header": (f"{POST}A: b\r\n {NAME}\r\n\r\n", 400),
    "a line too long": (f"GET /{NAME}?{'x' * 5000} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a header too long": (f"{POST}A: {NAME}{'x' * 9000}\r\n\r\n", 431),
    "too many headers": (POST + f"A: {NAME}\r\n" * 60 + "\r\n", 431),
    "an expectation": (f"{POST}Expect: {NAME}\r\nContent-Length: 1\r\n\r\n", 417),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status"), NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_no_request_is_told_so(port: int, log: Path, sent: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as caller:
        caller.sendall(sent.encode())
        answer = HTTPResponse(caller)
        answer.begin()
        body = json.loads(answer.read())
    assert answer.status == status
    check_outcome(body, status)
    assert answer.headers["Connection"] == "close"
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    line = next(
        each for each in log.read_text().splitlines() if answer.headers["X-Request-ID"] in each
    )
    assert f'"status":{status}' in line
    assert NAME not in json.dumps(body) + log.read_text()


def test_a_call_that_breaks_off_is_not_repeated_in_the_log(port: int, log: Path) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as caller:
        caller.sendall(f"GET /{NAME}".encode())
    assert healthy(port)
    assert NAME not in log.read_text()


def test_a_refusal_by_the_head_arrives_though_the_body_is_still_on_its_way(port: int) -> None:
    caller = HTTPConnection("127.0.0.1", port, timeout=WAIT)
    with contextlib.closing(caller):
        caller.connect()
        caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        caller.request("POST", "/cds-services/nope", b" " * 1_000_000)
        assert caller.getresponse().status == 404


class Ours(errors.InvalidHeader):
    """A header of our answer that cannot be sent, derived as gunicorn derives it."""


def test_a_fault_of_our_own_is_no_callers(caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = socket.socketpair()
    worker = BoundedWorker.__new__(BoundedWorker)
    with caplog.at_level("WARNING", "cds_service.worker"):
        worker.handle_error(None, ours, None, Ours(NAME))
    assert theirs.recv(100).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    theirs.close()
    worker.handle_error(None, ours, None, ValueError(NAME))
    ours.close()
    assert NAME not in caplog.text
