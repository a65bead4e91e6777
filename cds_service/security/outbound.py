"""A call to an allow-listed server, under one total deadline, at an address that was checked."""

from __future__ import annotations

import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.security.allowance import Allowance, Answer, Fault, OutboundError
from cds_service.security.allowed import Base, Place, read_place
from cds_service.security.wire import Wire, ask
from cds_service.tracing import traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_OK = 200
# A name that takes longer than any deadline keeps its thread; more of them only wait.
_RESOLVERS = 4
_TOKEN = re.compile(r"[!-~]+")
_MIB = 1024 * 1024


def addresses_of(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host. Raises OSError; takes as long as it takes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outbound:
    """What may be called. Made before the workers fork; its threads start when they are needed.

    There is one for each allow list: FHIR servers and clients' keys do not open each other's.
    """

    def __init__(
        self,
        bases: Iterable[Base],
        *,
        resolve: Callable[[str, int], list[str]] = addresses_of,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Take the allow list. ``context`` is whom to trust: by default whom the system trusts."""
        self._bases = tuple(bases)
        self._resolve = resolve
        self._context = context or ssl.create_default_context()
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, "resolve")

    def reach(self, base_url: str, allowance: Allowance) -> Server:
        """Return the server of a base URL that is on the list, its address resolved and checked.

        Raises OutboundError (not-allowed, address, unreachable, timeout).
        """
        return self._server(self._base(base_url), allowance)

    def reach_named(self, base_url: str, url: str, allowance: Allowance) -> Server:
        """Return the server of a URL that an allow-listed server names as its own.

        It stands at a public address, or at one where the naming server may stand as well, and
        speaks TLS if that does; nothing but this URL lies under it. Raises OutboundError.
        """
        naming = self._base(base_url)
        place = _place(url)
        if naming.place.scheme == "https" and place.scheme != "https":
            raise OutboundError(Fault.NOT_ALLOWED, "a server with TLS names one without it")
        return self._server(Base(place, naming.networks), allowance)

    def _server(self, base: Base, allowance: Allowance) -> Server:
        addresses = self._addresses(base, allowance)
        checked = tuple(address for address in addresses if base.may_stand_at(address))
        if not checked:
            words = (
                f"{base.place.host} stands at an address that is neither public nor listed; "
                "where that is right, list it as `URL at ADDRESS`"
            )
            raise OutboundError(Fault.ADDRESS, words)
        return Server(base, checked, self._context)

    def fetch(self, url: str, *, seconds: float, max_bytes: int = _MIB) -> bytes:
        """Return the body of a URL that is itself on the list. Raises OutboundError."""
        allowance = Allowance(seconds, max_bytes)
        answer = self.reach(url, allowance).get(url, allowance)
        if answer.status != _OK:
            raise OutboundError(Fault.STATUS, f"answered {answer.status}")
        return answer.body

    def _base(self, url: str) -> Base:
        """Find a base by its URL, whatever way that is written."""
        place = _place(url)
        same = [base for base in self._bases if base.place == place]
        if same:
            return Base(place, tuple(network for base in same for network in base.networks))
        raise OutboundError(Fault.NOT_ALLOWED, "this server is not on the allow list")

    def _addresses(self, base: Base, allowance: Allowance) -> list[str]:
        place = base.place
        asked = self._resolvers.submit(self._resolve, place.host, place.port)
        try:
            return asked.result(allowance.seconds_left())
        except TimeoutError:
            asked.cancel()
            words = f"the address of {place.host} was not found in time"
            raise OutboundError(Fault.TIMEOUT, words) from None
        except (OSError, UnicodeError):
            words = f"the name {place.host} has no address"
            raise OutboundError(Fault.UNREACHABLE, words) from None


@dataclass(frozen=True, slots=True)
class Server:
    """An allow-listed server at the addresses that were checked: no other is connected to."""

    base: Base
    addresses: tuple[str, ...]
    context: ssl.SSLContext

    def get(
        self,
        url: str,
        allowance: Allowance,
        *,
        token: str | None = None,
        accept: str = "application/json",
    ) -> Answer:
        """GET a URL under the base, whatever its status. Raises OutboundError."""
        return self.send("GET", url, allowance, token=token, headers={"Accept": accept})

    def send(
        self,
        method: str,
        url: str,
        allowance: Allowance,
        *,
        body: bytes | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a URL under the base, once; redirects are not followed.

        The allowance counts all that the server says, its headers too. Raises OutboundError.
        """
        place = _place(url)
        if not self.base.holds(place):
            raise OutboundError(Fault.NOT_ALLOWED, "the URL lies outside the allow-listed base")
        said = dict(headers or {}) | {
            "Host": place.authority,
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "cds-service",
        }
        if token is not None:
            if not _TOKEN.fullmatch(token):
                raise OutboundError(Fault.NOT_ALLOWED, "the access token is no bearer token")
            said["Authorization"] = f"Bearer {token}"
        trace = traceparent.get()
        if trace is not None:
            said["traceparent"] = trace
        with self._connect(allowance) as sock:
            return ask(Wire(sock, allowance), method, place.target, said, body)

    def _connect(self, allowance: Allowance) -> socket.socket:
        """Connect to the first address that answers, each with its share of the time left."""
        place = self.base.place
        for number, address in enumerate(self.addresses):
            share = allowance.seconds_left() / (len(self.addresses) - number)
            try:
                sock = socket.create_connection((address, place.port), timeout=share)
            except OSError:
                continue
            return self._secure(sock, allowance) if place.scheme == "https" else sock
        allowance.seconds_left()
        raise OutboundError(Fault.UNREACHABLE, f"{place.authority} takes no connection")

    def _secure(self, sock: socket.socket, allowance: Allowance) -> socket.socket:
        """Check the certificate for the server's name, whatever address it was reached at."""
        host = self.base.place.host
        with ExitStack() as stack:
            stack.enter_context(sock)
            try:
                # The handshake as a whole keeps to the timeout of the socket.
                sock.settimeout(allowance.seconds_left())
                secured = self.context.wrap_socket(sock, server_hostname=host)
            except ssl.SSLCertVerificationError as error:
                words = f"the certificate of {host} was refused: {error.verify_message}"
                raise OutboundError(Fault.CERTIFICATE, words) from None
            except TimeoutError:
                raise OutboundError(Fault.TIMEOUT, "no TLS handshake in time") from None
            except OSError:
                raise OutboundError(Fault.UNREACHABLE, f"no TLS handshake with {host}") from None
            stack.pop_all()
            return secured


def _place(url: str) -> Place:
    try:
        return read_place(url)
    except ValueError as error:
        raise OutboundError(Fault.NOT_ALLOWED, str(error)) from None
