"""The trace of a verdict: state, evidence, what is missing, and the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Verdict
    from cds_service.clinical.facts import Evidence
    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.load import Content

STATES = {Truth.PRESENT: "met", Truth.ABSENT: "notmet", Truth.UNKNOWN: "unknown"}


def trace(verdict: Verdict, content: Content) -> dict[str, Any]:
    """Return the whole trace of one criterion, empty lists included."""
    criterion = content.criteria[verdict.criterion]
    return {
        "id": criterion.id,
        "title": criterion.title,
        "state": STATES[verdict.truth],
        "evidence": evidence(verdict.because),
        "missing": list(verdict.missing),
        "documents": document_names(criterion, content),
    }


def evidence(items: Iterable[Evidence]) -> list[dict[str, str]]:
    """Return evidence as JSON; a date that is not recorded is left out."""
    return [
        {"reference": each.reference, "says": each.says}
        | ({"when": each.when} if each.when else {})
        for each in items
    ]


def document_names(criterion: CriterionDefinition, content: Content) -> list[str]:
    """Return the short names of the documents that a criterion rests on, each once."""
    return list(
        dict.fromkeys(content.sources[each.source].short for each in criterion.citations)
    )
