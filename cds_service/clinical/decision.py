"""The answer: verdicts, recommendations and what is unanswered. It is its own explanation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cds_service.clinical.truth import Truth

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.clinical.facts import Evidence


class Gate(StrEnum):
    """Whether the patient has live back pain: the question that comes before all others."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one criterion comes to, the evidence that decided it, the findings it waits for."""

    criterion: str
    truth: Truth
    because: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One card's worth: what to do, how urgent, and the verdicts that call for it.

    ``conditional`` means that unanswered dangers come first; ``remarks`` are the ids of
    sentences to add.
    """

    course: str
    topic: str
    indicator: str
    verdicts: tuple[Verdict, ...]
    conditional: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A finding that emergency or same-day criteria wait for, and those criteria.

    ``hints`` is weak evidence: it does not decide, but it is why the question comes early.
    """

    finding: str
    criteria: tuple[str, ...]
    hints: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the service answers, with all it rests on.

    ``judged`` is False where the record does not suffice: the gate is unknown, or the search
    of the conditions was not completed and nothing dangerous was found without it.
    """

    gate: Gate
    gate_evidence: tuple[Evidence, ...]
    judged: bool
    danger: bool
    recommendations: tuple[Recommendation, ...]
    verdicts: tuple[Verdict, ...]
    unanswered: tuple[Unanswered, ...]
    as_of: datetime
    profile: str
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> tuple[Verdict, ...]:
        """Return the verdicts that are met, in the order of the criteria."""
        return tuple(verdict for verdict in self.verdicts if verdict.truth is Truth.PRESENT)
