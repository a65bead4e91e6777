"""A statement: the circumstances of what one resource says through one concept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cds_service.clinical.windows import Since
from cds_service.content.findings import Carrier

if TYPE_CHECKING:
    from cds_service.content.findings import FindingDefinition

_NOTHING: frozenset[str] = frozenset()
_DOUBTS = {"negated", "hypothetical"}


class Holds(Enum):
    """How a statement stands to the present."""

    NOW = "now"
    PAST = "past"
    DENIED = "denied"
    OPEN = "open"  # it cannot be told; the finding stays unknown and is asked about


@dataclass(init=False, slots=True)
class Statement:
    """The circumstances of a concept: where it stands, since when, how sure and how bad.

    ``observed`` is set for observations and answers, whose word ages. ``remark`` is said beside
    the evidence ("suspected", "preliminary"). ``visit`` marks the reason of a visit, which says
    that something is there and not that it began then. ``asked`` are the kinds of words in the
    question that a value answers ("family", "history"). ``restates`` is told for answers of a
    form: whether the answer says itself since when.
    """

    reference: str
    holds: Holds
    since: Since | None
    when: str | None
    observed: Since | None
    endable: bool
    recurring: bool
    remark: str | None
    severity: str | None
    body_sites: set[str]
    visit: bool
    restates: bool | None
    asked: frozenset[str]
    carrier: Carrier | None
    # ``onset``: the beginning is coded, so a text does not change it. ``note``: running text, which
    # speaks of much that is nobody's finding. ``from_text``: somebody typed it, when ``written``.
    onset: bool
    note: bool
    from_text: bool
    written: Since | None
    # The text bears no date; it was written some time in ``observed``.
    undated: bool
    # Why a place that is not sure enough only hints: "named only as the reason of a procedure".
    only: str | None
    # The display of a code that we do not know may hint, where a problem list is concerned.
    hints_by_display: bool
    # ``suspects``: the reason of an order, whose question ("r/o fracture") is a suspicion.
    # ``worsens``: a note beside the code says that it gets worse.
    suspects: bool
    worsens: bool
    # ``name``: what an observation is called in words, where a finding is called so too.
    name: str | None

    def __init__(  # noqa: PLR0913  what a resource may say around one concept
        self,
        reference: str,
        *,
        holds: Holds = Holds.NOW,
        since: Since | None = None,
        when: str | None = None,
        observed: Since | None = None,
        endable: bool = False,
        recurring: bool = False,
        remark: str | None = None,
        severity: str | None = None,
        body_sites: set[str] | None = None,
        visit: bool = False,
        restates: bool | None = None,
        asked: frozenset[str] = _NOTHING,
        carrier: Carrier | None = None,
        onset: bool = False,
        note: bool = False,
        from_text: bool = False,
        written: Since | None = None,
        undated: bool = False,
        only: str | None = None,
        hints_by_display: bool = False,
        suspects: bool = False,
        worsens: bool = False,
        name: str | None = None,
    ) -> None:
        """State what is told; a constructor of a data class's own costs ten times as much."""
        self.reference = reference
        self.holds = holds
        self.since = since
        self.when = when
        self.observed = observed
        self.endable = endable
        self.recurring = recurring
        self.remark = remark
        self.severity = severity
        self.body_sites = set() if body_sites is None else body_sites
        self.visit = visit
        self.restates = restates
        self.asked = asked
        self.carrier = carrier
        self.onset = onset
        self.note = note
        self.from_text = from_text
        self.written = written
        self.undated = undated
        self.only = only
        self.hints_by_display = hints_by_display
        self.suspects = suspects
        self.worsens = worsens
        self.name = name

    def why_open(self, finding: FindingDefinition) -> str | None:
        """Return why this leaves a finding to be asked, in words; None where it is sure."""
        if _is_open(self, finding) or _doubts(self.asked, finding):
            return "without a clear yes or no"
        return self.only


def _is_open(statement: Statement, finding: FindingDefinition) -> bool:
    """Tell whether it cannot be told if a statement holds; what was had once was had."""
    is_entry = statement.observed is None
    return statement.holds is Holds.OPEN and not (finding.past_counts and is_entry)


def _doubts(asked: frozenset[str], finding: FindingDefinition) -> bool:
    """Tell whether what was asked keeps an answer from counting for now."""
    return bool(asked & _DOUBTS) or ("history" in asked and not finding.past_counts)
