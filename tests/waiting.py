"""How long tests wait for what must come, and the ports that it comes on.

Long: beside other work a machine may take ten times as long for everything, and that says nothing
of the code. Nobody waits for what is there, so a long limit costs only the test that fails.
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

WAIT = 120  # seconds
# Below the ports that the kernel hands out by itself: one of those may be another's connection by
# the time whoever asked for it listens there.
_PORTS = range(15_000, 32_000)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def until_it_answers(
    process: subprocess.Popen[bytes], log: Path, ask: Callable[[], object]
) -> None:
    """Wait until a server that was started answers. Raises AssertionError if it has stopped."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            ask()
        except OSError:
            return False
        return True

    until(answers, f"an answer; see {log}")


def free_port() -> int:
    """Return a port of loopback that nobody has."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
