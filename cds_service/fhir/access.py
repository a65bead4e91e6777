"""Small accessors for JSON that may hold anything anywhere."""

from __future__ import annotations

from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list; a single object stands for a list of one."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def as_text(value: Any) -> str | None:
    """Return the value if it is a text with something in it, without outer white space."""
    if isinstance(value, str):
        return value.strip() or None
    return None


def as_number(value: Any) -> float | None:
    """Return the value if it is a number, or a text that is one; booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value.strip().replace(",", "."))
        except ValueError:
            return None
    return None


def concepts(value: Any) -> list[dict[str, Any]]:
    """Return the CodeableConcepts in a value: one, a list of them, or CodeableReferences (R5)."""
    found = []
    for each in as_list(value):
        if isinstance(each, dict):
            concept = each.get("concept")
            found.append(concept if isinstance(concept, dict) else each)
    return found


def codings(concept: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the codings of a concept; a bare Coding (Encounter.class, valueCoding) is one."""
    if "coding" in concept:
        return [each for each in as_list(concept["coding"]) if isinstance(each, dict)]
    return [concept] if "code" in concept else []


def first_code(value: Any) -> str | None:
    """Return the first code of a status: a code as text (STU3, DSTU2) or a concept (R4, R5)."""
    if isinstance(value, str):
        return value.strip().lower() or None
    for concept in concepts(value):
        for coding in codings(concept):
            code = as_text(coding.get("code"))
            if code:
                return code.lower()
        text = as_text(concept.get("text"))
        if text:
            return text.lower()
    return None


def last_path(reference: Any) -> str | None:
    """Return `Type/id` of a reference as text: relative, absolute, versioned, or a urn."""
    text = as_text(reference)
    if text is None:
        return None
    if text.startswith(("urn:", "#")):
        return text
    parts = text.split("/_history/", 1)[0].rstrip("/").rsplit("/", 2)
    return "/".join(parts[-2:])
