"""The whole service on a free port, for the tests of the pages."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.records import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator


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
