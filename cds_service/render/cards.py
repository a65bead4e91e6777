"""A Decision as CDS Hooks cards: one card for each recommendation, and every card says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cds_service.clinical.decision import Gate
from cds_service.clinical.truth import Truth
from cds_service.content.recommendations import TOPICS
from cds_service.identity import new_uuid
from cds_service.render.code_systems import HL7_OVERRIDE_SYSTEM, OVERRIDE_SYSTEM, TOPIC_SYSTEM
from cds_service.render.markdown import clipped, escape, escape_all
from cds_service.render.suggestions import NOWHERE, SuggestionWriter
from cds_service.render.trace import notes_of, trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Decision, Recommendation, Unanswered, Verdict
    from cds_service.clinical.facts import Evidence
    from cds_service.content.load import Content
    from cds_service.content.override_reasons import OverrideReason
    from cds_service.render.links import FormLink
    from cds_service.render.suggestions import Filing

EXTENSION = "org.backpain-cds.trace"
MAX_SUMMARY = 139
_MAX_HEADINGS = 4096
_MAX_EVIDENCE = 4
_MAX_NOTES = 12
_MAX_WORDS = 240


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
        protocol = next(iter(content.protocols.values()))
        self._check, self._unsupported = protocol.check, protocol.unsupported
        self._dangers = frozenset(protocol.criteria[place].id for place in protocol.dangers)
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
        avoid = self._avoids_radiation(recommendation)
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
            "detail": self._detail(recommendation, decision, notes, heading),
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
        unanswered = len(self._unanswered(recommendation)) if counts else 0
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
            says = [_counted(unanswered)] if unanswered else []
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

    def _unanswered(self, recommendation: Recommendation) -> list[Verdict]:
        """Return the red flags behind a card that are not answered."""
        return [
            verdict
            for verdict in recommendation.verdicts
            if verdict.criterion in self._dangers and verdict.truth is Truth.UNKNOWN
        ]

    def _detail(
        self,
        recommendation: Recommendation,
        decision: Decision,
        notes: tuple[str, ...],
        heading: _Heading,
    ) -> str:
        course = self._content.recommendations.courses[recommendation.course]
        conditional = recommendation.conditional and course.conditional
        advice = course.conditional.detail if conditional and course.conditional else None
        parts = [advice or course.wording.detail]
        if recommendation.course == self._check:
            parts.append(self._questions(decision))
        elif recommendation.course == self._unsupported:
            parts.append(self._why_unsupported(recommendation))
        else:
            parts.append(self._why(recommendation.verdicts, with_reason=course.course.danger))
            parts += self._images(recommendation)
            parts += self._otherwise(recommendation)
            parts += self._beside(recommendation, decision)
        parts += self._remarks(recommendation, decision)
        parts.append(f"Source: {heading.authority}.")
        if notes:
            parts.append(_noted(notes))
        return "\n\n".join([part.strip() for part in parts])

    def _why(self, verdicts: Iterable[Verdict], *, with_reason: bool) -> str:
        lines = ["**Why**", ""]
        for verdict in verdicts:
            criterion = self._content.criteria[verdict.criterion]
            reason = f" {criterion.why}" if with_reason else ""
            lines.append(
                f"- **{criterion.title}** ({criterion.id}): {_listed(verdict.because)}.{reason}"
            )
        return "\n".join(lines)

    def _why_unsupported(self, recommendation: Recommendation) -> str:
        """Say for each criterion that could support the order why it does not."""
        ordered = ", ".join(dict.fromkeys(order.says for order in recommendation.about))
        lines = [f"**Ordered:** {ordered}.", "", "**Why not yet**", ""]
        unanswered = self._unanswered(recommendation)
        for verdict in recommendation.verdicts:
            if verdict.criterion not in self._dangers:
                criterion = self._content.criteria[verdict.criterion]
                state = "cannot be told" if verdict.truth is Truth.UNKNOWN else "not met"
                cited = f": {_listed(verdict.because)}" if verdict.because else ""
                lines.append(f"- **{criterion.title}** ({criterion.id}): {state}{cited}.")
        if unanswered:
            says = "; ".join(self._content.criteria[each.criterion].says for each in unanswered)
            lines.append(f"- **{_counted(len(unanswered))}:** {says}.")
        else:
            lines.append("- Every red flag is answered, and none is present.")
        return "\n".join(lines)

    def _questions(self, decision: Decision) -> str:
        lines = ["**Not recorded and not denied**", ""]
        lines += [self._question(each) for each in decision.unanswered]
        return "\n".join(lines)

    def _question(self, unanswered: Unanswered) -> str:
        question = self._content.findings[unanswered.finding].question
        hints = unanswered.hints
        hint = f" The record hints at it: {_listed(hints)}." if hints else ""
        return f"- {question} ({', '.join(unanswered.criteria)}){hint}"

    def _images(self, recommendation: Recommendation) -> list[str]:
        """Name the imaging that the criteria call for."""
        named = self._images_named(recommendation)
        return [f"**Imaging:** {named}."] if named else []

    def _images_named(self, recommendation: Recommendation) -> str:
        """Return the imaging that the criteria name; in pregnancy the kind without radiation."""
        avoid = self._avoids_radiation(recommendation)
        images = []
        for verdict in recommendation.verdicts:
            criterion = self._content.criteria[verdict.criterion]
            image = criterion.image_in_pregnancy if avoid else None
            images.append(image or criterion.image)
        return "; ".join(dict.fromkeys(image for image in images if image))

    def _otherwise(self, recommendation: Recommendation) -> list[str]:
        """Say that an image of another kind is ordered than the criteria name."""
        if not recommendation.otherwise:
            return []
        ordered = ", ".join(dict.fromkeys(order.says for order in recommendation.otherwise))
        named = self._images_named(recommendation)
        return [f"**Ordered:** {ordered}. The criteria of this card name {named} instead."]

    def _avoids_radiation(self, recommendation: Recommendation) -> bool:
        """Tell whether a remark of the card, such as a recorded pregnancy, forbids X-ray and CT."""
        return any(
            self._content.recommendations.remarks[name].avoid_radiation
            for name in recommendation.remarks
        )

    def _beside(self, recommendation: Recommendation, decision: Decision) -> list[str]:
        """Say under a card that stands alone what else was met, so that nothing is lost."""
        if not self._content.recommendations.courses[recommendation.course].course.alone:
            return []
        mine = {verdict.criterion for verdict in recommendation.verdicts}
        others = [self._content.criteria[name].says for name in decision.met if name not in mine]
        named = list(dict.fromkeys(others))
        return [f"**Also recorded:** {'; '.join(named)}."] if named else []

    def _remarks(self, recommendation: Recommendation, decision: Decision) -> list[str]:
        remarks = [self._content.recommendations.remarks[name] for name in recommendation.remarks]
        return [
            remark.says_while_unanswered if decision.unanswered else remark.says
            for remark in remarks
        ]

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


def _counted(unanswered: int) -> str:
    return f"{unanswered} red flag{'' if unanswered == 1 else 's'} unanswered"


def _listed(items: tuple[Evidence, ...]) -> str:
    shown = [_cited(each) for each in items[:_MAX_EVIDENCE]]
    if len(items) > _MAX_EVIDENCE:
        shown.append(f"and {len(items) - _MAX_EVIDENCE} more")
    return "; ".join(shown)


def _cited(evidence: Evidence) -> str:
    says, reference = clipped(evidence.says, _MAX_WORDS), clipped(evidence.reference, _MAX_WORDS)
    if not evidence.when:
        says, reference = escape_all([says, reference])
        return f"{says} ({reference})"
    says, when, reference = escape_all([says, evidence.when, reference])
    return f"{says}, {when} ({reference})"


def _noted(notes: tuple[str, ...]) -> str:
    """Return notes as lines; the trace has those that would fill a page."""
    lines = [f"Note: {escape(clipped(note, 2 * _MAX_WORDS))}.  " for note in notes[:_MAX_NOTES]]
    if len(notes) > _MAX_NOTES:
        lines.append(f"Note: {len(notes) - _MAX_NOTES} more; the trace of this card lists them.")
    return "\n".join(lines).rstrip()


def _fitted(summary: str, says: list[str]) -> str:
    """Put as many reasons after the summary as 139 characters hold; say how many are left."""
    for count in range(len(says), 0, -1):
        left = len(says) - count
        more = f" and {left} more" if left else ""
        line = f"{summary}: {', '.join(says[:count])}{more}"
        if len(line) <= MAX_SUMMARY:
            return line
    return summary
