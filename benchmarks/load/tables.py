"""Markdown, so that what is printed can be pasted into docs/performance.md."""

from __future__ import annotations

import os
import platform
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.fhir import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Processes that want a core beside ours: from this load on, a figure says little.
_BUSY = 0.5


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers as they were formatted by who knows them."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
    print()


def machine() -> str:
    """Return what the figures were measured on, and whether anything else ran there."""
    is_compiled = str(find.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    load, _, _ = os.getloadavg()
    busy = f"**busy: load {load:.1f} before the run**" if load > _BUSY else "otherwise idle"
    kernel = platform.release().split("-", 1)[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {busy}; Linux {kernel}, "
        f"CPython {platform.python_version()}; the service "
        f"{'compiled' if is_compiled else 'as plain Python'}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


class Verdicts:
    """The lines that must hold, as they come in."""

    def __init__(self) -> None:
        """Begin with none."""
        self._rows: list[tuple[str, str, str, str]] = []

    def add(self, what: str, aim: str, measured: str, *, holds: bool) -> None:
        """Note a line: what, its aim, what was measured, and whether that is within the aim."""
        self._rows.append((what, aim, measured, "holds" if holds else "**missed**"))

    def show(self) -> int:
        """Print them; return how many are missed."""
        print("### What must hold\n")
        table(("what", "aim", "measured", ""), self._rows)
        return sum(verdict != "holds" for *_, verdict in self._rows)
