"""audit and store on the command line: what is printed, what is asked, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from sqlalchemy import create_engine, text

from cds_service import cli
from cds_service.journal import UnreachableError
from cds_service.store.opening import open_store
from tests.store.calls import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cds_service.store.store import Store

    Run = Callable[..., tuple[int, str, str]]

DAY = "2026-11-20"


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def running(address: str) -> Iterator[Store]:
    """Run a service that has kept two decisions and goes on."""
    store = open_store(address, attended=False)
    store.judged(judged(client="https://ehr.example"))
    store.judged(judged(cards=()))
    yield store
    store.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, address: str) -> Run:
    for name in [each for each in os.environ if each.startswith("CDS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, database: str = address) -> tuple[int, str, str]:
        monkeypatch.setenv("CDS_DATABASE_URL", database)
        try:
            code = cli.main(arguments)
        except SystemExit as stop:  # argparse leaves this way
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run


def answer(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Answer as somebody at a terminal."""
    terminal = io.StringIO(f"{line}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)


def test_export_prints_a_line_for_each_decision(run: Run, running: Store) -> None:
    code, out, err = run("audit", "export")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(lines)) == (0, "", 2)
    assert {each["client"] for each in lines} == {"https://ehr.example", None}
    assert {each["gate"] for each in lines} == {"open"}
    assert {len(each["patient"]) for each in lines} == {32}
    assert running.line.up


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [
        (DAY, DAY, 2),
        (DAY, "9999-12-31", 2),
        ("2026-11-21", "2026-11-22", 0),
        ("2026-11-01", "2026-11-19", 0),
    ],
)
def test_export_of_some_days_has_both_of_their_ends(
    run: Run, running: Store, since: str, until: str, count: int
) -> None:
    assert running.line.up
    code, out, _ = run("audit", "export", "--since", since, "--until", until)
    assert (code, len(out.splitlines())) == (0, count)


def test_export_as_fhir(run: Run, running: Store) -> None:
    assert running.line.up
    code, out, err = run("audit", "export", "--format", "fhir")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(events)) == (0, "", 2)
    for each in events:
        AuditEvent.model_validate(each)


def test_a_purge_asks_and_does_nothing_unless_told(
    run: Run, running: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running.line.up
    code, out, err = run("audit", "purge", "--before", "2026-11-21")
    assert (code, out) == (2, "")
    assert "This removes 2 decisions and 0 entries of feedback, from before 2026-11-21" in err
    assert "--yes" in err
    answer(monkeypatch, "")
    code, out, _ = run("audit", "purge", "--before", "2026-11-21")
    assert (code, out.endswith("Go on? [y/N] Nothing was removed.\n")) == (1, True)
    answer(monkeypatch, "Y")
    code, out, _ = run("audit", "purge", "--before", "2026-11-21")
    assert (code, out.endswith("Removed 2 decisions and 0 entries of feedback.\n")) == (0, True)
    assert run("audit", "purge", "--before", "2026-11-21") == (
        0,
        "There is nothing to remove.\n",
        "",
    )


def test_a_purge_that_is_told_yes(run: Run, running: Store) -> None:
    running.judged(judged())
    code, out, err = run("audit", "purge", "--before", "2026-11-21", "--yes")
    assert (code, out, err) == (0, "Removed 3 decisions and 0 entries of feedback.\n", "")


def test_upgrade_says_what_it_did(run: Run, address: str) -> None:
    assert run("store", "upgrade") == (0, "The tables are of version 0004 now; before: none.\n", "")
    assert run("store", "upgrade") == (0, "The tables are of version 0004 already.\n", "")
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    code, out, err = run("store", "upgrade")
    assert (code, out, "of a newer version of this service (9999" in err) == (1, "", True)
    code, out, err = run("audit", "export")
    assert (code, out, "tables of version 9999" in err) == (1, "", True)


def test_upgrade_beside_a_service_that_runs_on_the_file(run: Run, running: Store) -> None:
    assert running.line.up
    code, out, err = run("store", "upgrade")
    assert (code, out, "another service runs on" in err) == (1, "", True)


WRONG_USE: dict[str, tuple[tuple[str, ...], str, str]] = {
    "nothing is kept": (("store", "upgrade"), "none", "CDS_DATABASE_URL is none"),
    "no address": (("audit", "export"), "mysql://u:secret@h/n", "write sqlite:///FILE"),
    "no file": (("audit", "export"), "sqlite://", "name a file"),
    "no day": (("audit", "export", "--since", "yesterday"), "none", "write a day such as"),
    "ends before it begins": (
        ("audit", "export", "--since", DAY, "--until", "2026-11-19"),
        "none",
        "--since is later than --until",
    ),
    "purge of everything": (("audit", "purge"), "none", "--before"),
    "nothing to do": (("audit",), "none", "WHAT"),
}


@pytest.mark.parametrize(("arguments", "database", "words"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use(run: Run, arguments: tuple[str, ...], database: str, words: str) -> None:
    code, out, err = run(*arguments, database=database)
    assert (code, out) == (2, "")
    assert words in err
    assert "secret" not in err


def test_a_database_that_is_not_there(run: Run, tmp_path: Path) -> None:
    code, out, err = run("audit", "export", database=f"sqlite:///{tmp_path}/none.db")
    assert (code, out, "there is no file" in err) == (1, "", True)


@pytest.mark.parametrize("command", ["store upgrade", "audit export"])
def test_a_database_that_is_away(
    run: Run, running: Store, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert running.line.up

    def away(*_: object) -> None:
        raise UnreachableError

    monkeypatch.setattr("cds_service.commands.store.upgrade", away)
    monkeypatch.setattr("cds_service.store.records.Records.decisions", away)
    code, out, err = run(*command.split())
    assert (code, out, "cannot be reached" in err) == (1, "", True)
