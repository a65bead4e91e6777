"""Which servers may be called: base URLs one by one, and the addresses where each may stand."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network

_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65_535
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
# Visible ASCII without the backslash, which some parsers take for a slash.
_VISIBLE = re.compile(r"[!-\[\]-~]+")
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
# What may stand in a request line as it is; whatever else is visible goes percent-encoded.
_UNSAFE = re.compile(r"[\"<>^`{|}]")
# The one range of IPv6 for single hosts of the whole network, and in it the relays to any IPv4.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_RELAYS = IPv6Network("2002::/16")
_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart and made comparable: the host in lower case, the port always there."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def authority(self) -> str:
        """Return the host, and the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Return path and query as they stand in a request line."""
        target = (self.path or "/") + (f"?{self.query}" if self.query else "")
        return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", target)


@dataclass(frozen=True, slots=True)
class Base:
    """A base URL that may be called, with the networks where it may stand besides public ones."""

    place: Place
    networks: tuple[Network, ...] = ()

    def __str__(self) -> str:
        """Return the base URL: it is the site's own setting, and no secret."""
        return f"{self.place.scheme}://{self.place.authority}{self.place.path}"

    def holds(self, place: Place) -> bool:
        """Tell whether a URL lies under this base, at the same origin."""
        ours = self.place
        return (
            (place.scheme, place.host, place.port) == (ours.scheme, ours.host, ours.port)
            and (place.path == ours.path or place.path.startswith(f"{ours.path}/"))
        )  # fmt: skip

    def may_stand_at(self, address: str) -> bool:
        """Tell whether the server may stand at an address: a public one, or one that is listed."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return _is_public(parsed) or any(parsed in network for network in self.networks)


def read_place(url: str) -> Place:
    """Take a URL apart. Raises ValueError with what is wrong, without the URL's query."""
    if not _VISIBLE.fullmatch(url):
        msg = "a URL is visible ASCII without a backslash"
        raise ValueError(msg)
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        msg = "write a URL that starts with https://"
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "a URL must not hold a user or a password"
        raise ValueError(msg)
    if parts.fragment or url.endswith("#"):
        msg = "a URL must not have a fragment (#)"
        raise ValueError(msg)
    if any(_DOTS.fullmatch(step) for step in parts.path.split("/")):
        msg = "a path must not have steps of dots"
        raise ValueError(msg)
    return Place(parts.scheme, _host(parts.netloc), _port(parts.netloc, parts.scheme),
                 parts.path.rstrip("/"), parts.query)  # fmt: skip


def read_base(entry: str) -> Base:
    """Read an entry of an allow list: `URL`, or `URL at ADDRESS` for a private address or network.

    Plain http, and an address that is not public, may be called only where they are written out:
    the http in the URL, the address as the URL's host or after `at`; `localhost` is loopback.
    Raises ValueError with what would do.
    """
    url, at, where = entry.partition(" at ")
    place = read_place(url.strip())
    if place.query or "?" in url:
        msg = "a base URL has no query (?)"
        raise ValueError(msg)
    if at:
        return Base(place, (_network(where.strip()),))
    if place.host == "localhost":
        return Base(place, _LOOPBACK)
    try:
        return Base(place, (_network(place.host),))
    except ValueError:
        return Base(place)


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        msg = "write an address or a network after `at`, such as 10.1.2.3 or 10.1.0.0/16"
        raise ValueError(msg) from None
    if network.prefixlen == 0 or network.is_unspecified or network.is_multicast:
        msg = f"{text} is no place where a server stands"
        raise ValueError(msg)
    return network


def _host(netloc: str) -> str:
    """Return the host in lower case; an IPv6 address in its one short form, without brackets."""
    if netloc.startswith("["):
        bracketed = netloc[1:].partition("]")[0]
        return str(IPv6Address(bracketed))
    host = netloc.partition(":")[0].lower()
    if not _NAME.fullmatch(host):
        msg = "a host is a name in ASCII (xn--… for others) or an address"
        raise ValueError(msg)
    return host


def _port(netloc: str, scheme: str) -> int:
    port = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::(\d{1,5}))?", netloc)
    if port is None or (port[1] and not 0 < int(port[1]) <= _LAST_PORT):
        msg = "a port is a number from 1 to 65535"
        raise ValueError(msg)
    return int(port[1]) if port[1] else _PORTS[scheme]


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is that of one host of the whole network.

    In IPv6 only one range is: what stands for an IPv4 address (mapped, translated, 6to4, Teredo)
    lies outside it or is left out, because it would bring in by another door what is refused.
    """
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or address in _RELAYS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
