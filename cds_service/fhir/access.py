"""Small accessors for JSON that may hold anything anywhere."""

from __future__ import annotations

import math
import re
from typing import Any

_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(?:[.,][0-9]{1,15})?")


def as_dict(value: object) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list; a single object stands for a list of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def is_malformed(value: object) -> bool:
    """Tell whether something stands where objects belong, and is none."""
    if isinstance(value, list):
        return not all(isinstance(each, dict) for each in value)
    return value is not None and not isinstance(value, dict)


def as_text(value: object) -> str | None:
    """Return the value if it is a text with something in it, without outer white space."""
    if isinstance(value, str):
        return value.strip() or None
    return None


def as_number(value: object) -> float | None:
    """Return the value if it is a finite number, or a text that is one; booleans are no numbers.

    "NaN" compares with nothing, so it would be below every limit: it is no number either.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def concepts(value: object) -> list[dict[str, Any]]:
    """Return the CodeableConcepts in a value: one, a list of them, or CodeableReferences (R5)."""
    found = []
    for each in as_list(value):
        if isinstance(each, dict):
            concept = each.get("concept")
            found.append(concept if isinstance(concept, dict) else each)
    return found


def codings(concept: object) -> list[dict[str, Any]]:
    """Return the codings of a concept; a bare Coding (Encounter.class, valueCoding) is one."""
    if not isinstance(concept, dict):
        return []
    listed = concept.get("coding")
    if type(listed) is list:
        return [each for each in listed if type(each) is dict]
    if listed is not None:
        return [listed] if isinstance(listed, dict) else []
    return [concept] if "code" in concept else []


def first_code(value: object) -> str | None:
    """Return the first code of a status: a code as text (STU3, DSTU2) or a concept (R4, R5)."""
    if isinstance(value, str):
        return value.strip().lower() or None
    return next(iter(said_codes(value)), None)


def said_codes(value: object) -> list[str]:
    """Return all codes of a status in lower case; its words where it has no code."""
    if isinstance(value, str):
        return [value.strip().lower()] if value.strip() else []
    if type(value) is dict and type(value.get("coding")) is list and len(value["coding"]) == 1:
        # One coding, as most records have it.
        only = as_text(as_dict(value["coding"][0]).get("code"))
        if only:
            return [only.lower()]
    said: list[str] = []
    for concept in concepts(value):
        codes = [code for coding in codings(concept) if (code := as_text(coding.get("code")))]
        text = as_text(concept.get("text"))
        said += [code.lower() for code in codes or ([text] if text else [])]
    return said


def last_path(reference: object) -> str | None:
    """Return `Type/id` of a reference as text: relative, absolute, versioned, or a urn."""
    text = as_text(reference)
    if text is None:
        return None
    if text.startswith(("urn:", "#")):
        return text
    parts = text.split("/_history/", 1)[0].rstrip("/").rsplit("/", 2)
    return "/".join(parts[-2:])
