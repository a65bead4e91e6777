"""What some tests need and a fresh machine may lack: there they skip, and say what to do.

Programs, and `index`: a package index that pip can reach.

Where `TESTS_REQUIRE` names one (`TESTS_REQUIRE=node,postgres`), its absence fails instead.
"""

from __future__ import annotations

import os

import pytest

PROGRAMS = frozenset({"axe", "cc", "chromium", "index", "nginx", "node", "postgres"})


def need(program: str, how: str, *, present: bool) -> None:
    """Skip the test that asks, or fail it where that is required; ``how`` says what to do."""
    assert program in PROGRAMS, f"{program}: add it to PROGRAMS"
    if present:
        return
    missing = f"{program} is missing: {how}"
    if program in required(os.environ.get("TESTS_REQUIRE", "")):
        pytest.fail(f"{missing} (TESTS_REQUIRE names it)")
    pytest.skip(missing)


def required(names: str) -> frozenset[str]:
    """Read the programs that must be there. A name that nobody asks for would require nothing."""
    listed = frozenset(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(listed - PROGRAMS)
    assert not unknown, f"TESTS_REQUIRE: no test needs {', '.join(unknown)}"
    return listed
