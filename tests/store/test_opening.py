"""Where a store may lie, who may open it, and what refuses to start."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from cds_service.store import lock, migrate
from cds_service.store.errors import StoreError
from cds_service.store.opening import open_store
from cds_service.store.tables import DECISIONS, METADATA
from tests.store.calls import KEY, judged, rows
from tests.waiting import WAIT

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.store.store import Store


def test_the_migrations_make_the_tables(opened: Store) -> None:
    with opened.line.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db", attended=False)
    store.judged(judged())
    for name in ("s.db", "s.db-wal", "s.db.key", "s.db.lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    store.close()


def test_a_file_of_a_folder_with_a_percent_sign(tmp_path: Path) -> None:
    folder = tmp_path / "50% off"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/s.db", attended=False)
    store.judged(judged())
    assert len(rows(store, DECISIONS)) == 1
    store.close()


def test_a_second_service_is_refused_and_told_the_way_out(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/s.db"
    store = open_store(address, attended=False)
    with pytest.raises(StoreError, match=r"another service runs on .*s\.db.*Use PostgreSQL"):
        open_store(address, attended=False)
    store.close()
    open_store(address, attended=False).close()


def test_a_worker_holds_the_claim_of_its_master(tmp_path: Path) -> None:
    """A worker that outlives its master still writes: no other service may start beside it."""
    script = (
        "import os, sys, time\n"
        "from cds_service.store.opening import open_store\n"
        f"open_store('sqlite:///{tmp_path}/s.db', attended=False)\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "sys.stdin.read()\n"
    )
    master = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    assert master.wait(WAIT) == 0
    with pytest.raises(StoreError, match="another service"):
        open_store(f"sqlite:///{tmp_path}/s.db", attended=False)
    assert master.stdin is not None
    master.stdin.close()


MOUNTS = (
    "20 1 8:1 / / rw - ext4 /dev/root rw\n"
    "21 20 0:30 / /mnt/share rw - nfs4 server:/x rw\n"
    "22 20 0:31 / /mnt/far\\040away rw shared:1 - fuse.sshfs x rw\n"
    "23 20 0:32 / /mnt/share/disk rw - xfs /dev/b rw\n"
    "24 20 0:33 / /mnt/layers rw - fuse.fuse-overlayfs x rw\n"
    "25 20 0:34 / /mnt/twice rw - ext4 x rw\n"
    "26 20 0:35 / /mnt/twice rw - cifs x rw\n"
)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/var/lib/s.db", "ext4"),
        ("/mnt/share/s.db", "nfs4"),
        ("/mnt/shared/s.db", "ext4"),
        ("/mnt/share/disk/s.db", "xfs"),
        ("/mnt/far away/s.db", "fuse.sshfs"),
        ("/mnt/layers/s.db", "fuse.fuse-overlayfs"),
        ("/mnt/twice/s.db", "cifs"),
    ],
)
def test_network_file_systems_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(lock, "_MOUNTS", mounts)
    place = type(tmp_path)(file)
    assert lock.file_system(place.parent) == kind
    if kind in {"nfs4", "cifs", "fuse.sshfs"}:
        with pytest.raises(StoreError, match=rf"type {kind}.*Use PostgreSQL"):
            lock.refuse_network(place)
    else:
        lock.refuse_network(place)


def test_a_machine_that_does_not_tell_its_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_MOUNTS", tmp_path / "none")
    lock.refuse_network(tmp_path / "s.db")


def test_a_database_of_a_newer_version_is_refused(address: str, tmp_path: Path) -> None:
    store = open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
    with store.line.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match=r"of a newer version of this service \(9999; this one"):
        open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)
    # The claim was given back.
    with pytest.raises(StoreError, match="of a newer version"):
        open_store(address, key=KEY, spool=tmp_path / "spool", attended=False)


def test_a_newer_version_that_comes_while_it_runs_is_left_alone(
    opened: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with opened.line.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.line.up = opened.line._migrated = False
    opened.tend()
    opened.tend()
    assert not opened.line.up
    assert caplog.text.count("of a newer version") == 1


def test_numbers_of_migrations_follow_each_other() -> None:
    files = sorted((migrate._MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert [each.name[:4] for each in files] == [f"{n:04}" for n in range(1, len(files) + 1)]


REFUSED: dict[str, tuple[str, str]] = {
    "memory": ("sqlite://", "name a file"),
    "memory by name": ("sqlite:///:memory:", "name a file"),
    "options": ("sqlite:///s.db?mode=ro", "name a file"),
    "another kind": ("mysql://u:secret@h/n", "write sqlite:///FILE, postgresql://"),
    "no address": ("///", "write sqlite:///FILE"),
    "no such folder": ("sqlite:////no/such/s.db", "s.db.lock cannot be opened (No such file"),
}


@pytest.mark.parametrize(("address", "words"), REFUSED.values(), ids=REFUSED)
def test_addresses_of_no_use(address: str, words: str) -> None:
    with pytest.raises(StoreError, match=re.escape(words)) as refused:
        open_store(address, key=KEY, attended=False)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"a letter, not a database" * 100)
    with pytest.raises(StoreError, match="is not a SQLite database"):
        open_store(f"sqlite:///{tmp_path}/s.db", attended=False)
    (tmp_path / "d.db").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(f"sqlite:///{tmp_path}/d.db", attended=False)


def test_postgresql_needs_a_key() -> None:
    with pytest.raises(StoreError, match="CDS_HASH_KEY is not set"):
        open_store("postgresql://h/n", attended=False)


def test_postgresql_needs_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'cds-service\[postgres\]'"):
        open_store("postgresql://h/n", key=KEY, attended=False)


def test_an_old_sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match="too old to keep decisions in"):
        open_store(f"sqlite:///{tmp_path}/s.db", attended=False)


def test_keys_of_no_use(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/s.db"
    with pytest.raises(StoreError, match="CDS_HASH_KEY is too short"):
        open_store(address, key="short", attended=False)
    key = tmp_path / "s.db.key"
    key.write_text("short")
    with pytest.raises(StoreError, match="does not hold a key"):
        open_store(address, attended=False)
    key.unlink()
    key.mkdir()
    with pytest.raises(StoreError, match=r"s\.db\.key cannot be used"):
        open_store(address, attended=False)
