"""What a value answers: yes, no, a number, or nothing that could be told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import (
    as_dict,
    as_list,
    as_number,
    as_text,
    codings,
    concepts,
    said_codes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.fhir.index import Index

# An answer by a code of this system says why there is none. Source: FHIR R4, data-absent-reason.
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_POSITIVE = {"pos", "det"}
_NEGATIVE = {"neg", "nd"}
# A number and what it is counted in, typed: "39.6 C", "9/10", "8 out of 10", "4+/5", "92 kg".
_TYPED = re.compile(
    r"(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,6})?)\s*"
    r"(?:(?P<shade>[+-])?(?:/|out of|of)\s*(?P<of>100|10|5)"
    r"|(?P<unit>(?:deg(?:rees?)? )?"
    r"[a-z\u00b0\u00ba\u02da\u2103\u2109\u00b5\[%][a-z0-9_/%\]\u00b0]{0,14}))",
    re.IGNORECASE,
)
_LONGEST_TYPED = 30
# A first word, and what is said behind it.
_YES_AND = re.compile(
    r"(?P<first>[a-z]+)\b[\s,;:.!()\u2013-]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_LONGEST_SAID = 200
# The kinds of words behind a yes that leave nobody sure of it.
_TAKES_BACK = frozenset(
    {"contrast", "family", "history", "hypothetical", "negated", "questioned", "suspected"}
)
# A muscle grade between two: 4+ is more than 4 and less than 5.
_SHADES = {"+": 0.3, "-": -0.3, None: 0.0}


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
        return _named(_said(text, index))
    number = number_of(part)
    return True if number is not None and number > 0 else None


def _said(text: str, index: Index) -> str | None:
    """Return the answer that a text is: a word for it, or a yes and what is said of it.

    "Yes, since Monday" is a yes. One that is doubted, denied or past behind it ("yes, in 2019") is
    none that could be told, and a "no" with more behind it never denies.
    """
    whole = index.answers.of_answer(text)
    match = (
        _YES_AND.fullmatch(text.strip()) if whole is None and len(text) <= _LONGEST_SAID else None
    )
    if match is None or index.answers.of_answer(match["first"]) != "yes":
        return whole
    since = index.text.time_in(match["rest"])
    over = since is not None and not since.lasting
    return None if over or index.text.kinds(match["rest"]) & _TAKES_BACK else "yes"


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
        said = {name for word in words if (name := _said(word, index))}
    return _named(next(iter(said))) if len(said) == 1 else None


def number_of(part: dict[str, Any]) -> float | None:
    """Return the number of a value: quantity, integer, decimal, or a text that is a number."""
    return as_number(quantity_of(part).get("value"))


def quantity_of(part: dict[str, Any]) -> dict[str, Any]:
    """Return the value as a quantity; a bare number has no unit, one of a scale that scale ("/10").

    A quantity as words ("39.6 C") is read as if it had been sent in its parts.
    """
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        return quantity
    for key in ("valueInteger", "valueDecimal"):
        if as_number(part.get(key)) is not None:
            return {"value": part[key]}
    said = [part.get("valueString")]
    for concept in concepts(part.get("valueCodeableConcept")):
        said += [concept.get("text"), *(each.get("display") for each in codings(concept))]
    return next((read for text in said if (read := _typed(text))), {})


def _typed(text: object) -> dict[str, Any]:
    """Return the quantity that a short text is; an empty one where it is none."""
    if not isinstance(text, str) or len(text) > _LONGEST_TYPED:
        return {}
    if (number := as_number(text)) is not None:
        return {"value": number}
    match = _TYPED.fullmatch(text.strip())
    if match is None:
        return {}
    value = float(match["number"].replace(",", "."))
    if match["of"]:
        return {"value": value + _SHADES[match["shade"]], "unit": f"/{match['of']}"}
    return {"value": value, "unit": match["unit"].strip()}


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


def item_answers(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answers of a form's item; one that says why there is none is no answer."""
    for each in as_list(item.get("answer")):
        given = as_dict(each)
        if as_dict(given.get("valueCoding")).get("system") != ABSENT_REASON:
            yield given


def yes_or_no(given: dict[str, Any], index: Index) -> bool | None:
    """Return the yes or no of a form's answer; None where it is something else."""
    if isinstance(given.get("valueBoolean"), bool):
        return bool(given["valueBoolean"])
    coding = given.get("valueCoding")
    if isinstance(coding, dict):
        return concept_answer({"coding": [coding]}, index)
    text = as_text(given.get("valueString"))
    return _named(_said(text, index)) if text else None


def value_of(given: dict[str, Any]) -> object:
    """Return the value of a form's answer, of whatever type."""
    return next((value for key, value in given.items() if key.startswith("value")), None)


def as_part(given: dict[str, Any]) -> dict[str, Any]:
    """Return a form's answer as the value of an observation, so that it is read the same way."""
    value = value_of(given)
    if isinstance(value, dict):
        return {"valueQuantity": value}
    return {"valueString" if isinstance(value, str) else "valueDecimal": value}


def comparator(part: dict[str, Any]) -> str:
    """Return the first sign of a quantity's comparator, "" where the value is exact."""
    return (as_text(as_dict(part.get("valueQuantity")).get("comparator")) or "")[:1]
