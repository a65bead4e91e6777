"""The answer: verdicts, recommendations and what is unanswered. It is its own explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from cds_service.clinical.truth import Truth
from cds_service.clinical.value import Value

if TYPE_CHECKING:
    from cds_service.clinical.facts import Evidence
    from cds_service.clinical.occasion import Order


class Gate(StrEnum):
    """Whether the patient has live back pain: the question that comes before all others."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "unknown"


class Verdict(Value):
    """What one criterion comes to, the evidence that decided it, the findings it waits for."""

    __slots__ = ("because", "criterion", "missing", "truth")

    def __init__(
        self,
        criterion: str,
        truth: Truth,
        because: tuple[Evidence, ...] = (),
        missing: tuple[str, ...] = (),
    ) -> None:
        """Keep what a criterion comes to, and why."""
        self.criterion: Final = criterion
        self.truth: Final = truth
        self.because: Final = because
        self.missing: Final = missing

    def parts(self) -> tuple[object, ...]:
        """Return the criterion, its truth, the evidence and the findings."""
        return (self.criterion, self.truth, self.because, self.missing)


class Recommendation(Value):
    """One card's worth: what to do, how urgent, and the verdicts that call for it.

    ``conditional`` means that unanswered dangers come first; ``remarks`` are the ids of
    sentences to add. ``about`` are the orders of the call that the card speaks about;
    ``otherwise`` are those images among them whose kind the criteria do not name.
    """

    __slots__ = (
        "about", "conditional", "course", "indicator", "otherwise", "remarks", "topic", "verdicts",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913  what a card is made of
        self,
        course: str,
        topic: str,
        indicator: str,
        verdicts: tuple[Verdict, ...],
        *,
        conditional: bool = False,
        remarks: tuple[str, ...] = (),
        about: tuple[Order, ...] = (),
        otherwise: tuple[Order, ...] = (),
    ) -> None:
        """Keep what is recommended, and why."""
        self.course: Final = course
        self.topic: Final = topic
        self.indicator: Final = indicator
        self.verdicts: Final = verdicts
        self.conditional: Final = conditional
        self.remarks: Final = remarks
        self.about: Final = about
        self.otherwise: Final = otherwise

    def parts(self) -> tuple[object, ...]:
        """Return everything, in the order of the constructor."""
        return (
            self.course, self.topic, self.indicator, self.verdicts,
            self.conditional, self.remarks, self.about, self.otherwise,
        )  # fmt: skip

    def with_verdicts(self, more: tuple[Verdict, ...]) -> Recommendation:
        """Return the same with further verdicts that call for it."""
        return self._with(self.verdicts + more, self.remarks, self.about, self.otherwise)

    def with_remarks(self, remarks: tuple[str, ...]) -> Recommendation:
        """Return the same with these remarks."""
        return self._with(self.verdicts, remarks, self.about, self.otherwise)

    def speaking_about(
        self, orders: tuple[Order, ...], otherwise: tuple[Order, ...] = ()
    ) -> Recommendation:
        """Return the same about orders; the criteria do not name the kind of ``otherwise``."""
        return self._with(self.verdicts, self.remarks, orders, otherwise)

    def _with(
        self,
        verdicts: tuple[Verdict, ...],
        remarks: tuple[str, ...],
        about: tuple[Order, ...],
        otherwise: tuple[Order, ...],
    ) -> Recommendation:
        return Recommendation(
            self.course,
            self.topic,
            self.indicator,
            verdicts,
            conditional=self.conditional,
            remarks=remarks,
            about=about,
            otherwise=otherwise,
        )


class Unanswered(Value):
    """A finding that emergency or same-day criteria wait for, and those criteria.

    ``hints`` is weak evidence: it does not decide, but it is why the question comes early.
    """

    __slots__ = ("criteria", "finding", "hints")

    def __init__(
        self, finding: str, criteria: tuple[str, ...], hints: tuple[Evidence, ...] = ()
    ) -> None:
        """Keep what is not answered, who waits for it, and what hints at it."""
        self.finding: Final = finding
        self.criteria: Final = criteria
        self.hints: Final = hints

    def parts(self) -> tuple[object, ...]:
        """Return the finding, the criteria and the hints."""
        return (self.finding, self.criteria, self.hints)


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

    # The moment of judging as every card writes it.
    moment: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Write the moment down, once for all cards."""
        object.__setattr__(self, "moment", self.as_of.isoformat())

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
