"""audit and store: what was kept, for those who answer for it, and the tables it is kept in."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from cds_service.assess import UseError
from cds_service.commands.output import complain, plural
from cds_service.content.load import load
from cds_service.content.recommendations import reason_codes
from cds_service.journal import UnreachableError
from cds_service.store.databases import database
from cds_service.store.errors import StoreError
from cds_service.store.records import Held, Records, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cds_service.settings import Settings

_DONE, _FAILED = 0, 1
_DAY = timedelta(days=1)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_AWAY = "the database of CDS_DATABASE_URL cannot be reached; see that it runs, and try again"


def add_to(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add all of these to the parser."""
    audit = add_parser(
        "audit",
        help="export what was decided, or remove what is old",
        description="Export what was decided, or remove what is old, while the service runs. "
        "Reads CDS_DATABASE_URL. Days are those of UTC.",
    )
    kinds = audit.add_subparsers(required=True, metavar="WHAT", title="what to do")

    export = kinds.add_parser(
        "export",
        help="print each decision as a line of JSON",
        description="Print each decision as a line of JSON, in the order in which they were kept. "
        "Patients and encounters are keyed hashes.",
    )
    export.add_argument("--since", type=_day, metavar="DATE", help="from this day on: 2026-11-20")
    export.add_argument("--until", type=_day, metavar="DATE", help="up to the end of this day")
    export.add_argument(
        "--format",
        choices=("ndjson", "fhir"),
        default="ndjson",
        help="ndjson: as it is kept (the default); fhir: as AuditEvent resources of FHIR R4",
    )
    export.set_defaults(run=_export)

    purge = kinds.add_parser(
        "purge",
        help="remove decisions and their feedback",
        description="Remove the decisions before a day, and the feedback on their cards. The daily "
        "counts stay: they hold no patient.",
    )
    purge.add_argument(
        "--before", type=_day, required=True, metavar="DATE", help="the first day that is kept"
    )
    purge.add_argument("--yes", action="store_true", help="do not ask")
    purge.set_defaults(run=_purge)

    store = add_parser(
        "store",
        help="bring the tables up to date",
        description="Look after the tables that CDS_DATABASE_URL names.",
    )
    tasks = store.add_subparsers(required=True, metavar="WHAT", title="what to do")
    migrations = tasks.add_parser(
        "upgrade",
        help="run the migrations that are missing, and exit",
        description="Run the migrations that are missing, and exit: 0 the tables are up to date, "
        "1 they could not be brought so far, 2 wrong use.",
    )
    migrations.set_defaults(run=_upgrade)


def _day(text: str) -> datetime:
    """Read a day as the moment at which it begins."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        msg = f"write a day such as 2026-11-20, not {text!r}"
        raise argparse.ArgumentTypeError(msg) from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _export(asked: argparse.Namespace, settings: Settings) -> int:
    since, until = asked.since or _FIRST, asked.until or _LAST
    if until < _LAST:
        until += _DAY
    if since >= until:
        msg = "--since is later than --until: nothing lies between them."
        raise UseError(msg)
    as_asked = _as_audit_event() if asked.format == "fhir" else dict

    def work(records: Records) -> int:
        for decision in records.decisions(_text(since), _text(until)):
            line = orjson.dumps(as_asked(decision), option=orjson.OPT_APPEND_NEWLINE)
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return _DONE

    return _with_records(settings, work)


def _as_audit_event() -> Callable[[dict[str, Any]], dict[str, Any]]:
    from cds_service.render.audit_event import audit_event  # noqa: PLC0415  half a second to import

    return audit_event


def _purge(asked: argparse.Namespace, settings: Settings) -> int:
    before = _text(asked.before)

    def work(records: Records) -> int:
        held = records.before(before)
        if not held.decisions and not held.feedback:
            sys.stdout.write("There is nothing to remove.\n")
            return _DONE
        if not asked.yes and not _agreed(held, asked.before.date()):
            sys.stdout.write("Nothing was removed.\n")
            return _FAILED
        removed = records.purge(before)
        sys.stdout.write(f"Removed {_said(removed)}.\n")
        return _DONE

    return _with_records(settings, work)


def _agreed(held: Held, day: date) -> bool:
    question = f"This removes {_said(held)}, from before {day}, for good."
    if not sys.stdin.isatty():
        msg = f"{question} Add --yes if that is meant."
        raise UseError(msg)
    sys.stdout.write(f"{question} Go on? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _said(held: Held) -> str:
    decisions = plural("decision", held.decisions)
    entries = {1: "entry"}.get(held.feedback, "entries")
    return f"{held.decisions} {decisions} and {held.feedback} {entries} of feedback"


def _upgrade(_: argparse.Namespace, settings: Settings) -> int:
    address = _address(settings)
    reasons = reason_codes(load(settings.cards).recommendations)
    try:
        before, now = upgrade(address, reasons)
    except StoreError as error:
        complain(str(error))
        return _FAILED
    except UnreachableError:
        complain(_AWAY)
        return _FAILED
    if before == now:
        sys.stdout.write(f"The tables are of version {now} already.\n")
    else:
        sys.stdout.write(f"The tables are of version {now} now; before: {before or 'none'}.\n")
    return _DONE


def _with_records(settings: Settings, work: Callable[[Records], int]) -> int:
    try:
        records = Records(_address(settings))
        try:
            return work(records)
        finally:
            records.close()
    except StoreError as error:
        complain(str(error))
    except UnreachableError:
        complain(_AWAY)
    return _FAILED


def _address(settings: Settings) -> str:
    if settings.database is None:
        msg = "CDS_DATABASE_URL is none: nothing is kept. Name the database that is meant."
        raise UseError(msg)
    try:
        database(settings.database, durable=False)
    except StoreError as error:
        raise UseError(str(error)) from None
    return settings.database


def _text(moment: datetime) -> str:
    """Return a moment in UTC as the store has it."""
    return moment.isoformat(timespec="microseconds")
