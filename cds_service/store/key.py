"""The key under which patients are known: without it nobody can tell whose row is whose."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

from cds_service.store.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = 32  # characters


class Hasher:
    """Turns ids into hashes that only the holder of the key can make again."""

    def __init__(self, key: bytes) -> None:
        """Keep the key; BLAKE2 takes 64 bytes of it, so a longer one is shortened first."""
        self._key = hashlib.blake2b(key).digest()

    def patient(self, identifier: str | None) -> str | None:
        """Return the keyed hash of a patient's id."""
        return self._hash("patient", identifier)

    def encounter(self, identifier: str | None) -> str | None:
        """Return the keyed hash of an encounter's id."""
        return self._hash("encounter", identifier)

    def _hash(self, kind: str, identifier: str | None) -> str | None:
        if identifier is None:
            return None
        # The kind keeps a patient and an encounter of the same number apart.
        return hashlib.blake2b(
            identifier.encode(), key=self._key, person=kind.encode(), digest_size=16
        ).hexdigest()


def key_beside(file: Path) -> bytes:
    """Return the key that lies beside a SQLite file, made there the first time.

    Raises StoreError where it can be neither read nor made.
    """
    place = file.with_name(f"{file.name}.key")
    try:
        try:
            made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(made, "w", encoding="ascii") as stream:
                stream.write(f"{secrets.token_hex(32)}\n")
                stream.flush()
                os.fsync(stream.fileno())
        key = place.read_bytes().strip()
    except OSError as error:
        msg = f"{place} cannot be used ({error.strerror}): it holds the key that hides patient ids."
        raise StoreError(msg) from None
    if len(key) < SHORTEST:
        msg = (
            f"{place} does not hold a key. Put the old one back, or remove the file: a new key is "
            "made, and patients of before are not recognised any more."
        )
        raise StoreError(msg)
    return key
