"""One measured value against the limit of its finding: does it affirm, deny, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cds_service.content.findings import Reading
from cds_service.fhir.access import as_dict, as_list, as_number, as_text, concepts, said_codes
from cds_service.fhir.answers import (
    comparator,
    concept_answer,
    interpretation_codes,
    number_of,
    quantity_of,
)
from cds_service.fhir.circumstances import severity_said
from cds_service.fhir.units import celsius, millimoles, score_of_ten, unit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cds_service.content.findings import Measured
    from cds_service.fhir.index import Index
    from cds_service.fhir.units import Amount

_LOW = {"l", "ll", "lu", "<"}
_HIGH = {"h", "hh", "hu", ">"}
_NORMAL = {"n"}
_POSITIVE = {"pos", "det", "a", "aa"}
_NEGATIVE = {"neg", "nd"}
_MAX_GRADE = 5
_OTHER_SCALES = {"/10", "/100", "%", "kg", "n"}
_MAX_WORDS = 20


class Compared:
    """A value beside its limit: does it affirm (None: cannot be told), its number, its words."""

    __slots__ = ("affirms", "value", "words")

    def __init__(self, affirms: bool | None, value: float | None, words: str) -> None:  # noqa: FBT001  None is the third
        """Keep what a value comes to."""
        self.affirms: Final = affirms
        self.value: Final = value
        self.words: Final = words


def compare(
    measured: Measured, part: dict[str, Any], index: Index, code: str | None = None
) -> Compared | None:
    """Compare a value with the limit of its finding; None where there is none to read.

    ``code`` is that of the instrument, where it has one.
    """
    if code in measured.of_ten:
        return _score(measured, part, index, short=True)
    return _READINGS[measured.reading](measured, part, index)


def _temperature(measured: Measured, part: dict[str, Any], _: Index) -> Compared | None:
    amount = celsius(quantity_of(part))
    return _from_limit(measured, amount, part) if amount else None


def _score(
    measured: Measured, part: dict[str, Any], index: Index, *, short: bool = False
) -> Compared | None:
    """Read a pain score, or the word in its place: severe reaches the limit, moderate does not."""
    quantity = quantity_of(part)
    if as_number(quantity.get("value")) is not None:
        amount = score_of_ten(quantity, short=short)
        return _from_limit(measured, amount, part) if amount else None
    how_bad = severity_said(part, index)
    return None if how_bad is None else Compared(how_bad == "severe", None, how_bad)


def _from_limit(measured: Measured, amount: Amount, part: dict[str, Any]) -> Compared:
    """Compare with a lower limit; "<40" or ">37" only tell what they can."""
    sign = comparator(part)
    affirms: bool | None = amount.value >= measured.limit
    if sign == "<" and amount.value > measured.limit:
        affirms = None
    elif sign == "<":
        affirms = False
    elif sign == ">" and not affirms:
        affirms = None
    return Compared(affirms, amount.value, f"{sign}{amount.says}")


def _low_lab(measured: Measured, part: dict[str, Any], _: Index) -> Compared | None:
    """Compare with the laboratory's own lower limit, else its flag, else the adult default.

    Source: docs/reading.md, "Laboratory values".
    """
    quantity = quantity_of(part)
    value = as_number(quantity.get("value"))
    if value is None:
        return None
    unit, sign = (
        as_text(quantity.get("unit")) or as_text(quantity.get("code")) or "",
        comparator(part),
    )
    shown = f"{sign}{value:g} {unit}".strip()
    low = next(_limits(part, "low", unit_of(quantity)), None)
    if low is not None:
        return Compared(
            _below(value, low, sign), value, f"{shown}, laboratory's lower limit {low:g}"
        )
    flags = interpretation_codes(part)
    if flags & (_LOW | _HIGH | _NORMAL):
        flagged = f"{shown}, flagged {', '.join(sorted(flags))}"
        return Compared(bool(flags & _LOW), value, flagged)
    amount = millimoles(quantity, measured.mass_per_mmol)
    if amount is None:
        return None
    affirms = _below(amount.value, measured.limit, sign)
    basis = f", below the adult default {measured.limit:g} mmol/L" if affirms else ""
    return Compared(affirms, amount.value, f"{sign}{amount.says}{basis}")


def _below(value: float, limit: float, sign: str) -> bool | None:
    if sign == "<":
        return True if value <= limit else None
    if sign == ">":
        return False if value >= limit else None
    return value < limit


def _limits(part: dict[str, Any], side: str, unit: str | None) -> Iterator[float]:
    """Yield the limits of the normal ranges that are in the unit of the value, or in none."""
    for each in as_list(part.get("referenceRange")):
        given = as_dict(each)
        kinds = said_codes(given.get("type"))
        limit = as_dict(given.get(side))
        value = as_number(limit.get("value"))
        if value is None or (kinds and "normal" not in kinds):
            continue
        if unit is None or unit_of(limit) in {None, unit}:
            yield value


def _urine_blood(_: Measured, part: dict[str, Any], index: Index) -> Compared | None:
    """Read blood in urine: positive, 1+ and the like, or more than the laboratory's range.

    A trace is neither yes nor no.
    """
    for concept in concepts(part.get("valueCodeableConcept")):
        said = concept_answer(concept, index)
        return Compared(said, None, "positive" if said else "negative")
    text = as_text(part.get("valueString"))
    if text is not None and as_number(text) is None:
        name = index.answers.of_answer(text)
        return Compared(None if name is None else name == "yes", None, text[:_MAX_WORDS])
    quantity, number = quantity_of(part), number_of(part)
    high = next(_limits(part, "high", unit_of(quantity)), None)
    if number is not None and high is not None:
        sign = comparator(part)
        words = f"{sign}{number:g}, laboratory's upper limit {high:g}"
        return Compared(_above(number, high, sign), None, words)
    flags = interpretation_codes(part)
    if flags & (_POSITIVE | _HIGH):
        return Compared(affirms=True, value=None, words=f"flagged {min(flags)}")
    if flags & (_NEGATIVE | _NORMAL):
        return Compared(affirms=False, value=None, words=f"flagged {min(flags)}")
    return None


def _above(value: float, limit: float, sign: str) -> bool | None:
    if sign == "<":
        return False if value <= limit else None
    if sign == ">":
        return True if value >= limit else None
    return value > limit


def _grade(_: Measured, part: dict[str, Any], __: Index) -> Compared | None:
    """Keep a muscle grade (0 to 5): only a fall means anything (docs/reading.md, "Worse")."""
    quantity = quantity_of(part)
    number, unit = as_number(quantity.get("value")), unit_of(quantity)
    if number is None or not 0 <= number <= _MAX_GRADE or unit in _OTHER_SCALES:
        return None
    return Compared(affirms=True, value=number, words=f"{number:g} of 5")


_READINGS: dict[Reading, Callable[[Measured, dict[str, Any], Index], Compared | None]] = {
    Reading.TEMPERATURE: _temperature,
    Reading.SCORE: _score,
    Reading.LOW_LAB: _low_lab,
    Reading.URINE_BLOOD: _urine_blood,
    Reading.GRADE: _grade,
}
