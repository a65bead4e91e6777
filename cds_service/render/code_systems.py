"""The code systems that cards use, and ours as FHIR CodeSystem resources for whoever maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir.resources.R4B.codesystem import CodeSystem

from cds_service import __version__
from cds_service.content.recommendations import TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cds_service.content.load import Content

CANONICAL = "https://backpain-cds.org"
TOPIC_SYSTEM = f"{CANONICAL}/CodeSystem/card-topic"
OVERRIDE_SYSTEM = f"{CANONICAL}/CodeSystem/override-reason"
HL7_OVERRIDE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"


def code_systems(content: Content) -> Mapping[str, dict[str, Any]]:
    """Return our code systems as FHIR R4 CodeSystem resources, by id."""
    topics = _code_system(
        "card-topic",
        TOPIC_SYSTEM,
        ("CardTopic", "Card topics"),
        "What a card of Back Pain CDS is about. A card carries the code in source.topic.",
        TOPICS,
    )
    reasons = _code_system(
        "override-reason",
        OVERRIDE_SYSTEM,
        ("OverrideReason", "Override reasons"),
        "Why a clinician set a card of Back Pain CDS aside, where HL7 has no code that says it.",
        content.recommendations.override_reasons,
    )
    return {each["id"]: each for each in (topics, reasons)}


def _code_system(
    name: str, url: str, names: tuple[str, str], description: str, concepts: Mapping[str, str]
) -> dict[str, Any]:
    system = CodeSystem.model_validate(
        {
            "id": name,
            "url": url,
            "version": __version__,
            "name": names[0],
            "title": names[1],
            "status": "active",
            "experimental": False,
            "publisher": "Back Pain CDS",
            "description": description,
            "caseSensitive": True,
            "content": "complete",
            "count": len(concepts),
            "concept": [{"code": code, "display": words} for code, words in concepts.items()],
        }
    )
    return {"resourceType": "CodeSystem", **system.model_dump(mode="json")}
