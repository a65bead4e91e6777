"""A file of the spool: lines of NDJSON, locked while the process lives that writes them."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# What a file's name ends in. Lines written ahead are in the database a moment later; the others
# wait because it is away, which is what "spooled" means wherever it is counted.
AHEAD, AWAY = ".ahead.ndjson", ".away.ndjson"
_UNLOCKED = ".new"
_BLOCK = 1024 * 1024


class SpoolFile:
    """A file whose lock is ours: nobody else writes it, brings it in or removes it."""

    def __init__(self, path: Path, place: int) -> None:
        """Keep a file that is open for reading and appending, and locked."""
        self.path, self._place = path, place
        self._end = os.fstat(place).st_size

    @classmethod
    def make(cls, folder: Path, kind: str) -> SpoolFile:
        """Make a file. Raises OSError where that cannot be."""
        name = f"{os.getpid()}-{uuid4().hex[:8]}"
        # Under its own name only once it is locked: until then it would pass for one left behind.
        new = folder / f"{name}{_UNLOCKED}"
        place = os.open(new, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(new.rename(folder / f"{name}{kind}"), place)
        except OSError:
            os.close(place)
            raise

    @classmethod
    def take(cls, path: Path) -> SpoolFile | None:
        """Return a file that a process left when it ended; None where somebody has it."""
        try:
            place = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError:
            return None
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(place)
            return None
        if os.fstat(place).st_nlink == 0:
            # Whoever had it has brought it in meanwhile.
            os.close(place)
            return None
        return cls(path, place)

    @property
    def kind(self) -> str:
        """Return why its lines wait."""
        return AWAY if self.path.name.endswith(AWAY) else AHEAD

    def append(self, text: bytes, *, durable: bool) -> None:
        """Append a line; durable: on the disk. Raises OSError, and then nothing of it is there."""
        try:
            _write_all(self._place, text)
            if durable:
                os.fdatasync(self._place)
        except OSError:
            # What is half-written would be read as the beginning of the next line.
            os.ftruncate(self._place, self._end)
            raise
        self._end += len(text)

    def lines(self) -> Iterator[dict[str, Any] | None]:
        """Yield its lines; None for one that cannot be read, as after a power failure.

        They are read through what is open, so that they are there even if the file was removed.
        """
        with os.fdopen(os.dup(self._place), "rb", _BLOCK) as stream:
            stream.seek(0)
            yield from parsed(stream)

    def count(self) -> int:
        """Return how many lines it has."""
        return sum(1 for _ in self.lines())

    def set_aside(self) -> None:
        """Say by its name that the database is away."""
        before = self.path
        self.path = before.with_name(before.name.removesuffix(AHEAD) + AWAY)
        with suppress(FileNotFoundError):
            before.rename(self.path)

    def remove(self) -> None:
        """Remove it: all that it holds is in the database."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Leave it to others, with what it holds."""
        os.close(self._place)


def whole_lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the lines of a file that another process is writing, but none that it is just at."""
    try:
        text = path.read_bytes()
    except OSError:
        return
    yield from parsed(text[: text.rfind(b"\n") + 1].splitlines())


def parsed(texts: Iterable[bytes]) -> Iterator[dict[str, Any] | None]:
    """Yield lines of NDJSON as objects; None for one that is none."""
    for text in texts:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        yield value if isinstance(value, dict) else None


def count_lines(path: Path) -> int:
    """Return how many lines a file has that somebody may be writing; none if it is gone."""
    try:
        with path.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b""))
    except FileNotFoundError:
        return 0


def _write_all(place: int, text: bytes) -> None:
    written = os.write(place, text)
    while written < len(text):
        text = text[written:]
        written = os.write(place, text)
