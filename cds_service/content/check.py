"""What only shows when all files are seen together: dangling names and unused findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.content.findings import Carrier
from cds_service.content.problems import ContentError, Problem
from cds_service.content.suggestions import calls_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cds_service.content.criteria import CriterionDefinition
    from cds_service.content.findings import FindingDefinition
    from cds_service.content.orders import Orders
    from cds_service.content.recommendations import Recommendations, Source
    from cds_service.content.suggestions import Suggestions

GATE_COURSE = "gate"
CHECK_COURSE = "redflagcheck"
UNSUPPORTED_COURSE = "imagingnotindicated"


def check(
    findings: Mapping[str, FindingDefinition],
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    orders: Orders,
    sources: Mapping[str, Source],
    suggestions: Suggestions,
) -> None:
    """Check the files against each other. Raises ContentError with every problem found."""
    problems = [
        *_dangling_findings(findings, recommendations),
        *_order_finding(findings, orders),
        *_orders_of_images(criteria, orders),
        *_unused_findings(findings, criteria, recommendations, {orders.finding}),
        *_dangling_criteria(criteria, recommendations),
        *_criteria_links(criteria, recommendations, sources),
        *_suggestion_links(recommendations, suggestions),
        *_suggestions_of_images(criteria, recommendations, suggestions),
    ]
    if problems:
        raise ContentError(problems)


def _dangling_findings(
    findings: Mapping[str, FindingDefinition], recommendations: Recommendations
) -> Iterator[Problem]:
    for finding in findings.values():
        for name in finding.related():
            if name not in findings:
                yield Problem(
                    finding.place,
                    f"{finding.id} refers to the unknown finding {name!r}",
                    "What it refers to would never be seen",
                    "Correct the name, or define the finding",
                )
    if recommendations.shut_by not in findings:
        yield Problem(
            recommendations.lines["shut_by"],
            f"`shut_by` names the unknown finding {recommendations.shut_by!r}",
            "The gate would never be shut by it",
            "Correct the name, or define the finding",
        )


def _order_finding(findings: Mapping[str, FindingDefinition], orders: Orders) -> Iterator[Problem]:
    finding = findings.get(orders.finding)
    if finding is None or finding.carrier is not Carrier.ORDER:
        yield Problem(
            orders.finding_at,
            f"`finding` names {orders.finding!r}, which is no finding with `carrier: order`",
            "An order for an image of the spine would say nothing of the patient",
            "Correct the name, or define the finding",
        )


def _orders_of_images(
    criteria: Mapping[str, CriterionDefinition], orders: Orders
) -> Iterator[Problem]:
    """Find images that no order could be compared with."""
    named = ", ".join(each.modality for each in orders.kinds.values() if each.modality)
    for criterion in criteria.values():
        for image in (criterion.image, criterion.image_in_pregnancy):
            if image and not orders.images_in(image):
                yield Problem(
                    criterion.place,
                    f"{criterion.id} names the image {image!r}, which has no modality of "
                    "orders.yaml in it",
                    "Nobody could tell whether an image that is ordered is the one meant",
                    f"Name one or more of: {named}",
                )


def _unused_findings(
    findings: Mapping[str, FindingDefinition],
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    elsewhere: set[str],
) -> Iterator[Problem]:
    used = {recommendations.shut_by} | elsewhere
    for criterion in criteria.values():
        used.update(criterion.rule.needs())
    for remark in recommendations.remarks.values():
        used.update(remark.rule.needs())
    for finding in findings.values():
        used.update(finding.related())
    for finding in findings.values():
        if finding.id not in used:
            yield Problem(
                finding.place,
                f"no rule asks for the finding {finding.id!r}",
                "It would be read, asked and never count",
                "Use it in a criterion, or take it out",
            )


def _dangling_criteria(
    criteria: Mapping[str, CriterionDefinition], recommendations: Recommendations
) -> Iterator[Problem]:
    named = {"gate": (recommendations.gate,), "ask_first": recommendations.ask_first}
    for key, names in named.items():
        for name in names:
            if name not in criteria:
                yield Problem(
                    recommendations.lines[key],
                    f"`{key}` names the unknown criterion {name!r}",
                    "It would have no effect",
                    "Correct the id",
                )


def _criteria_links(
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    sources: Mapping[str, Source],
) -> Iterator[Problem]:
    courses = set(recommendations.courses)
    needed = {
        CHECK_COURSE: "Unanswered red flags could not be shown",
        UNSUPPORTED_COURSE: "An imaging order that nothing supports could not be answered",
    }
    for course, why in needed.items():
        if course not in courses:
            yield Problem(
                recommendations.lines["recommendations"],
                f"there is no recommendation {course!r}",
                why,
                f"Add `{course}:`",
            )
    for criterion in criteria.values():
        allowed = {GATE_COURSE} if criterion.id == recommendations.gate else courses
        for name in criterion.recommendation.values():
            if name not in allowed:
                yield Problem(
                    criterion.calls_at,
                    f"{criterion.id} calls for the unknown recommendation {name!r}",
                    "No card would ever be shown for it",
                    f"Use one of: {', '.join(sorted(allowed))}",
                )
        for citation in criterion.citations:
            if citation.source not in sources:
                yield Problem(
                    citation.place,
                    f"{criterion.id} cites the unknown source {citation.source!r}",
                    "A reader could not look it up",
                    f"Use one of: {', '.join(sorted(sources))}",
                )


def _suggestion_links(
    recommendations: Recommendations, suggestions: Suggestions
) -> Iterator[Problem]:
    offered: set[str] = set()
    for course in recommendations.courses.values():
        offered.update(course.suggestions)
        for name, line in course.suggestions.items():
            if name not in suggestions.named:
                yield Problem(
                    line,
                    f"unknown suggestion {name!r}",
                    "The card would not offer it",
                    f"Use one of: {', '.join(sorted(suggestions.named))}",
                )
    for suggestion in suggestions.named.values():
        if suggestion.id not in offered:
            yield Problem(
                suggestion.place,
                f"no recommendation offers the suggestion {suggestion.id!r}",
                "Nobody would ever see it",
                "Add it to `suggestions` of a recommendation, or take it out",
            )


def _suggestions_of_images(
    criteria: Mapping[str, CriterionDefinition],
    recommendations: Recommendations,
    suggestions: Suggestions,
) -> Iterator[Problem]:
    """Hold each card to offering the imaging that its criteria name.

    Courses of one topic make one card, under the most urgent of them, so each must offer it.
    """
    requests = {name: each.request for name, each in suggestions.named.items() if each.request}
    for criterion in criteria.values():
        topics = {
            recommendations.courses[name].course.topic
            for name in criterion.recommendation.values()
            if name in recommendations.courses
        }
        courses = [each for each in recommendations.courses.values() if each.course.topic in topics]
        for image in (criterion.image, criterion.image_in_pregnancy):
            if image is None:
                continue
            named = {name for name, request in requests.items() if calls_for(image, request)}
            if not named:
                yield Problem(
                    criterion.place,
                    f"{criterion.id} names the imaging {image!r}, which no suggestion can request",
                    "The card would name it and not offer it",
                    "Use the word of an `image:` in suggestions.yaml, or add a suggestion there",
                )
            for course in courses:
                for name in sorted(named - set(course.suggestions)):
                    yield Problem(
                        criterion.place,
                        f"{criterion.id} names the imaging {image!r}, but the recommendation "
                        f"{course.course.id!r} does not offer {name!r}",
                        "The card would name it and not offer it",
                        f"Add {name!r} to its `suggestions`",
                    )
