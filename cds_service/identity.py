"""Ids as text: of what is answered and kept, UUIDs that begin with their time; of requests."""

from __future__ import annotations

import re
from os import register_at_fork, urandom
from time import time_ns

_NANOSECONDS = 1_000_000
_TIME = 6  # bytes of milliseconds, by RFC 9562, 5.7; what is left is random
# The digit that the variant leaves two bits of.
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
# Asking the system for random bytes lets another thread go first, so it is asked for many at once.
_RANDOM, _AT_ONCE = 16, 256
_ready: list[bytes] = []
# No process has the bytes of the one that it was forked from.
register_at_fork(after_in_child=_ready.clear)
_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_uuid() -> str:
    """Return a UUID that begins with this moment, and has the form of version 4.

    Clients of CDS Hooks know cards and suggestions by UUIDs of version 4. An answer has a dozen,
    and by way of a ``uuid.UUID`` each takes four times as long.
    """
    return _uuid(time_ns() // _NANOSECONDS, "4")


def uuid_at(milliseconds: int) -> str:
    """Return a UUID of version 7 of a moment, in milliseconds since 1970."""
    return _uuid(milliseconds, "7")


def _uuid(milliseconds: int, version: str) -> str:
    digits = (milliseconds.to_bytes(_TIME, "big") + _random()).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-"
        f"{digits[20:32]}"
    )


def new_request_id() -> str:
    """Return an id of a request: 32 random digits."""
    return _random().hex()


def _random() -> bytes:
    """Return 16 random bytes that were not returned before."""
    try:
        return _ready.pop()
    except IndexError:
        many = urandom(_RANDOM * _AT_ONCE)
        _ready.extend([many[at : at + _RANDOM] for at in range(_RANDOM, len(many), _RANDOM)])
        return many[:_RANDOM]


def milliseconds_of(text: str) -> int | None:
    """Return the moment that one of our UUIDs begins with; None for a text of another form.

    A UUID of version 4 that is not ours looks the same, and gives a moment at random.
    """
    return int(text[:8] + text[9:13], 16) if _FORM.fullmatch(text) else None


def time_prefix(milliseconds: int) -> str:
    """Return what each of our UUIDs of a moment begins with; as texts they sort by time."""
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}"
