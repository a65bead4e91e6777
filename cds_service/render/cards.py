"""A Decision as CDS Hooks cards: one card for each recommendation, and every card says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cds_service.clinical.decision import Gate
from cds_service.content.recommendations import TOPICS
from cds_service.identity import new_uuid
from cds_service.render.code_systems import HL7_OVERRIDE_SYSTEM, OVERRIDE_SYSTEM, TOPIC_SYSTEM
from cds_service.render.detail import DetailWriter, counted
from cds_service.render.suggestions import NOWHERE, SuggestionWriter
from cds_service.render.trace import notes_of, trace

if TYPE_CHECKING:
    from cds_service.clinical.decision import Decision, Recommendation, Verdict
    from cds_service.clinical.truth import Truth
    from cds_service.content.load import Content
    from cds_service.content.override_reasons import OverrideReason
    from cds_service.render.links import FormLink
    from cds_service.render.suggestions import Filing

EXTENSION = "org.backpain-cds.trace"
MAX_SUMMARY = 139
_MAX_HEADINGS = 4096


# What a heading rests on: the course, whether unanswered dangers come first, the criteria, and how
# many red flags among them are unanswered, where the card speaks of that.
_Subject = tuple[str, bool, tuple[str, ...], int]


class _Heading:
    """What a card says first, and on whose authority."""

    def __init__(self, summary: str, authority: str, source: dict[str, Any]) -> None:
        self.summary: Final = summary
        self.authority: Final = authority
        self.source: Final = source


class CardWriter:
    """Writes the cards of decisions; what is the same in every card is made once."""

    def __init__(
        self,
        content: Content,
        suggestions: SuggestionWriter | None = None,
        form: FormLink | None = None,
    ) -> None:
        """Prepare the fixed parts of all cards; ``form`` is where questions can be answered."""
        self._content = content
        self._suggestions = suggestions or SuggestionWriter(content)
        self._form = form
        # Traces without evidence are the same for every patient: a few for each criterion.
        self._bare: dict[tuple[str, Truth, tuple[str, ...]], dict[str, Any]] = {}
        self._headings: dict[_Subject, _Heading] = {}
        self._details = DetailWriter(content)
        self._unsupported = next(iter(content.protocols.values())).unsupported
        self._reasons = {
            name: [_reason(each) for each in course.override_reasons]
            for name, course in content.recommendations.courses.items()
        }

    def write(self, decision: Decision, filing: Filing = NOWHERE) -> list[dict[str, Any]]:
        """Return the cards, the most urgent first; the first one ends with the notes.

        ``filing`` says in whose record their suggestions are filed.
        """
        if decision.gate is not Gate.OPEN:
            return []
        return [
            self._card(each, decision, filing, notes=decision.notes if place == 0 else ())
            for place, each in enumerate(decision.recommendations)
        ]

    def _card(
        self,
        recommendation: Recommendation,
        decision: Decision,
        filing: Filing,
        notes: tuple[str, ...],
    ) -> dict[str, Any]:
        heading = self._heading(recommendation)
        avoid = self._details.avoids_radiation(recommendation)
        suggestions = self._suggestions.write(recommendation, decision, filing, pregnant=avoid)
        offered: dict[str, Any] = {}
        if suggestions:
            offered["suggestions"] = suggestions
            offered["selectionBehavior"] = self._suggestions.selection_behavior
        links = self._form.links(recommendation.topic, decision) if self._form else []
        if links:
            offered["links"] = links
        return {
            "uuid": new_uuid(),
            "summary": heading.summary,
            "detail": self._details.write(recommendation, decision, notes, heading.authority),
            "indicator": recommendation.indicator,
            "source": heading.source,
            **offered,
            "overrideReasons": self._reasons[recommendation.course],
            "extension": {EXTENSION: self._trace(recommendation, decision)},
        }

    def summary(self, recommendation: Recommendation) -> str:
        """Return the line that stands alone: what to do, and as many reasons as it holds."""
        return self._heading(recommendation).summary

    def _heading(self, recommendation: Recommendation) -> _Heading:
        """Return the heading of a card; it rests on the criteria alone, so it is kept."""
        names = tuple([verdict.criterion for verdict in recommendation.verdicts])
        counts = recommendation.course == self._unsupported
        unanswered = len(self._details.unanswered(recommendation)) if counts else 0
        subject = (recommendation.course, recommendation.conditional, names, unanswered)
        heading = self._headings.get(subject)
        if heading is None:
            if len(self._headings) >= _MAX_HEADINGS:
                self._headings.clear()
            heading = self._headings[subject] = self._make_heading(subject)
        return heading

    def _make_heading(self, subject: _Subject) -> _Heading:
        named, conditional, criteria, unanswered = subject
        course = self._content.recommendations.courses[named]
        wording = course.conditional if conditional and course.conditional else course.wording
        if named == self._unsupported:
            says = [counted(unanswered)] if unanswered else []
        else:
            says = [self._content.criteria[name].says for name in criteria]
        documents = [each for name in criteria for each in self._content.documents[name]]
        authority = "; ".join(dict.fromkeys(documents))
        topic = course.course.topic
        return _Heading(
            _fitted(wording.summary, list(dict.fromkeys(says))),
            authority,
            {
                "label": authority,
                **self._address(criteria),
                "topic": {"system": TOPIC_SYSTEM, "code": topic, "display": TOPICS[topic]},
            },
        )

    def _address(self, names: tuple[str, ...]) -> dict[str, str]:
        """Return the address of the first source that has one; the documents may have none."""
        for name in names:
            for citation in self._content.criteria[name].citations:
                url = self._content.sources[citation.source].url
                if url and url.startswith("https://"):
                    return {"url": url}
        return {}

    def _trace(self, recommendation: Recommendation, decision: Decision) -> dict[str, Any]:
        traced = {
            "profile": decision.profile,
            "contentDigest": decision.digest,
            "asOf": decision.moment,
            "criteria": [self._traced(each) for each in recommendation.verdicts],
        }
        return traced | {"notes": notes_of(decision)} if decision.notes else traced

    def _traced(self, verdict: Verdict) -> dict[str, Any]:
        """Return the trace of a criterion; CDS Hooks allows no empty element in it."""
        if verdict.because:
            return _filled(trace(verdict, self._content))
        key = (verdict.criterion, verdict.truth, verdict.missing)
        bare = self._bare.get(key)
        if bare is None:
            bare = self._bare[key] = _filled(trace(verdict, self._content))
        return bare


def _filled(traced: dict[str, Any]) -> dict[str, Any]:
    """Return a trace without its empty lists."""
    return {key: each for key, each in traced.items() if each}


def _reason(reason: OverrideReason) -> dict[str, str]:
    system = HL7_OVERRIDE_SYSTEM if reason.hl7 else OVERRIDE_SYSTEM
    return {"system": system, "code": reason.code, "display": reason.display}


def _fitted(summary: str, says: list[str]) -> str:
    """Put as many reasons after the summary as 139 characters hold; say how many are left."""
    for count in range(len(says), 0, -1):
        left = len(says) - count
        more = f" and {left} more" if left else ""
        line = f"{summary}: {', '.join(says[:count])}{more}"
        if len(line) <= MAX_SUMMARY:
            return line
    return summary
