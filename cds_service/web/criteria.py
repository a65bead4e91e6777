"""The catalogue: every criterion as a clinician reads, checks and signs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import render_template, request

from cds_service.content.codes import CODE_SYSTEMS
from cds_service.content.criteria import CriterionDefinition
from cds_service.content.explain import reading
from cds_service.content.recommendations import TOPICS
from cds_service.problems import Problem
from cds_service.render.trace import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flask import Blueprint

    from cds_service.content.codes import Code
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.load import Content
    from cds_service.desk import Desk

# The criterion that comes before all others calls for no card.
_GATE = "gate"
_GATE_LABEL = "Before all cards"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A criterion as its page shows it: ``topic`` and ``indicator`` are those of its card.

    ``words`` is what a search looks through, in small letters.
    """

    definition: CriterionDefinition
    topic: str
    label: str
    indicator: str
    reading: str
    documents: tuple[dict[str, str], ...]
    words: str


def add_criteria(routes: Blueprint, desk: Desk) -> None:
    """Add the routes of the catalogue."""
    content = desk.judge.content
    sheets = {each.definition.id: each for each in _sheets(content, desk.profile)}
    labels = {each.topic: _topic_label(each.topic) for each in sheets.values()}

    @routes.get("/criteria")
    def list_criteria() -> str:
        asked, topic = request.args.get("q", ""), request.args.get("card", "")
        found = [each for each in sheets.values() if _fits(each, asked, topic)]
        return render_template(
            "criteria.html",
            groups=[(label, [x for x in found if x.topic == key]) for key, label in labels.items()],
            found=len(found),
            total=len(sheets),
            labels=labels,
            asked=asked,
            topic=topic,
            digest=content.digest,
        )

    @routes.get("/criteria/<criterion_id>")
    def show_criterion(criterion_id: str) -> str:
        sheet = sheets.get(criterion_id.upper())
        if sheet is None:
            msg = "there is no such criterion; the list of criteria has them all"
            raise Problem(404, "not-found", msg)
        needs = sheet.definition.rule.needs()
        return render_template(
            "criterion.html",
            sheet=sheet,
            criterion=sheet.definition,
            findings=[_finding(content.findings[name]) for name in needs],
            cases=_cases(sheet.definition),
            needs=needs,
            digest=content.digest,
            profile=desk.profile,
        )


def _sheets(content: Content, profile: str) -> Iterator[Sheet]:
    """Yield the gate, then the criteria in the order of their cards."""
    yield _sheet(content.gate, content, profile)
    for criterion in content.protocols[profile].criteria:
        yield _sheet(content.criteria[criterion.id], content, profile)


def _sheet(definition: CriterionDefinition, content: Content, profile: str) -> Sheet:
    course = content.recommendations.courses.get(definition.recommendation[profile])
    documents = tuple(
        {
            "title": content.sources[each.source].title,
            "publisher": content.sources[each.source].publisher or "",
            "url": content.sources[each.source].url or "",
            "heading": each.heading,
        }
        for each in definition.citations
    )
    said = reading(definition, content)
    return Sheet(
        definition,
        topic=course.course.topic if course else _GATE,
        label=course.label if course else _GATE_LABEL,
        indicator=course.course.indicator if course else "none",
        reading=said,
        documents=documents,
        words=" ".join(_words(definition, said, documents, content)).casefold(),
    )


def _words(
    definition: CriterionDefinition,
    said: str,
    documents: Iterable[dict[str, str]],
    content: Content,
) -> Iterator[str]:
    yield from (definition.id, definition.title, definition.why, definition.says, said)
    yield definition.sign_off.status
    for each in documents:
        yield from (each["title"], each["heading"])
    for name in definition.rule.needs():
        finding = content.findings[name]
        yield from (finding.meaning, finding.question, *finding.phrases)
        for _, code in _codes(finding):
            yield from (code.code, code.display)


def _fits(sheet: Sheet, asked: str, topic: str) -> bool:
    """Tell whether every word that was asked for stands somewhere in a sheet of this card."""
    if topic and sheet.topic != topic:
        return False
    return all(word in sheet.words for word in asked.casefold().split())


def _topic_label(topic: str) -> str:
    return TOPICS.get(topic, _GATE_LABEL)


def _cases(definition: CriterionDefinition) -> list[dict[str, Any]]:
    """Return the worked cases, each with what the rule says of it now."""
    judged = [(case, definition.rule.judge(case.facts)) for case in definition.cases]
    return [
        {
            "name": case.name,
            "cells": dict(case.cells),
            "expect": STATES[case.expect],
            "says": STATES[truth],
        }
        for case, truth in judged
    ]


def _finding(definition: FindingDefinition) -> dict[str, Any]:
    return {
        "id": definition.id,
        "name": definition.id.replace("-", " "),
        "meaning": definition.meaning,
        "question": definition.question,
        "silence": sorted(definition.absent_after),
        "phrases": definition.phrases,
        "codes": [
            {
                "use": use,
                "system": CODE_SYSTEMS[code.system].label,
                "code": code.code,
                "display": code.display,
            }
            for use, code in _codes(definition)
        ],
    }


def _codes(definition: FindingDefinition) -> Iterator[tuple[str, Code]]:
    """Yield every code of a finding with what it does."""
    for code in definition.codes:
        yield "says it", code
    if definition.measured:
        for code in definition.measured.codes:
            yield "measures it", code
    for weak in definition.weak:
        companions = ", and ".join(" or ".join(sorted(each)) for each in weak.needs)
        use = f"hints at it; counts with {companions}" if companions else "hints at it"
        for code in weak.codes:
            yield use, code
    for code in definition.denied_by:
        yield "denies it", code
    for code in definition.excludes:
        yield "is left out", code
