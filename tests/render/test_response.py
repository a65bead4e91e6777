"""Answers as a QuestionnaireResponse: what was said, and only what was asked for."""

from __future__ import annotations

from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from tests.forms import NO, YES, degrees, filled, items, the_form


def test_it_names_the_form_and_its_version() -> None:
    made = filled({"saddle-numbness": YES})
    QuestionnaireResponse.model_validate(made)
    assert made["questionnaire"] == f"{the_form()['url']}|{the_form()['version']}"
    assert made["authored"] == "2026-11-20T12:00:00+00:00"
    assert made["subject"] == {"reference": "Patient/p1"}


def test_only_what_was_answered_is_in_it() -> None:
    made = filled({"saddle-numbness": YES, "cancer": NO})
    assert list(items(made)) == [
        "group-nerves-bladder-and-bowel",
        "saddle-numbness",
        "group-cancer-and-weight",
        "cancer",
    ]
    assert "item" not in filled({})


def test_what_follows_a_yes_stands_below_the_answer() -> None:
    made = filled({"fever-unmeasured": YES, "fever": YES, "fever.value": degrees(39.4)})
    asked = items(made)["fever-unmeasured"]
    (answer,) = asked["answer"]
    assert [each["linkId"] for each in answer["item"]] == ["fever"]


def test_what_is_not_asked_after_a_no_is_left_out() -> None:
    made = filled({"fever-unmeasured": NO, "fever": YES, "fever.value": degrees(39.4)})
    assert list(items(made)) == ["group-fever-and-infection", "fever-unmeasured"]
