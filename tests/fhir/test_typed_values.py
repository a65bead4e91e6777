"""Values as somebody typed them: with units, as parts of a scale, under names without codes."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    BACK_PAIN,
    CANNOT_TELL,
    MET,
    NOT_MET,
    Json,
    ago,
    answers,
    concept,
    condition,
    denied,
    judged,
    observation,
    read,
    temperature,
)

NO_POSITION = answers({"no-position-helps": True})


def named(text: str, value: object, days: float = 0, **more: object) -> Json:
    return observation(concept(text=text), value, days, **more)


@pytest.mark.parametrize(
    "said",
    [
        named("Nurse note", "temp 39.6", effectiveDateTime=ago(hours=0.5)),
        named("Clinical note", "Temp: 39.2 C", effectiveDateTime=ago(hours=0.5)),
        observation("8310-5", "39.6 C"),
        observation("8310-5", "102.9 F"),
        observation("8310-5", "39,6"),
        observation("8310-5", concept(text="39.6 °C")),
        observation("8310-5", {"value": 102.11, "unit": "F"}),
    ],
)
def test_a_temperature_as_words_counts(said: Json) -> None:
    calm = answers({"fever": False, "fever-unmeasured": False}, authored=ago(hours=5))
    assert judged(calm, said)["E05"] == MET


UNITS = {
    39.5: ["ºC", "℃", "C°", "˚C", "Cel.", "degree Celsius", "degrees Celsius"],
    103.0: ["ºF", "℉", "F°", "degrees Fahrenheit"],
}


@pytest.mark.parametrize(
    ("value", "unit"), [(value, unit) for value, units in UNITS.items() for unit in units]
)
def test_a_temperature_in_a_unit_that_is_written_otherwise(value: float, unit: str) -> None:
    for said in (
        temperature(value, unit=unit),
        observation("8310-5", f"{value} {unit.rstrip('.')}"),
    ):
        assert judged(said)["E05"] == MET


@pytest.mark.parametrize(
    ("said", "e09"),
    [
        ("9/10", MET),
        ("9 / 10", MET),
        ("8 out of 10", MET),
        ("90/100", MET),
        ("3/10", NOT_MET),
        ("11/10", CANNOT_TELL),
        ("9 of the worst", CANNOT_TELL),
        ("about nine and a half, rather more at night", CANNOT_TELL),
    ],
)
def test_a_score_as_words_counts(said: str, e09: str) -> None:
    assert judged(NO_POSITION, observation("72514-3", said))["E09"] == e09


@pytest.mark.parametrize("code", ["72514-3", "75893-8"])
@pytest.mark.parametrize("score", [11, 12, 72])
def test_a_score_beyond_its_instrument_cannot_be_read(code: str, score: int) -> None:
    record = (condition(BACK_PAIN, 3), denied(1, no_position_helps=True), observation(code, score))
    result = read(*record)
    assert result["E09"] == CANNOT_TELL
    assert result["H01"] == CANNOT_TELL
    assert any("could not be read" in note for note in result.notes)


@pytest.mark.parametrize(("score", "e09"), [(72, MET), (12, NOT_MET), (101, CANNOT_TELL)])
def test_a_line_of_100_mm_may_say_more_than_ten(score: int, e09: str) -> None:
    assert judged(NO_POSITION, observation("38214-3", score))["E09"] == e09


@pytest.mark.parametrize(
    ("name", "more", "e09"),
    [
        ("Pain score", {}, MET),
        ("NRS", {"bodySite": concept(text="lower back")}, MET),
        ("Pain score", {"bodySite": concept(text="Knee")}, CANNOT_TELL),
        ("Headache score", {}, CANNOT_TELL),
    ],
)
def test_a_score_goes_by_its_name_and_site(name: str, more: Json, e09: str) -> None:
    assert judged(NO_POSITION, named(name, 9, **more))["E09"] == e09


@pytest.mark.parametrize("name", ["Weight", "Body weight", "weight"])
@pytest.mark.parametrize("typed", [False, True])
def test_weights_without_a_code_are_compared(name: str, *, typed: bool) -> None:
    before, after = ("100 kg", "90 kg") if typed else ((100, "kg"), (90, "kg"))
    assert judged(named(name, before, 100), named(name, after, 2))["R05"] == MET


def test_the_weight_that_was_lost_is_no_weight() -> None:
    result = judged(named("Weight loss", (80, "kg"), 100), named("Weight loss", (70, "kg"), 2))
    assert "% less" not in result.says("weight-loss")


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("Muscle grade left leg", "4/5", "3/5", MET),
        ("Muscle power left leg", 4, 3, MET),
        ("Muscle strength lower limb", "4/5", "3/5", MET),
        ("Leg power", "4+/5", "4/5", MET),
        ("Leg power", "4/5", "4+/5", CANNOT_TELL),
        ("Muscle power left leg", 3, 4, CANNOT_TELL),
        ("Leg power", "80 %", "60 %", CANNOT_TELL),
        ("Muscle power", 4, 3, CANNOT_TELL),
    ],
)
def test_a_lower_muscle_grade_is_worse(
    name: str, before: object, after: object, expected: str
) -> None:
    assert judged(named(name, before, 20), named(name, after, 2))["R02"] == expected


@pytest.mark.parametrize(("site", "r02"), [("Left leg", MET), ("Left arm", CANNOT_TELL)])
@pytest.mark.parametrize("name", ["Muscle power", "MRC grade"])
def test_a_muscle_grade_is_of_a_leg_by_its_site(name: str, site: str, r02: str) -> None:
    more = {"bodySite": concept(text=site)}
    assert judged(named(name, 4, 20, **more), named(name, 3, 2, **more))["R02"] == r02


@pytest.mark.parametrize("value", ["39.6 C", 39.6])
def test_a_value_in_a_form_is_read_as_in_an_observation(value: object) -> None:
    given = {"valueString": value} if isinstance(value, str) else {"valueDecimal": value}
    item = {"linkId": "1", "text": "Temperature", "answer": [given]}
    assert judged(answers({}, item=[item]))["E05"] == MET


# --- severe pain of another place ---


def test_severe_pain_of_the_belly_is_no_severe_back_pain() -> None:
    belly = condition("76948002", 1, bodySite=[concept(text="Abdomen")])
    result = judged(NO_POSITION, belly)
    assert (result["E09"], result["E04"]) == (CANNOT_TELL, MET)


@pytest.mark.parametrize("site", [None, "Lower back"])
def test_severe_pain_is_of_the_back_or_of_no_named_place(site: str | None) -> None:
    more = {} if site is None else {"bodySite": [concept(text=site)]}
    assert judged(NO_POSITION, condition("76948002", 1, **more))["E09"] == MET
