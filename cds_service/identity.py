"""Ids of what is answered and of what is kept: UUIDs that begin with their time, as text."""

from __future__ import annotations

import re
from os import urandom
from time import time_ns

_NANOSECONDS = 1_000_000
_TIME = 6  # bytes of milliseconds, by RFC 9562, 5.7; what is left is random
# The digit that the variant leaves two bits of.
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
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
    digits = (milliseconds.to_bytes(_TIME, "big") + urandom(10)).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-"
        f"{digits[20:]}"
    )


def milliseconds_of(text: str) -> int | None:
    """Return the moment that one of our UUIDs begins with; None for a text of another form.

    A UUID of version 4 that is not ours looks the same, and gives a moment at random.
    """
    return int(text[:8] + text[9:13], 16) if _FORM.fullmatch(text) else None


def time_prefix(milliseconds: int) -> str:
    """Return what each of our UUIDs of a moment begins with; as texts they sort by time."""
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}"
