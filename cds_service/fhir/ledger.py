"""What a record says of each finding, kept entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cds_service.clinical.facts import Evidence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since, Span, Unit, is_future, within, zone_of
from cds_service.fhir.entry import Entry, says

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.index import Index

# A "no" tells about now for as long as an observation does (docs/reading.md, "Live").
DENIAL_LIVES = Span(30, Unit.DAYS)


class Heard:
    """All entries of one finding: affirmed, denied, hinted, and affirmed of the past."""

    def __init__(self) -> None:
        """Begin with none."""
        self.affirmed: list[Entry] = []
        self.denied: list[Entry] = []
        self.hinted: list[Entry] = []
        self.past: list[Entry] = []


class Form(NamedTuple):
    """That our form was filled in for this patient, and when."""

    evidence: Evidence
    authored: Since | None


class Ledger:
    """The entries of a whole record. ``notes`` collects what could not be read or counted.

    ``form`` is the newest filling in of our form.
    """

    def __init__(self, index: Index, as_of: datetime) -> None:
        """Begin an empty ledger at a moment of judging."""
        self.index = index
        self.findings = index.findings
        self.as_of = as_of
        self.heard: dict[str, Heard] = {}
        self.notes: dict[str, None] = {}
        self.form: Form | None = None

    @property
    def zone(self) -> tzinfo:
        """Return the zone of judging."""
        return zone_of(self.as_of)

    @property
    def now(self) -> Since:
        """Return the moment of judging as a beginning."""
        return Since(self.as_of, self.as_of)

    def of(self, name: str) -> Heard:
        """Return the entries of a finding, to add to or to look at."""
        heard = self.heard.get(name)
        if heard is None:
            heard = self.heard[name] = Heard()
        return heard

    def note(self, text: str) -> None:
        """Keep a note, once."""
        self.notes.setdefault(text)

    def keep_form(self, reference: str, authored: Since | None, when: str | None) -> None:
        """Keep that our form was filled in, the newest time of all."""
        known = self.form.authored if self.form else None
        if self.form is None or (authored and (not known or authored.latest > known.latest)):
            text = says("the form on back pain was filled in", None)
            self.form = Form(Evidence(reference, text, when), authored)

    def affirm(self, finding: FindingDefinition, entry: Entry) -> None:
        """File an affirmation; without a number it may belong to another finding.

        An observation older than the finding lives says nothing of now and is dropped.
        """
        if finding.without_value and entry.occurrence.value is None:
            finding = self.findings[finding.without_value]
        if self.stale(entry, finding):
            return
        self._note_future(entry, entry.occurrence.since)
        self.of(finding.id).affirmed.append(entry)

    def deny(self, finding: FindingDefinition, entry: Entry, life: Span | None = None) -> None:
        """File a denial. It answers for as long as ``life``, and only if it is dated."""
        observed, life = entry.observed, life or finding.denial_lives
        if observed is None:
            self.note(
                f"{entry.occurrence.evidence.reference}: a denial without a date does not count"
            )
        elif is_future(observed, self.as_of):
            self._note_future(entry, observed)
        elif not self.older(observed, life):
            self.of(finding.id).denied.append(entry)

    def hint(self, finding: FindingDefinition, entry: Entry) -> None:
        """File what does not decide, but is a reason to ask, for as long as the finding lives."""
        if not self.stale(entry, finding):
            self.of(finding.id).hinted.append(entry)

    def older(self, since: Since, life: Span) -> bool:
        """Tell whether something began longer ago than ``life``."""
        return within(since, life, self.as_of) is Truth.ABSENT

    def stale(self, entry: Entry, finding: FindingDefinition) -> bool:
        """Tell whether an observation is older than its finding lives."""
        return bool(entry.observed and finding.lives and self.older(entry.observed, finding.lives))

    def live(self, name: str) -> list[Entry]:
        """Return the affirmations of a finding that nothing newer in the record has ended.

        A newer denial ends observations and answers, a newer answer with a date older answers.
        """
        heard = self.heard.get(name)
        if heard is None:
            return []
        denied = [each for each in heard.denied if not each.given]
        if not denied:
            return _last_said(heard.affirmed)
        return _last_said(
            [each for each in heard.affirmed if not any(map(each.is_ended_by, denied))]
        )

    def _note_future(self, entry: Entry, date: Since | None) -> None:
        if date is not None and is_future(date, self.as_of):
            self.note(f"{entry.occurrence.evidence.reference}: its date lies in the future")


def _last_said(affirmed: list[Entry]) -> list[Entry]:
    """Leave out answers that are older than one which says itself since when."""
    dated = [
        each.observed.earliest
        for each in affirmed
        if each.restates and each.observed and each.observed.earliest
    ]
    if not dated:
        return affirmed
    newest = max(dated)
    return [
        each
        for each in affirmed
        if each.restates is None or each.observed is None or each.observed.latest >= newest
    ]
