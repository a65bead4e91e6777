"""What Linux tells of processes: their children, whether they stand still, what they have taken."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.waiting import until

# States of a connection, as /proc/net/tcp has them.
ESTABLISHED = frozenset({"01"})
HALF_CLOSED = frozenset({"04", "05"})  # by the side that is looked at


def children(process: int) -> list[int]:
    """Return the children of a process, the eldest first."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(each) for each in listed.split()]


def parent(process: int) -> int:
    """Return the parent of a process."""
    return int(_status(process)[1])


def suspend(process: int) -> None:
    """Let a process and its children stand still, and wait until they do."""
    os.kill(process, signal.SIGSTOP)
    # A child may have ended meanwhile; it is there until its parent goes on.
    until(lambda: _status(process)[0] in {"T", "Z"}, f"process {process} to stand still")
    for each in children(process):
        suspend(each)


def resume(process: int) -> None:
    """Let a process and its children go on that stand still."""
    for each in (*children(process), process):
        os.kill(each, signal.SIGCONT)


def taken(port: int, states: frozenset[str] = ESTABLISHED) -> int:
    """Count the connections in some states that a process has taken at a port."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # What still waits at the port belongs to no process, and has no inode.
    return sum(
        each[1].endswith(f":{port:04X}") and each[3] in states and each[9] != "0" for each in rows
    )


def _status(process: int) -> list[str]:
    """Return what the kernel says of a process, from its state on; its name may hold anything."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
