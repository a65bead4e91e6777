"""A Decision as the whole assessment: gate, recommendations, every criterion, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.render.suggestions import Filing
from cds_service.render.trace import evidence, notes_of, trace

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision
    from cds_service.content.load import Content
    from cds_service.render.cards import CardWriter


def assessment(
    decision: Decision, content: Content, writer: CardWriter, patient_id: str | None = None
) -> dict[str, Any]:
    """Return the answer of POST /api/v1/assessments. Lists may be empty here, never missing.

    ``patient_id`` is that of the record; without one the cards suggest nothing to file.
    """
    return {
        "asOf": decision.as_of.isoformat(),
        "profile": decision.profile,
        "contentDigest": decision.digest,
        "gate": {"state": decision.gate.value, "evidence": evidence(decision.gate_evidence)},
        "recommendations": [
            {
                "topic": each.topic,
                "indicator": each.indicator,
                "summary": writer.summary(each),
                "criteria": [verdict.criterion for verdict in each.verdicts],
            }
            for each in decision.recommendations
        ],
        "criteria": [trace(verdict, content) for verdict in decision.verdicts],
        "unanswered": [
            {
                "finding": each.finding,
                "question": content.findings[each.finding].question,
                "criteria": list(each.criteria),
            }
            for each in decision.unanswered
        ],
        "cards": writer.write(decision, Filing.of(patient_id)),
        "notes": notes_of(decision),
    }
