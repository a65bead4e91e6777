"""Every sample patient: what the service answers, on the day it was written for and others."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.app import create_app
from cds_service.content.codes import CODE_SYSTEMS
from cds_service.content.load import load
from cds_service.fhir.judge import Judge
from cds_service.fhir.record import read_bundle
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.samples import (
    TAGS,
    WRITTEN_FOR,
    Sample,
    as_of_today,
    folder,
    is_date,
    samples,
    written_moment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

# topic, indicator and the criteria behind it; redflagcheck: how many questions are still open.
EXPECTED = """
sample                   | cards
asked-and-denied         | selfcare info H01
cancer                   | emergency critical E10
cancer-and-old-pain      | imaging warning R06; review info S01; redflagcheck info 14
cauda-equina             | emergency critical E01 E02
disc-and-physiotherapy   | review info S01 S05 S07 S09; physiotherapy info P01 P03
fever                    | emergency critical E05
fever-in-fahrenheit      | imaging warning R04; redflagcheck info 9
foot-drop-getting-worse  | emergency critical E03
kidney-stone             | emergency critical E08
long-pain-with-leg-signs | imaging info I01; review info S01 S04 S05 S06; physiotherapy info P01 P03
night-pain               | imaging warning R07; review info S01; contributing info F04; redflagcheck info 14
no-back-pain             |
nothing-recorded         | redflagcheck info 20
parkinson                | review info S02 S08; neurology info N01; physiotherapy info P04; redflagcheck info 15
pregnancy-and-fall       | emergency critical E07
sciatica-three-weeks     | review info S01 S05; physiotherapy info P01 P03; redflagcheck info 18
severe-after-lifting     | emergency critical E11
simple-strain            | redflagcheck info 3
statin-cramps            | review info S08; contributing info F02 F03; redflagcheck info 8
trauma                   | emergency critical E07
weight-loss              | imaging warning R05; review info S01; redflagcheck info 9
"""  # noqa: E501  a table
TABLE = {
    name.strip(): cards.strip()
    for name, _, cards in (line.partition("|") for line in EXPECTED.strip().splitlines()[1:])
}
NAMES = sorted(TABLE)
# Leap days, year ends and changes of the clock, at the first and the last minute of a day and
# between, in the zones that are farthest ahead and behind.
MOMENTS = [
    datetime(2026, 1, 15, 0, 1, tzinfo=UTC),
    datetime(2026, 1, 16, 23, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 0, 30, tzinfo=ZoneInfo("Pacific/Kiritimati")),
    datetime(2027, 3, 14, 2, 30, tzinfo=ZoneInfo("America/New_York")),
    datetime(2028, 2, 29, 12, 0, tzinfo=ZoneInfo("Asia/Kolkata")),
    datetime(2030, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime(2041, 3, 1, 23, 59, tzinfo=ZoneInfo("Etc/GMT+12")),
]
PATIENT_VIEW = SERVICES["back-pain-patient-view"]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load(None))


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(now=written_moment).test_client()


def answer(judge: Judge, bundle: object, moment: datetime) -> tuple[str, list[str]]:
    """Return the recommendations in the words of the table, and the notes."""
    decision = judge.decide(read_bundle(bundle, moment), "documents")
    cards = [
        f"{each.topic} {each.indicator} "
        + (
            str(len(decision.unanswered))
            if each.topic == "redflagcheck"
            else " ".join(verdict.criterion for verdict in each.verdicts)
        )
        for each in decision.recommendations
    ]
    return "; ".join(cards), list(decision.notes)


def strings(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text with the name of the element that holds it."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from strings(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each, key)
    elif isinstance(value, str):
        yield key, value


def codings(value: object) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "system" in value and "code" in value and "unit" not in value:
            yield value
        for each in value.values():
            yield from codings(each)
    elif isinstance(value, list):
        for each in value:
            yield from codings(each)


def resources(sample: Sample) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in sample.bundle["entry"]]


def test_the_table_names_every_sample() -> None:
    assert sorted(samples()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_cards_of_a_sample_as_it_was_written(judge: Judge, name: str) -> None:
    assert answer(judge, samples()[name].bundle, written_moment()) == (TABLE[name], [])


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_cards_are_the_same_on_any_day_at_any_hour(
    judge: Judge, name: str, moment: datetime
) -> None:
    assert answer(judge, as_of_today(samples()[name], moment), moment) == (TABLE[name], [])


@pytest.mark.parametrize("name", NAMES)
def test_rest_and_the_hook_say_the_same(client: FlaskClient, name: str) -> None:
    bundle = samples()[name].bundle
    rest = client.post("/api/v1/assessments", json=bundle).json
    hook = client.post(
        f"/cds-services/{PATIENT_VIEW.id}", json=request_for(dict(bundle), PATIENT_VIEW)
    ).json
    assert rest is not None
    assert hook is not None
    said = [(each["topic"], each["indicator"], each["summary"]) for each in rest["recommendations"]]
    assert said == [
        (card["source"]["topic"]["code"], card["indicator"], card["summary"])
        for card in hook["cards"]
    ]
    assert len(said) == len([card for card in TABLE[name].split(";") if card])


@pytest.mark.parametrize("name", NAMES)
def test_the_served_sample_is_judged_as_the_written_one(client: FlaskClient, name: str) -> None:
    served = client.get(f"/samples/{name}").json
    assert served == samples()[name].bundle  # the clock stands at the day it was written for


def test_no_card_where_back_pain_is_over(judge: Judge) -> None:
    decision = judge.decide(
        read_bundle(samples()["no-back-pain"].bundle, written_moment()), "documents"
    )
    assert decision.gate.value == "shut"


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_a_collection_with_a_story(name: str) -> None:
    bundle = samples()[name].bundle
    assert (bundle["resourceType"], bundle["type"], bundle["id"]) == ("Bundle", "collection", name)
    assert bundle["meta"]["tag"][0]["system"] == TAGS
    assert 20 < len(samples()[name].story) < 140
    assert 8 <= len(bundle["entry"]) <= 40


@pytest.mark.parametrize("name", NAMES)
def test_every_resource_of_a_sample_is_valid_r4(name: str) -> None:
    bundle = samples()[name].bundle
    get_fhir_model_class("Bundle").model_validate(bundle)
    for resource in resources(samples()[name]):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_one_patient_whose_references_lead_somewhere(name: str) -> None:
    found = resources(samples()[name])
    own = {f"{each['resourceType']}/{each['id']}" for each in found}
    patients = [each for each in found if each["resourceType"] == "Patient"]
    assert len(own) == len(found)
    assert len(patients) == 1
    referred = {text for key, text in strings(found) if key == "reference"}
    assert referred <= own
    assert [entry["fullUrl"].split("/fhir/")[1] for entry in samples()[name].bundle["entry"]] == [
        f"{each['resourceType']}/{each['id']}" for each in found
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_code_of_a_sample_has_the_shape_of_its_system(name: str) -> None:
    systems = {uri: each for each in CODE_SYSTEMS.values() for uri in each.uris}
    faults = {
        coding["code"]: systems[coding["system"]].fault(coding["code"])
        for coding in codings(resources(samples()[name]))
        if coding["system"] in systems
    }
    assert faults
    assert {code: fault for code, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_date_of_a_sample_is_one_that_moves(name: str) -> None:
    dated = {
        key
        for key, text in strings(samples()[name].bundle)
        if re.match(r"\d{4}-\d{2}", text) and key != "birthDate"
    }
    assert dated
    assert {key for key in dated if not is_date(key)} == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_time_of_a_sample_lies_ahead_in_any_zone(name: str) -> None:
    # The day begins 14 hours early where it begins first: a time is over by ten the day before.
    latest = datetime(2026, 1, 14, 10, 0, tzinfo=UTC)
    for key, text in strings(samples()[name].bundle):
        if not is_date(key):
            continue
        if "T" in text:
            assert datetime.fromisoformat(text) <= latest, (key, text)
        else:
            assert text <= WRITTEN_FOR.isoformat(), (key, text)


def moved(resource: dict[str, Any], days: int) -> dict[str, Any]:
    now = datetime(2026, 1, 15, 8, 0, tzinfo=UTC) + timedelta(days=days)
    result: dict[str, Any] = as_of_today(Sample("x", "x", resource), now)
    return result


@pytest.mark.parametrize(
    ("written", "days", "expected"),
    [
        pytest.param("2026-01-15", 0, "2026-01-15", id="its own day"),
        pytest.param("2026-01-14", 45, "2026-02-28", id="a day over a month's end"),
        pytest.param("2026-01-14", 776, "2028-02-29", id="a day onto a leap day"),
        pytest.param("2026-01-14T08:40:00Z", 1, "2026-01-15T08:40:00Z", id="an instant"),
        pytest.param("2026-01-14T08:40:00.5+05:30", -14, "2025-12-31T08:40:00.5+05:30", id="zone"),
        pytest.param("2025-11", 30, "2025-12", id="a month stays a month"),
        pytest.param("2025-02", 0, "2025-02", id="a short month"),
        pytest.param("2014", 0, "2014", id="a year stays a year"),
        pytest.param("2014", 365, "2015", id="a year, a year later"),
        pytest.param("since last week", 9, "since last week", id="no date"),
    ],
)
def test_a_date_is_moved_as_precisely_as_it_was_written(
    written: str, days: int, expected: str
) -> None:
    assert moved({"onsetDateTime": written}, days) == {"onsetDateTime": expected}


def test_both_ends_of_a_period_are_moved_wherever_they_stand() -> None:
    resource = {
        "period": {"start": "2026-01-02", "end": "2026-01-09T09:00:00Z"},
        "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-01-31"}}}}],
    }
    assert moved(resource, 10) == {
        "period": {"start": "2026-01-12", "end": "2026-01-19T09:00:00Z"},
        "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-02-10"}}}}],
    }


def test_a_birth_date_and_what_only_looks_like_a_date_stay() -> None:
    resource = {"birthDate": "1973-05-21", "code": "2025", "display": "2026-01-15", "count": 3}
    assert moved(resource, 400) == resource


def test_moving_leaves_the_sample_as_it_was() -> None:
    before = samples()["fever"].bundle["entry"][1]["resource"]["period"]["start"]
    as_of_today(samples()["fever"], datetime(2040, 1, 1, tzinfo=UTC))
    assert samples()["fever"].bundle["entry"][1]["resource"]["period"]["start"] == before


def test_the_samples_lie_where_they_are_read() -> None:
    assert {path.stem for path in folder().glob("*.json")} == set(samples())
    assert date(2026, 1, 15) == WRITTEN_FOR
