"""Ids are UUIDs as RFC 9562 has them, begin with their time, and none comes twice."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import RFC_4122, UUID, uuid1

import pytest

from cds_service.identity import milliseconds_of, new_request_id, new_uuid, uuid_at

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


def test_ids_of_requests_are_random_digits() -> None:
    made = [new_request_id() for _ in range(_MANY)]
    assert {len(each) for each in made} == {32}
    assert len(set(made)) == _MANY
    assert all(int(each, 16) >= 0 for each in made)


def test_threads_that_ask_at_the_same_moment_get_ids_of_their_own() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: new_request_id(), range(10 * _MANY)))
    assert len(set(made)) == len(made)


def test_a_forked_process_makes_none_that_its_parent_makes() -> None:
    new_request_id()  # now some bytes are ready
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # what is measured of coverage ends with a process, and this one ends here
        os.write(writing, "".join(new_request_id() for _ in range(20)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    theirs = {told[at : at + 32] for at in range(0, len(told), 32)}
    assert len(theirs) == 20
    assert not theirs & {new_request_id() for _ in range(_MANY)}
