"""Findings that no single resource says: both sides, getting worse, episodes, a minor, a death."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Span, Unit, is_future, within
from cds_service.content.findings import Computation
from cds_service.fhir.access import as_text
from cds_service.fhir.dates import read_age, read_date
from cds_service.fhir.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.ledger import Ledger
    from cds_service.fhir.record import Record

_RECENT = Span(30, Unit.DAYS)
_YEAR = Span(12, Unit.MONTHS)
_APART = 14
_ADULT = 18
_MANY = 3.0


def compute(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """File what follows for a computed finding from the entries of others."""
    assert finding.computed is not None  # noqa: S101  the caller looks for computed findings
    _COMPUTATIONS[finding.computed](finding, record, ledger)


def meant(finding: FindingDefinition) -> float | None:
    """Return the number that a plain "yes" stands for: three or more episodes."""
    return _MANY if finding.computed is Computation.EPISODES else None


def _both_sides(finding: FindingDefinition, _: Record, ledger: Ledger) -> None:
    """Find entries that say both sides, or a left and a right one: since the later of the two."""
    for name in finding.of:
        entries = ledger.live(name)
        for entry in entries:
            if _on_both(entry):
                ledger.affirm(finding, entry)
        left = [entry for entry in entries if entry.sides == {"left"}]
        right = [entry for entry in entries if entry.sides == {"right"}]
        if left and right:
            since = max((*left, *right), key=_sort_key).occurrence.since
            for entry in (*left, *right):
                ledger.affirm(finding, entry.since(since))


def _on_both(entry: Entry) -> bool:
    return "both" in entry.sides or entry.sides >= {"left", "right"}


def _worse(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """Find what is worse than before: newly there, both sides after one, a lower muscle grade.

    Both findings lie within 30 days; nothing else is worse. Source: docs/reading.md, "Worse".
    """
    recent: dict[str, list[Entry]] = {}
    began: list[Entry] = []
    for name in finding.of:
        live = ledger.live(name)
        entries = recent[name] = _lately(live, record)
        if entries:
            _file_changes(finding, entries, ledger.heard[name].denied, ledger)
            # A finding whose every entry is recent began with the first of them.
            began += entries[:1] if len(entries) == len(live) and not _restated(entries[0]) else []
    for later in began:
        for entries in recent.values():
            for earlier in entries[:1]:
                if not _numbered(later) and not _numbered(earlier) and _follows(later, earlier):
                    _file_worse(finding, later, earlier, "newly there", ledger)


def _restated(entry: Entry) -> bool:
    """Tell whether a note only says that something is there, not that it began then."""
    return entry.text and entry.visit


def _file_changes(
    finding: FindingDefinition, entries: list[Entry], denied: list[Entry], ledger: Ledger
) -> None:
    """File what is worse within one finding: it was denied before, or it was lighter."""
    for denial in sorted(denied, key=_sort_key)[:1]:
        if _follows(entries[-1], denial):
            _file_worse(finding, entries[-1], denial, "newly there", ledger)
    for later, earlier in _heavier(entries):
        _file_worse(finding, later, earlier, "worse than before", ledger)


def _lately(entries: list[Entry], record: Record) -> list[Entry]:
    """Return the dated entries of the last 30 days, the oldest first."""
    found = [
        entry
        for entry in entries
        if (since := entry.occurrence.since) is not None
        and since.earliest is not None
        and not is_future(since, record.as_of)
        and _RECENT.reaches(since.earliest, record.as_of)
    ]
    return sorted(found, key=_sort_key)


def _heavier(entries: list[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Yield each entry that is heavier than one wholly before it, with that one."""
    before: dict[tuple[bool, frozenset[str]], Entry] = {}
    waiting = iter(entries)
    ahead = next(waiting, None)
    for later in entries:
        while ahead is not None and ahead is not later and _follows(later, ahead):
            kind = (_numbered(ahead), ahead.sides)
            if kind not in before or _is_heavier(before[kind], ahead):
                before[kind] = ahead
            ahead = next(waiting, None)
        for earlier in before.values():
            if _follows(later, earlier) and _is_heavier(later, earlier):
                yield later, earlier


def _is_heavier(later: Entry, earlier: Entry) -> bool:
    """Tell whether the muscle grade of a side fell, or one side became both."""
    grade, before = later.occurrence.value, earlier.occurrence.value
    if grade is not None and before is not None:
        return grade < before and (
            later.sides == earlier.sides or not (later.sides and earlier.sides)
        )
    if grade is not None or before is not None:
        return False
    return earlier.sides in ({"left"}, {"right"}) and bool(later.sides - earlier.sides)


def _numbered(entry: Entry) -> bool:
    return entry.occurrence.value is not None


def _follows(later: Entry, earlier: Entry) -> bool:
    """Tell whether an entry began wholly after the other was seen."""
    since, seen = later.occurrence.since, earlier.occurrence.since or earlier.observed
    return (
        since is not None
        and since.earliest is not None
        and seen is not None
        and since.earliest > seen.latest
    )


def _file_worse(
    finding: FindingDefinition, later: Entry, earlier: Entry, words: str, ledger: Ledger
) -> None:
    now, then = later.occurrence.evidence, earlier.occurrence.evidence
    says = f"{now.says}: {words} ({then.reference}, {then.when}: {then.says})"
    evidence = Evidence(now.reference, says, now.when)
    ledger.affirm(finding, Entry(Occurrence(later.occurrence.since, None, evidence)))


def _episodes(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """Count the episodes of 12 months: onsets at least 14 days apart (docs/reading.md, "Episodes").

    Fewer than three tell nothing where the conditions did not come whole.
    """
    found = []
    for name in finding.of:
        if name in ledger.heard:
            heard = ledger.heard[name]
            found += [each for each in (*heard.affirmed, *heard.past) if _is_onset(each, record)]
    counted: list[tuple[int, Entry]] = []
    for entry in sorted(found, key=_sort_key):
        day = _day(entry, record)
        if not counted or day - counted[-1][0] >= _APART:
            counted.append((day, entry))
    told = len(counted) >= _MANY or "Condition" in record.searched - record.doubtful
    for _, entry in counted:
        began, evidence = entry.occurrence.since, entry.occurrence.evidence
        if told:
            number = float(len(counted))
            ledger.affirm(finding, Entry(Occurrence(began, number, evidence)))


def _is_onset(entry: Entry, record: Record) -> bool:
    since = entry.occurrence.since
    return (
        not entry.visit
        and entry.observed is None
        and since is not None
        and since.earliest is not None
        and within(since, _YEAR, record.as_of) is Truth.PRESENT
    )


def _day(entry: Entry, record: Record) -> int:
    since = entry.occurrence.since
    assert since is not None  # noqa: S101  only dated entries are counted
    return since.latest.astimezone(record.zone).toordinal()


def _sort_key(entry: Entry) -> float:
    moment = entry.occurrence.since or entry.observed
    return moment.latest.timestamp() if moment else float("-inf")


def _minor(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """File that the patient is under 18; a birth date that does not decide changes nothing."""
    born = read_date(record.birth_date, record.zone)
    if born is None or record.as_of.year - born.latest.year > _ADULT + 1:
        return
    grown = read_age({"value": _ADULT}, record.birth_date, record.zone)
    if grown is not None and grown.earliest is not None and is_future(grown, record.as_of):
        evidence = Evidence("Patient", "under 18 years of age", None)
        ledger.affirm(finding, Entry(Occurrence(None, None, evidence)))


def _deceased(finding: FindingDefinition, record: Record, ledger: Ledger) -> None:
    """File that the patient has died, by flag or by a date that is past.

    It silences every card, so a date that cannot be read or is still to come is noted only.
    """
    died = as_text(record.patient.get("deceasedDateTime"))
    date = read_date(died, record.zone)
    past = date is not None and not is_future(date, record.as_of)
    if record.patient.get("deceasedBoolean") is True or past:
        evidence = Evidence("Patient", "has died", died)
        ledger.affirm(finding, Entry(Occurrence(date, None, evidence)))
    elif died:
        ledger.note("Patient: a date of death that is none, or is to come, does not count")


_COMPUTATIONS: dict[Computation, Callable[[FindingDefinition, Record, Ledger], None]] = {
    Computation.BOTH_SIDES: _both_sides,
    Computation.WORSE: _worse,
    Computation.EPISODES: _episodes,
    Computation.MINOR: _minor,
    Computation.DECEASED: _deceased,
}
