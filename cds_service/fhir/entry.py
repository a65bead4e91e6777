"""One place in a record that speaks of a finding, and the words of its evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cds_service.clinical.facts import Occurrence
from cds_service.clinical.windows import Since

if TYPE_CHECKING:
    from datetime import datetime

_CHRONIC = timedelta(days=43)


class Entry:
    """One place in the record that speaks of a finding.

    ``observed`` is when it was seen or said, for observations and answers, which age and which a
    newer denial ends; None for entries such as conditions, which their own status ends.
    ``endable`` is False for measurements: each stands for its own moment. ``given`` marks what
    was stated beside the record: as a "no" it ends nothing that the record affirms. ``visit``
    marks the reason of a visit: it says that something is there, not that it began then. ``text``
    marks what was typed, which never outranks a code, and ``written`` is when, where that is known.
    ``restates`` is None for what is no answer of a form; an answer that says itself since when
    takes the place of older answers. ``about`` is what exactly was said, a code or a name, where
    the finding is wider than that; ``sides`` of which side.
    """

    __slots__ = (
        "about", "endable", "given", "observed", "occurrence", "restates", "sides", "text", "visit",
        "written",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913  what may be said of one entry
        self,
        occurrence: Occurrence,
        observed: Since | None = None,
        *,
        endable: bool = False,
        sides: frozenset[str] = frozenset(),
        given: bool = False,
        visit: bool = False,
        text: bool = False,
        written: Since | None = None,
        restates: bool | None = None,
        about: str | None = None,
    ) -> None:
        """Keep what is said, when it was seen, and how much it counts."""
        self.occurrence: Final = occurrence
        self.observed: Final = observed
        self.endable: Final = endable
        self.sides: Final = sides
        self.given: Final = given
        self.visit: Final = visit
        self.text: Final = text
        self.written: Final = written
        self.restates: Final = restates
        self.about: Final = about

    @property
    def moment(self) -> Since | None:
        """Return when it was seen or said, else when it began."""
        return self.observed or self.occurrence.since

    def since(self, beginning: Since | None) -> Entry:
        """Return the same with another beginning."""
        return Entry(
            Occurrence(beginning, self.occurrence.value, self.occurrence.evidence),
            self.observed,
            endable=self.endable,
            sides=self.sides,
            given=self.given,
            visit=self.visit,
            text=self.text,
            written=self.written,
            restates=self.restates,
            about=self.about,
        )

    def of_all(self) -> Entry:
        """Return the same as a denial of all of a finding."""
        return Entry(self.occurrence, self.observed, given=self.given)

    def is_ended_by(self, denial: Entry) -> bool:
        """Tell whether a denial came wholly after what was seen; what is undated is never older."""
        seen, denied = self.observed, denial.observed
        if not self.endable or seen is None or denied is None or denied.earliest is None:
            return False
        return denied.earliest > seen.latest and self.is_met_by(denial)

    def is_met_by(self, denial: Entry) -> bool:
        """Tell whether a denial is of the same.

        "No sciatica" does not meet low back pain, nor a strong right leg the weakness of the left.
        """
        if self.about and denial.about and self.about != denial.about:
            return False
        other_side = not self.sides or not self.sides <= denial.sides
        return not denial.sides or "both" in denial.sides or not other_side


def chronic(since: Since | None, as_of: datetime) -> Since:
    """Return a beginning more than 42 days ago (docs/reading.md, "Without a date")."""
    latest = as_of - _CHRONIC
    return Since(None, min(latest, since.latest) if since else latest)


def says(words: str, since: Since | None, *remarks: str | None) -> str:
    """Put the words of evidence together; a missing date is said."""
    parts = [words, *(remark for remark in remarks if remark)]
    if since is None:
        parts.append("date not recorded")
    return ", ".join(parts)
