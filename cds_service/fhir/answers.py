"""What a value answers: yes, no, a number, or nothing that could be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_number, as_text, codings, concepts, said_codes

if TYPE_CHECKING:
    from cds_service.fhir.index import Index

_POSITIVE = {"pos", "det"}
_NEGATIVE = {"neg", "nd"}


def answer(part: dict[str, Any], index: Index) -> bool | None:
    """Return the yes or no of an Observation or component; None where it cannot be told.

    A reason for absent data is no denial. A number above zero affirms; zero says nothing.
    Source: docs/reading.md, "Denied".
    """
    if part.get("dataAbsentReason"):
        return None
    said = _value(part, index)
    interpreted = _interpretation(part)
    if said is None:
        return interpreted
    return said if interpreted in {None, said} else None


def _value(part: dict[str, Any], index: Index) -> bool | None:
    if isinstance(part.get("valueBoolean"), bool):
        return bool(part["valueBoolean"])
    for concept in concepts(part.get("valueCodeableConcept")):
        return concept_answer(concept, index)
    text = as_text(part.get("valueString"))
    if text is not None:
        return _named(index.answers.of_answer(text))
    number = number_of(part)
    return True if number is not None and number > 0 else None


def concept_answer(concept: dict[str, Any], index: Index) -> bool | None:
    """Return the yes or no that a concept or Coding says by its code, or by its whole words.

    Words count only where no code says anything; those that contradict each other say nothing.
    """
    listed = codings(concept)
    said = {name for coding in listed if (name := index.answers.of_code(coding))}
    if not said:
        texts = [concept.get("text")]
        for coding in listed:
            texts += [coding.get("display"), coding.get("code")]
        words = [word for text in texts if (word := as_text(text))]
        said = {name for word in words if (name := index.answers.of_answer(word))}
    return _named(next(iter(said))) if len(said) == 1 else None


def number_of(part: dict[str, Any]) -> float | None:
    """Return the number of a value: quantity, integer, decimal, or a text that is a number."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        return as_number(quantity.get("value"))
    for key in ("valueInteger", "valueDecimal", "valueString"):
        number = as_number(part.get(key))
        if number is not None:
            return number
    for concept in concepts(part.get("valueCodeableConcept")):
        for text in (concept.get("text"), *(each.get("display") for each in codings(concept))):
            number = as_number(text)
            if number is not None:
                return number
    return None


def quantity_of(part: dict[str, Any]) -> dict[str, Any]:
    """Return the value as a quantity; a bare number has no unit."""
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        return quantity
    number = number_of(part)
    return {} if number is None else {"value": number}


def interpretation_codes(part: dict[str, Any]) -> set[str]:
    """Return the interpretation codes in lower case: a list (R4), or one concept (STU3, DSTU2)."""
    return set(said_codes(part["interpretation"])) if "interpretation" in part else set()


def _interpretation(part: dict[str, Any]) -> bool | None:
    codes = interpretation_codes(part)
    if codes & _NEGATIVE:
        return None if codes & _POSITIVE else False
    return True if codes & _POSITIVE else None


def _named(name: str | None) -> bool | None:
    return None if name is None else name == "yes"


def comparator(part: dict[str, Any]) -> str:
    """Return the first sign of a quantity's comparator, "" where the value is exact."""
    return (as_text(as_dict(part.get("valueQuantity")).get("comparator")) or "")[:1]
