"""Anything in any element of any resource: never an error, never a denial that nobody gave."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from cds_service.fhir.record import TwoPatientsError, read_bundle
from tests.fhir.builders import (
    AS_OF,
    Json,
    answers,
    bundle,
    concept,
    condition,
    medication,
    observation,
    pain_score,
    patient,
    read_record,
    resource,
    status,
    temperature,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIN = condition("M54.50", 9)
JUNK = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=8)
    | some.sampled_from(
        ["NaN", "1e9", "2026", "2026-11-20", "no", "false", "449813001", "G83.4", "#", "Patient/1"]
    ),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                ["coding", "code", "text", "system", "value", "unit", "reference", "start", "item"]
            )
            | some.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)

# One of each kind that is read, with an element in every place that is looked at.
WHOLE: dict[str, Json] = {
    "Patient": patient(deceasedBoolean=False),
    "Condition": condition(
        "G83.4",
        3,
        verificationStatus=status("confirmed"),
        severity=concept("24484000"),
        bodySite=[concept("61685007")],
        onsetPeriod={"start": "2026-11-01"},
        onsetAge={"value": 50, "unit": "a"},
        onsetRange={"low": {"value": 50, "unit": "a"}},
        abatementDateTime="2027",
        recordedDate="2026-11-01",
        encounter={"reference": "Encounter/e"},
    ),
    "finding": observation(
        "449813001",
        value=True,
        interpretation=[status("POS")],
        bodySite=concept("38864007"),
        component=[{"code": concept("29857009"), "valueBoolean": True}],
    ),
    "value": observation("75325-1", concept("449813001")),
    "words": observation(concept(text="Symptoms"), "saddle numbness"),
    "temperature": temperature(39.4),
    "score": pain_score(8, bodySite=concept("77568009")),
    "weight": observation("29463-7", (70, "kg"), 1),
    "earlier weight": observation("29463-7", (80, "kg"), 90),
    "potassium": observation(
        "2823-3",
        {"value": 3.0, "unit": "mmol/L", "comparator": "<"},
        1,
        referenceRange=[{"low": {"value": 3.5, "unit": "mmol/L"}, "type": status("normal")}],
        interpretation=[status("L")],
    ),
    "urine": observation(
        "5794-3", (9, "/uL"), 1, referenceRange=[{"high": {"value": 3, "unit": "/uL"}}]
    ),
    "grade": observation(concept(text="Leg power, left"), 3),
    "Encounter": resource(
        "Encounter",
        id="e",
        status="in-progress",
        period={"start": "2026-11-10", "end": "2026-11-10"},
        reasonCode=[concept("R07.9")],
        reason=[{"value": [{"concept": concept("R07.9")}]}],
        diagnosis=[{"condition": {"concept": concept("R07.9")}}],
    ),
    "MedicationRequest": medication(
        {"text": "Simvastatin"},
        medicationReference={"reference": "#m", "display": "Lipitor"},
        medication={"reference": {"reference": "Medication/m"}},
        contained=[{"resourceType": "Medication", "id": "m", "code": concept(text="Lipitor")}],
        authoredOn="2026-11-01",
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"end": "2026-12-01"}}}}],
        dispenseRequest={"validityPeriod": {"end": "2026-12-01"}},
        effectivePeriod={"start": "2026-01-01", "end": "2026-12-01"},
        adherence={"code": status("taking")},
    ),
    "Procedure": resource(
        "Procedure",
        status="completed",
        code=concept("50172003"),
        performedPeriod={"start": "2015"},
    ),
    "ServiceRequest": resource(
        "ServiceRequest",
        status="draft",
        code=concept("24968-0"),
        reasonCode=[concept("G83.4")],
        authoredOn="2026-11-20",
    ),
    "Appointment": resource(
        "Appointment",
        status="booked",
        start="2026-11-21",
        reasonCode=[concept("R33.9")],
        participant=[{"actor": {"reference": "Patient/1"}}],
    ),
    "form": answers(
        {
            "saddle-numbness": True,
            "fever": {"valueQuantity": {"value": 39, "unit": "Cel"}},
            "severe-pain": 8,
            "bladder-control-lost": {"valueCoding": {"code": "Y", "display": "Yes"}},
            "back-pain-episodes": 4,
            "leg-muscle-grade": 3,
        }
    ),
}


def _places(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a JSON value, the value itself apart."""
    inner: dict[Any, object] = dict(enumerate(node)) if isinstance(node, list) else {}
    for key, value in (node if isinstance(node, dict) else inner).items():
        yield (*path, key)
        yield from _places(value, (*path, key))


def _put(node: Json, path: tuple[str | int, ...], value: object) -> Json:
    changed: Any = deepcopy(node)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(changed)


PLACES = [(name, path) for name, entry in WHOLE.items() for path in _places(entry)]


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(place=some.sampled_from(PLACES), junk=JUNK)
def test_junk_in_any_place_never_raises(
    place: tuple[str, tuple[str | int, ...]], junk: object
) -> None:
    name, path = place
    changed = _put(WHOLE[name], path, junk)
    entries = [changed if each is WHOLE[name] else each for each in (*WHOLE.values(), PAIN)]
    try:
        read_record(read_bundle(bundle(*entries), AS_OF))
    except TwoPatientsError:
        assert name == "Patient" or {"subject", "participant", "actor"} & set(path)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(place=some.sampled_from(PLACES), junk=JUNK.filter(lambda junk: not isinstance(junk, str)))
def test_junk_that_is_no_text_denies_nothing(
    place: tuple[str, tuple[str | int, ...]], junk: object
) -> None:
    name, path = place
    asked = {"saddle-numbness", "fever", "fever-unmeasured", "severe-pain", "bladder-control-lost"}
    if path[-1] in {"value", "valueBoolean", "valueInteger", "valueDecimal"}:
        junk = [junk]  # a number or a boolean of its own right is an honest answer
    changed = _put(WHOLE[name], path, junk)
    if name == "Patient" or "subject" in path:
        return
    result = read_record(read_bundle(bundle(PAIN, changed), AS_OF))
    assert [each for each in asked if result.state(each) == "absent"] == []


@settings(max_examples=200)
@given(junk=JUNK)
def test_junk_in_the_place_of_a_bundle_is_refused_or_read(junk: object) -> None:
    try:
        record = read_bundle(junk, AS_OF)
    except (ValueError, TwoPatientsError):
        return
    read_record(record)


@pytest.mark.parametrize("key", ["entry", "link", "total", "type", "resourceType"])
@settings(max_examples=60)
@given(junk=JUNK)
def test_junk_in_a_bundle_never_raises(key: str, junk: object) -> None:
    value = bundle(PAIN) | {key: junk}
    try:
        read_record(read_bundle(value, AS_OF))
    except ValueError:
        assert key == "resourceType"


def test_every_kind_is_read_where_it_is_sound() -> None:
    result = read_record(read_bundle(bundle(*WHOLE.values(), PAIN), AS_OF))
    assert {"E01", "E02", "E05", "E06", "R05", "S02", "S07", "F02", "F03"} <= set(result.met)


def test_deep_nesting_ends() -> None:
    item: Json = {"linkId": "saddle-numbness", "answer": [{"valueBoolean": True}]}
    for _ in range(500):
        item = {"linkId": "x", "item": [item]}
    result = read_record(read_bundle(bundle(PAIN, answers({}, item=[item])), AS_OF))
    assert result["E02"] == "cannot tell"
