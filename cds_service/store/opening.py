"""Opens a store: claims its file, finds its key, and brings its tables up to date."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.journal import UnreachableError
from cds_service.store.databases import SQLite, database
from cds_service.store.errors import StoreError
from cds_service.store.key import SHORTEST, Hasher, key_beside
from cds_service.store.line import Line
from cds_service.store.lock import Claim, refuse_network
from cds_service.store.spool import Spool
from cds_service.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.store.counts import Reasons

_SPOOL = "cds-service.spool"


def open_store(
    address: str,
    *,
    key: str | None = None,
    spool: Path | None = None,
    durable: bool = True,
    reasons: Reasons = frozenset(),
    attended: bool = True,
) -> Store:
    """Open the store at an address. Raises StoreError where the service must not start on it.

    ``key`` hides the ids of patients; for SQLite it is made beside the file where none is given,
    and so is the folder of the spool. ``reasons`` are the codes of override reasons that a daily
    count may be named by. A PostgreSQL server that is away is no reason not to start.
    """
    if key is not None and len(key) < SHORTEST:
        msg = f"CDS_HASH_KEY is too short: write {SHORTEST} characters or more, drawn at random."
        raise StoreError(msg)
    opened = database(address, durable=durable)
    line, release = Line(opened, reasons), _nothing
    if isinstance(opened, SQLite):
        folder = opened.file.with_name(f"{opened.file.name}.spool")
        secret, release = _claim(opened, line, key)
    else:
        folder = Path(_SPOOL)
        secret = _given(key)
        with suppress(UnreachableError):
            line.migrate()
    kept = Spool((spool or folder).absolute(), durable=durable)
    store = Store(line, kept, Hasher(secret), release=release, attended=attended)
    _let_go_in_children(store)
    return store


def _nothing() -> None:
    """Give nothing back: a server is shared."""


def _claim(opened: SQLite, line: Line, key: str | None) -> tuple[bytes, Callable[[], None]]:
    """Claim a file for this service; return its key, and what gives the file back."""
    refuse_network(opened.file)
    claim = Claim(opened.file)
    try:
        opened.make()
        line.migrate()
        return key.encode() if key else key_beside(opened.file), claim.release
    except UnreachableError:
        claim.release()
        msg = (
            f"CDS_DATABASE_URL: {opened.file} is not a SQLite database, or cannot be read. Name "
            "another file."
        )
        raise StoreError(msg) from None
    except StoreError:
        claim.release()
        raise


def _given(key: str | None) -> bytes:
    if key is None:
        msg = (
            "CDS_HASH_KEY is not set. With PostgreSQL it has to be: every service that shares the "
            "database hides the ids of patients by the same key. Write 32 characters or more, "
            "such as `openssl rand -hex 32` prints, in CDS_HASH_KEY or in a file that "
            "CDS_HASH_KEY_FILE names."
        )
        raise StoreError(msg)
    return key.encode()


def _let_go_in_children(store: Store) -> None:
    """See to it that no forked process uses connections or files of the one that forked it."""
    kept = weakref.ref(store)

    def after_fork() -> None:
        forked = kept()
        if forked is not None:
            forked.after_fork()

    os.register_at_fork(after_in_child=after_fork)
