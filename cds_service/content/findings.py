"""Findings: what each means, how to ask for it, and where a record says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_service.clinical.windows import Span
from cds_service.content.codes import Code
from cds_service.content.problems import Place


class Reading(StrEnum):
    """The kinds of measurement that `fhir/` knows how to read."""

    TEMPERATURE = "temperature"
    SCORE = "score"
    LOW_LAB = "low lab"
    URINE_BLOOD = "urine blood"
    WEIGHT = "weight"
    GRADE = "muscle grade"


class Computation(StrEnum):
    """The findings that `fhir/` works out from others: content may combine, never compute."""

    EPISODES = "episodes"
    BOTH_SIDES = "both_sides"
    WORSE = "worse"
    MINOR = "minor"
    DECEASED = "deceased"


class Carrier(StrEnum):
    """Findings that only one kind of resource carries."""

    MEDICATION = "medication"
    ORDER = "order"


# Weights and laboratory values from before the pain began still answer.
_OUTLASTING = {Reading.WEIGHT, Reading.LOW_LAB}
COMPANIONS = frozenset(
    {
        "site back",
        "site leg",
        "site saddle",
        "site abdomen",
        "bodysite back",
        "severe",
        "dated",
        "worsening",
    }
)
SEARCHES = frozenset({"Condition", "MedicationRequest", "MedicationStatement"})


@dataclass(frozen=True, slots=True)
class Weak:
    """Codes that count only with companions: one of each group in ``needs`` must be there.

    With no ``needs`` they never count; they are shown and their question is asked early.
    """

    codes: tuple[Code, ...]
    needs: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement that says the finding.

    ``limit`` is the first number that affirms (the first that is too low for labs, in mmol/L).
    A reading on the other side of it denies for as long as ``answers``. ``mass_per_mmol`` is
    the weight in mg of one mmol, where laboratories also report mg/dL. ``words`` are what stands
    before such a number in a text ("temp 39.2"), ``names`` what an observation without a known
    code is called as a whole. ``of_ten`` are the codes of instruments that end at 10.
    """

    reading: Reading
    codes: tuple[Code, ...]
    limit: float
    answers: Span
    mass_per_mmol: float | None = None
    site: str | None = None
    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    of_ten: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FindingDefinition:
    """One finding as the content defines it.

    ``lives`` None means that it counts for ever. ``but_not`` are phrases that only sound like
    it, ``explained_by`` words beside it in a text that take the alarm out of it.
    ``called`` are words that say it only where they are all that is written, as on a problem list.
    ``widest`` are the codes whose "no" is a no to all of it; where there are none, that of any is.
    ``aftercare_counts`` is False for injuries: a code of follow-up care or sequela (ICD-10-CM
    7th character) says that they are past.
    """

    id: str
    place: Place
    theme: str
    meaning: str
    question: str
    codes: tuple[Code, ...]
    weak: tuple[Weak, ...]
    excludes: tuple[Code, ...]
    denied_by: tuple[Code, ...]
    widest: frozenset[str]
    chronic: frozenset[str]
    past_counts: bool
    lives: Span | None
    absent_after: frozenset[str]
    phrases: tuple[str, ...]
    called: tuple[str, ...]
    but_not: tuple[str, ...]
    explained_by: tuple[str, ...]
    severity_of: str | None
    not_if_severity: frozenset[str]
    unless: str | None
    without_value: str | None
    carrier: Carrier | None
    aftercare_counts: bool
    measured: Measured | None
    computed: Computation | None
    of: tuple[str, ...]
    kind_of: str | None
    recurrence_of: str | None
    worsening_of: tuple[str, ...]
    denial_lives: Span

    @property
    def denial_outlasts_pain(self) -> bool:
        """Tell whether a "no" from before the present pain still answers: weights, not symptoms."""
        return self.measured is not None and self.measured.reading in _OUTLASTING

    def related(self) -> tuple[str, ...]:
        """Return the other findings that this one refers to."""
        links = (
            self.severity_of,
            self.unless,
            self.without_value,
            self.kind_of,
            self.recurrence_of,
        )
        return (*(link for link in links if link is not None), *self.worsening_of, *self.of)
