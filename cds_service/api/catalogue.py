"""The content as JSON: criteria with their documents and reading, findings with their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.content.codes import CODE_SYSTEMS
from cds_service.content.explain import reading
from cds_service.render.trace import STATES

if TYPE_CHECKING:
    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content


def criterion(definition: CriterionDefinition, content: Content, profile: str) -> dict[str, Any]:
    """Return one criterion for clinical tools."""
    course = definition.recommendation[profile]
    described = content.recommendations.courses.get(course)
    return {
        "id": definition.id,
        "title": definition.title,
        "recommendation": course,
        "topic": described.course.topic if described else course,
        "reading": reading(definition, content),
        "why": definition.why,
        "says": definition.says,
        **({"image": definition.image} if definition.image else {}),
        "documents": [
            {
                "source": each.source,
                "letter": content.sources[each.source].letter,
                "title": content.sources[each.source].title,
                "heading": each.heading,
            }
            for each in definition.citations
        ],
        "findings": list(definition.rule.needs()),
        "status": definition.sign_off.status,
        "cases": [
            {"name": case.name, "findings": dict(case.cells), "expect": STATES[case.expect]}
            for case in definition.cases
        ],
    }


def finding(definition: FindingDefinition, content: Content) -> dict[str, Any]:
    """Return one finding for clinical tools."""
    codes = [
        *definition.codes,
        *(definition.measured.codes if definition.measured else ()),
    ]
    silence = sorted(definition.absent_after)
    return {
        "id": definition.id,
        "theme": definition.theme,
        "meaning": definition.meaning,
        "question": definition.question,
        "codes": [
            {
                "system": CODE_SYSTEMS[each.system].uris[0],
                "code": each.code,
                "display": each.display,
            }
            for each in codes
        ],
        "criteria": [
            each.id
            for each in (content.gate, *content.criteria.values())
            if definition.id in each.rule.needs()
        ],
        "silence": f"absent after {' and '.join(silence)}" if silence else "unknown",
    }
