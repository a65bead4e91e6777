"""Ids of what is answered: random UUIDs, as text."""

from __future__ import annotations

from os import urandom

# RFC 9562, 4.1 and 5.4: the digit of the version, and those that the variant leaves.
_VERSION = "4"
_VARIANTS = "89ab"


def new_uuid() -> str:
    """Return a random UUID of version 4.

    An answer has a dozen, and by way of a ``uuid.UUID`` each takes four times as long.
    """
    digits = urandom(16).hex()
    variant = _VARIANTS[int(digits[16], 16) % 4]
    return (
        f"{digits[:8]}-{digits[8:12]}-{_VERSION}{digits[13:16]}-{variant}{digits[17:20]}-"
        f"{digits[20:]}"
    )
