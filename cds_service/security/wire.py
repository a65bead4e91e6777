"""One request and its answer over a socket, of which nothing outlasts the allowance."""

from __future__ import annotations

import io
import logging
from http.client import HTTPException
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from cds_service.security.allowance import Allowance, Answer, Fault, OutboundError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from _typeshed import WriteableBuffer

# It would write URLs into the log, and their queries name patients.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


def ask(
    wire: Wire, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    """Send a request and read the whole answer. Raises OutboundError."""
    connection = HTTPConnection("")
    # Were the socket lost, it would connect by itself, to anywhere.
    connection.auto_open = 0
    connection.sock = wire
    try:
        connection.request(method, target, body, headers, preload_content=False)
        response = connection.getresponse()
        if response.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
            raise OutboundError(Fault.BROKEN, "the answer is compressed, unasked")
        return Answer(response.status, response.read(decode_content=False))
    except (HTTPError, HTTPException, OSError, ValueError):
        wire.allowance.seconds_left()
        raise OutboundError(Fault.BROKEN, "the answer broke off, or is no HTTP") from None


class Wire:
    """A socket as the HTTP library uses it, where nothing outlasts the allowance.

    The timeout of a socket is for each piece, so a server that sends byte by byte would hold it
    for ever: here every piece has what is left of the whole.
    """

    def __init__(self, sock: socket.socket, allowance: Allowance) -> None:
        """Take a socket that is connected."""
        self._sock = sock
        self.allowance = allowance

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what reads the answer."""
        return io.BufferedReader(_Incoming(self._sock, self.allowance))

    def sendall(self, data: bytes) -> None:
        """Send all of it. Raises OutboundError once no time is left."""
        self._sock.settimeout(self.allowance.seconds_left())
        self._sock.sendall(data)

    def settimeout(self, _seconds: float | None) -> None:
        """Keep the timeout: the deadline sets it."""

    def close(self) -> None:
        """Leave it open: an answer without a length is read after this. Who opened it closes it."""


class _Incoming(io.RawIOBase):
    """The bytes of a socket, read for as long as the allowance lasts."""

    def __init__(self, sock: socket.socket, allowance: Allowance) -> None:
        self._sock = sock
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._allowance.seconds_left())
        count = self._sock.recv_into(buffer)
        self._allowance.take(count)
        return count
