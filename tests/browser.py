"""Debian's chromium and axe, once for all tests that look at pages.

Playwright takes one start in a process, so there is one fixture of it, in tests/conftest.py.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

AXE = Path(__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
# As root a browser has no sandbox, and a container has little shared memory.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


@contextmanager
def started() -> Iterator[Browser]:
    """Start chromium, or skip what asked for it."""
    path = shutil.which("chromium")
    need("chromium", "apt-get install chromium", present=path is not None)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def axe_code() -> str:
    """Return axe's code, or skip what asked for it."""
    need("axe", "npm ci --prefix tests/web", present=AXE.is_file())
    return AXE.read_text(encoding="utf-8")
