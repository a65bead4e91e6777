"""The whole service on a free port of this machine, in a thread, for the tests that need one.

The standard library's server closes an answer whatever became of its connection. werkzeug's reads
the rest of the request first, and where the browser has left, the file of the answer stays open.
"""

from __future__ import annotations

from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection; all of them end before the server is closed."""

    request_queue_size = 64

    def handle_error(self, _request: Any, _address: Any) -> None:  # noqa: ANN401  as in socketserver
        """Write nothing of a browser that has left."""

    def server_bind(self) -> None:
        """Look no name up: that may take long, and nothing here needs it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    """A request handler that writes no line for each request."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def served(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an app until the block ends, and give its address."""
    with _Server(("127.0.0.1", port), _Quiet) as server:
        server.set_app(app)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
