"""Strong Kleene logic, written out in full."""

from __future__ import annotations

from itertools import product

import pytest

from cds_service.clinical.truth import Truth, all_of, any_of, at_least

LETTERS = {"A": Truth.ABSENT, "?": Truth.UNKNOWN, "P": Truth.PRESENT}

# one, other, all of them, any of them
BOTH = """
A A  A A
A ?  A ?
A P  A P
? A  A ?
? ?  ? ?
? P  ? P
P A  A P
P ?  ? P
P P  P P
"""

# three terms, at least two of them
TWO_OF_THREE = """
AAA A
AA? A
AAP A
A?? ?
A?P ?
APP P
??? ?
??P ?
?PP P
PPP P
"""


def read(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


@pytest.mark.parametrize("row", read(BOTH), ids=" ".join)
def test_two_terms(row: list[str]) -> None:
    one, other, every, some = (LETTERS[letter] for letter in row)
    assert all_of([one, other]) is every
    assert any_of([one, other]) is some


def test_the_table_of_two_terms_is_complete() -> None:
    assert {(one, other) for one, other, *_ in read(BOTH)} == set(product(LETTERS, repeat=2))


@pytest.mark.parametrize("row", read(TWO_OF_THREE), ids=" ".join)
def test_at_least_two_of_three_in_any_order(row: list[str]) -> None:
    terms, expected = row
    for order in (terms, terms[::-1], terms[1:] + terms[:1]):
        assert at_least(2, [LETTERS[letter] for letter in order]) is LETTERS[expected]


@pytest.mark.parametrize(
    ("truth", "opposite"),
    [
        (Truth.ABSENT, Truth.PRESENT),
        (Truth.UNKNOWN, Truth.UNKNOWN),
        (Truth.PRESENT, Truth.ABSENT),
    ],
)
def test_negation_keeps_the_unknown(truth: Truth, opposite: Truth) -> None:
    assert truth.negated() is opposite


def test_of_no_terms_all_hold_and_none_does() -> None:
    assert all_of([]) is Truth.PRESENT
    assert any_of([]) is Truth.ABSENT


@pytest.mark.parametrize("truth", Truth, ids=lambda truth: truth.name)
def test_no_truth_is_a_yes_or_no_by_itself(truth: Truth) -> None:
    with pytest.raises(TypeError, match=r"cannot be read as yes or no: compare with `is Truth"):
        bool(truth)
    with pytest.raises(TypeError):
        _ = not truth
