"""The detail of a card: what to do, why, by which evidence, and what is still to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.truth import Truth
from cds_service.render.markdown import clipped, escape, escape_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cds_service.clinical.decision import Decision, Recommendation, Unanswered, Verdict
    from cds_service.clinical.facts import Evidence
    from cds_service.content.load import Content

_MAX_EVIDENCE = 4
_MAX_NOTES = 12
_MAX_WORDS = 240


class DetailWriter:
    """Writes the details of cards by the words of the content."""

    def __init__(self, content: Content) -> None:
        """Keep the content, and which of its courses and criteria are written otherwise."""
        self._content = content
        protocol = next(iter(content.protocols.values()))
        self._check, self._unsupported = protocol.check, protocol.unsupported
        self._dangers = frozenset(protocol.criteria[place].id for place in protocol.dangers)

    def unanswered(self, recommendation: Recommendation) -> list[Verdict]:
        """Return the red flags behind a card that are not answered."""
        return [
            verdict
            for verdict in recommendation.verdicts
            if verdict.criterion in self._dangers and verdict.truth is Truth.UNKNOWN
        ]

    def write(
        self,
        recommendation: Recommendation,
        decision: Decision,
        notes: tuple[str, ...],
        authority: str,
    ) -> str:
        """Return the detail in Markdown; it ends with its source, and the notes if it has any."""
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
        parts.append(f"Source: {authority}.")
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
        unanswered = self.unanswered(recommendation)
        for verdict in recommendation.verdicts:
            if verdict.criterion not in self._dangers:
                criterion = self._content.criteria[verdict.criterion]
                state = "cannot be told" if verdict.truth is Truth.UNKNOWN else "not met"
                cited = f": {_listed(verdict.because)}" if verdict.because else ""
                lines.append(f"- **{criterion.title}** ({criterion.id}): {state}{cited}.")
        if unanswered:
            says = "; ".join(self._content.criteria[each.criterion].says for each in unanswered)
            lines.append(f"- **{counted(len(unanswered))}:** {says}.")
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
        avoid = self.avoids_radiation(recommendation)
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

    def avoids_radiation(self, recommendation: Recommendation) -> bool:
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


def counted(unanswered: int) -> str:
    """Say how many red flags are unanswered."""
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
