"""Every recorded occurrence is judged by itself; reasons, histories and forms have limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since
from cds_service.fhir.given import Given
from cds_service.fhir.record import read_bundle
from tests.fhir.builders import (
    AS_OF,
    BACK_PAIN,
    Json,
    ago,
    answers,
    bundle,
    concept,
    condition,
    denied,
    judged,
    observation,
    read,
    read_record,
    resource,
    status,
    temperature,
)

CANCER = condition("C61")


def visit(code: str, days: float, **more: object) -> Json:
    return resource(
        "Encounter",
        status="finished",
        period={"start": ago(days), "end": ago(days)},
        reasonCode=[concept(code)],
    ) | dict(more)


# --- several dates and values ---


def test_a_high_fever_of_four_days_ago_and_a_low_one_today() -> None:
    result = judged(temperature(39.4, 4), temperature(38.5))
    assert ("R04" in result.met, "E05" in result.met) == (True, False)
    assert len(result.occurrences("fever")) == 2


def test_a_normal_temperature_does_not_undo_the_fever_of_yesterday() -> None:
    assert "E05" in judged(temperature(39.4, 1), temperature(36.8)).met


def test_a_normal_temperature_answers_for_72_hours() -> None:
    pain = condition(BACK_PAIN, 9)
    normal = [temperature(36.8, effectiveDateTime=ago(hours=hours)) for hours in (71, 73)]
    assert [read(pain, each).state("fever") for each in normal] == ["absent", "unknown"]


def test_the_oldest_pain_decides_duration_and_the_newest_decides_cancer() -> None:
    result = read(condition(BACK_PAIN, 400), condition("M62.830", 2), CANCER)
    assert {"S01", "P01", "E10"} <= set(result.met)
    assert "R06" not in result.met


# --- the reason of a visit ---


def test_a_reason_says_that_the_pain_is_there_and_not_that_it_began() -> None:
    old = condition(BACK_PAIN, 100)
    result = read(old, visit(BACK_PAIN, 1), CANCER)
    assert "R06" in result.met
    assert "E10" not in result.met


def test_a_reason_alone_dates_the_pain() -> None:
    assert "E10" in read(visit(BACK_PAIN, 1), CANCER).met
    assert "S01" in read(visit(BACK_PAIN, 20)).met


def test_a_pain_that_began_after_the_visit_leaves_the_reason_standing() -> None:
    result = read(visit("M54.2", 20), condition(BACK_PAIN, 2))
    assert "S01" in result.met


def test_a_danger_as_a_reason_is_dated_by_the_visit() -> None:
    result = judged(condition("R32", 2000), visit("R33.9", 1))
    assert "E01" in result.met


def test_a_visit_long_over_says_nothing_of_now() -> None:
    assert "E01" not in judged(denied(), visit("G83.4", 31)).met
    assert "E01" in judged(visit("G83.4", 30)).met
    ongoing = visit("G83.4", 60, status="in-progress", period={"start": ago(60)})
    assert "E01" in judged(ongoing).met


@pytest.mark.parametrize("said", ["cancelled", "entered-in-error"])
def test_a_visit_that_was_not_says_nothing(said: str) -> None:
    assert "E01" not in judged(visit("G83.4", 1, status=said)).met


# --- forms, histories, findings given by name ---


def test_an_episode_that_is_observed_is_none() -> None:
    seen = [observation("161891005", value=True, days=days) for days in (0, 14, 28)]
    assert read(*seen)["S02"] == "cannot tell"


def test_fewer_than_three_episodes_of_a_page_tell_nothing() -> None:
    said = answers({"recurrent-back-pain": False})
    page = bundle(condition(BACK_PAIN, 3), said, link=[{"relation": "next"}])
    assert read_record(read_bundle(page, AS_OF))["S02"] == "cannot tell"
    assert read(condition(BACK_PAIN, 3), said)["S02"] == "not met"


def given(name: str, state: Truth, value: float | None = None, day: int | None = None) -> Given:
    moment = None if day is None else datetime(2026, 11, day, tzinfo=UTC)
    since = None if moment is None else Since(moment, moment)
    return Given(name, state, value, since, None if moment is None else f"2026-11-{day}")


def with_given(*stated: Given, entries: tuple[Json, ...] = ()) -> dict[str, str]:
    result = read_record(read_bundle(bundle(condition(BACK_PAIN, 9), *entries), AS_OF), *stated)
    return {each: result[each] for each in ("E01", "E02", "E05", "R04", "S02")}


def test_findings_given_by_name() -> None:
    assert with_given(given("saddle-numbness", Truth.PRESENT))["E02"] == "met"
    assert with_given(given("saddle-numbness", Truth.ABSENT))["E02"] == "not met"
    assert with_given(given("saddle-numbness", Truth.UNKNOWN))["E02"] == "cannot tell"
    assert with_given(given("fever", Truth.PRESENT, 39.4, 19))["E05"] == "met"
    assert with_given(given("fever", Truth.PRESENT))["R04"] == "met"
    assert with_given(given("back-pain-episodes", Truth.PRESENT))["S02"] == "met"
    assert with_given(given("back-pain-episodes", Truth.PRESENT, 2))["S02"] == "cannot tell"


def test_a_given_no_ends_nothing_that_the_record_affirms() -> None:
    yes = observation("449813001", value=True, days=3)
    assert with_given(given("saddle-numbness", Truth.ABSENT), entries=(yes,))["E02"] == "met"


def test_a_given_unknown_is_newer_than_a_recorded_no() -> None:
    no = observation("449813001", value=False, days=3)
    stated = given("saddle-numbness", Truth.UNKNOWN)
    assert with_given(stated, entries=(no,))["E02"] == "cannot tell"


# --- what is severe ---


def test_severity_of_any_back_pain_and_of_nothing_else() -> None:
    severe = {"severity": concept("24484000")}
    assert judged(condition("M54.31", 3, **severe)).state("severe-pain") == "present"
    assert judged(condition("M17.11", 3, **severe)).state("severe-pain") == "unknown"
    assert (
        judged(condition("M54.31", 3, severity=concept(text="Severe"))).state("severe-pain")
        == "present"
    )
    assert (
        judged(condition("M54.31", 3, severity=concept("6736007"))).state("severe-pain")
        == "unknown"
    )


def test_a_recurrence_is_said_by_the_status() -> None:
    again = condition(BACK_PAIN, 3, clinicalStatus=status("relapse"))
    assert read(again).state("recurrent-back-pain") == "present"


def test_a_no_to_the_wider_is_a_no_to_its_kinds_and_never_the_reverse() -> None:
    wider = judged(answers({"leg-weakness": False}))
    assert wider.state("legs-paralysed") == wider.state("leg-weakness-worsening") == "absent"
    kind = judged(answers({"legs-paralysed": False}))
    assert kind.state("leg-weakness") == "unknown"


def test_a_no_to_fever_is_a_no_to_all_its_forms() -> None:
    for name in ("fever", "fever-unmeasured"):
        result = judged(answers({name: False}))
        states = {result.state(each) for each in ("fever", "fever-unmeasured", "hyperpyrexia")}
        assert states == {"absent"}
