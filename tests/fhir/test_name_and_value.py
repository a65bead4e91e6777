"""What the name of an observation and its value say only together: "anal tone", "reduced"."""

from __future__ import annotations

import pytest

from tests.fhir.builders import CANNOT_TELL, MET, concept, judged, local, observation

SAID = {
    ("Perianal sensation", "reduced"): "E02",
    ("Saddle sensation", "Absent"): "E02",
    ("Anal tone", "absent"): "E01",
    ("Anal tone", "reduced"): "E01",
}
NOT_SAID = [
    ("Perianal sensation", "normal"), ("Perianal sensation", "intact"), ("Anal tone", "normal"),
    ("Saddle sensation", "not reduced"), ("Anal tone", "not examined"), ("Anal tone", ""),
    ("Anal tone", "reduced in mother"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SAID)
def test_they_are_read_as_one(name: str, value: str) -> None:
    for code in (local(name), concept(text=name)):
        for said in (value, {"text": value}):
            assert judged(observation(code, said))[SAID[name, value]] == MET


@pytest.mark.parametrize(("name", "value"), NOT_SAID)
def test_what_they_do_not_say_is_asked(name: str, value: str) -> None:
    result = judged(observation(local(name), value))
    assert (result["E01"], result["E02"]) == (CANNOT_TELL, CANNOT_TELL)


def test_what_was_never_final_does_not_count() -> None:
    seen = observation(local("Anal tone"), "absent", status="entered-in-error")
    assert judged(seen)["E01"] == CANNOT_TELL


def test_a_reason_for_absent_data_says_nothing() -> None:
    reason = concept(text="not performed")
    seen = observation(local("Anal tone"), "absent", dataAbsentReason=reason)
    assert judged(seen)["E01"] == CANNOT_TELL
