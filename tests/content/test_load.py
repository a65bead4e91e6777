"""The content that ships, as it is loaded."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.protocol import Place as Stand
from cds_service.clinical.rules import AtLeast, Meets
from cds_service.content.folder import default_folder
from cds_service.content.load import load
from cds_service.content.nodes import read as read_yaml
from cds_service.content.phrases import read_phrases
from cds_service.content.problems import ContentError
from tests.content.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.content.load import Content


@pytest.fixture
def small(tmp_path: Path) -> Content:
    return load(Folder(tmp_path).path)


def test_the_digest_names_this_very_content(tmp_path: Path, content: Content) -> None:
    copy = tmp_path / "cards"
    shutil.copytree(default_folder(), copy)
    assert load(copy).digest == content.digest
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", content.digest)
    sources = copy / "sources.yaml"
    sources.write_text(f"{sources.read_text(encoding='utf-8')}\n", encoding="utf-8")
    assert load(copy).digest != content.digest


def test_a_file_of_another_name_is_other_content(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    before = load(folder.path).digest
    (folder.path / "findings/all.yaml").rename(folder.path / "findings/some.yaml")
    assert load(folder.path).digest != before


def test_criteria_stand_by_the_rank_of_what_they_call_for(content: Content) -> None:
    protocol = content.protocols["documents"]
    ranks = [*protocol.courses]
    called = [ranks.index(criterion.course) for criterion in protocol.criteria]
    assert called == sorted(called)
    assert "T00" not in [criterion.id for criterion in protocol.criteria]


def test_dangers_are_asked_in_the_order_of_the_content(content: Content) -> None:
    protocol = content.protocols["documents"]
    asked = [protocol.criteria[place].id for place in protocol.dangers]
    assert asked[:6] == ["E01", "E02", "E03", "R02", "E04", "E05"]
    assert asked[-4:] == ["R04", "R05", "R06", "R07"]


def test_every_criterion_names_its_documents(content: Content) -> None:
    for criterion in (content.gate, *content.criteria.values()):
        assert content.documents[criterion.id], criterion.id
    assert content.documents["E07"] == ["Back cramps and spasms"]


def test_every_finding_says_where_it_stands(content: Content) -> None:
    for finding in content.findings.values():
        path = default_folder() / finding.place.file
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[finding.place.line - 1] == f"{finding.id}:"


def test_no_code_both_affirms_and_excludes(content: Content) -> None:
    for finding in content.findings.values():
        weak = {(code.system, code.code) for group in finding.weak for code in group.codes}
        affirms = {(code.system, code.code) for code in finding.codes}
        excludes = {(code.system, code.code) for code in finding.excludes}
        assert not affirms & excludes, finding.id
        assert not affirms & weak, finding.id
        assert not weak & excludes, finding.id


def test_a_criterion_file_is_read_whole(small: Content) -> None:
    criterion = small.criteria["P01"]
    assert (criterion.title, criterion.says) == ("Salt and pain", "low salt")
    assert criterion.recommendation == {"documents": "exercise"}
    assert str(criterion.place) == "criteria/P01-salt-and-pain.yaml:1"
    assert str(criterion.calls_at) == "criteria/P01-salt-and-pain.yaml:3"
    assert [each.heading for each in criterion.citations] == ["What helps"]
    assert criterion.sign_off.status == "approved"
    assert criterion.sign_off.approved_by == "Dr A. Example"
    assert str(criterion.sign_off.review_by) == "2027-01-31"
    assert [case.name for case in criterion.cases][:2] == ["both", "no pain"]
    assert small.gate.why == "All else is asked of a patient whose back hurts."
    assert small.gate.sign_off.status == "draft"
    assert small.criteria["E01"].image == "X-ray of the spine"


def test_a_finding_is_read_whole(small: Content) -> None:
    pain, leak, fever, salt = (
        small.findings[name] for name in ("back-pain", "leak", "fever", "low-salt")
    )
    assert [str(code) for code in pain.codes] == [
        "Backache (SNOMED CT 161891005)",
        "Low back pain (ICD-10-CM M54.5)",
    ]
    assert [code.code for code in pain.weak[0].codes] == ["R25.2"]
    assert pain.weak[0].needs == (frozenset({"site back", "site leg"}), frozenset({"severe"}))
    assert pain.chronic == {"161891005"}
    assert pain.phrases == ("back pain",)
    assert str(leak.lives) == "30 days"
    assert small.findings["leak-known"].lives is None
    assert leak.absent_after == {"Condition"}
    assert not pain.absent_after
    assert leak.unless == "leak-known"
    assert leak.theme == "all"
    assert fever.measured is not None
    assert (fever.measured.limit, str(fever.measured.answers)) == (38.0, "72 hours")
    assert salt.measured is not None
    assert salt.measured.limit == 135.0


def test_a_recommendation_is_read_whole(small: Content) -> None:
    courses = small.recommendations.courses
    emergency, exercise = courses["emergency"], courses["exercise"]
    assert (emergency.course.danger, emergency.course.alone) == (True, True)
    assert (exercise.course.danger, exercise.course.alone) == (False, False)
    assert exercise.course.while_danger is Stand.LEFT_OUT
    assert exercise.course.while_unanswered is Stand.CONDITIONAL
    assert exercise.conditional is not None
    assert exercise.conditional.summary == "Ask first, then refer"
    assert emergency.conditional is None
    assert [each.code for each in emergency.override_reasons] == [
        "in-care",
        "excluded",
        "stable",
        "declines",
    ]


def test_a_remark_is_read_whole(small: Content) -> None:
    remarks = small.recommendations.remarks
    assert (remarks["young"].on, remarks["young"].unless_danger) == (None, False)
    assert remarks["no-scan"].on == ("physiotherapy",)
    assert remarks["no-scan"].unless_danger is True
    assert remarks["no-scan"].says_while_unanswered == "No image is needed."


def test_a_source_is_read_whole(small: Content) -> None:
    source = small.sources["leaflet"]
    assert (source.short, source.publisher, source.year) == ("Leaflet", "Not named", "2020")
    assert (source.kind, source.url) == ("document", None)


def test_the_small_words_are_lower_case(content: Content) -> None:
    words = [word for each in content.vocabulary.cues.values() for word in each]
    words += [
        word
        for group in content.vocabulary.groups.values()
        for term in group.values()
        for word in term.words
    ]
    assert words
    assert words == [word.lower() for word in words]


def test_an_ampersand_is_no_anchor(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.change("criteria/T00-back-pain.yaml", "title: Back pain", "title: Back & pain *")
    assert load(folder.path).gate.title == "Back & pain *"


def test_at_least_two_of_three_is_read(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    file = "criteria/T00-back-pain.yaml"
    text = (folder.path / file).read_text(encoding="utf-8").split("rule:")[0]
    rows = (
        "rule: {at_least: {count: 2, of: [fever, leak, young]}}",
        "says: two of three",
        "status: draft",
        "cases: |",
        "  case     | fever | leak | young | expect",
        "  1 and 2  | yes   | yes  | no    | met",
        "  1 and 3  | yes   | no   | yes   | met",
        "  2 and 3  | no    | yes  | yes   | met",
        "  only 1   | yes   | no   | no    | not met",
        "  only 2   | no    | yes  | no    | not met",
        "  only 3   | no    | no   | yes   | not met",
        "  nothing  | ?     | ?    | ?     | cannot tell",
    )
    folder.write(file, text + "\n".join(rows))
    folder.change("criteria/P01-salt-and-pain.yaml", "    - criterion: T00", "    - back-pain")
    rule = load(folder.path).gate.rule
    assert isinstance(rule, AtLeast)
    assert (rule.count, rule.needs()) == (2, ("fever", "leak", "young"))


@pytest.mark.parametrize(
    ("remark", "criterion", "words"),
    [
        ("muscle-relaxant", "S08", "ask the prescriber whether a muscle relaxant"),
        ("nerve-root", "S09", "consider a spine specialist, who can weigh an injection"),
    ],
)
def test_the_appointment_says_what_its_criterion_adds(
    content: Content, remark: str, criterion: str, words: str
) -> None:
    said = content.recommendations.remarks[remark]
    assert said.rule == Meets(criterion, content.criteria[criterion].rule)
    assert said.on == ("review",)
    assert words in said.says


def test_weights_and_salts_from_before_the_pain_still_answer(content: Content) -> None:
    lasting = {each.id for each in content.findings.values() if each.denial_outlasts_pain}
    assert lasting == {
        *("weight-loss", "low-potassium", "low-sodium", "low-magnesium", "low-calcium")
    }


def test_alternatives_in_a_phrase_are_written_out() -> None:
    node = read_yaml("file", "phrases: [no (feeling|sensation) there, (New |)pain (-), plain]")
    assert read_phrases(node.fields(required=("phrases",))["phrases"]) == (
        "no feeling there",
        "no sensation there",
        "new pain (-)",
        "pain (-)",
        "plain",
    )


@pytest.mark.parametrize("phrase", ["one|two", "(one|two"])
def test_alternatives_outside_of_brackets_are_refused(phrase: str) -> None:
    node = read_yaml("file", f"phrases: [{phrase}]")
    with pytest.raises(ContentError, match="brackets of their own"):
        read_phrases(node.fields(required=("phrases",))["phrases"])
