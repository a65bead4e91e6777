"""The spool by itself: one file a process, locked while it lives, and never half a line in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.store.spool import MIB, Spool, SpoolFullError
from cds_service.store.spool_file import AHEAD, AWAY, SpoolFile, count_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = """
import sys
from pathlib import Path
from cds_service.store.spool import Spool
spool = Spool(Path(sys.argv[1]), durable=False)
for number in range(3):
    spool.add({"number": number}, away=False)
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path, durable=False)
    yield made
    made.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process that has written three lines, and lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def numbers(files: list[SpoolFile]) -> list[int]:
    return [line["number"] for each in files for line in each.lines() if line is not None]


def test_lines_of_a_process_are_taken_once_and_then_gone(spool: Spool, tmp_path: Path) -> None:
    for number in range(3):
        spool.add({"number": number}, away=False)
    (file,) = spool.take()
    # What comes meanwhile lies in another file.
    spool.add({"number": 3}, away=False)
    assert numbers([file]) == [0, 1, 2]
    spool.done(file)
    assert numbers(spool.take()) == [3]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_could_not_be_brought_in_is_taken_again(spool: Spool) -> None:
    spool.add({"number": 0}, away=False)
    spool.take()
    spool.add({"number": 1}, away=False)
    assert numbers(spool.take()) == [0, 1]


def test_a_living_process_keeps_its_file_and_a_killed_one_leaves_it(
    spool: Spool, writer: subprocess.Popen[str]
) -> None:
    assert spool.waits()
    assert spool.take() == []
    assert [line["number"] for line in spool.written_by_others() if line] == [0, 1, 2]
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert numbers(spool.take()) == [0, 1, 2]
    # It is ours by now.
    assert list(spool.written_by_others()) == []


def test_a_file_that_somebody_brought_in_meanwhile_is_not_taken(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f"1-a{AHEAD}"
    left.write_text('{"number":0}\n')
    opened = os.open

    def removed_at_once(path: str, *more: int) -> int:
        place = opened(path, *more)
        left.unlink()
        return place

    monkeypatch.setattr(os, "open", removed_at_once)
    assert spool.take() == []
    assert SpoolFile.take(left) is None
    assert count_lines(left) == 0


def test_a_line_that_is_just_being_written_is_not_read(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / f"1-a{AHEAD}").write_text('{"number":0}\n{"num')
    assert list(spool.written_by_others()) == [{"number": 0}]


def test_a_file_that_vanishes_is_not_read(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_paths", lambda: [tmp_path / f"gone{AHEAD}"])
    assert list(spool.written_by_others()) == []
    assert spool.count(ahead=True) == 0
    spool.add({"number": 0}, away=False)


def test_a_forked_process_writes_a_file_of_its_own(spool: Spool) -> None:
    spool.add({"number": 0}, away=False)
    child = os.fork()
    if child == 0:
        spool.after_fork()
        spool.add({"number": 1}, away=False)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(numbers(spool.take())) == [0, 1]


def test_lines_that_wait_for_a_database_that_is_away_are_told_apart(spool: Spool) -> None:
    spool.add({"number": 0}, away=False)
    assert (spool.count(), spool.count(ahead=True)) == (0, 1)
    spool.add({"number": 1}, away=True)
    assert (spool.count(), spool.count(ahead=True)) == (1, 2)
    assert spool.set_aside() == 1
    assert spool.set_aside() == 0
    assert spool.count() == 2
    assert {each.kind for each in spool.take()} == {AWAY}


def test_lines_outlive_the_folder(spool: Spool, tmp_path: Path) -> None:
    """Somebody empties the folder while the service runs: what is open can still be brought in."""
    spool.add({"number": 0}, away=False)
    for each in tmp_path.iterdir():
        each.unlink()
    assert spool.set_aside() == 1
    (file,) = spool.take()
    assert numbers([file]) == [0]
    spool.done(file)


def test_the_limit_holds_for_all_processes_together(tmp_path: Path) -> None:
    one, another = (Spool(tmp_path, durable=False, limit=39) for _ in range(2))
    one.add({"number": 0}, away=False)
    another.add({"number": 1}, away=False)
    one.add({"number": 2}, away=False)
    with pytest.raises(SpoolFullError):
        another.add({"number": 3333}, away=False)
    assert not one.has_room()
    assert one.count(ahead=True) == 3
    for each in one.take():
        one.done(each)
    another.add({"number": 3333}, away=False)
    one.close()
    another.close()


def test_the_folder_is_measured_now_and_then_only(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def size() -> int:
        measured.append(1)
        return 0

    monkeypatch.setattr(spool, "_size", size)
    for _ in range(5):
        spool.add({"text": "-" * (MIB // 4)}, away=False)
    assert len(measured) == 2


def test_a_full_disk_leaves_no_half_line(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.add({"number": 1}, away=False)
    write, parts = os.write, [4]

    def until_it_is_full(place: int, text: bytes) -> int:
        if not parts:
            raise OSError(28, "No space left on device")
        return write(place, bytes(text[: parts.pop()]))

    with monkeypatch.context() as full:
        full.setattr(os, "write", until_it_is_full)
        with pytest.raises(OSError, match="No space"):
            spool.add({"number": 2}, away=False)
    spool.add({"number": 3}, away=False)
    (file,) = tmp_path.glob("*.ndjson")
    assert file.read_text() == '{"number":1}\n{"number":3}\n'


def test_a_disk_that_takes_a_line_in_pieces(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with monkeypatch.context() as slow:
        slow.setattr(os, "write", lambda place, text: write(place, bytes(text[:4])))
        spool.add({"number": 1}, away=False)
    (file,) = tmp_path.glob("*.ndjson")
    assert file.read_text() == '{"number":1}\n'


def test_a_file_that_cannot_be_named_is_not_kept_open(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held_open(tmp_path)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(type(tmp_path), "rename", fails)
        with pytest.raises(OSError, match="No space"):
            spool.add({"number": 1}, away=False)
    assert held_open(tmp_path) == before


def held_open(folder: Path) -> list[Path]:
    """Return the files in a folder that this process has open."""
    held = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread's, shut meanwhile
            held.append(each.readlink())
    return sorted(each for each in held if each.is_relative_to(folder))


def test_no_turn_is_needed_where_none_can_be_had(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "none", durable=False)
    with spool.turn():
        pass
    assert not (tmp_path / "none").exists()
