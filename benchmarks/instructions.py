"""Counts the instructions of one request, which other work on a machine does not change."""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import orjson
from werkzeug.test import create_environ

from benchmarks import print_build
from benchmarks.floor import create_floor
from benchmarks.records import hook_request
from cds_service.app import create_app
from cds_service.serve import settle
from cds_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

# Turning the count on and off is counted as well, so it is done with few requests and with more.
_FIRST, _FEW, _MORE = 3, 10, 40
_PATHS = {"floor": "/cds-services/floor", "service": "/cds-services/back-pain-patient-view"}
# A cache as most cores have one, whatever this machine's is.
_CACHE = "32768,8,64"
_EVENTS = ("instructions", "code that was not at hand", "data that was not at hand")


def main() -> None:
    """Count for the floor and for the service, and print both with their ratio."""
    if shutil.which("valgrind") is None:
        print("instructions not counted: there is no valgrind (Debian, Ubuntu: valgrind)")
        return
    floor, service = _count("floor"), _count("service")
    print_build()
    print("one patient-view request, in process, in thousands (other work changes none of it)")
    for name, ours, theirs in zip(_EVENTS, service, floor, strict=True):
        print(
            f"  {name:26} floor {theirs / 1000:8.1f}   service {ours / 1000:8.1f}   "
            f"ratio {ours / theirs:5.2f}"
        )
    print()


def _count(name: str) -> tuple[float, float, float]:
    """Return instructions, misses of code and misses of data of one request."""
    few, more = _collected(name, _FEW), _collected(name, _MORE)
    each = [(many - before) / (_MORE - _FEW) for many, before in zip(more, few, strict=True)]
    # Instructions, reads, writes, then what missed the first cache: code, reads, writes.
    return each[0], each[3], each[4] + each[5]


def _collected(name: str, requests: int) -> list[int]:
    """Return what callgrind counts of so many requests."""
    command = [
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no",
        "--cache-sim=yes", f"--I1={_CACHE}", f"--D1={_CACHE}",
        sys.executable, "-m", "benchmarks.instructions", name, str(requests),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as counts:
        environment = os.environ | {"PYTHONHASHSEED": "0", "PROMETHEUS_MULTIPROC_DIR": counts}
        told = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        ).stderr
    collected = re.search(r"Collected : (.+)", told)
    if collected is None:
        msg = f"nothing was counted of the {name}:\n{told}"
        raise RuntimeError(msg)
    return [int(each) for each in collected[1].split()]


def _answer(name: str, requests: int) -> None:
    """Answer requests in this process, as a worker does."""
    body = orjson.dumps(hook_request(40))
    app = create_floor() if name == "floor" else create_app(Settings())
    logging.disable()
    sent: list[bytes] = []
    settle()
    environ = create_environ(
        _PATHS[name], method="POST", data=body, content_type="application/json"
    )

    def start(status: str, _headers: object, _error: object = None) -> Callable[[bytes], object]:
        if status != "200 OK":
            msg = f"the {name} answered {status}: nothing was counted"
            raise RuntimeError(msg)
        return sent.append

    def call(times: int) -> None:
        for _ in range(times):
            answered = app({**environ, "wsgi.input": io.BytesIO(body)}, start)
            sent.append(b"".join(answered))
            answered.close()  # type: ignore[attr-defined]  # werkzeug's answers have it, WSGI's may
            sent.clear()

    call(_FIRST)
    _count_from_here("on")
    call(requests)
    _count_from_here("off")


def _count_from_here(state: str) -> None:
    """Tell the callgrind that runs this process to count, or to count no more."""
    command = ["callgrind_control", "-i", state, str(os.getpid())]
    subprocess.run(command, capture_output=True, check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _answer(sys.argv[1], int(sys.argv[2]))
    else:
        main()
