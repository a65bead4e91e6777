"""Findings given by name beside a record, or in its place: the newest evidence there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since
from cds_service.fhir.computed import meant
from cds_service.fhir.entry import Entry, says
from cds_service.fhir.index import PAIN

if TYPE_CHECKING:
    from cds_service.fhir.ledger import Ledger

REFERENCE = "given"


@dataclass(frozen=True, slots=True)
class Given:
    """One finding as somebody states it: its state, and its number and beginning if known."""

    name: str
    state: Truth
    value: float | None = None
    since: Since | None = None
    when: str | None = None

    def file(self, ledger: Ledger) -> None:
        """File it. A "no" that contradicts the record leaves the record standing, with a note."""
        finding = ledger.findings[self.name]
        now = ledger.now
        if self.state is Truth.PRESENT:
            number = None if self.value is None else f"{self.value:g}"
            text = says("stated as present", self.since, number)
            evidence = Evidence(REFERENCE, text, self.when)
            value = meant(finding) if self.value is None else self.value
            ledger.affirm(finding, Entry(Occurrence(self.since, value, evidence)))
        elif self.state is Truth.ABSENT:
            evidence = Evidence(REFERENCE, "stated as absent", ledger.as_of.date().isoformat())
            ledger.deny(finding, Entry(Occurrence(now, None, evidence), now, given=True))
        else:
            evidence = Evidence(REFERENCE, "stated as unknown")
            ledger.hint(finding, Entry(Occurrence(None, None, evidence), now))


def implied_gate() -> Given:
    """Return the back pain that findings imply when they are posted without saying so."""
    return Given(PAIN, Truth.PRESENT)
