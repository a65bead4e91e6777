"""Each kind of value that a setting has, read from its text; a ValueError says what to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cds_service.security.allowed import Base, read_base

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
_LAST_PORT = 65_535
# Seconds. Longer than an EHR waits for a card, and shorter than a worker waits before it gives up.
_SHORTEST, _LONGEST = 0.1, 20
_SHORTEST_PASSWORD = 12


def text(value: str) -> str:
    """Return a text as it stands."""
    return value


def bind(value: str) -> str:
    """Read the address to listen on: HOST:PORT."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", value)
    if not match or int(match[2]) > _LAST_PORT:
        msg = "write HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000"
        raise ValueError(msg)
    return value


def folder(value: str) -> Path:
    """Read the path of a folder that is there."""
    path = Path(value)
    if not path.is_dir():
        msg = "there is no such folder; name one with findings/, criteria/ and the other files"
        raise ValueError(msg)
    return path


def file(value: str) -> Path:
    """Read the path of a file that is there."""
    path = Path(value)
    if not path.is_file():
        msg = "there is no such file"
        raise ValueError(msg)
    return path


def url(value: str) -> str:
    """Read an http or https address, without the slash at its end."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        msg = "write the address that callers use, such as https://cds.example.org"
        raise ValueError(msg)
    return value.rstrip("/")


def selection(value: str) -> str:
    """Read a selectionBehavior of CDS Hooks."""
    if value not in {"any", "at-most-one"}:
        msg = "write any or at-most-one"
        raise ValueError(msg)
    return value


def zone(value: str) -> ZoneInfo:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        msg = "no such time zone; write a name such as Europe/Berlin or UTC"
        raise ValueError(msg) from None


def origins(value: str) -> tuple[str, ...]:
    """Read web origins, separated by commas, or *."""
    named = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in named:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
            msg = "write origins such as https://ehr.example.org, separated by commas, or *"
            raise ValueError(msg)
    return named


def size(value: str) -> int:
    """Read a number of bytes, of KiB or of MiB."""
    match = re.fullmatch(r"(\d+) ?(MiB|KiB|)", value.strip())
    if not match or int(match[1]) == 0:
        msg = "write a number of bytes, or 10MiB"
        raise ValueError(msg)
    return int(match[1]) * {"MiB": MIB, "KiB": 1024, "": 1}[match[2]]


def aliases(value: str) -> Mapping[str, str]:
    """Read THEIRKEY=ourkey pairs, separated by commas."""
    named = {}
    for pair in value.split(","):
        theirs, equals, ours = (part.strip() for part in pair.partition("="))
        if not (theirs and equals and ours):
            msg = "write THEIRKEY=ourkey pairs, separated by commas"
            raise ValueError(msg)
        named[theirs] = ours
    return named


def servers(value: str) -> tuple[Base, ...]:
    """Read base URLs, separated by commas, each with the private address that it may stand at."""
    bases = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        try:
            bases.append(read_base(entry))
        except ValueError as error:
            msg = (
                f"{error}; write base URLs such as https://fhir.example.org/r4, separated by "
                "commas, and `URL at ADDRESS` where the name stands at a private address"
            )
            raise ValueError(msg) from None
    return tuple(bases)


def server(value: str) -> Base:
    """Read the base URL of one server."""
    try:
        return read_base(value)
    except ValueError as error:
        msg = f"{error}; write its issuer, such as https://login.example.org/realms/clinic"
        raise ValueError(msg) from None


def password(value: str) -> str:
    """Read a password, or its hash as werkzeug makes it."""
    hashed = re.fullmatch(r"(scrypt|pbkdf2):[\w:]+\$[^$]+\$[0-9a-f]+", value)
    if len(value) < _SHORTEST_PASSWORD or (value.startswith(("scrypt:", "pbkdf2:")) and not hashed):
        msg = f"write {_SHORTEST_PASSWORD} characters or more, or a whole hash as werkzeug makes it"
        raise ValueError(msg)
    return value


def people(value: str) -> tuple[str, ...]:
    """Read e-mail addresses, in small letters, and groups, separated by commas."""
    named = [each.strip() for each in value.split(",") if each.strip()]
    if not named or not all(re.fullmatch(r"group:.+|[^@\s]+@[^@\s]+", each) for each in named):
        msg = "write e-mail addresses, and groups as group:NAME, separated by commas"
        raise ValueError(msg)
    return tuple(x if x.startswith("group:") else x.casefold() for x in named)


def visible(value: str) -> str:
    """Read visible ASCII without a space."""
    if not re.fullmatch(r"[!-~]{1,2048}", value):
        msg = "write visible ASCII without a space, as the EHR gave it"
        raise ValueError(msg)
    return value


def scopes(value: str) -> str:
    """Read scopes, separated by spaces."""
    named = value.split()
    if not named or not all(re.fullmatch(r"[!#-\[\]-~]+", each) for each in named):
        msg = "write scopes separated by spaces, such as patient/*.rs"
        raise ValueError(msg)
    return " ".join(named)


def seconds(value: str) -> float:
    """Read seconds, with a fraction or without."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?) ?s?", value)
    if not match or not _SHORTEST <= float(match[1]) <= _LONGEST:
        msg = f"write seconds from {_SHORTEST} to {_LONGEST}, such as 3 or 2.5"
        raise ValueError(msg)
    return float(match[1])


def topics(value: str) -> Mapping[str, frozenset[str]]:
    """Read SERVICE=topic+topic pairs, separated by commas."""
    off: dict[str, frozenset[str]] = {}
    for pair in value.split(","):
        service, equals, listed = (part.strip() for part in pair.partition("="))
        named = frozenset(topic.strip() for topic in listed.split("+"))
        if not (service and equals) or "" in named:
            msg = "write SERVICE=topic+topic, separated by commas; * stands for every service"
            raise ValueError(msg)
        off[service] = off.get(service, frozenset()) | named
    return off


def flag(value: str) -> bool:
    """Read yes or no."""
    if value not in {"yes", "no"}:
        msg = "write yes or no"
        raise ValueError(msg)
    return value == "yes"


def level(value: str) -> str:
    """Read how much is logged."""
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        msg = "write DEBUG, INFO, WARNING or ERROR"
        raise ValueError(msg)
    return value.upper()


def database(value: str) -> str | None:
    """Read the address of a database; None for none."""
    if value == "none":
        return None
    if not re.match(r"(sqlite|postgres(ql)?(\+psycopg)?)://", value):
        msg = "write sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or none"
        raise ValueError(msg)
    return value


def durability(value: str) -> str:
    """Read how surely decisions are kept."""
    if value not in {"full", "normal"}:
        msg = "write full or normal"
        raise ValueError(msg)
    return value
