"""Ids are UUIDs as RFC 9562 has them, and none comes twice."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from cds_service.render.identity import new_uuid

_MANY = 2000


def test_an_id_is_a_random_uuid_in_its_usual_form() -> None:
    for _ in range(_MANY):
        text = new_uuid()
        parsed = UUID(text)
        assert str(parsed) == text
        assert parsed.version == 4
        assert parsed.variant == RFC_4122


def test_no_two_ids_are_the_same_and_every_free_digit_varies() -> None:
    made = [new_uuid() for _ in range(_MANY)]
    assert len(set(made)) == _MANY
    seen = [set(column) for column in zip(*made, strict=True)]
    fixed = {place for place, digits in enumerate(seen) if len(digits) == 1}
    assert fixed == {8, 13, 14, 18, 23}
    assert seen[19] == set("89ab")
