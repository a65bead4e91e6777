"""Measurements: temperature, pain score, laboratory values and weights against a limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.content.findings import Reading
from cds_service.fhir.access import as_dict, as_list, as_number, as_text, concepts
from cds_service.fhir.answers import (
    comparator,
    concept_answer,
    interpretation_codes,
    number_of,
    quantity_of,
)
from cds_service.fhir.ledger import Entry, says
from cds_service.fhir.units import celsius, kilograms, millimoles, score_of_ten, unit_of

if TYPE_CHECKING:
    from cds_service.clinical.windows import Since
    from cds_service.content.findings import FindingDefinition, Measured
    from cds_service.fhir.index import Index
    from cds_service.fhir.ledger import Ledger
    from cds_service.fhir.statements import Statement
    from cds_service.fhir.units import Amount

_LOW = {"l", "ll", "lu", "<"}
_HIGH = {"h", "hh", "hu", ">", "a", "aa"}
# Weights are compared between 30 days and 12 months apart, the last one at most 90 days old.
# Source: CRITERIA, R05.
_APART = timedelta(days=30)
_LOOK_BACK = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class _Read:
    """A reading that could be compared: does it affirm, its value, how it says itself."""

    affirms: bool | None
    value: float | None
    words: str


@dataclass(frozen=True, slots=True)
class _Dated:
    since: Since
    reading: _Read
    statement: Statement


@dataclass(slots=True)
class Measurements:
    """Reads measurements into a ledger; laboratory values and weights wait for their fellows."""

    index: Index
    ledger: Ledger
    latest: dict[str, list[_Dated]] = field(default_factory=dict)
    weights: dict[str, list[tuple[Since, Amount, Statement]]] = field(default_factory=dict)

    def read(
        self, finding: FindingDefinition, words: str, part: dict[str, Any], statement: Statement
    ) -> None:
        """File one measurement, called by ``words``, under the finding that it measures."""
        measured = finding.measured
        assert measured is not None  # noqa: S101  only measuring marks lead here
        if part.get("dataAbsentReason"):
            return
        if measured.reading is Reading.WEIGHT:
            self._weigh(finding, part, statement)
            return
        if measured.reading is Reading.SCORE and not _at_site(measured, statement):
            return
        reading = _READERS[measured.reading](measured, part, self.index)
        if reading is None or reading.affirms is None:
            if reading is not None or _has_value(part):
                self._unread(finding, words, statement)
            return
        reading = _Read(reading.affirms, reading.value, f"{words} {reading.words}")
        if measured.reading is Reading.LOW_LAB and statement.since is not None:
            dated = _Dated(statement.since, reading, statement)
            self.latest.setdefault(finding.id, []).append(dated)
            return
        self._file(finding, reading, statement)

    def finish(self) -> None:
        """File what only the latest of several values can say."""
        for name, readings in self.latest.items():
            newest = max(readings, key=lambda each: each.since.latest)
            self._file(self.ledger.findings[name], newest.reading, newest.statement)
        for name in self.weights:
            self._compare_weights(self.ledger.findings[name])

    def _file(self, finding: FindingDefinition, reading: _Read, statement: Statement) -> None:
        measured = finding.measured
        assert measured is not None  # noqa: S101
        words = says(reading.words, statement.since, statement.remark)
        evidence = Evidence(statement.reference, words, statement.when)
        entry = Entry(Occurrence(statement.since, reading.value, evidence), statement.since)
        if reading.affirms:
            self.ledger.affirm(finding, entry)
        else:
            self.ledger.deny(finding, entry, measured.answers)

    def _unread(self, finding: FindingDefinition, words: str, statement: Statement) -> None:
        """Say that a measurement was there and could not be compared: it is not a no."""
        self.ledger.note(
            f"{statement.reference}: {words} could not be read (its value, unit or range)"
        )
        text = says(f"{words}, value not readable", statement.since)
        evidence = Evidence(statement.reference, text, statement.when)
        hint = Entry(Occurrence(statement.since, None, evidence), statement.since)
        if statement.since is None or not self.ledger.stale(hint, finding):
            self.ledger.of(finding.id).hinted.append(hint)

    def _weigh(
        self, finding: FindingDefinition, part: dict[str, Any], statement: Statement
    ) -> None:
        amount = kilograms(quantity_of(part))
        if amount is None:
            self.ledger.note(f"{statement.reference}: body weight could not be read")
        elif statement.since is not None:
            entry = (statement.since, amount, statement)
            self.weights.setdefault(finding.id, []).append(entry)

    def _compare_weights(self, finding: FindingDefinition) -> None:
        """Compare the latest weight with the highest of the 12 months before it (R05)."""
        measured = finding.measured
        assert measured is not None  # noqa: S101
        past = [each for each in self.weights[finding.id] if each[0].latest <= self._end_of_day()]
        if not past:
            return
        since, now, statement = max(past, key=lambda each: each[0].latest)
        before = [
            each
            for each in past
            if _APART <= since.latest - each[0].latest <= _LOOK_BACK
        ]
        if not before:
            return
        _, highest, earlier = max(before, key=lambda each: each[1].value)
        lost = 100 * (highest.value - now.value) / highest.value
        words = f"weight {now.says} after {highest.says} ({earlier.when}): {lost:.1f} % less"
        evidence = Evidence(statement.reference, words, statement.when)
        entry = Entry(Occurrence(since, None, evidence), since)
        # Old weights say nothing of now, neither yes nor no.
        if self.ledger.older(since, measured.answers):
            return
        if lost > measured.limit:
            self.ledger.affirm(finding, entry)
        else:
            self.ledger.deny(finding, entry, measured.answers)

    def _end_of_day(self) -> Any:
        return self.ledger.as_of.replace(hour=23, minute=59, second=59, microsecond=999999)


def _temperature(measured: Measured, part: dict[str, Any], index: Index) -> _Read | None:
    del index
    amount = celsius(quantity_of(part))
    return _against(measured, amount, part) if amount else None


def _score(measured: Measured, part: dict[str, Any], index: Index) -> _Read | None:
    del index
    number = number_of(part)
    amount = score_of_ten(number, part.get("valueQuantity")) if number is not None else None
    return _against(measured, amount, part) if amount else None


def _against(measured: Measured, amount: Amount, part: dict[str, Any]) -> _Read:
    """Compare with a lower limit; "<40" or ">37" only tell what they can."""
    reached = amount.value >= measured.limit
    match comparator(part):
        case "<":
            affirms = None if reached and amount.value > measured.limit else False
        case ">":
            affirms = True if reached else None
        case _:
            affirms = reached
    return _Read(affirms, amount.value, f"{comparator(part)}{amount.says}")


def _low_lab(measured: Measured, part: dict[str, Any], index: Index) -> _Read | None:
    """Compare with the laboratory's own lower limit, else its flag, else the adult default.

    Source: CRITERIA, F02.
    """
    del index
    quantity = quantity_of(part)
    value = as_number(quantity.get("value"))
    if value is None:
        return None
    unit = as_text(quantity.get("unit")) or as_text(quantity.get("code")) or ""
    shown = f"{comparator(part)}{value:g} {unit}".strip()
    low = _reference_low(part, unit_of(quantity))
    flags = interpretation_codes(part)
    if low is not None:
        basis = f"{shown}, laboratory's lower limit {low:g}"
        return _Read(_below(value, low, comparator(part)), value, basis)
    if flags:
        return _Read(bool(flags & _LOW), value, f"{shown}, flagged {', '.join(sorted(flags))}")
    amount = millimoles(quantity, measured.mass_per_mmol)
    if amount is None:
        return None
    basis = f"{amount.says}, below the adult default {measured.limit:g} mmol/L"
    affirms = _below(amount.value, measured.limit, comparator(part))
    return _Read(affirms, amount.value, basis if affirms else amount.says)


def _below(value: float, limit: float, sign: str) -> bool | None:
    below = value < limit
    if sign == "<":
        return True if value <= limit else None
    if sign == ">":
        return False if value >= limit else None
    return below


def _reference_low(part: dict[str, Any], unit: str | None) -> float | None:
    for each in as_list(part.get("referenceRange")):
        low = as_dict(as_dict(each).get("low"))
        limit_unit = unit_of(low)
        if limit_unit is None or unit is None or limit_unit == unit:
            value = as_number(low.get("value"))
            if value is not None:
                return value
    return None


def _urine_blood(measured: Measured, part: dict[str, Any], index: Index) -> _Read | None:
    """Read blood in urine: positive, 1+ and the like, or more than the laboratory's range."""
    del measured
    for concept in concepts(part.get("valueCodeableConcept")):
        said = concept_answer(concept, index)
        return _Read(said, None, "positive" if said else "negative")
    text = as_text(part.get("valueString"))
    if text is not None and as_number(text) is None:
        name = index.answers.of_answer(text)
        return _Read(None if name is None else name == "yes", None, text[:20])
    number, flags = number_of(part), interpretation_codes(part)
    highs = [
        as_number(as_dict(as_dict(each).get("high")).get("value"))
        for each in as_list(part.get("referenceRange"))
    ]
    high = next((each for each in highs if each is not None), None)
    if number is not None and high is not None:
        return _Read(number > high, None, f"{number:g}, laboratory's upper limit {high:g}")
    if flags:
        return _Read(bool(flags & (_HIGH | {"pos", "det"})), None, f"flagged {sorted(flags)[0]}")
    return None


def _grade(measured: Measured, part: dict[str, Any], index: Index) -> _Read | None:
    """Keep a muscle grade (0 to 5) as it is: only a fall means anything (CRITERIA, R02)."""
    del measured, index
    number = number_of(part)
    if number is None or not 0 <= number <= 5:  # noqa: PLR2004
        return None
    return _Read(affirms=True, value=number, words=f"{number:g} of 5")


_READERS = {
    Reading.TEMPERATURE: _temperature,
    Reading.SCORE: _score,
    Reading.LOW_LAB: _low_lab,
    Reading.URINE_BLOOD: _urine_blood,
    Reading.GRADE: _grade,
}
_SITES = {"back", "leg", "saddle", "abdomen"}


def _at_site(measured: Measured, statement: Statement) -> bool:
    """Tell whether a score is of the finding's site; one without a site is of the back."""
    named = statement.body_sites & _SITES
    if not named and not statement.body_sites:
        return measured.site == "back"
    return measured.site in named


def _has_value(part: dict[str, Any]) -> bool:
    return any(key.startswith("value") for key in part)
