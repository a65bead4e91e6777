"""Where and how bad: the sites, sides and severity that a resource says beside its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, as_text, codings, concepts

if TYPE_CHECKING:
    from cds_service.fhir.index import Index

# A site that we have no name for.
ELSEWHERE = "elsewhere"
SIDES = frozenset({"left", "right", "both"})


def body_sites(resource: dict[str, Any], index: Index) -> set[str]:
    """Return the sites and sides that a resource's bodySite says (one, or a list).

    A site that we have no name for is `elsewhere`: a pain there is no pain of the back.
    """
    said: set[str] = set()
    if "bodySite" not in resource:
        return said
    for concept in concepts(resource["bodySite"]):
        sites, sides = index.sites.of_concept(concept), index.sides.of_concept(concept)
        says_side_only = any(index.sides.of_code(coding) for coding in codings(concept))
        said |= sides | (sites or (set() if says_side_only else {ELSEWHERE}))
    return said


def severity(resource: dict[str, Any], index: Index) -> str | None:
    """Return mild, moderate or severe where a resource's severity says so."""
    if "severity" not in resource:
        return None
    for concept in concepts(resource.get("severity")):
        said = index.severity.of_concept(concept)
        for name in ("severe", "moderate", "mild"):
            if name in said:
                return name
    return None


def worsens(resource: dict[str, Any], index: Index) -> bool:
    """Tell whether a note on a resource says that what it is about gets worse."""
    notes = as_list(resource.get("note")) if "note" in resource else []
    texts = filter(None, (as_text(as_dict(note).get("text")) for note in notes))
    return any(map(index.text.worsens, texts))


def severity_said(part: dict[str, Any], index: Index) -> str | None:
    """Return mild, moderate or severe where a value is one of these words or codes."""
    text = as_text(part.get("valueString"))
    said = index.severity.of_answer(text) if text else None
    return said or severity({"severity": part.get("valueCodeableConcept")}, index)
