"""cards/ to one frozen Content: every file read, checked against the others, and digested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cds_service.clinical.protocol import Criterion, Protocol, Remark
from cds_service.content.check import CHECK_COURSE, UNSUPPORTED_COURSE, check
from cds_service.content.criteria import CriterionDefinition
from cds_service.content.criteria_files import CriteriaReader
from cds_service.content.finding_files import read_finding
from cds_service.content.findings import FindingDefinition
from cds_service.content.folder import default_folder, digest_of, texts_in
from cds_service.content.nodes import Node, read
from cds_service.content.orders import Orders, read_orders
from cds_service.content.problems import Problem, gathering, stop_at
from cds_service.content.questionnaire import QuestionnaireDefinition, read_questionnaire
from cds_service.content.recommendations import (
    Recommendations,
    Source,
    read_recommendations,
    read_sources,
)
from cds_service.content.sentences import Sentence, read_sentences, refuse_twice
from cds_service.content.suggestions import Suggestions, read_suggestions
from cds_service.content.vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, eq=False)
class Content:
    """Everything a clinician signs, as frozen values; ``digest`` names this very content."""

    digest: str
    findings: Mapping[str, FindingDefinition]
    criteria: Mapping[str, CriterionDefinition]
    gate: CriterionDefinition
    recommendations: Recommendations
    orders: Orders
    sources: Mapping[str, Source]
    vocabulary: Vocabulary
    suggestions: Suggestions
    sentences: tuple[Sentence, ...]
    questionnaire: QuestionnaireDefinition
    protocols: Mapping[str, Protocol]

    @cached_property
    def letters(self) -> Mapping[str, list[str]]:
        """Return the letters of the documents that each criterion rests on, each once."""
        return {
            each.id: list(
                dict.fromkeys(self.sources[cited.source].letter for cited in each.citations)
            )
            for each in (self.gate, *self.criteria.values())
        }

    @cached_property
    def documents(self) -> Mapping[str, list[str]]:
        """Return the short names of the documents that each criterion rests on, each once."""
        return {
            each.id: list(
                dict.fromkeys(self.sources[cited.source].short for cited in each.citations)
            )
            for each in (self.gate, *self.criteria.values())
        }


def load(folder: Path | None = None) -> Content:
    """Read and check the content folder. Raises ContentError with every problem found."""
    texts = texts_in(folder or default_folder())
    problems: list[Problem] = []
    roots: dict[str, Node] = {}
    for name, text in texts.items():
        with gathering(problems):
            roots[name] = read(name, text)
    findings = _findings(roots, problems)
    stop_at(problems)
    reader = CriteriaReader(roots, frozenset(findings))
    with gathering(problems):
        recommendations = read_recommendations(roots["recommendations.yaml"], reader.rules)
    with gathering(problems):
        orders = read_orders(roots["orders.yaml"])
    with gathering(problems):
        sources = read_sources(roots["sources.yaml"])
    with gathering(problems):
        vocabulary = read_vocabulary(roots["vocabulary.yaml"])
    with gathering(problems):
        suggestions = read_suggestions(roots["suggestions.yaml"])
    sentences = _sentences(roots, findings, problems)
    stop_at(problems)
    criteria = reader.read_all(recommendations.profiles)
    check(findings, criteria, recommendations, orders, sources, suggestions)
    digest = digest_of(texts)
    gate = criteria.pop(recommendations.gate)
    protocols = {
        profile: _protocol(profile, digest, gate, criteria, recommendations, orders)
        for profile in recommendations.profiles
    }
    return Content(
        digest=digest,
        findings=findings,
        criteria=criteria,
        gate=gate,
        recommendations=recommendations,
        orders=orders,
        sources=sources,
        vocabulary=vocabulary,
        suggestions=suggestions,
        sentences=sentences,
        questionnaire=read_questionnaire(
            roots["questionnaire.yaml"], findings, _dangers(protocols.values())
        ),
        protocols=protocols,
    )


def _findings(roots: Mapping[str, Node], problems: list[Problem]) -> dict[str, FindingDefinition]:
    found: dict[str, FindingDefinition] = {}
    for file, root in roots.items():
        if not file.startswith("findings/"):
            continue
        entries: Mapping[str, Node] = {}
        with gathering(problems):
            entries = root.entries()
        for name, node in entries.items():
            with gathering(problems):
                if name in found:
                    node.refuse_key(
                        f"the finding {name!r} is defined twice (first in {found[name].place})",
                        "Only one of the two could count",
                        "Keep one of them",
                    )
                found[name] = read_finding(name, Path(file).stem, node)
    return found


def _sentences(
    roots: Mapping[str, Node], findings: Mapping[str, FindingDefinition], problems: list[Problem]
) -> tuple[Sentence, ...]:
    """Read all sentence tables; each sentence stands in one row of one of them."""
    found: list[Sentence] = []
    for file, root in roots.items():
        if file.startswith("sentences/"):
            with gathering(problems):
                found += read_sentences(root, findings)
    with gathering(problems):
        refuse_twice(tuple(found))
    return tuple(found)


def _dangers(protocols: Iterable[Protocol]) -> Iterator[str]:
    """Yield the findings that the emergency and same-day criteria ask for, the worst first."""
    for protocol in protocols:
        for place in protocol.dangers:
            yield from protocol.criteria[place].rule.needs()


def _protocol(
    profile: str,
    digest: str,
    gate: CriterionDefinition,
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    orders: Orders,
) -> Protocol:
    ranks = {name: rank for rank, name in enumerate(recommendations.courses)}
    ordered = sorted(
        criteria.values(), key=lambda each: (ranks[each.recommendation[profile]], each.id)
    )
    return Protocol(
        profile=profile,
        digest=digest,
        gate=Criterion(gate.id, "gate", gate.rule),
        shut_by=recommendations.shut_by,
        criteria=tuple(
            Criterion(
                each.id,
                each.recommendation[profile],
                each.rule,
                images=orders.images_in(each.image),
                images_in_pregnancy=orders.images_in(each.image_in_pregnancy or each.image),
            )
            for each in ordered
        ),
        courses={name: each.course for name, each in recommendations.courses.items()},
        check=CHECK_COURSE,
        unsupported=UNSUPPORTED_COURSE,
        ask_first=recommendations.ask_first,
        remarks=tuple(
            Remark(each.id, each.rule, each.on, each.unless_danger, each.avoid_radiation)
            for each in recommendations.remarks.values()
        ),
    )
