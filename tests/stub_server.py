"""A server on loopback that says exactly what a test tells it to, byte by byte if need be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from tests.waiting import WAIT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


@dataclass(frozen=True)
class Request:
    """A request as it came: its target, its header fields in lower case, and its body."""

    target: str
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


# What a server says to a request, piece by piece.
Reply = Callable[[Request], Iterable[bytes]]


@dataclass
class Stub:
    """Where the server listens, and what it was asked so far."""

    host: str
    port: int
    scheme: str
    asked: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@contextmanager
def serving(
    reply: Reply,
    *,
    host: str = "127.0.0.1",
    context: ssl.SSLContext | None = None,
) -> Iterator[Stub]:
    """Serve until the block ends. ``reply`` gives the pieces of an answer, one send each."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(64)
        stub = Stub(host, listener.getsockname()[1], "https" if context else "http")
        stopped = threading.Event()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if stopped.is_set():
                    connection.close()
                    return
                stub.connections += 1
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            # Whoever asked may have gone: that is what half of the tests are about.
            with suppress(OSError), connection:
                connection.settimeout(WAIT)
                speaking = (
                    context.wrap_socket(connection, server_side=True) if context else connection
                )
                with speaking:
                    request = _read(speaking)
                    stub.asked.append(request)
                    for piece in reply(request):
                        if stopped.is_set():
                            return
                        speaking.sendall(piece)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield stub
        finally:
            stopped.set()
            with suppress(OSError), socket.create_connection((host, stub.port), timeout=5):
                pass
            accepting.join(10)


def _read(connection: socket.socket) -> Request:
    head = connection.recv(65_536)
    if head.startswith(b"\x16"):
        # TLS, and no context to speak it: a plain server answers in plain words.
        return Request("", {})
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionResetError
        head += piece
    first, _, body = head.partition(b"\r\n\r\n")
    line, *fields = first.decode("latin-1").split("\r\n")
    pairs = (each.partition(":") for each in fields)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    method, target, _ = line.split(" ")
    return Request(target, headers, method, body)


def said(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """Return a whole answer, with its length."""
    fields = {"Content-Type": "application/fhir+json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


def said_json(value: object, status: int = 200) -> bytes:
    """Return a whole answer with a JSON body."""
    return said(status, orjson.dumps(value))


def dripping(whole: bytes, *, after: int = 0, every: float = 0.02) -> Iterator[bytes]:
    """Say the first bytes at once and the rest one by one, for as long as somebody listens."""
    yield whole[:after]
    for byte in whole[after:]:
        time.sleep(every)
        yield bytes([byte])


def silence(seconds: float = 20) -> Iterator[bytes]:
    """Say nothing for a while."""
    for _ in range(int(seconds * 20)):
        time.sleep(0.05)
        yield b""
