"""Measurements filed under their findings: some at once, the latest laboratory value, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.windows import Since, Span, Unit, is_future
from cds_service.content.findings import Reading
from cds_service.fhir.answers import quantity_of
from cds_service.fhir.circumstances import SIDES
from cds_service.fhir.entry import Entry, says
from cds_service.fhir.readings import Compared, compare
from cds_service.fhir.units import Amount, kilograms

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.content.findings import FindingDefinition, Measured
    from cds_service.fhir.index import Index
    from cds_service.fhir.ledger import Ledger
    from cds_service.fhir.statement import Statement

# Weights are compared between 30 days and 12 months apart. Source: docs/reading.md, "Weight".
_APART = 30
_LOOK_BACK = Span(12, Unit.MONTHS)
_BACK = "back"


class _Weight:
    __slots__ = ("amount", "since", "statement")

    def __init__(self, since: Since, amount: Amount, statement: Statement) -> None:
        self.since: Final = since
        self.amount: Final = amount
        self.statement: Final = statement


class Measurements:
    """Reads measurements into a ledger; laboratory values and weights wait for their fellows."""

    def __init__(self, index: Index, ledger: Ledger) -> None:
        """Begin without any, to be filed into a ledger."""
        self.index = index
        self.ledger = ledger
        self.latest: dict[str, tuple[Since, Compared, Statement]] = {}
        self.weights: dict[str, list[_Weight]] = {}

    def read(
        self,
        finding: FindingDefinition,
        words: str,
        part: dict[str, Any],
        statement: Statement,
        code: str | None = None,
    ) -> None:
        """File one measurement, called by ``words``, under the finding that it measures.

        ``code`` is that of the instrument, where it has one.
        """
        measured = _measured(finding)
        if part.get("dataAbsentReason") or not _at_site(measured, statement):
            return
        if measured.reading is Reading.WEIGHT:
            self._weigh(finding, part, statement)
            return
        compared = compare(measured, part, self.index, code)
        if compared is None or compared.affirms is None:
            if compared is not None or any(key.startswith("value") for key in part):
                self._unread(finding, words, statement)
            return
        compared = Compared(compared.affirms, compared.value, f"{words} {compared.words}")
        if measured.reading is Reading.LOW_LAB and statement.since is not None:
            self._keep_latest(finding, compared, statement.since, statement)
        else:
            self._file(finding, compared, statement)

    def finish(self) -> None:
        """File what only the latest of several values can say."""
        for name, (_, compared, statement) in self.latest.items():
            self._file(self.ledger.findings[name], compared, statement)
        for name, weights in self.weights.items():
            self._compare_weights(self.ledger.findings[name], weights)

    def _keep_latest(
        self,
        finding: FindingDefinition,
        compared: Compared,
        since: Since,
        statement: Statement,
    ) -> None:
        """Keep the newest value of a laboratory finding; one dated in the future is none."""
        kept = self.latest.get(finding.id)
        if is_future(since, self.ledger.as_of):
            self.ledger.note(f"{statement.reference}: its date lies in the future")
        elif kept is None or since.latest > kept[0].latest:
            self.latest[finding.id] = (since, compared, statement)

    def _file(self, finding: FindingDefinition, compared: Compared, statement: Statement) -> None:
        measured, since = _measured(finding), statement.since
        words = says(compared.words, since, statement.remark)
        evidence = Evidence(statement.reference, words, statement.when)
        sides = frozenset(statement.body_sites & SIDES)
        entry = Entry(Occurrence(since, compared.value, evidence), since, sides=sides)
        if not compared.affirms:
            self.ledger.deny(finding, entry, measured.answers)
        elif not (
            # An old score does not make today's pain severe. Source: docs/reading.md, "Severe".
            measured.reading is Reading.SCORE
            and since is not None
            and self.ledger.older(since, measured.answers)
        ):
            self.ledger.affirm(finding, entry)

    def _unread(self, finding: FindingDefinition, words: str, statement: Statement) -> None:
        """Say that a measurement was there and could not be compared: it is not a no."""
        text = says(f"{words}, value not readable", statement.since)
        evidence = Evidence(statement.reference, text, statement.when)
        hint = Entry(Occurrence(statement.since, None, evidence), statement.since)
        if not self.ledger.stale(hint, finding):
            why = "could not be read (its value, unit or range)"
            self.ledger.note(f"{statement.reference}: {words} {why}")
            self.ledger.hint(finding, hint)

    def _weigh(
        self, finding: FindingDefinition, part: dict[str, Any], statement: Statement
    ) -> None:
        amount = kilograms(quantity_of(part))
        if amount is None or statement.since is None:
            self.ledger.note(f"{statement.reference}: body weight or its date could not be read")
        elif is_future(statement.since, self.ledger.as_of):
            self.ledger.note(f"{statement.reference}: its date lies in the future")
        else:
            weight = _Weight(statement.since, amount, statement)
            self.weights.setdefault(finding.id, []).append(weight)

    def _compare_weights(self, finding: FindingDefinition, weights: list[_Weight]) -> None:
        """Compare the latest weight with the highest of the 12 months before it (R05)."""
        measured = _measured(finding)
        latest = max(weights, key=lambda each: each.since.latest)
        then = latest.since.latest
        before = [
            each
            for each in weights
            if self._day(then) - self._day(each.since.latest) >= _APART
            and _LOOK_BACK.reaches(each.since.latest, then.astimezone(self.ledger.zone))
        ]
        # Old weights say nothing of now, neither yes nor no.
        if not before or self.ledger.older(latest.since, measured.answers):
            return
        highest = max(before, key=lambda each: each.amount.value)
        # Rounded, so that exactly 5 % stays 5 % whatever the pounds were converted to.
        lost = round(100 * (1 - latest.amount.value / highest.amount.value), 6)
        words = (
            f"weight {latest.amount.says} after {highest.amount.says} "
            f"({highest.statement.when}): {lost:.1f} % less"
        )
        evidence = Evidence(latest.statement.reference, words, latest.statement.when)
        entry = Entry(Occurrence(latest.since, None, evidence), latest.since)
        if lost > measured.limit:
            self.ledger.affirm(finding, entry)
        else:
            self.ledger.deny(finding, entry, measured.answers)

    def _day(self, moment: datetime) -> int:
        return moment.astimezone(self.ledger.zone).toordinal()


def _measured(finding: FindingDefinition) -> Measured:
    assert finding.measured is not None  # noqa: S101  only measuring marks lead here
    return finding.measured


def _at_site(measured: Measured, statement: Statement) -> bool:
    """Tell whether a score is of the finding's site; one without a site is of the back."""
    if measured.site is None:
        return True
    return measured.site in (statement.body_sites - SIDES or {_BACK})
