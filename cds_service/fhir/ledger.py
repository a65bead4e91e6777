"""What a record says of each finding, kept entry by entry and settled at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Finding, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since, Span, Unit, is_future, within

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from cds_service.content.findings import FindingDefinition

# A "no" tells about now for as long as an observation does (CRITERIA, "Words": live).
DENIAL_LIVES = Span(30, Unit.DAYS)
_CHRONIC = timedelta(days=43)


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in the record that speaks of a finding.

    ``observed`` is when it was seen or said, for observations and answers, which age and which a
    newer denial ends; None for entries such as conditions, which their own status ends.
    ``endable`` is False for measurements: each stands for its own moment. ``given`` marks what
    was stated beside the record: as a "no" it ends nothing that the record affirms.
    """

    occurrence: Occurrence
    observed: Since | None = None
    endable: bool = False
    sides: frozenset[str] = frozenset()
    given: bool = False


@dataclass(slots=True)
class Heard:
    """All entries of one finding: affirmed, denied, hinted, and affirmed of the past."""

    affirmed: list[Entry] = field(default_factory=list)
    denied: list[Entry] = field(default_factory=list)
    hinted: list[Entry] = field(default_factory=list)
    past: list[Entry] = field(default_factory=list)


class Ledger:
    """The entries of a whole record. ``notes`` collects what could not be read or counted."""

    def __init__(self, findings: Mapping[str, FindingDefinition], as_of: datetime) -> None:
        """Begin an empty ledger at a moment of judging."""
        self.findings = findings
        self.as_of = as_of
        self.heard: dict[str, Heard] = {}
        self.notes: list[str] = []

    @property
    def zone(self) -> tzinfo:
        """Return the zone of judging."""
        zone = self.as_of.tzinfo
        assert zone is not None  # noqa: S101  Facts refuses a moment without a zone
        return zone

    @property
    def now(self) -> Since:
        """Return the moment of judging as a beginning."""
        return Since(self.as_of, self.as_of)

    def of(self, name: str) -> Heard:
        """Return the entries of a finding, to add to or to look at."""
        return self.heard.setdefault(name, Heard())

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def affirm(self, finding: FindingDefinition, entry: Entry) -> None:
        """File an affirmation; without a number it may belong to another finding.

        An observation older than the finding lives says nothing of now and is dropped.
        """
        if finding.without_value and entry.occurrence.value is None:
            finding = self.findings[finding.without_value]
        if self.stale(entry, finding):
            return
        since = entry.occurrence.since
        if since is not None and is_future(since, self.as_of):
            self.note(f"{entry.occurrence.evidence.reference}: its date lies in the future")
        self.of(finding.id).affirmed.append(entry)

    def deny(self, finding: FindingDefinition, entry: Entry, life: Span = DENIAL_LIVES) -> None:
        """File a denial. It answers for as long as ``life``, and only if it is dated."""
        evidence, observed = entry.occurrence.evidence, entry.observed
        if observed is None:
            self.note(f"{evidence.reference}: a denial without a date does not count")
        elif is_future(observed, self.as_of):
            self.note(f"{evidence.reference}: its date lies in the future")
        elif not self.older(observed, life):
            self.of(finding.id).denied.append(entry)

    def older(self, since: Since, life: Span) -> bool:
        """Tell whether something began longer ago than ``life``."""
        return within(since, life, self.as_of) is Truth.ABSENT

    def stale(self, entry: Entry, finding: FindingDefinition) -> bool:
        """Tell whether an observation is older than its finding lives."""
        return bool(entry.observed and finding.lives and self.older(entry.observed, finding.lives))

    def settle(self) -> dict[str, Finding]:
        """Return the state of every finding that was heard of."""
        self._spread_denials()
        settled = {name: self._settle(name, heard) for name, heard in self.heard.items()}
        for name, finding in settled.items():
            unless = self.findings[name].unless
            excuse = settled.get(unless) if unless else None
            if finding.state is Truth.PRESENT and excuse and excuse.state is Truth.PRESENT:
                settled[name] = Finding(name, Truth.ABSENT, excuse.occurrences)
        return {
            name: finding
            for name, finding in settled.items()
            if finding.occurrences or finding.state is not Truth.UNKNOWN
        }

    def _spread_denials(self) -> None:
        """Let a "no" to the wider finding be a "no" to its kinds, and to its measured twin."""
        for finding in self.findings.values():
            wider = [finding.kind_of] if finding.kind_of else []
            wider += [*finding.of] if finding.computed and len(finding.of) == 1 else []
            for name in wider:
                if name in self.heard:
                    self.of(finding.id).denied += self.heard[name].denied
            twin = finding.without_value
            if twin:
                both = [
                    entry for each in (finding.id, twin) if each in self.heard
                    for entry in self.heard[each].denied
                ]
                if both:
                    self.of(finding.id).denied = self.of(twin).denied = both

    def _settle(self, name: str, heard: Heard) -> Finding:
        recorded = [each for each in heard.denied if not each.given]
        affirmed = [each for each in heard.affirmed if not _ended(each, recorded)]
        if affirmed:
            for denial in heard.denied:
                self.note(
                    f"{denial.occurrence.evidence.reference} denies “{name}”, but "
                    f"{affirmed[0].occurrence.evidence.reference} records it: it counts as present"
                )
            return Finding(name, Truth.PRESENT, _occurrences(affirmed))
        if heard.denied:
            newest = max(heard.denied, key=_seen_last)
            if not any(_newer(hint, newest) for hint in heard.hinted):
                return Finding(name, Truth.ABSENT, _occurrences(heard.denied))
        return Finding(name, Truth.UNKNOWN, _occurrences(heard.hinted))


def chronic(since: Since | None, as_of: datetime) -> Since:
    """Return a beginning more than 42 days ago (CRITERIA, "Words": without a date)."""
    latest = as_of - _CHRONIC
    return Since(None, min(latest, since.latest) if since else latest)


def says(words: str, since: Since | None, *remarks: str | None) -> str:
    """Put the words of evidence together; a missing date is said."""
    parts = [words, *(remark for remark in remarks if remark)]
    if since is None:
        parts.append("date not recorded")
    return ", ".join(parts)


def _occurrences(entries: list[Entry]) -> tuple[Occurrence, ...]:
    return tuple(dict.fromkeys(entry.occurrence for entry in entries))


def _seen_last(entry: Entry) -> datetime:
    assert entry.observed is not None  # noqa: S101  only dated denials are filed
    return entry.observed.latest


def _ended(affirmation: Entry, denials: list[Entry]) -> bool:
    return affirmation.endable and any(_newer(denial, affirmation) for denial in denials)


def _newer(one: Entry, other: Entry) -> bool:
    """Tell whether one entry was wholly seen after the other; an undated one is never older."""
    if one.observed is None or other.observed is None or one.observed.earliest is None:
        return False
    return one.observed.earliest > other.observed.latest
