"""The form as FHIR: valid, complete, and asked in the words of the content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir.resources.R4B.questionnaire import Questionnaire

from cds_service.content.folder import default_folder
from cds_service.content.load import load
from cds_service.render.questionnaire import questionnaire
from tests.content.folder import Folder
from tests.forms import items, the_form

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from cds_service.content.load import Content

URL = "/fhir/Questionnaire/back-pain-red-flags"
DETAILS = (".onset", ".severity", ".value")


def test_it_is_served_as_valid_fhir(client: FlaskClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer.mimetype == "application/fhir+json"
    body = answer.get_json(force=True)
    Questionnaire.model_validate(body)
    assert body == the_form()
    assert body["url"] == "https://backpain-cds.org/Questionnaire/back-pain-red-flags"
    assert body["status"] == "draft", "no criterion is signed yet"


def test_items_are_the_findings_in_the_words_of_the_content(content: Content) -> None:
    asked = {
        name: item
        for name, item in items(the_form()).items()
        if item["type"] != "group" and not name.endswith(DETAILS)
    }
    assert list(asked) == [each.finding for each in content.questionnaire.questions()]
    for name, item in asked.items():
        assert item["text"] == content.findings[name].question
        said = [each["valueCoding"]["display"] for each in item["answerOption"]]
        assert said == ["Yes", "No", "Not asked"]
        assert "required" not in item, "what was not asked may be left out"
        assert "initial" not in item, "nothing is answered beforehand"


def test_details_and_narrower_questions_come_after_a_yes(content: Content) -> None:
    form = items(the_form())
    wider = {
        below.finding: question.finding
        for question in content.questionnaire.questions()
        for below in question.then
    }
    for name, item in form.items():
        base = next((name.removesuffix(each) for each in DETAILS if name.endswith(each)), None)
        after = base or wider.get(name)
        if after is None:
            assert "enableWhen" not in item
            continue
        (when,) = item["enableWhen"]
        assert when["question"] == after
        assert when["answerCoding"]["code"] == "373066001"


def test_numbers_dates_and_severity_where_they_decide() -> None:
    form = items(the_form())
    assert form["fever.value"]["type"] == "quantity"
    units = [each["valueCoding"]["code"] for each in form["fever.value"]["extension"]]
    assert units == ["Cel", "[degF]"]
    assert form["severe-pain.value"]["type"] == "integer"
    assert form["back-pain.onset"]["type"] == "date"
    assert "saddle-numbness.onset" not in form, "it counts whatever its age"
    assert "severe-abdominal-pain.value" not in form, "it is dated, and a score is of now"
    assert [name for name in form if name.endswith(".severity")] == ["night-pain.severity"]


def test_groups_have_names_of_their_own(content: Content) -> None:
    groups = [name for name, item in items(the_form()).items() if item["type"] == "group"]
    assert not set(groups) & set(content.findings)
    opened = [each["extension"][0]["valueCode"] for each in the_form()["item"]]
    assert opened == ["default-open"] * 6 + ["default-closed"] * 3


def test_its_version_names_the_content(content: Content) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{12}", the_form()["version"])
    assert the_form()["version"].endswith(content.digest[7:19])


def test_small_words_without_a_code_are_said_in_words(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    written = (default_folder() / "vocabulary.yaml").read_text(encoding="utf-8")
    coded = '    codes:\n      snomed:\n        373066001: "Yes"\n        52101004: Present\n'
    folder.write("vocabulary.yaml", written.replace(coded + "        10828004: Positive\n", ""))
    form = questionnaire(load(folder.path))
    first = items(form)["leak"]["answerOption"][0]["valueCoding"]
    assert first == {"display": "Yes"}
