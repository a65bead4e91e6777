"""A real browser at a real service on this machine, for the tests of the pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.needs import need
from tests.records import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
# As root a browser has no sandbox, and a container has little shared memory.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


class Quiet(WSGIRequestHandler):
    """A request handler that writes no line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  as in werkzeug
        """Write nothing."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the whole service on a free port, at noon on 20 November 2026."""
    app = create_app(Settings(), now=lambda: NOW)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's chromium."""
    path = shutil.which("chromium")
    need("chromium", "apt-get install chromium", present=path is not None)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe's code, to be run inside a page."""
    need("axe", "npm ci --prefix tests/web", present=AXE.is_file())
    return AXE.read_text(encoding="utf-8")
