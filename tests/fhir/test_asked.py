"""Questions of other forms: told by their words, never more reassuring than they ask."""

from __future__ import annotations

import pytest

from tests.fhir.builders import (
    BACK_PAIN,
    CANNOT_TELL,
    LOCAL,
    MET,
    NOT_MET,
    SNOMED,
    Json,
    Read,
    ago,
    answers,
    concept,
    condition,
    denied,
    judge,
    judged,
    observation,
    read,
)

YES = {"valueBoolean": True}
NO = {"valueBoolean": False}
CODED_YES = {"valueCoding": {"system": SNOMED, "code": "373066001", "display": "Yes"}}
LOCAL_YES = {"valueCoding": {"system": LOCAL, "code": "1", "display": "Yes"}}


def asked(question: str, *given: Json, hours: float = 2, **more: object) -> Json:
    item = {"linkId": "7", "text": question, "answer": list(given)}
    return answers({}) | {"authored": ago(hours=hours), "item": [item]} | more


def grouped(title: str, question: str, *given: Json) -> Json:
    item = {"linkId": "7.1", "text": question, "answer": list(given)}
    return answers({}, item=[{"linkId": "7", "text": title, "item": [item]}])


@pytest.mark.parametrize(
    "yes",
    [YES, CODED_YES, LOCAL_YES, {"valueString": "Yes"}, {"valueString": "yes, since Tuesday"}],
)
@pytest.mark.parametrize(
    ("question", "criterion"),
    [
        ("Have you lost control of your bladder?", "E01"),
        ("Numb in the saddle area?", "E02"),
        ("Saddle numbness", "E02"),
        ("Do you have any new numbness in the groin?", "E02"),
        ("Are both legs weak?", "E03"),
        ("Have you had fever?", "R04"),
        ("Have you ever had cancer?", "E10"),
        ("Has the patient been diagnosed with cancer?", "E10"),
        ("Loss of bladder or bowel control?", "E01"),
    ],
)
def test_a_yes_affirms_what_its_question_names(question: str, criterion: str, yes: Json) -> None:
    assert judged(asked(question, yes))[criterion] == MET


def test_our_own_question_is_known_by_its_words() -> None:
    for finding in judge().index.findings.values():
        if finding.computed is None and finding.carrier is None and not finding.measured:
            assert judged(asked(finding.question, YES)).state(finding.id) == "present", finding.id


def test_a_yes_newer_than_a_denial_of_ours_counts() -> None:
    result = read(condition(BACK_PAIN, 3), denied(2), asked("Numb in the saddle area?", YES))
    assert result["E02"] == MET
    assert "answer to “Numb in the saddle area?”: yes" in result.says("saddle-numbness")


def test_who_wrote_the_answer_down_is_said() -> None:
    form = asked("Saddle numbness?", YES, author={"display": "A. Nurse"})
    assert "recorded by A. Nurse" in judged(form).says("saddle-numbness")


# --- what a yes leaves open ---


@pytest.mark.parametrize(
    "question",
    [
        "Do you have fever, saddle numbness or urinary retention?",
        "Have you ever had urinary incontinence?",
        "Are you at risk of urinary retention?",
    ],
)
def test_a_yes_that_does_not_say_enough_leaves_it_to_be_asked(question: str) -> None:
    result = read(condition(BACK_PAIN, 3), denied(2), asked(question, YES))
    assert result["E01"] == CANNOT_TELL
    assert result["H01"] == CANNOT_TELL


def test_a_yes_that_is_not_understood_is_noted() -> None:
    result = judged(asked("Any numbness around your seat?", YES))
    assert any("“Any numbness around your seat?” could not be understood" in note
               for note in result.notes)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "given"),
    [("Do you smoke?", YES), ("Any numbness around your seat?", NO), ("Favourite colour?", {})],
)
def test_what_matters_to_nobody_is_not_noted(question: str, given: Json) -> None:
    assert not judged(asked(question, given)).notes


# --- a no ---


@pytest.mark.parametrize("question", ["Saddle numbness", "Do you have saddle numbness?"])
def test_a_no_to_the_name_of_a_finding_denies_it(question: str) -> None:
    assert judged(asked(question, NO))["E02"] == NOT_MET


def test_a_no_to_our_own_question_denies_it() -> None:
    question = judge().index.findings["night-pain"].question
    assert judged(asked(question, NO))["R07"] == NOT_MET


def test_a_no_to_less_than_the_finding_denies_nothing() -> None:
    assert judged(asked("Urinary retention?", NO)).state("bladder-control-lost") == "unknown"


def test_a_no_ends_an_older_yes_only_if_the_form_was_filled_in_to_its_end() -> None:
    yes = asked("Saddle numbness", YES, hours=30)
    assert judged(yes, asked("Saddle numbness", NO))["E02"] == NOT_MET
    for status in ("in-progress", "stopped"):
        assert judged(yes, asked("Saddle numbness", NO, status=status))["E02"] == MET


# --- coded and typed answers ---


@pytest.mark.parametrize(
    ("question", "given", "criterion"),
    [
        ("Symptoms", {"valueCoding": {"system": SNOMED, "code": "449813001"}}, "E02"),
        ("Symptoms", {"valueCoding": {"system": LOCAL, "display": "Saddle numbness"}}, "E02"),
        ("Past medical history", {"valueString": "breast cancer 2015"}, "E10"),
        ("Past illnesses", {"valueCoding": {"system": SNOMED, "code": "363346000"}}, "E10"),
        ("Temperature", {"valueDecimal": 39.6}, "E05"),
        ("Temperature", {"valueQuantity": {"value": 102.9, "unit": "F"}}, "E05"),
    ],
)
def test_an_answer_says_what_its_code_or_its_words_say(
    question: str, given: Json, criterion: str
) -> None:
    assert judged(asked(question, given))[criterion] == MET


def test_what_was_once_is_asked_about() -> None:
    form = asked("Past medical history", {"valueString": "urinary retention"})
    assert judged(form).says("bladder-control-lost")
    assert judged(form)["E01"] == CANNOT_TELL


@pytest.mark.parametrize(
    "form",
    [
        asked("Has anyone in your family had breast cancer?", YES),
        asked("Family history", {"valueString": "breast cancer"}),
        grouped("Family history", "Breast cancer", YES),
    ],
)
def test_the_family_is_not_the_patient(form: Json) -> None:
    assert judged(form)["E10"] == NOT_MET


def test_a_question_beside_a_group_is_not_in_it() -> None:
    assert judged(grouped("Symptoms", "Saddle numbness", YES))["E02"] == MET
    assert judged(grouped("At risk of", "Saddle numbness", YES))["E02"] == CANNOT_TELL


def test_a_number_that_measures_nothing_is_noted() -> None:
    result = judged(asked("Weeks of numbness", {"valueInteger": 3}))
    assert any("could not be understood" in note for note in result.notes)


def test_a_local_item_is_no_detail_of_ours() -> None:
    form = answers({}, item=[{"linkId": "1.value", "text": "Saddle numbness", "answer": [YES]}])
    assert judged(form)["E02"] == MET
    nameless = answers({}, item=[{"text": "Saddle numbness", "answer": [YES]}])
    assert judged(nameless)["E02"] == MET


# --- the state of a form ---


def test_a_form_that_was_stopped_affirms_and_does_not_deny() -> None:
    stopped = answers({"bladder-control-lost": True, "saddle-numbness": False}, status="stopped")
    result = judged(stopped)
    assert (result["E01"], result["E02"]) == (MET, CANNOT_TELL)


def test_a_form_whose_status_nobody_knows_is_noted() -> None:
    result = judged(answers({"saddle-numbness": True}, status="xxx"))
    assert result["E02"] == CANNOT_TELL
    assert any("its status is not known" in note for note in result.notes)
    assert judged(answers({"saddle-numbness": True}, status="entered-in-error")).notes == ()


# --- the same question as an observation ---


@pytest.mark.parametrize(
    ("question", "said", "expected"),
    [
        ("Have you ever had cancer?", True, MET),
        ("Have you ever been treated for cancer?", True, MET),
        ("Have you ever had cancer?", False, NOT_MET),
        ("Have you ever had cancer?", "no idea", CANNOT_TELL),
    ],
)
def test_an_observation_asks_in_the_same_words(question: str, said: object, expected: str) -> None:
    result: Read = judged(observation(concept(text=question), said))
    assert result["E10"] == expected
