"""A missing program skips its tests, unless it is required."""

from __future__ import annotations

import pytest

from tests.needs import need, required


def test_what_is_there_is_used() -> None:
    need("node", "install it", present=True)


def test_what_is_missing_skips_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE", "postgres")
    with pytest.raises(pytest.skip.Exception, match="node is missing: install it"):
        need("node", "install it", present=False)


def test_what_is_missing_and_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE", "postgres, node")
    with pytest.raises(pytest.fail.Exception, match="node is missing: install it"):
        need("node", "install it", present=False)


def test_a_name_that_nobody_asks_for_is_refused() -> None:
    assert required(" node,, postgres") == {"node", "postgres"}
    with pytest.raises(AssertionError, match="no test needs nodejs"):
        required("nodejs")
