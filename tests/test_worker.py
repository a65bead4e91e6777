"""A caller that stalls loses its thread, and everybody else is answered."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING

import pytest
from gunicorn.http import errors

from cds_service.patience import STILL_SENT, TO_CLOSE, Partings, Patience
from cds_service.security.edge import HEADERS
from cds_service.worker import LEFT_TO_OTHERS, BoundedWorker
from tests.processes import HALF_CLOSED, children, parent, resume, suspend, taken
from tests.protocol import check_outcome
from tests.records import SERVICE
from tests.test_serve import environment
from tests.waiting import WAIT, free_port, until, until_it_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS, GRACE = 4, 20
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


SLOW_APP = """
import os, sys, time
from cds_service import patience, worker
from cds_service.serve import Server, gunicorn_options
from cds_service.settings import Settings

bind, workers, seconds, left_to_others, to_close = sys.argv[1:]
worker.LEFT_TO_OTHERS = float(left_to_others)
patience.TO_CLOSE = float(to_close)

def app(environ, start_response):
    time.sleep(float(seconds))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

Server(gunicorn_options(Settings(bind=bind), int(workers)), lambda: app).run()
"""


@contextlib.contextmanager
def slow_app(
    workers: int, seconds: float, left_to_others: float = LEFT_TO_OTHERS, to_close: float = TO_CLOSE
) -> Iterator[tuple[int, list[int]]]:
    """Run workers that take some seconds for an answer; yield their port and their processes."""
    port = free_port()
    command = [sys.executable, "-c", SLOW_APP, f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, *map(str, (workers, seconds, left_to_others, to_close))])

    def listen() -> bool:
        with socket.socket() as probe:
            there = probe.connect_ex(("127.0.0.1", port)) == 0
        return there and len(children(process.pid)) == workers

    try:
        until(listen, "the workers")
        yield port, children(process.pid)
    finally:
        process.terminate()
        process.wait(WAIT)


def ask(port: int, callers: int) -> list[HTTPConnection]:
    """Send a request over each of some connections, and wait for no answer."""
    asking = [HTTPConnection("127.0.0.1", port, timeout=WAIT) for _ in range(callers)]
    for each in asking:
        each.request("GET", "/")
    return asking


def answered_by(asking: list[HTTPConnection]) -> list[int]:
    """Return the processes that answered."""
    processes = [int(each.getresponse().read()) for each in asking]
    for each in asking:
        each.close()
    return processes


def test_who_comes_at_once_is_left_to_another_worker_by_one_that_has_no_thread() -> None:
    with slow_app(workers=2, seconds=5, left_to_others=WAIT) as (port, (idle, busy)):
        suspend(idle)
        asking = ask(port, 2 * THREADS)
        until(lambda: taken(port) == THREADS, "what the other has threads for to be taken")
        resume(idle)
        assert sorted(answered_by(asking)) == sorted([idle, busy] * THREADS)


def test_who_comes_later_is_left_to_another_worker_by_one_that_was_full_for_long() -> None:
    left_to_others = 2
    with slow_app(workers=2, seconds=8, left_to_others=left_to_others) as (port, (idle, busy)):
        suspend(idle)
        first = ask(port, THREADS)
        until(lambda: taken(port) == THREADS, "the first to be taken")
        resume(idle)
        time.sleep(left_to_others + 0.5)
        second = ask(port, THREADS)
        assert answered_by(first) == [busy] * THREADS
        assert answered_by(second) == [idle] * THREADS


def test_who_comes_new_is_heard_while_others_keep_all_threads_busy() -> None:
    heard = threading.Event()

    def call_again_and_again(connection: HTTPConnection) -> None:
        while not heard.is_set():
            connection.request("GET", "/")
            connection.getresponse().read()
        connection.close()

    with slow_app(workers=1, seconds=0.02) as (port, _):
        callers = [
            threading.Thread(
                target=call_again_and_again, args=(HTTPConnection("127.0.0.1", port, timeout=WAIT),)
            )
            for _ in range(4 * THREADS)
        ]
        for each in callers:
            each.start()
        newcomers = [HTTPConnection("127.0.0.1", port, timeout=WAIT) for _ in range(THREADS)]
        try:
            for newcomer in newcomers:
                newcomer.request("GET", "/")
                assert newcomer.getresponse().status == 200
                newcomer.close()
        finally:
            heard.set()
            for each in callers:
                each.join(WAIT)


def test_a_worker_whose_master_is_gone_shuts_its_port() -> None:
    gone = threading.Event()

    def call_until_nobody_listens(port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=WAIT)
        with contextlib.suppress(OSError, HTTPException):
            while not gone.is_set():
                connection.request("GET", "/")
                connection.getresponse().read()
        connection.close()

    def refused(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    with slow_app(workers=1, seconds=0.05) as (port, (worker,)):
        callers = [
            threading.Thread(target=call_until_nobody_listens, args=(port,))
            for _ in range(2 * THREADS)
        ]
        for each in callers:
            each.start()
        os.kill(parent(worker), signal.SIGKILL)
        began = time.monotonic()
        until(lambda: refused(port), "the port to be shut")
        gone.set()
        for each in callers:
            each.join(WAIT)
    assert time.monotonic() - began < GRACE / 2, "it went on until it was cut off"


ONCE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def answered(port: int) -> Iterator[socket.socket]:
    """Ask and read the answer to its end, and do not close."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as caller:
        caller.sendall(ONCE)
        with caller.makefile("rb") as stream:
            assert stream.read().startswith(b"HTTP/1.1 200 ")
        yield caller


def cut_off(caller: socket.socket, sent: bytes) -> bool:
    try:
        caller.sendall(sent)
    except OSError:
        return True
    return False


def test_nobody_waits_for_callers_that_do_not_close() -> None:
    with slow_app(workers=1, seconds=0, to_close=WAIT) as (port, (worker,)):
        with contextlib.ExitStack() as open_still:
            for _ in range(2 * THREADS):
                open_still.enter_context(answered(port))
            assert answered_by(ask(port, 1)) == [worker]
            assert taken(port, HALF_CLOSED) == 2 * THREADS
        until(lambda: not taken(port, HALF_CLOSED), "those that closed to be let go")


def test_who_does_not_close_is_given_up() -> None:
    with slow_app(workers=1, seconds=0, to_close=0.1) as (port, _), answered(port) as caller:
        until(lambda: cut_off(caller, b"x"), "the caller to be given up")


def test_who_goes_on_sending_is_given_up() -> None:
    piece, sent = b"x" * 1024, 0
    with slow_app(workers=1, seconds=0, to_close=WAIT) as (port, _), answered(port) as caller:
        while not cut_off(caller, piece):
            sent += len(piece)
    assert sent >= STILL_SENT - len(piece)


def test_a_worker_stops_though_callers_do_not_close() -> None:
    stopped_first = slow_app(workers=1, seconds=0, to_close=0.1)
    with contextlib.ExitStack() as open_still, stopped_first as (port, _):
        for _ in range(2 * THREADS):
            open_still.enter_context(answered(port))
        told = time.monotonic()
    assert time.monotonic() - told < GRACE / 2, "it waited for each of them, or was cut off"


def test_who_has_hung_up_is_not_waited_for() -> None:
    gone: list[None] = []
    ours, theirs = socket.socketpair()
    with selectors.DefaultSelector() as poller:
        ours.close()
        Partings(poller, lambda: gone.append(None)).begin(ours)
        assert (len(gone), len(poller.get_map())) == (1, 0)
    theirs.close()
