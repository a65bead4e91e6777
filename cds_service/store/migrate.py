"""Brings a database to the tables of this version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from cds_service.store.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cds_service.store.databases import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(each.name[:4] for each in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrate(database: Database) -> None:
    """Run what migrations a database lacks. Raises StoreError if it is of a newer version.

    Services that start at the same time wait for each other.
    """
    engine = database.patient_engine()
    try:
        with engine.begin() as connection:
            database.alone(connection)
            version = _version(connection)
            if version is not None and version > NEWEST:
                msg = (
                    f"CDS_DATABASE_URL: the database is of a newer version of this service "
                    f"({version}; this one knows {NEWEST}). Start the newer version, or name "
                    "another database."
                )
                raise StoreError(msg)
            if version != NEWEST:
                _upgrade(connection)
    finally:
        engine.dispose()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: Connection) -> None:
    # Alembic takes longer to import than to find out that it is not needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Alembic reads a % as the beginning of a name.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
