"""Findings that no single resource says: both sides, getting worse, episodes, a minor, a death."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.windows import Span, Unit, is_future
from cds_service.content.findings import Computation
from cds_service.fhir.access import as_text
from cds_service.fhir.dates import read_date
from cds_service.fhir.ledger import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.ledger import Ledger
    from cds_service.fhir.record import Record

_RECENT = Span(30, Unit.DAYS)
_YEAR = timedelta(days=365)
_APART = timedelta(days=14)
_ADULT = 18
_UNDATED = datetime.min.replace(tzinfo=UTC)


def compute(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """File what follows for a computed finding from the entries of others."""
    assert finding.computed is not None  # noqa: S101  the caller looks for computed findings
    _COMPUTATIONS[finding.computed](finding, record, ledger)


def _both_sides(finding: FindingDefinition, _: Record, ledger: Ledger) -> None:
    """One entry that says both sides, or a left and a right one; since the later of the two."""
    for name in finding.of:
        entries = ledger.heard[name].affirmed if name in ledger.heard else []
        for entry in entries:
            if "both" in entry.sides or entry.sides >= {"left", "right"}:
                ledger.affirm(finding, entry)
        left = [entry for entry in entries if entry.sides == {"left"}]
        right = [entry for entry in entries if entry.sides == {"right"}]
        if left and right:
            for entry in (*left, *right):
                later = max((*left, *right), key=_began)
                since = later.occurrence.since
                evidence = entry.occurrence.evidence
                ledger.affirm(finding, Entry(Occurrence(since, None, evidence), entry.observed))


def _worse(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """A limb or bladder finding newly there, one side becoming both, a lower muscle grade.

    Both findings lie within 30 days. Nothing else is worse. Source: CRITERIA, "Words": worse.
    """
    recent = {
        name: sorted(
            (each for each in ledger.heard[name].affirmed if _lately(each, record)), key=_began
        )
        for name in finding.of
        if name in ledger.heard
    }
    for name, entries in recent.items():
        for denial in ledger.heard[name].denied:
            for entry in entries:
                if _after(entry, denial):
                    _file(finding, entry, denial, "newly there", ledger)
        for earlier in entries:
            for later in entries:
                if _after(later, earlier) and _heavier(earlier, later):
                    _file(finding, later, earlier, "worse than before", ledger)
        for other, others in recent.items():
            first = [each for each in others if other != name and not _numbered(each)]
            for earlier in first[:1]:
                for later in entries[:1]:
                    if _after(later, earlier) and not _numbered(later):
                        _file(finding, later, earlier, "newly there", ledger)


def _heavier(earlier: Entry, later: Entry) -> bool:
    """Tell whether one side became both, or a muscle grade fell."""
    before, after = earlier.occurrence.value, later.occurrence.value
    if before is not None and after is not None:
        return after < before
    one_side = earlier.sides in ({"left"}, {"right"})
    other_side = later.sides in ({"left"}, {"right"}) and later.sides != earlier.sides
    return one_side and ("both" in later.sides or other_side)


def _file(
    finding: FindingDefinition, later: Entry, earlier: Entry, words: str, ledger: Ledger
) -> None:
    now, then = later.occurrence.evidence, earlier.occurrence.evidence
    evidence = Evidence(
        now.reference, f"{now.says}: {words} ({then.reference}, {then.when}: {then.says})", now.when
    )
    ledger.affirm(finding, Entry(Occurrence(later.occurrence.since, None, evidence)))


def _lately(entry: Entry, record: Record) -> bool:
    since = entry.occurrence.since
    return (
        since is not None
        and since.earliest is not None
        and not is_future(since, record.as_of)
        and since.earliest.astimezone(record.zone).date() >= _RECENT.before(record.as_of)
    )


def _after(later: Entry, earlier: Entry) -> bool:
    """Tell whether an entry began wholly after the other was seen."""
    since = later.occurrence.since
    seen = earlier.occurrence.since or earlier.observed
    return (
        since is not None
        and since.earliest is not None
        and seen is not None
        and since.earliest > seen.latest
    )


def _numbered(entry: Entry) -> bool:
    return entry.occurrence.value is not None


def _episodes(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """Count the episodes of 12 months: onsets at least 14 days apart (CRITERIA, S02)."""
    entries = [
        entry
        for name in finding.of
        if name in ledger.heard
        for entry in (*ledger.heard[name].affirmed, *ledger.heard[name].past)
        if entry.observed is None and _within_year(entry.occurrence.since, record)
    ]
    counted: list[Entry] = []
    for entry in sorted(entries, key=_began):
        if not counted or _began(entry) - _began(counted[-1]) >= _APART:
            counted.append(entry)
    for entry in counted:
        evidence = entry.occurrence.evidence
        occurrence = Occurrence(entry.occurrence.since, float(len(counted)), evidence)
        ledger.affirm(finding, Entry(occurrence))


def _within_year(since: Since | None, record: Record) -> bool:
    return (
        since is not None
        and since.earliest is not None
        and not is_future(since, record.as_of)
        and record.as_of - since.latest <= _YEAR
    )


def _began(entry: Entry) -> datetime:
    since = entry.occurrence.since
    return since.latest if since else _UNDATED


def _minor(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """Under 18 on the day of judging; a birth date that does not decide changes nothing."""
    born = read_date(record.birth_date, record.zone)
    if born is None or born.earliest is None:
        return
    today = record.as_of.date()
    grown = born.earliest.replace(year=born.earliest.year + _ADULT, day=min(born.earliest.day, 28))
    if today < grown.date():
        evidence = Evidence("Patient", "under 18 years of age", None)
        ledger.affirm(finding, Entry(Occurrence(born, None, evidence)))


def _deceased(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """The patient has died, by flag or by date."""
    died = record.patient.get("deceasedDateTime")
    since = read_date(died, record.zone)
    if record.patient.get("deceasedBoolean") is True or as_text(died):
        evidence = Evidence("Patient", "has died", as_text(died))
        ledger.affirm(finding, Entry(Occurrence(since, None, evidence)))


_COMPUTATIONS: dict[Computation, Callable[[FindingDefinition, Record, Ledger], None]] = {
    Computation.BOTH_SIDES: _both_sides,
    Computation.WORSE: _worse,
    Computation.EPISODES: _episodes,
    Computation.MINOR: _minor,
    Computation.DECEASED: _deceased,
}
