"""Values: equal by what they hold, whatever object they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.clinical.decision import Unanswered, Verdict
from cds_service.clinical.facts import Evidence, Occurrence
from cds_service.clinical.rules import Weighed
from cds_service.clinical.truth import Truth
from cds_service.clinical.value import Value
from cds_service.clinical.windows import Since
from cds_service.fhir.lexicon import Says, Span
from cds_service.fhir.units import Amount

NOON, EVENING = (datetime(2026, 1, 15, hour, tzinfo=UTC) for hour in (12, 18))
PAIN = Evidence("Condition/1", "pain")

# Each value beside one that differs in one of its parts.
PAIRS: dict[str, tuple[Value, Value]] = {
    "since": (Since(NOON, EVENING), Since(None, EVENING)),
    "evidence": (Evidence("Condition/1", "pain"), Evidence("Condition/1", "pain", "2026")),
    "occurrence": (Occurrence(None, 1.0, PAIN), Occurrence(None, None, PAIN)),
    "weighed": (Weighed(Truth.PRESENT, (PAIN,), ()), Weighed(Truth.ABSENT, (PAIN,), ())),
    "verdict": (Verdict("E01", Truth.UNKNOWN), Verdict("E01", Truth.UNKNOWN, (), ("numb",))),
    "unanswered": (Unanswered("numb", ("E01",)), Unanswered("numb", ("E01",), (PAIN,))),
    "amount": (Amount(38.0, "38 Cel"), Amount(38.5, "38 Cel")),
    "span": (Span(0, 2, Says.NAMES, "numb"), Span(0, 2, Says.EXCEPTS, "numb")),
}


@pytest.mark.parametrize(("value", "other"), PAIRS.values(), ids=PAIRS)
def test_a_value_is_what_it_holds(value: Value, other: Value) -> None:
    again = type(value)(*value.parts())
    assert again is not value
    assert again == value
    assert {value: "kept"}[again] == "kept"
    assert other != value
    assert {value, again, other} == {value, other}
    assert value != value.parts()


def test_values_of_two_kinds_are_never_the_same() -> None:
    unanswered, weighed = Unanswered("numb", ()), Weighed(Truth.UNKNOWN, (), ("numb",))
    assert unanswered != weighed
    assert Evidence("numb", "()") != Unanswered("numb", ())


def test_a_value_shows_how_it_could_be_made_again() -> None:
    assert repr(PAIN) == "Evidence('Condition/1', 'pain', None)"


def test_a_value_says_what_it_holds() -> None:
    with pytest.raises(NotImplementedError):
        Value().parts()
