"""gunicorn's threaded worker: a caller that stalls keeps no thread, and each refusal says why."""

from __future__ import annotations

import contextlib
import logging
import math
import resource
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from cds_service.identity import new_request_id
from cds_service.logs import request_id
from cds_service.patience import Partings, Patience
from cds_service.security.edge import HEADERS

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger("cds_service.worker")

# Seconds that a connection is left to other workers by one that has no thread for it. It must not
# be left for good: connections that are kept open may keep all threads of all workers busy.
LEFT_TO_OTHERS = 0.02
# A worker that may open no more files ends. So it asks for as many as its connections, those that
# wait at the port when it stops, and the rest of its files need; where it does not get them, it
# takes fewer connections.
_FILES, _OTHER_FILES = 4096, 100


class Refusal(NamedTuple):
    """What is answered to what is no request: the status, a FHIR issue type, and words."""

    status: HTTPStatus
    code: str
    text: str


_BROKEN = Refusal(
    HTTPStatus.BAD_REQUEST, "structure", "this is not HTTP/1.1 as RFC 9112 has it, or is doubtful"
)
_FAULT = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "exception", "the service failed; report it")
# By gunicorn's own names for it. Its words repeat what was sent, so they are not used.
_REFUSALS: dict[type[BaseException], Refusal] = {
    errors.ChunkMissingTerminator: _BROKEN,
    errors.InvalidChunkExtension: _BROKEN,
    errors.InvalidChunkSize: _BROKEN,
    errors.InvalidHTTPVersion: _BROKEN,
    errors.InvalidHeader: _BROKEN,
    errors.InvalidHeaderName: _BROKEN,
    errors.InvalidRequestLine: _BROKEN,
    errors.InvalidRequestMethod: _BROKEN,
    errors.ObsoleteFolding: _BROKEN,
    errors.LimitRequestLine: Refusal(
        HTTPStatus.REQUEST_URI_TOO_LONG, "too-long", "the first line is longer than 4094 bytes"
    ),
    errors.LimitRequestHeaders: Refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "too-long",
        "there are more than 50 headers, or one is longer than 8190 bytes",
    ),
    errors.UnsupportedTransferCoding: Refusal(
        HTTPStatus.NOT_IMPLEMENTED, "not-supported", "Transfer-Encoding: send chunked, or a length"
    ),
    errors.ExpectationFailed: Refusal(
        HTTPStatus.EXPECTATION_FAILED, "not-supported", "Expect: send 100-continue, or nothing"
    ),
}


class BoundedWorker(ThreadWorker):
    """The threaded worker, patient with each request as long as its own timeout says.

    What it refuses before there is a request is answered as everything else is: with our headers
    and an OperationOutcome. gunicorn's page would repeat what was sent, and so would its log.

    It takes a connection when it has a thread for it, and leaves it to others for a moment when it
    has none. As gunicorn has it, the worker that wakes first would take all that come at once, and
    they would wait for it while another idles.

    Nobody waits for a caller that does not close. As gunicorn has it, the worker's one main thread
    would: two seconds for each such caller, one after the other, taking nobody meanwhile.

    One that stops takes the connections that wait, and then listens no more. As gunicorn has it, it
    would listen until its last connection is done, for seconds, and take nobody: whoever connects
    meanwhile waits for an answer that does not come, where another replica would give one.
    """

    def init_process(self) -> None:
        """Start to serve."""
        self._patience = Patience(self.cfg.timeout)
        # Connections that a thread has, or that wait for one. The main thread alone counts them.
        self._handled = 0
        # When a connection came for which there was no thread, and whether it was left long enough.
        self._left_at, self._overdue = math.inf, False
        # How many connections leave enough files for the rest.
        self._room = max(_files_allowed() - _OTHER_FILES, self.cfg.threads + 1)
        self.worker_connections = min(self.worker_connections, self._room)
        self.max_keepalived = self.worker_connections - self.cfg.threads
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop."""
        self._partings = Partings(self.poller, self._parted)
        super().run()

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001  gunicorn's own
        """Take connections or leave them to others; where the worker stops, for good."""
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            for listener in self.sockets:
                self._take_waiting(listener)
                listener.close()
            self.sockets = []

    def is_parent_alive(self) -> bool:
        """Tell whether the master lives; without it the worker stops, as if it were told to."""
        there = super().is_parent_alive()
        self.alive = self.alive and there
        return there

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Wait until something happens, and see to it."""
        if not self.alive:
            super().wait_for_and_dispatch_events(timeout)
            return
        waited = time.monotonic() - self._left_at
        self._overdue = waited >= LEFT_TO_OTHERS
        listens = self._overdue or waited < 0 or self._handled < self.cfg.threads
        super().set_accept_enabled(listens and self.nr_conns < self.worker_connections)
        if self._overdue:
            # Whoever was left is still there now, or another worker has it.
            self._left_at = math.inf
            timeout = 0
        elif not listens:
            timeout = LEFT_TO_OTHERS - waited
        super().wait_for_and_dispatch_events(timeout)

    def accept(self, listener: Any) -> None:  # noqa: ANN401  as for handle
        """Take a connection, or leave it to others for a moment."""
        if self.alive and self._handled >= self.cfg.threads and not self._overdue:
            self._left_at = time.monotonic()
        else:
            super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  as for handle
        """Hand a connection that has a request to the threads."""
        super().enqueue_req(conn)
        self._handled += 1

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:  # noqa: ANN401  as for handle
        """Take a connection back whose request was answered: it is kept, or ends."""
        self._handled -= 1
        failure = None if fs.cancelled() else fs.exception()
        if failure is not None:
            # gunicorn lets pass what Python ends processes by, and no request may end this one.
            log.error("a request was broken off", extra={"reason": type(failure).__name__})
        elif not fs.cancelled() and fs.result():
            super().finish_request(conn, fs)
            return
        self._partings.begin(conn.sock)

    def murder_pending(self) -> None:
        """Close connections that had their time."""
        super().murder_pending()
        self._partings.give_up()

    def _parted(self) -> None:
        self.nr_conns -= 1

    def _take_waiting(self, listener: Any) -> None:  # noqa: ANN401  as for handle
        taken = -1
        # Who waits where no more files may be opened has to ask another replica.
        while taken < self.nr_conns < self._room:
            taken = self.nr_conns
            self.accept(listener)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401  gunicorn has no types for it
        """Read and answer one request of a connection."""
        with self._patience.hearing(conn.sock):
            return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002  gunicorn has no types for them, and calls it so
        """Answer what cannot be handled, and log its kind."""
        # A class by itself: what is derived from it is about our own answer.
        refusal = _REFUSALS.get(type(exc), _FAULT)
        request = new_request_id()
        token = request_id.set(request)
        log.warning(
            "refused before it was a request",
            extra={"status": refusal.status.value, "reason": type(exc).__name__},
        )
        request_id.reset(token)
        # It may have hung up meanwhile.
        with contextlib.suppress(OSError):
            util.write_nonblock(client, _answer(refusal, request))


def _files_allowed() -> int:
    """Raise the limit of open files where it is low, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FILES:
        return _FILES
    allowed = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def _answer(refusal: Refusal, request: str) -> bytes:
    # With what builds FHIR comes the rest of the service, which counts: not before it is served.
    from cds_service.render.outcome import operation_outcome  # noqa: PLC0415  for that reason

    body = orjson.dumps(operation_outcome(refusal.code, refusal.text))
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Request-ID": request,
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
