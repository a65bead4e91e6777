"""The spool: where judged calls wait while the database is away.

One NDJSON file for each process, in a folder that all of them share. Who writes holds the gate
shared, for one line; who takes files away holds it alone, for the time of a rename. A file that was
taken away is written by nobody any more, and is removed when all of it is in the database.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
_WAITING, _TAKEN = ".ndjson", ".taken"


class SpoolFullError(OSError):
    """The spool holds as much as it may."""


class Spool:
    """A folder of lines that wait. ``durable``: a line is on the disk before it counts."""

    def __init__(self, folder: Path, *, durable: bool, limit: int = 256 * MIB) -> None:
        """Keep where it lies; the folder is made when the first line comes. ``limit``: bytes."""
        self.folder = folder
        self._durable, self._limit = durable, limit
        self._writing = threading.Lock()
        self._name = ""
        self._process = 0

    def add(self, line: dict[str, Any]) -> None:
        """Append a line. Raises OSError where it could not be kept; then nothing of it is there."""
        text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        with self._writing, self._gate(fcntl.LOCK_SH):
            if self._size() + len(text) > self._limit:
                raise SpoolFullError
            place = os.open(self._own(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                before = os.fstat(place).st_size
                try:
                    _write_all(place, text)
                    if self._durable:
                        os.fdatasync(place)
                except OSError:
                    os.ftruncate(place, before)
                    raise
            finally:
                os.close(place)

    @contextmanager
    def taken(self) -> Iterator[list[Path]]:
        """Yield the files that wait, to be removed when they are in the database.

        None are yielded where another process has them.
        """
        if not self.waits():
            yield []
            return
        with (self.folder / "replay.lock").open("wb") as turn:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield []
                return
            with self._gate(fcntl.LOCK_EX):
                for each in self._files():
                    if each.suffix == _WAITING:
                        # What was taken before and is not done yet keeps its own name.
                        each.rename(self.folder / f"{each.stem}-{uuid4().hex[:8]}{_TAKEN}")
            yield [each for each in self._files() if each.suffix == _TAKEN]

    def waits(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._files())

    def count(self) -> int:
        """Return how many lines wait."""
        total = 0
        for each in self._files():
            with suppress(FileNotFoundError), each.open("rb") as stream:
                total += sum(block.count(b"\n") for block in iter(lambda: stream.read(MIB), b""))
        return total

    def has_room(self) -> bool:
        """Tell whether another line can be kept."""
        try:
            self._make()
            free = shutil.disk_usage(self.folder).free
        except OSError:
            return False
        may_write = os.access(self.folder, os.W_OK | os.X_OK)
        return may_write and free > MIB and self._size() < self._limit

    def _own(self) -> Path:
        """Return the file of this process; a forked one has its own."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._name = f"{self._process}-{uuid4().hex[:8]}{_WAITING}"
        return self.folder / self._name

    def _files(self) -> list[Path]:
        try:
            files = sorted(self.folder.iterdir())
        except OSError:
            # Nothing waits where there is no folder; `add` and `has_room` find out why.
            return []
        return [each for each in files if each.suffix in {_WAITING, _TAKEN}]

    def _size(self) -> int:
        total = 0
        for each in self._files():
            with suppress(FileNotFoundError):
                total += each.stat().st_size
        return total

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _gate(self, kind: int) -> Iterator[None]:
        self._make()
        with (self.folder / "gate.lock").open("wb") as gate:
            fcntl.flock(gate, kind)
            yield


def _write_all(place: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(place, left) :]


def lines(file: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the lines of a file; None for one that cannot be read, as after a power failure."""
    with file.open("rb") as stream:
        for text in stream:
            try:
                parsed = orjson.loads(text)
            except orjson.JSONDecodeError:
                parsed = None
            yield parsed if isinstance(parsed, dict) else None
