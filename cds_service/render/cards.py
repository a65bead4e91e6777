"""A Decision as CDS Hooks cards: one card for each recommendation, and every card says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cds_service.clinical.decision import Gate
from cds_service.render.markdown import escape
from cds_service.render.trace import document_names, trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Decision, Recommendation, Verdict
    from cds_service.clinical.facts import Evidence
    from cds_service.content.load import Content

CANONICAL = "https://backpain-cds.org"
TOPIC_SYSTEM = f"{CANONICAL}/CodeSystem/card-topic"
OVERRIDE_SYSTEM = f"{CANONICAL}/CodeSystem/override-reason"
EXTENSION = "org.backpain-cds.trace"
MAX_SUMMARY = 139
_MAX_EVIDENCE = 4


class CardWriter:
    """Writes the cards of decisions; what is the same in every card is made once."""

    def __init__(self, content: Content) -> None:
        """Prepare the fixed parts of all cards."""
        self._content = content
        self._check = next(iter(content.protocols.values())).check
        self._reasons = {
            name: [
                {"system": OVERRIDE_SYSTEM, "code": code, "display": display}
                for code, display in course.override_reasons.items()
            ]
            for name, course in content.recommendations.courses.items()
        }
        self._documents = {
            name: document_names(criterion, content)
            for name, criterion in content.criteria.items()
        }

    def write(self, decision: Decision) -> list[dict[str, Any]]:
        """Return the cards, the most urgent first; the first one ends with the notes."""
        if decision.gate is not Gate.OPEN:
            return []
        return [
            self._card(each, decision, notes=decision.notes if place == 0 else ())
            for place, each in enumerate(decision.recommendations)
        ]

    def _card(
        self, recommendation: Recommendation, decision: Decision, notes: tuple[str, ...]
    ) -> dict[str, Any]:
        return {
            "uuid": str(uuid4()),
            "summary": self.summary(recommendation),
            "detail": self._detail(recommendation, decision, notes),
            "indicator": recommendation.indicator,
            "source": {
                "label": self._source(recommendation.verdicts),
                "topic": {
                    "system": TOPIC_SYSTEM,
                    "code": recommendation.topic,
                    "display": self._content.recommendations.courses[recommendation.course].label,
                },
            },
            "overrideReasons": self._reasons[recommendation.course],
            "extension": {EXTENSION: self._trace(recommendation, decision)},
        }

    def summary(self, recommendation: Recommendation) -> str:
        """Return the line that stands alone: what to do, and as many reasons as it holds."""
        course = self._content.recommendations.courses[recommendation.course]
        wording = course.wording
        if recommendation.conditional and course.conditional:
            wording = course.conditional
        says = (self._content.criteria[each.criterion].says for each in recommendation.verdicts)
        return _fitted(wording.summary, list(dict.fromkeys(says)))

    def _detail(
        self, recommendation: Recommendation, decision: Decision, notes: tuple[str, ...]
    ) -> str:
        course = self._content.recommendations.courses[recommendation.course]
        conditional = recommendation.conditional and course.conditional
        advice = course.conditional.detail if conditional and course.conditional else None
        parts = [advice or course.wording.detail]
        if recommendation.course == self._check:
            parts.append(self._questions(decision))
        else:
            parts.append(self._why(recommendation.verdicts, with_reason=course.course.danger))
            parts += self._images(recommendation)
            parts += self._beside(recommendation, decision)
        parts += self._remarks(recommendation, decision)
        parts.append(f"Source: {self._source(recommendation.verdicts)}.")
        if notes:
            parts.append("\n".join(f"Note: {escape(note)}.  " for note in notes).rstrip())
        return "\n\n".join(part.strip() for part in parts)

    def _why(self, verdicts: Iterable[Verdict], *, with_reason: bool) -> str:
        lines = ["**Why**", ""]
        for verdict in verdicts:
            criterion = self._content.criteria[verdict.criterion]
            reason = f" {criterion.why}" if with_reason else ""
            lines.append(
                f"- **{criterion.title}** ({criterion.id}): {_listed(verdict.because)}.{reason}"
            )
        return "\n".join(lines)

    def _questions(self, decision: Decision) -> str:
        lines = ["**Not recorded and not denied**", ""]
        for each in decision.unanswered:
            question = self._content.findings[each.finding].question
            hint = f" The record hints at it: {_listed(each.hints)}." if each.hints else ""
            lines.append(f"- {question} ({', '.join(each.criteria)}){hint}")
        return "\n".join(lines)

    def _images(self, recommendation: Recommendation) -> list[str]:
        """Name the imaging that the criteria call for; in pregnancy the kind without radiation."""
        avoid = any(
            self._content.recommendations.remarks[name].avoid_radiation
            for name in recommendation.remarks
        )
        images = []
        for verdict in recommendation.verdicts:
            criterion = self._content.criteria[verdict.criterion]
            image = criterion.image_in_pregnancy if avoid else None
            images.append(image or criterion.image)
        named = list(dict.fromkeys(image for image in images if image))
        return [f"**Imaging:** {'; '.join(named)}."] if named else []

    def _beside(self, recommendation: Recommendation, decision: Decision) -> list[str]:
        """Say under a card that stands alone what else was met, so that nothing is lost."""
        if not self._content.recommendations.courses[recommendation.course].course.alone:
            return []
        mine = {verdict.criterion for verdict in recommendation.verdicts}
        others = [
            self._content.criteria[verdict.criterion].says
            for verdict in decision.met
            if verdict.criterion not in mine
        ]
        named = list(dict.fromkeys(others))
        return [f"**Also recorded:** {'; '.join(named)}."] if named else []

    def _remarks(self, recommendation: Recommendation, decision: Decision) -> list[str]:
        remarks = [
            self._content.recommendations.remarks[name] for name in recommendation.remarks
        ]
        return [
            remark.says_while_unanswered if decision.unanswered else remark.says
            for remark in remarks
        ]

    def _source(self, verdicts: Iterable[Verdict]) -> str:
        names = (name for each in verdicts for name in self._documents[each.criterion])
        return "; ".join(dict.fromkeys(names))

    def _trace(self, recommendation: Recommendation, decision: Decision) -> dict[str, Any]:
        return without_empty(
            {
                "profile": decision.profile,
                "contentDigest": decision.digest,
                "asOf": decision.as_of.isoformat(),
                "criteria": [trace(each, self._content) for each in recommendation.verdicts],
                "notes": list(decision.notes),
            }
        )


def without_empty(value: dict[str, Any]) -> dict[str, Any]:
    """Drop what is empty, at every level: CDS Hooks allows no empty element."""
    kept: dict[str, Any] = {}
    for key, each in value.items():
        if isinstance(each, dict):
            each = without_empty(each)
        elif isinstance(each, list):
            each = [without_empty(item) if isinstance(item, dict) else item for item in each]
        if each not in (None, "", [], {}):
            kept[key] = each
    return kept


def _listed(items: tuple[Evidence, ...]) -> str:
    shown = [_cited(each) for each in items[:_MAX_EVIDENCE]]
    if len(items) > _MAX_EVIDENCE:
        shown.append(f"and {len(items) - _MAX_EVIDENCE} more")
    return "; ".join(shown)


def _cited(evidence: Evidence) -> str:
    when = f", {escape(evidence.when)}" if evidence.when else ""
    return f"{escape(evidence.says)}{when} ({escape(evidence.reference)})"


def _fitted(summary: str, says: list[str]) -> str:
    """Put as many reasons after the summary as 139 characters hold; say how many are left."""
    for count in range(len(says), 0, -1):
        left = len(says) - count
        more = f" and {left} more" if left else ""
        line = f"{summary}: {', '.join(says[:count])}{more}"
        if len(line) <= MAX_SUMMARY:
            return line
    return summary
