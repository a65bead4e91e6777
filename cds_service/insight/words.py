"""What a report calls things: topics, criteria, questions and reasons, in the content's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.content.recommendations import TOPICS

if TYPE_CHECKING:
    from cds_service.content.load import Content

# What the store counts a reason as that is not one of the card's.
OTHER = "other"
# What is overridden without any; no code is empty.
NOT_GIVEN = ""


class Words:
    """The words of one content. A code that it has no words for, no longer or never, is given."""

    def __init__(self, content: Content) -> None:
        """Look up what each card calls its override reasons."""
        self._content = content
        self._reasons = {
            (each.course.topic, reason.code): reason.display
            for each in content.recommendations.courses.values()
            for reason in each.override_reasons
        }

    def topic(self, code: str) -> str:
        """Return what the cards of a topic are called."""
        return TOPICS.get(code, code or "Cards that are not known here")

    def criterion(self, code: str) -> str:
        """Return the id and the title of a criterion."""
        known = self._content.criteria.get(code)
        return f"{code} {known.title}" if known else f"{code} (no longer in the content)"

    def question(self, finding: str) -> str:
        """Return the question that a clinician asks for a finding."""
        known = self._content.findings.get(finding)
        return known.question if known else finding

    def reason(self, topic: str, code: str) -> str:
        """Return what a card of a topic calls a reason."""
        if code == OTHER:
            return "Another reason"
        if code == NOT_GIVEN:
            return "No reason given"
        return self._reasons.get((topic, code), code)
