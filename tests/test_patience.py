"""How long callers are waited for, on sockets of this process."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cds_service import patience as patience_module
from cds_service.patience import Partings, Patience
from tests.waiting import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LITTLE = 65_536  # bytes: they find room on their way


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


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connect a caller; return the service's end and the caller's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname(), timeout=WAIT)
        ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def reset(caller: socket.socket) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    caller.close()


def send_on(caller: socket.socket) -> None:
    with suppress(OSError):
        caller.sendall(b"x" * LITTLE)


ENDS: dict[str, Callable[[socket.socket], object]] = {
    "it closes": socket.socket.close,
    "it is gone at once": reset,
    "it goes on sending": send_on,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
def test_a_parting_ends_once(
    end: Callable[[socket.socket], object],
    pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pair
    monkeypatch.setattr(patience_module, "STILL_SENT", LITTLE)
    gone: list[None] = []
    with selectors.DefaultSelector() as poller:
        partings = Partings(poller, lambda: gone.append(None))
        partings.begin(ours)
        assert theirs.recv(1) == b"", "no more is sent"
        end(theirs)
        while poller.get_map():
            for key, _ in poller.select(WAIT):
                key.data(key.fileobj)
        partings.give_up()
    assert (len(gone), ours.fileno()) == (1, -1)


def test_a_parting_has_its_time(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair
    gone: list[None] = []
    with selectors.DefaultSelector() as poller:
        partings = Partings(poller, lambda: gone.append(None))
        partings.begin(ours)
        partings.give_up()
        assert (len(gone), len(poller.get_map())) == (0, 1), "not before"
        later = time.monotonic() + patience_module.TO_CLOSE
        monkeypatch.setattr(patience_module, "monotonic", lambda: later)
        partings.give_up()
        partings.give_up()
        assert (len(gone), len(poller.get_map()), ours.fileno()) == (1, 0, -1)


def test_who_has_hung_up_is_not_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    ours.close()
    gone: list[None] = []
    with selectors.DefaultSelector() as poller:
        Partings(poller, lambda: gone.append(None)).begin(ours)
        assert (len(gone), len(poller.get_map())) == (1, 0)
