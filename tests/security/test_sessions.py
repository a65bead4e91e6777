"""Sealed sessions: read by the key alone, ended in time, kept within bounds."""

from __future__ import annotations

from datetime import datetime, timedelta

from cds_service.security.sessions import Memory, Sessions
from tests.records import NOW

CONTENT = {"token": "a-secret"}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_session_is_read_by_its_key_until_it_ends() -> None:
    clock = Clock()
    sessions = Sessions(Memory(), clock)
    key = sessions.open(CONTENT, 60)
    assert sessions.read(key) == CONTENT
    assert sessions.read(key + "x") is None
    clock.now += timedelta(seconds=60)
    assert sessions.read(key) is None
    assert sessions.take(key) is None


def test_another_content_does_not_keep_a_session_alive() -> None:
    clock = Clock()
    sessions = Sessions(Memory(), clock)
    key = sessions.open(CONTENT, 60)
    clock.now += timedelta(seconds=59)
    sessions.write(key, {"other": 1})
    assert sessions.read(key) == {"other": 1}
    clock.now += timedelta(seconds=1)
    assert sessions.read(key) is None
    sessions.write(key, CONTENT)
    assert sessions.read(key) is None


def test_a_session_is_taken_once() -> None:
    sessions = Sessions(Memory(), lambda: NOW)
    key = sessions.open(CONTENT, 60)
    assert sessions.take(key) == CONTENT
    assert sessions.take(key) is None


def test_what_is_kept_says_nothing_and_cannot_be_changed() -> None:
    memory = Memory()
    sessions = Sessions(memory, lambda: NOW)
    key = sessions.open(CONTENT, 60)
    ((name, (sealed, until)),) = memory._kept.items()
    assert key not in name
    assert "secret" not in sealed
    assert sessions.open(CONTENT, 60) != key
    memory.put(name, sealed[:-4] + "AAA=", until)
    assert sessions.read(key) is None


def test_of_too_many_the_latest_stay() -> None:
    memory = Memory()
    for number in range(10_001):
        memory.put(str(number), "x", NOW + timedelta(seconds=60))
    assert memory.get("0", NOW) is None
    assert memory.get("10000", NOW) == "x"
