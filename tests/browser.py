"""Debian's chromium and axe, once for all tests that look at pages.

Playwright takes one start in a process, so there is one fixture of it, in tests/conftest.py.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

AXE = Path(__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
# As root a browser has no sandbox, and a container has little shared memory.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
# Milliseconds. A page that is opened in one second may take half a minute beside other work.
WAIT = 120_000


@contextmanager
def started() -> Iterator[Browser]:
    """Start chromium, or skip what asked for it."""
    path = shutil.which("chromium")
    need("chromium", "apt-get install chromium", present=path is not None)
    from playwright.sync_api import (  # noqa: PLC0415  runs without pages need none of it
        expect,
        sync_playwright,
    )

    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=WAIT)
        yield browser
        browser.close()


@contextmanager
def window(chromium: Browser, **how: Any) -> Iterator[BrowserContext]:  # noqa: ANN401  the options of a context
    """Open a window that waits for a busy machine and asks for no motion.

    It closes also where a test fails: the pages of a window left open work on beside the others.
    """
    context = chromium.new_context(reduced_motion="reduce", **how)
    context.set_default_timeout(WAIT)
    try:
        yield context
    finally:
        context.close()


def axe_code() -> str:
    """Return axe's code, or skip what asked for it."""
    need("axe", "npm ci --prefix tests/web", present=AXE.is_file())
    return AXE.read_text(encoding="utf-8")
