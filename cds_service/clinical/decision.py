"""The answer: verdicts, recommendations and what is unanswered. It is its own explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from cds_service.clinical.facts import Evidence
from cds_service.clinical.occasion import Order
from cds_service.clinical.truth import Truth


class Gate(StrEnum):
    """Whether the patient has live back pain: the question that comes before all others."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """What one criterion comes to, the evidence that decided it, the findings it waits for."""

    criterion: str
    truth: Truth
    because: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


class Recommendation(NamedTuple):
    """One card's worth: what to do, how urgent, and the verdicts that call for it.

    ``conditional`` means that unanswered dangers come first; ``remarks`` are the ids of
    sentences to add. ``about`` are the orders of the call that the card speaks about;
    ``otherwise`` are those images among them whose kind the criteria do not name.
    """

    course: str
    topic: str
    indicator: str
    verdicts: tuple[Verdict, ...]
    conditional: bool = False
    remarks: tuple[str, ...] = ()
    about: tuple[Order, ...] = ()
    otherwise: tuple[Order, ...] = ()


class Unanswered(NamedTuple):
    """A finding that emergency or same-day criteria wait for, and those criteria.

    ``hints`` is weak evidence: it does not decide, but it is why the question comes early.
    """

    finding: str
    criteria: tuple[str, ...]
    hints: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the service answers, with all it rests on.

    ``judged`` is False where the record does not suffice: the gate is unknown, or the search
    of the conditions was not completed and nothing dangerous was found without it.
    ``truths`` has what every criterion comes to. A card rests on a few of them; the reasons of
    all are worked out by ``reasons`` only when somebody looks at them.
    """

    gate: Gate
    judged: bool
    danger: bool
    recommendations: tuple[Recommendation, ...]
    truths: Mapping[str, Truth]
    unanswered: tuple[Unanswered, ...]
    as_of: datetime
    profile: str
    digest: str
    notes: tuple[str, ...]
    reasons: Reasons = field(repr=False, compare=False)

    @property
    def met(self) -> tuple[str, ...]:
        """Return the ids of the criteria that are met, in their order."""
        return tuple(name for name, truth in self.truths.items() if truth is Truth.PRESENT)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Return every criterion's verdict with its reasons, in the order of the criteria."""
        return self.reasons.verdicts()

    @property
    def gate_evidence(self) -> tuple[Evidence, ...]:
        """Return what opened the gate, or shut it."""
        return self.reasons.gate_evidence()


class Reasons(Protocol):
    """Where a decision gets its reasons from, when they are asked for."""

    def verdicts(self) -> tuple[Verdict, ...]:
        """Weigh every criterion."""
        ...

    def gate_evidence(self) -> tuple[Evidence, ...]:
        """Weigh the gate."""
        ...
