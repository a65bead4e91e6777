"""Which connections a worker takes, leaves to others, keeps and lets go."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.patience import STILL_SENT, TO_CLOSE
from cds_service.worker import LEFT_TO_OTHERS
from tests.processes import HALF_CLOSED, children, parent, resume, suspend, taken
from tests.waiting import WAIT, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS, GRACE = 4, 20  # as serve.py has them; seconds

SLOW_APP = """
import os, sys, time
from cds_service import patience, worker
from cds_service.serve import Server, gunicorn_options
from cds_service.settings import Settings

bind, workers, seconds, left_to_others, to_close, ready = sys.argv[1:]
worker.LEFT_TO_OTHERS = float(left_to_others)
patience.TO_CLOSE = float(to_close)

def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        sys.exit(3)
    time.sleep(float(seconds))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

def tell(worker):
    with open(ready, "a") as stream:
        print(os.getpid(), file=stream)

options = gunicorn_options(Settings(bind=bind), int(workers))
Server(options | {"post_worker_init": tell}, lambda: app).run()
"""


@contextlib.contextmanager
def slow_app(
    workers: int,
    seconds: float,
    left_to_others: float = LEFT_TO_OTHERS,
    to_close: float = TO_CLOSE,
    limits: str = "",
) -> Iterator[tuple[int, list[int]]]:
    """Run workers that take some seconds for an answer; yield their port and their processes.

    ``limits`` are commands of a shell that the service starts from.
    """
    port = free_port()
    command = ["sh", "-c", f'{limits}\nexec "$0" "$@"', sys.executable, "-c", SLOW_APP]
    with tempfile.NamedTemporaryFile() as ready:
        told = (f"127.0.0.1:{port}", workers, seconds, left_to_others, to_close, ready.name)
        process = subprocess.Popen([*command, *map(str, told)])

        def are_ready() -> bool:
            """Tell whether the workers hear signals: before, one that is told to stop goes on."""
            return len(Path(ready.name).read_text().split()) == workers

        try:
            until(are_ready, "the workers")
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
    with slow_app(workers=1, seconds=0, to_close=0.1) as (port, (worker,)):
        with answered(port) as caller:
            until(lambda: cut_off(caller, b"x"), "the caller to be given up")
        assert answered_by(ask(port, 1)) == [worker], "and the worker lives"


def test_who_goes_on_sending_is_given_up() -> None:
    piece, sent = b"x" * 65_536, 0
    with slow_app(workers=1, seconds=0, to_close=2 * WAIT) as (port, (worker,)):
        with answered(port) as caller:
            while not cut_off(caller, piece):
                sent += len(piece)
                assert sent < 10 * STILL_SENT
        assert answered_by(ask(port, 1)) == [worker], "and the worker lives"
    assert sent >= STILL_SENT - len(piece)


def test_a_worker_stops_though_callers_do_not_close() -> None:
    stopped_first = slow_app(workers=1, seconds=0, to_close=0.1)
    with contextlib.ExitStack() as open_still, stopped_first as (port, _):
        for _ in range(2 * THREADS):
            open_still.enter_context(answered(port))
        told = time.monotonic()
    assert time.monotonic() - told < GRACE, "it waited until it was cut off"


FEW = 150  # open files, of which a worker keeps 100 for other things than connections


def test_a_worker_raises_a_low_limit_of_open_files() -> None:
    limits = f"ulimit -S -n {FEW}"
    with slow_app(workers=1, seconds=0, limits=limits) as (port, (worker,)):
        callers = ask(port, 2 * FEW)
        processes = [int(each.getresponse().read()) for each in callers]
        assert processes == [worker] * len(callers)
        assert taken(port) == len(callers), "it keeps them all"
        for each in callers:
            each.close()


def test_a_worker_that_may_open_few_files_keeps_few_connections() -> None:
    limits = f"ulimit -n {FEW}"
    with slow_app(workers=1, seconds=0, limits=limits) as (port, (worker,)):
        callers = ask(port, 2 * FEW)
        processes = [int(each.getresponse().read()) for each in callers]
        assert processes == [worker] * len(callers)
        assert 0 < taken(port) < FEW
        for each in callers:
            each.close()


def test_a_worker_that_stops_with_more_waiting_than_it_may_open_files_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    limits = f"ulimit -n {FEW}"
    with slow_app(workers=1, seconds=0.1, limits=limits) as (port, (worker,)):
        suspend(worker)
        callers = ask(port, 2 * FEW)
        for process in (worker, parent(worker)):
            os.kill(process, signal.SIGTERM)
        resume(worker)
        answered_200 = 0
        for each in callers:
            with contextlib.suppress(OSError, HTTPException), contextlib.closing(each):
                answered_200 += each.getresponse().status == 200
        assert answered_200 > THREADS, "it answers those that it could take"
    assert '"level":"error"' not in capfd.readouterr().err


def test_a_request_that_would_end_the_process_ends_itself(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with slow_app(workers=1, seconds=0) as (port, (worker,)):
        with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=WAIT)) as caller:
            caller.request("GET", "/exit")
            with pytest.raises(ConnectionError):
                caller.getresponse()
        assert answered_by(ask(port, 1)) == [worker]
    assert '"reason":"SystemExit"' in capfd.readouterr().err
