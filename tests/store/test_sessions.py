"""Sealed sessions in a database: kept, replaced, ended, and taken by one alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cds_service.journal import UnreachableError
from tests.records import NOW

if TYPE_CHECKING:
    from cds_service.store.store import Store

LATER = NOW + timedelta(minutes=15)


def test_a_session_is_kept_until_it_ends(opened: Store) -> None:
    sessions = opened.sessions
    sessions.put("a", "sealed", LATER)
    sessions.put("a", "sealed again", LATER)
    assert sessions.get("a", NOW) == "sealed again"
    assert sessions.get("b", NOW) is None
    assert sessions.get("a", LATER) is None
    assert sessions.take("a", LATER) is None


def test_a_session_is_taken_once(opened: Store) -> None:
    opened.sessions.put("a", "sealed", LATER)
    assert opened.sessions.take("a", NOW) == "sealed"
    assert opened.sessions.take("a", NOW) is None


def test_what_has_ended_is_purged(opened: Store) -> None:
    opened.sessions.put("a", "sealed", LATER)
    opened.purge(LATER)
    assert opened.sessions.get("a", NOW) == "sealed"
    opened.purge(LATER + timedelta(seconds=1))
    assert opened.sessions.get("a", NOW) is None


def test_the_database_is_away(opened: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened.line, "up", False)
    with pytest.raises(UnreachableError):
        opened.sessions.put("a", "sealed", LATER)
    with pytest.raises(UnreachableError):
        opened.sessions.get("a", NOW)
