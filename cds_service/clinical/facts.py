"""What the record says of one patient at one moment: findings with their occurrences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cds_service.clinical.truth import Truth
from cds_service.clinical.value import Value
from cds_service.clinical.windows import Since, zone_of


class Evidence(Value):
    """One place in the record: ``reference`` ("Observation/12") and what it ``says``.

    ``when`` is the date as recorded, or None where there is none.
    """

    __slots__ = ("reference", "says", "when")

    def __init__(self, reference: str, says: str, when: str | None = None) -> None:
        """Say where, what and when."""
        self.reference: Final = reference
        self.says: Final = says
        self.when: Final = when

    def parts(self) -> tuple[object, ...]:
        """Return where, what and when."""
        return (self.reference, self.says, self.when)


class Occurrence(Value):
    """One recorded instance of a finding: when it began, its number if it has one, and where.

    For an absent finding an occurrence is a denial; for an unknown one it is a hint that
    does not decide.
    """

    __slots__ = ("evidence", "since", "value")

    def __init__(self, since: Since | None, value: float | None, evidence: Evidence) -> None:
        """Say when it began, its number, and where it stands."""
        self.since: Final = since
        self.value: Final = value
        self.evidence: Final = evidence

    def parts(self) -> tuple[object, ...]:
        """Return the beginning, the number and the evidence."""
        return (self.since, self.value, self.evidence)


class Finding(Value):
    """Something the patient has, lacks, or was not asked."""

    __slots__ = ("name", "occurrences", "state")

    def __init__(self, name: str, state: Truth, occurrences: tuple[Occurrence, ...] = ()) -> None:
        """Keep the state. Raises ValueError: nothing is present without evidence."""
        if state is Truth.PRESENT and not occurrences:
            msg = f"Finding {name!r} is present without an occurrence: say where it stands."
            raise ValueError(msg)
        self.name: Final = name
        self.state: Final = state
        self.occurrences: Final = occurrences

    def parts(self) -> tuple[object, ...]:
        """Return the name, the state and the occurrences."""
        return (self.name, self.state, self.occurrences)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known at ``as_of``, a moment with a time zone.

    A finding that was not heard of is unknown, unless ``silent`` holds it: those are the
    findings whose absence from a completed search means absent (docs/reading.md, "Silence").
    ``searched`` names the resource types whose search was completed, ``incomplete`` those whose
    search was wanted and was not, and ``notes`` says what could not be read.
    """

    as_of: datetime
    findings: dict[str, Finding]
    silent: frozenset[str] = frozenset()
    searched: frozenset[str] = frozenset()
    incomplete: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a moment without a time zone: a day has no edges without one."""
        zone_of(self.as_of)

    def get(self, name: str) -> Finding:
        """Return the finding; one that was not heard of is unknown, or absent by silence."""
        heard = self.findings.get(name)
        if heard is not None:
            return heard
        return Finding(name, Truth.ABSENT if name in self.silent else Truth.UNKNOWN)
