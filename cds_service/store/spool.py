"""The spool: where judged calls wait on their way into the database.

One NDJSON file for each process, in a folder that all of them share. A file is locked while its
process lives, so a line costs one write, and whoever gets the lock of another's file knows that its
process has ended and brings in what it left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.store.spool_file import AHEAD, AWAY, SpoolFile, count_lines, whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024


class SpoolFullError(OSError):
    """The spool holds as much as it may."""


class Spool:
    """A folder of lines that wait. ``durable``: a line is on the disk before it counts."""

    def __init__(self, folder: Path, *, durable: bool, limit: int = 256 * MIB) -> None:
        """Keep where it lies; the folder is made when the first line comes. ``limit``: bytes."""
        self.folder = folder
        self.durable, self._limit = durable, limit
        self._begin()

    def _begin(self) -> None:
        self._writing = threading.Lock()
        self._current: SpoolFile | None = None
        self._ours: list[SpoolFile] = []
        # Bytes that may be written before the folder is measured again.
        self._room = 0

    def after_fork(self) -> None:
        """Leave the files of the process that forked this one to it: there they are still open."""
        self.close()

    def add(self, line: dict[str, Any], *, away: bool) -> None:
        """Append a line. Raises OSError where it could not be kept; then nothing of it is there.

        ``away``: it waits because the database is away, and not for the next moment only.
        """
        text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        with self._writing:
            if self._room < len(text):
                self._measure(len(text))
            self._file(AWAY if away else AHEAD).append(text, durable=self.durable)
            self._room -= len(text)

    def _measure(self, needed: int) -> None:
        """Look how much there is by now, in all processes. Raises SpoolFullError."""
        left = self._limit - self._size()
        if left < needed:
            raise SpoolFullError
        # Others write too: each may go past the limit by this much, and no more.
        self._room = min(left, MIB)

    def _file(self, kind: str) -> SpoolFile:
        if self._current is None or self._current.kind != kind:
            self._seal()
            self._make()
            self._current = SpoolFile.make(self.folder, kind)
        return self._current

    def _seal(self) -> None:
        if self._current is not None:
            self._ours.append(self._current)
            self._current = None

    def take(self) -> list[SpoolFile]:
        """Return what is to be brought in by this process, to be given to ``done`` afterwards.

        It is what this process has written, and what others have left that are no more. Nobody
        writes in it any longer.
        """
        with self._writing:
            self._seal()
            known = {each.path for each in self._ours}
            left = [SpoolFile.take(path) for path in self._paths() if path not in known]
            self._ours += [each for each in left if each is not None]
            return list(self._ours)

    def done(self, file: SpoolFile) -> None:
        """Remove a file that is in the database."""
        with self._writing:
            self._ours.remove(file)
        file.remove()

    def set_aside(self) -> int:
        """Let all that this process has wait for a database that is away.

        Return how many lines did not do so before.
        """
        with self._writing:
            every = [*self._ours, *([self._current] if self._current else ())]
            ahead = [each for each in every if each.kind == AHEAD]
            for each in ahead:
                each.set_aside()
            return sum(each.count() for each in ahead)

    def written_by_others(self) -> Iterator[dict[str, Any] | None]:
        """Yield what other processes have written ahead so far, and will bring in themselves."""
        with self._writing:
            ours = {each.path for each in (*self._ours, self._current) if each is not None}
        for path in self._paths():
            if path not in ours and path.name.endswith(AHEAD):
                yield from whole_lines(path)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process brings lines in: writers of SQLite have no queue."""
        try:
            place = os.open(self.folder / "turn.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            # It is a courtesy: without it both still come through.
            yield
            return
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)

    def waits(self) -> bool:
        """Tell whether anything waits, for whatever reason."""
        return bool(self._paths())

    def count(self, *, ahead: bool = False) -> int:
        """Return how many lines wait because the database is away; ``ahead``: and all others."""
        paths = [each for each in self._paths() if ahead or each.name.endswith(AWAY)]
        return sum(count_lines(each) for each in paths)

    def has_room(self) -> bool:
        """Tell whether another line can be kept."""
        try:
            self._make()
            free = shutil.disk_usage(self.folder).free
        except OSError:
            return False
        may_write = os.access(self.folder, os.W_OK | os.X_OK)
        return may_write and free > MIB and self._size() < self._limit

    def close(self) -> None:
        """Leave what waits to whoever comes next."""
        for each in (*self._ours, self._current):
            if each is not None:
                each.close()
        self._begin()

    def _paths(self) -> list[Path]:
        try:
            found = sorted(self.folder.iterdir())
        except OSError:
            # Nothing waits where there is no folder; `add` and `has_room` find out why.
            return []
        return [each for each in found if each.name.endswith((AHEAD, AWAY))]

    def _size(self) -> int:
        total = 0
        for each in self._paths():
            with suppress(FileNotFoundError):
                total += each.stat().st_size
        return total

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
