"""The trace of a verdict: state, evidence, what is missing, and the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.truth import Truth
from cds_service.render.markdown import harmless, harmless_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Decision, Verdict
    from cds_service.clinical.facts import Evidence
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
        "documents": content.letters[criterion.id],
    }


def evidence(items: Iterable[Evidence]) -> list[dict[str, str]]:
    """Return evidence as JSON; a date that is not recorded is left out."""
    found = []
    for each in items:
        reference, says = harmless_all([each.reference, each.says])
        stands = {"reference": reference, "says": says}
        if each.when:
            stands["when"] = each.when
        found.append(stands)
    return found


def notes_of(decision: Decision) -> list[str]:
    """Return what could not be read or was not obtained."""
    return [harmless(note) for note in decision.notes]
