"""Brings a database to the tables of this version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from cds_service.store.databases import Alone
from cds_service.store.errors import StoreError
from cds_service.store.filling import Filling

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cds_service.store.counts import Reasons
    from cds_service.store.databases import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(each.name[:4] for each in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrate(database: Database, reasons: Reasons) -> str | None:
    """Run what migrations a database lacks, and return the version that it had before.

    Services that start at the same time wait for each other. Raises StoreError if the database is
    of a newer version than this service.
    """
    engine = database.patient_engine()
    try:
        with engine.begin() as connection:
            database.alone(connection, Alone.MIGRATE)
            version = version_of(connection)
            if version is not None and version > NEWEST:
                msg = (
                    f"CDS_DATABASE_URL: the database is of a newer version of this service "
                    f"({version}; this one knows {NEWEST}). Start the newer version, or name "
                    "another database."
                )
                raise StoreError(msg)
            if version != NEWEST:
                _upgrade(connection, Filling(database, reasons))
            return version
    finally:
        engine.dispose()


def version_of(connection: Connection) -> str | None:
    """Return the version of a database's tables; None where there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: Connection, filling: Filling) -> None:
    # Alembic takes longer to import than to find out that it is not needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Alembic reads a % as the beginning of a name.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["filling"] = filling
    command.upgrade(config, "head")
