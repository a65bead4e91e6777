"""Ids are UUIDs as RFC 9562 has them, begin with their time, and none comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import RFC_4122, UUID, uuid1

import pytest

from cds_service.identity import milliseconds_of, new_uuid, uuid_at

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY = 2000
_MOMENT = 0x0199_0123_4567


@pytest.mark.parametrize(
    ("make", "version"), [(new_uuid, 4), (lambda: uuid_at(_MOMENT), 7)], ids=["of a card", "kept"]
)
def test_an_id_is_a_uuid_of_its_moment_in_its_usual_form(
    make: Callable[[], str], version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.identity.time_ns", lambda: _MOMENT * 1_000_000 + 999_999)
    for _ in range(_MANY):
        text = make()
        parsed = UUID(text)
        assert str(parsed) == text
        assert parsed.version == version
        assert parsed.variant == RFC_4122
        assert text.startswith(f"01990123-4567-{version}")
        assert milliseconds_of(text) == _MOMENT


def test_no_two_ids_are_the_same_and_every_free_digit_varies() -> None:
    made = [uuid_at(_MOMENT) for _ in range(_MANY)]
    assert len(set(made)) == _MANY
    seen = [set(column) for column in zip(*made, strict=True)]
    assert {place for place, digits in enumerate(seen) if len(digits) == 1} == {
        *range(13),
        *(13, 14, 18, 23),
    }
    assert seen[19] == set("89ab")


@pytest.mark.parametrize(
    "text",
    ["", "c", str(uuid1()), uuid_at(_MOMENT).upper(), f"{uuid_at(_MOMENT)}0"],
    ids=["nothing", "a word", "another version", "upper case", "too long"],
)
def test_what_is_no_id_of_ours_has_no_time(text: str) -> None:
    assert milliseconds_of(text) is None
