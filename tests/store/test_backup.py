"""The commands of docs/operate.md bring a database back as it was when it was backed up."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

from cds_service.store.opening import open_store
from cds_service.store.tables import DECISIONS, FEEDBACK
from tests.cluster import binaries
from tests.store.calls import KEY, card, feedback, judged, rows
from tests.test_readme import ROOT, shown

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.journal import Card
    from cds_service.store.store import Store

PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")


def commands(heading: str) -> tuple[str, str]:
    """Return the commands under a heading that back up, and those that restore."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    away, back = (
        "\n".join(each.command for each in shown(part))
        for part in section.split("\nBack, ", 1)
    )  # fmt: skip
    assert away
    assert back
    return away, back


def run(commands: str, folder: Path, **environment: str) -> None:
    path = os.pathsep.join([str(binaries() or ""), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def keep(store: Store) -> Card:
    """Keep a judged call and what became of its card."""
    shown_card = card("redflagcheck")
    store.judged(judged(shown_card))
    store.feedback([feedback(shown_card.uuid)])
    return shown_card


def test_sqlite(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/cds-service.db"
    away, back = commands("SQLite")
    store = open_store(address, attended=False)
    kept = keep(store)
    (patient,) = {row["patient"] for row in rows(store, DECISIONS)}
    run(away, tmp_path)
    keep(store)
    store.close()
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "backup.db.key").stat().st_mode) == 0o600
    (tmp_path / "cds-service.db").write_bytes(b"broken")
    (tmp_path / "cds-service.db-wal").write_bytes(b"of another file")
    (tmp_path / "cds-service.db.key").unlink()
    run(back, tmp_path)
    store = open_store(address, attended=False)
    assert [row["card"] for row in rows(store, FEEDBACK)] == [kept.uuid]
    keep(store)
    assert {row["patient"] for row in rows(store, DECISIONS)} == {patient}, "hashed by the same key"
    store.close()


def test_postgresql(postgres: str, tmp_path: Path) -> None:
    away, back = commands("PostgreSQL")
    store = open_store(postgres, key=KEY, spool=tmp_path / "spool", attended=False)
    kept = keep(store)
    run(away, tmp_path, DATABASE=postgres)
    keep(store)
    store.close()
    run(back, tmp_path, DATABASE=postgres)
    store = open_store(postgres, key=KEY, spool=tmp_path / "spool", attended=False)
    assert [row["card"] for row in rows(store, FEEDBACK)] == [kept.uuid]
    keep(store)
    assert len(rows(store, DECISIONS)) == 2
    store.close()
