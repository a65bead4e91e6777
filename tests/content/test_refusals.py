"""Bad content is refused with file, line, what is wrong, why it matters and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cds_service.content.load import load
from cds_service.content.problems import ContentError
from tests.content.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

E01 = "criteria/E01-leak-or-fever.yaml"
P01 = "criteria/P01-salt-and-pain.yaml"
T00 = "criteria/T00-back-pain.yaml"
FINDINGS = "findings/all.yaml"
COURSES = "recommendations.yaml"
SOURCES = "sources.yaml"
SUGGESTIONS = "suggestions.yaml"
FORM = "questionnaire.yaml"


@dataclass(frozen=True)
class Slip:
    """A change to one file, and what has to be said of it.

    ``at`` is a part of the line that the message has to name.
    """

    file: str
    old: str
    new: str
    at: str
    what: str
    remedy: str


# fmt: off
SLIPS = {
    # --- YAML
    "a colon is missing": Slip(
        E01, "title: Leak", "title Leak", "recommendation: emergency",
        "this is not readable YAML", "missing colon, quote or indent",
    ),
    "a tab in the indent": Slip(
        E01, "  - leaflet: When", "\t- leaflet: When", "- leaflet: When",
        "this is not readable YAML", "Look at this line and the one before",
    ),
    "an anchor": Slip(
        T00, "title: Back pain", "title: &name Back pain", "&name",
        "the anchor 'name'", "Write the value out",
    ),
    "an invisible character": Slip(
        T00, "title: Back pain", "title: Back\x07 pain", "title: Back",
        "this is not readable YAML: an invisible character, number 7", "Look at this line",
    ),
    "a second document": Slip(
        T00, "says: back pain", "---\nsays: back pain", "---",
        "this is not readable YAML: but found another document", "Look at this line",
    ),
    "an alias without an anchor": Slip(
        T00, "title: Back pain", "title: *name", "*name",
        "this is not readable YAML: found undefined alias", "Look at this line",
    ),
    "a key that stands twice": Slip(
        T00, "title: Back pain", "title: Back pain\ntitle: Pain of the back", "Pain of the back",
        "the key 'title' stands twice (first on line 2)", "Keep one of them",
    ),
    "a finding that stands twice in a file": Slip(
        FINDINGS, "leak-known:\n", "leak: # again\n  silence: unknown\nleak-known:\n",
        "leak: # again", "the key 'leak' stands twice (first on line 18)", "Keep one of them",
    ),
    "a list in the place of a text": Slip(
        T00, "title: Back pain", "title: [Back, pain]", "title: [",
        "expected a text here", "Write the text after the key",
    ),
    "nothing in the place of a text": Slip(
        T00, "title: Back pain", "title:", "title:",
        "expected a text here", "take the key out",
    ),
    "a text in the place of a list": Slip(
        T00, "documents:\n  - leaflet: What it is", "documents: leaflet", "documents: leaflet",
        "expected a list here", "each after a dash",
    ),
    "a list in the place of keys": Slip(
        T00, "rule: back-pain", "rule: [back-pain]", "rule: [back-pain]",
        "expected keys with values here", "`key: value`",
    ),
    # --- keys
    "an unknown key": Slip(
        E01, "says: a leak", "say: a leak", "say: a leak",
        "unknown key 'say'", "Use one of: approved_by, ",
    ),
    "an unknown key above a block": Slip(
        E01, "rule:\n", "rules:\n", "rules:",
        "unknown key 'rules'", "Use one of: ",
    ),
    "a missing key": Slip(
        E01, "status: draft\n", "", "id: E01",
        "the key 'status' is missing", "Add `status:`",
    ),
    # --- findings
    "a name that cannot be a link": Slip(
        FINDINGS, "fever:\n  meaning", "High Fever:\n  meaning", "High Fever:",
        "'High Fever' is not a finding's name", "lower-case words joined by dashes",
    ),
    "a question that asks nothing": Slip(
        FINDINGS, "Does urine leak?", "Urine leaks", "question: Urine leaks",
        "the question does not end with a question mark", "End it with '?'",
    ),
    "a finding that nobody asks for": Slip(
        FINDINGS, "  unless: leak-known\n", "", "leak-known:",
        "no rule asks for the finding 'leak-known'", "Use it in a criterion, or take it out",
    ),
    "a finding that refers to an unknown one": Slip(
        FINDINGS, "fever:\n  meaning", "fever:\n  kind_of: heat\n  meaning", "fever:",
        "fever refers to the unknown finding 'heat'", "define the finding",
    ),
    "silence that is not explained": Slip(
        FINDINGS, "absent after Condition", "absent", "silence: absent",
        "'absent' does not say what silence means", "`absent after` one of: Condition, ",
    ),
    "silence after a search that proves nothing": Slip(
        FINDINGS, "absent after Condition", "absent after Observation", "absent after Observation",
        "'absent after Observation' does not say what silence means", "Write `unknown`",
    ),
    "an unknown code system": Slip(
        FINDINGS, "icd10cm:\n      M54.5", "icd9:\n      M54.5", "icd9:",
        "unknown code system 'icd9'", "Use one of: snomed, icd10cm, loinc, rxnorm, atc",
    ),
    "two digits of a SNOMED CT code change places": Slip(
        FINDINGS, "165232002: Urinary", "165322002: Urinary", "165322002",
        "SNOMED CT code '165322002' is malformed: its check digit is wrong", "Copy the code again",
    ),
    "a SNOMED CT code that is too short": Slip(
        FINDINGS, "165232002: Urinary", "16523: Urinary", "16523:",
        "a SNOMED CT identifier is 6 to 18 digits", "Copy the code again",
    ),
    "the id of a SNOMED CT description": Slip(
        FINDINGS, "165232002: Urinary", "680946014: Urinary", "680946014",
        "it names a description or a relationship, not a concept", "Copy the code again",
    ),
    "a wrong check digit of LOINC": Slip(
        FINDINGS, "8310-5: Body", "8310-6: Body", "8310-6",
        "LOINC code '8310-6' is malformed: its check digit is wrong", "Copy the code again",
    ),
    "a LOINC code without its dash": Slip(
        FINDINGS, "8310-5: Body", "83105: Body", "83105",
        "a LOINC code is up to 7 digits, a dash and a check digit", "Copy the code again",
    ),
    "an ICD-10-CM code without its point": Slip(
        FINDINGS, "M54.5: Low", "M545: Low", "M545",
        "an ICD-10-CM code is a letter, a digit and a third character", "Copy the code again",
    ),
    "a code without a display": Slip(
        FINDINGS, "M54.5: Low back pain", "M54.5:", "M54.5:",
        "expected a text here", "Write the text after the key",
    ),
    "a weak code with an unknown companion": Slip(
        FINDINGS, "site back or site leg", "site back or site arm", "site arm",
        "'site arm' is not a companion", "Use one of: bodysite back, ",
    ),
    "a chronic code that affirms nothing": Slip(
        FINDINGS, "chronic: [161891005]", "chronic: [134407002]", "chronic: [134407002]",
        "the chronic code '134407002' is not among `codes`", "Add it to `codes`",
    ),
    "a widest code that affirms nothing": Slip(
        FINDINGS, "chronic: [161891005]", "widest: [134407002]", "widest: [134407002]",
        "the widest code '134407002' is not among `codes`", "Add it to `codes`",
    ),
    "a life that is no length of time": Slip(
        FINDINGS, "lives: 30 days", "lives: a month", "lives: a month",
        "'a month' is not a length of time", "Write it as `30 days`",
    ),
    "an unknown measurement": Slip(
        FINDINGS, "as: temperature", "as: heat", "as: heat",
        "'heat' is not known here", "Use one of: ",
    ),
    "a measurement without a limit": Slip(
        FINDINGS, "    from: 38.0\n", "", "as: temperature",
        "a temperature needs `from:`", "Add `from:` with the number",
    ),
    "a laboratory limit without its unit": Slip(
        FINDINGS, '"135 mmol/L"', '"135"', 'below: "135"',
        "'135' is not a concentration", "Write it as `3.5 mmol/L`",
    ),
    "a limit that is no number": Slip(
        FINDINGS, "from: 38.0", "from: 38,0", "from: 38,0",
        "'38,0' is not a number", "with a point for decimals",
    ),
    "a limit that is not a number by name": Slip(
        FINDINGS, "from: 38.0", "from: nan", "from: nan",
        "'nan' is not a number", "Write digits",
    ),
    # --- rules
    "an unknown finding": Slip(
        E01, "- leak: {within: 30 days}", "- leaks: {within: 30 days}", "- leaks",
        "unknown finding 'leaks'", "Correct the name, or define the finding first",
    ),
    "an unknown criterion": Slip(
        P01, "criterion: T00", "criterion: T99", "criterion: T99",
        "unknown criterion 'T99'", "Correct the id",
    ),
    "two keys in one term": Slip(
        E01, "- leak: {within: 30 days}", "- {leak: {within: 30 days}, fever: {below: 40}}",
        "below: 40", "a term has one key, this one has 2", "under `any:` or `all:`",
    ),
    "a word outside the vocabulary": Slip(
        E01, "  any:", "  either:", "either:",
        "unknown finding 'either'", "Correct the name",
    ),
    "a list of one": Slip(
        P01, "    - criterion: T00\n", "", "- low-salt",
        "a list of one term", "Write the term itself",
    ),
    "empty braces": Slip(
        E01, "{within: 30 days}", "{}", "- leak: {}",
        "no limit after 'leak'", "a limit inside the braces",
    ),
    "a misspelt limit": Slip(
        E01, "{within: 30 days}", "{whitin: 30 days}", "whitin",
        "unknown key 'whitin'", "Use one of: at_least, below, older_than, within",
    ),
    "a window without a unit": Slip(
        E01, "{within: 30 days}", "{within: 30}", "{within: 30}",
        "'30' is not a length of time", "`30 days`, `72 hours` or `12 months`",
    ),
    "a window of no days": Slip(
        E01, "{within: 30 days}", "{within: 0 days}", "{within: 0 days}",
        "'0 days' is not a length of time", "Write it as",
    ),
    "a window of a lifetime and more": Slip(
        E01, "{within: 30 days}", "{within: 99999 months}", "99999",
        "'99999 months' is not a length of time", "Write it as",
    ),
    "a limit that is no number in a rule": Slip(
        E01, "{at_least: 39.0}", "{at_least: high}", "at_least: high",
        "'high' is not a number", "Write digits",
    ),
    "at least one": Slip(
        E01, "  any:", "  at_least:\n    count: 1\n    of:", "count: 1",
        "at least 1 of 2 terms", "Use `any` or `all`",
    ),
    "at least half a term": Slip(
        E01, "  any:", "  at_least:\n    count: 1.5\n    of:", "count: 1.5",
        "at least 1.5 of 2 terms", "a whole number between",
    ),
    # --- criteria
    "an id that does not fit the file": Slip(
        E01, "id: E01", "id: E02", "id: E02",
        "the id 'E02' does not fit the file's name", "Name the file `<id>-<words>.yaml`",
    ),
    "words that do not fit into a summary": Slip(
        E01, "says: a leak", f"says: {'a very ' * 9}bad leak", "bad leak",
        "`says` has ", "Shorten it to 60 or fewer",
    ),
    "an unknown recommendation": Slip(
        E01, "recommendation: emergency", "recommendation: hospital", "recommendation: hospital",
        "E01 calls for the unknown recommendation 'hospital'", "Use one of: emergency, exercise, ",
    ),
    "a recommendation in the place of the gate": Slip(
        T00, "recommendation: gate", "recommendation: emergency", "recommendation: emergency",
        "T00 calls for the unknown recommendation 'emergency'", "Use one of: gate",
    ),
    "a profile without a recommendation": Slip(
        P01, "{documents: exercise}", "{guidance: exercise}", "guidance: exercise",
        "unknown key 'guidance'", "Use one of: documents",
    ),
    "an unknown source": Slip(
        E01, "leaflet: When", "booklet: When", "booklet: When",
        "E01 cites the unknown source 'booklet'", "Use one of: leaflet",
    ),
    "no source": Slip(
        E01, "documents:\n  - leaflet: When to hurry", "documents: []", "documents: []",
        "no document", "Write `- source-key: heading`",
    ),
    "two sources in one entry": Slip(
        E01, "- leaflet: When to hurry", "- {leaflet: When, booklet: Why}", "booklet: Why",
        "a document entry has one source with its heading", "Write `- source-key: heading`",
    ),
    "an unknown status": Slip(
        E01, "status: draft", "status: signed", "status: signed",
        "'signed' is not known here", "Use one of: approved, draft",
    ),
    "a signed draft": Slip(
        P01, "status: approved", "status: draft", "approved_by:",
        "`approved_by` on a draft", "take the line out",
    ),
    "an approval that ends nowhere": Slip(
        P01, "review_by: 2027-01-31\n", "", "status: approved",
        "approved without `review_by`", "Add `review_by:`",
    ),
    "an approval on no day": Slip(
        P01, "approved_on: 2026-01-31", "approved_on: 31 January", "approved_on: 31",
        "'31 January' is not a date", "Write it as 2026-01-31",
    ),
    "a review before the approval": Slip(
        P01, "review_by: 2027-01-31", "review_by: 2025-01-31", "review_by: 2025-01-31",
        "the review is due before the approval", "Give a later day",
    ),
    "an X-ray that is not replaced in pregnancy": Slip(
        E01, "image_in_pregnancy: MRI of the spine\n", "", "image: X-ray",
        "'X-ray of the spine' without `image_in_pregnancy`", "Add `image_in_pregnancy:",
    ),
    "an X-ray in pregnancy": Slip(
        E01, "image_in_pregnancy: MRI", "image_in_pregnancy: CT", "image_in_pregnancy: CT",
        "'CT of the spine' in pregnancy", "Name MRI",
    ),
    # --- cases
    "a column that is missing": Slip(
        T00, "| back-pain | expect", "| expect", "| expect",
        "the columns are case, expect", "Use: case | back-pain | expect",
    ),
    "a column that no rule asks for": Slip(
        T00, "| back-pain | expect", "| back-pain | fever | expect", "| expect",
        "the columns are case, back-pain, fever, expect", "Use: case | back-pain | expect",
    ),
    "a row that is shifted": Slip(
        E01, "| yes 31d | no     | not met", "| no     | not met", "leak on day 31",
        "3 cells under 4 columns", "one for each column",
    ),
    "a verdict that is none": Slip(
        E01, "leak on day 30   | yes 30d | no     | met", "leak on day 30 | yes 30d | no | yes",
        "leak on day 30", "'yes' is no verdict", "Use one of: met, not met, cannot tell",
    ),
    "a cell that cannot be read": Slip(
        E01, "yes 30d", "yes 30 days", "yes 30 days",
        "'yes 30 days' in the column leak cannot be read", "Use ?, no, yes, yes 3d",
    ),
    "an empty cell": Slip(
        E01, "| yes 30d | no     |", "| yes 30d |        |", "leak on day 30",
        "'' in the column fever cannot be read", "Use ?, no, yes",
    ),
    "two cases of one name": Slip(
        E01, "  neither          |", "  not measured     |", "| no      | no     | not met",
        "a second case is called 'not measured' (the first is on line 21)", "what is different",
    ),
    "a table without its bar": Slip(
        T00, "cases: |", "cases: >", "cases: >",
        "expected a block of lines here", "Write a | after the key",
    ),
    "a case that the rule does not bear out": Slip(
        E01, "| 38.9   | not met", "| 38.9   | met", "| 38.9   | met",
        "the case '38.9' expects 'met', but the rule says 'not met'", "Mend the rule or the row",
    ),
    # --- recommendations and sources
    "an unknown topic": Slip(
        COURSES, "topic: physiotherapy", "topic: physio", "topic: physio",
        "'physio' is not known here", "Use one of: contributing, emergency, ",
    ),
    "an unknown indicator": Slip(
        COURSES, "indicator: critical", "indicator: hard-stop", "indicator: hard-stop",
        "'hard-stop' is not known here", "Use one of: critical, info, warning",
    ),
    "a flag that is neither yes nor no": Slip(
        COURSES, "alone: yes", "alone: true", "alone: true",
        "'true' is not known here", "Use one of: no, yes",
    ),
    "a place that is none": Slip(
        COURSES, "while_danger: left out", "while_danger: hidden", "while_danger: hidden",
        "'hidden' is not known here", "Use one of: left out",
    ),
    "a summary that is too long": Slip(
        COURSES, "summary: Send to", f"summary: {'Please ' * 9}send to", "send to",
        "a summary of ", "Write one line of at most 60",
    ),
    "too few reasons to override": Slip(
        COURSES, "override_reasons:\n      in-care: Already in care\n      excluded: Excluded\n",
        "override_reasons: # three\n      excluded: Excluded\n", "# three",
        "3 override reasons", "Give 4 to 6",
    ),
    "a reason whose code is a sentence": Slip(
        COURSES, "      asked: Asked", "      They were asked: Asked", "They were asked",
        "the override reason code 'They were asked'", "lower-case letters, digits and dashes",
    ),
    "a reason that HL7 does not have": Slip(
        COURSES, "      asked: Asked", "      hl7/asked: Asked", "hl7/asked",
        "HL7 has no override reason 'asked'", "Use one of: action-completed, ",
    ),
    "a reason that says something else on another card": Slip(
        COURSES, "Already in care\n      tried", "Treated\n      tried", "in-care: Treated",
        "the override reason 'in-care' says something else than before ('Already in care')",
        "Use the same words, or another code",
    ),
    # --- suggestions
    "an unknown suggestion": Slip(
        COURSES, "[take-back, exercise-referral]", "[take-back, exercise-referral, walk]", "walk]",
        "unknown suggestion 'walk'", "Use one of: exercise-referral, mri, take-back, x-ray",
    ),
    "a suggestion that stands twice": Slip(
        COURSES, "[mri, x-ray]", "[mri, x-ray, mri]", "[mri",
        "the suggestion 'mri' stands twice", "Keep one of them",
    ),
    "a recommended suggestion that is not offered": Slip(
        COURSES, "recommended: mri", "recommended: take-back", "recommended:",
        "'take-back' is not known here", "Use one of: mri, x-ray",
    ),
    "a suggestion's name with a capital": Slip(
        SUGGESTIONS, "  take-back:", "  Take-back:", "Take-back:",
        "'Take-back' is not a suggestion's name", "Use lower-case words joined by dashes",
    ),
    "a suggestion without a code": Slip(
        SUGGESTIONS, "    takes_back: yes\n", "", "take-back:",
        "`code` is missing", "or `takes_back: yes`",
    ),
    "a code for what is taken back": Slip(
        SUGGESTIONS, "takes_back: yes", "takes_back: yes\n    image: CT", "image: CT",
        "`image` where an order is taken back", "or take out `takes_back`",
    ),
    "an X-ray that would be offered in pregnancy": Slip(
        SUGGESTIONS, "    radiation: yes\n", "", "image: X-ray",
        "'X-ray' without `radiation: yes`", "Add `radiation: yes`",
    ),
    "a priority that FHIR does not have": Slip(
        SUGGESTIONS, "warning: urgent", "warning: soon", "warning: soon",
        "'soon' is not known here", "Use one of: asap, routine, stat, urgent",
    ),
    "a remark on an unknown card": Slip(
        COURSES, "on: [physiotherapy]", "on: [exercise]", "on: [exercise]",
        "'exercise' is not known here", "Use one of: ",
    ),
    "a remark on something like every card": Slip(
        COURSES, "on: every", "on: all", "on: all",
        "'all' is not known here", "Use one of: every",
    ),
    "a remark about an unknown finding": Slip(
        COURSES, "when: young", "when: old", "when: old",
        "unknown finding 'old'", "Correct the name",
    ),
    "a criterion to ask first that is not there": Slip(
        COURSES, "ask_first: [E01]", "ask_first: [E02]", "ask_first: [E02]",
        "`ask_first` names the unknown criterion 'E02'", "Correct the id",
    ),
    "no card for what is unanswered": Slip(
        COURSES, "  redflagcheck:\n", "  questions:\n", "recommendations:",
        "there is no recommendation 'redflagcheck'", "Add `redflagcheck:`",
    ),
    "an unknown kind of source": Slip(
        SOURCES, "kind: document", "kind: rumour", "kind: rumour",
        "'rumour' is not known here", "Use one of: document, guideline",
    ),
}
# fmt: on


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_small_content_loads(folder: Folder) -> None:
    content = load(folder.path)
    assert (content.gate.id, *content.criteria) == ("T00", "E01", "P01")


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_refused(folder: Folder, name: str) -> None:
    slip = SLIPS[name]
    folder.change(slip.file, slip.old, slip.new)
    [problem] = folder.problems()
    assert str(problem.place) == f"{slip.file}:{folder.line(slip.file, slip.at)}"
    assert slip.what in problem.what
    assert slip.remedy in problem.remedy
    assert re.fullmatch(r"[A-Z`].{20,}[^.]", problem.why)
    assert str(problem) == f"{problem.place}: {problem.what}. {problem.why}. {problem.remedy}."


# --- slips that show in more than one place, or in whole files ---------------------------------


def told(folder: Folder) -> list[str]:
    return [f"{problem.place}: {problem.what}" for problem in folder.problems()]


def test_criteria_that_go_in_a_circle(folder: Folder) -> None:
    folder.change(T00, "rule: back-pain", "rule:\n  any:\n    - back-pain\n    - criterion: P01")
    assert told(folder) == [
        f"{P01}:{folder.line(P01, '- criterion')}: the criteria T00 → P01 → T00 go in a circle",
        f"{T00}:{folder.line(T00, '- criterion')}: the criteria P01 → T00 → P01 go in a circle",
    ]


def test_a_criterion_that_waits_for_itself(folder: Folder) -> None:
    folder.change(P01, "criterion: T00", "criterion: P01")
    assert "the criteria P01 → P01 go in a circle" in told(folder)[0]


def test_a_table_that_misses_an_edge_tells_each_wrong_version(folder: Folder) -> None:
    folder.change(E01, "  leak on day 31   | yes 31d | no     | not met\n", "")
    line = folder.line(E01, "cases: |")
    wrong = "no row notices this wrong version of the rule: leak: within"
    assert told(folder) == [
        f"{E01}:{line}: {wrong} 30 days forgotten",
        f"{E01}:{line}: {wrong} 31 days",
    ]
    assert "Add a row that tells them apart" in folder.problems()[0].remedy


def test_a_term_whose_removal_changes_no_verdict(folder: Folder) -> None:
    folder.change(T00, "rule: back-pain", "rule:\n  any:\n    - back-pain\n    - fever")
    folder.change(T00, "| back-pain | expect", "| back-pain | fever | expect")
    folder.change(T00, "| yes       | met", "| yes       | no    | met")
    folder.change(T00, "| no        | not met", "| no        | no    | not met")
    folder.change(T00, "| ?         | cannot tell", "| ?         | no    | cannot tell")
    folder.change(P01, "rule:\n  all:\n    - low-salt\n    - criterion: T00", "rule: low-salt")
    folder.change(P01, "| low-salt | back-pain |", "| low-salt |")
    text = (folder.path / P01).read_text(encoding="utf-8").split("cases: |\n")[0]
    rows = (
        "  case | low-salt | expect\n  a | yes | met\n  b | no | not met\n  c | ? | cannot tell\n"
    )
    folder.write(P01, f"{text}cases: |\n{rows}")
    problems = [each for each in folder.problems() if "fever dropped" in each.what]
    assert [str(each.place) for each in problems] == [f"{T00}:{folder.line(T00, 'cases: |')}"]
    assert "take that part out" in problems[0].remedy


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("hurts", "no case that is 'met': the criterion is unreachable"),
        ("does not", "no case that is 'not met'"),
        ("nothing recorded", "no case that is 'cannot tell'"),
    ],
)
def test_a_criterion_without_one_of_the_three_answers(
    folder: Folder, row: str, missing: str
) -> None:
    text = (folder.path / T00).read_text(encoding="utf-8")
    folder.write(T00, re.sub(rf"  {row} .*\n", "", text))
    assert f"{T00}:{folder.line(T00, 'cases: |')}: {missing}" in told(folder)


def test_a_table_without_rows(folder: Folder) -> None:
    text = (folder.path / T00).read_text(encoding="utf-8")
    folder.write(T00, text.split("cases: |")[0] + "cases: |\n\n")
    line = folder.line(T00, "cases: |")
    assert [each for each in told(folder) if each.startswith(T00)] == [
        f"{T00}:{line}: the columns are none"
    ]


def test_a_gate_that_is_not_there(folder: Folder) -> None:
    folder.change(COURSES, "gate: T00", "gate: T01")
    assert told(folder) == [
        f"{T00}:3: T00 calls for the unknown recommendation 'gate'",
        f"{COURSES}:1: `gate` names the unknown criterion 'T01'",
    ]


def test_a_gate_that_an_unknown_finding_shuts(folder: Folder) -> None:
    folder.change(COURSES, "shut_by: deceased", "shut_by: died")
    assert told(folder) == [
        f"{FINDINGS}:{folder.line(FINDINGS, 'deceased:')}: no rule asks for the finding 'deceased'",
        f"{COURSES}:2: `shut_by` names the unknown finding 'died'",
    ]


@pytest.mark.parametrize(
    "file", [T00, FINDINGS, COURSES, SOURCES, SUGGESTIONS, FORM, "vocabulary.yaml"]
)
def test_an_empty_file(folder: Folder, file: str) -> None:
    folder.write(file, "# nothing yet\n")
    assert f"{file}:1: this is not readable YAML: the file is empty" in told(folder)


@pytest.mark.parametrize("file", [COURSES, SOURCES, SUGGESTIONS, FORM, "vocabulary.yaml"])
def test_a_missing_file(folder: Folder, file: str) -> None:
    (folder.path / file).unlink()
    assert told(folder) == [f"{file}:1: the file is missing"]


def test_a_suggestion_that_no_card_offers(folder: Folder) -> None:
    folder.change(COURSES, "[take-back, exercise-referral]", "[exercise-referral]")
    line = folder.line(SUGGESTIONS, "take-back:")
    what = "no recommendation offers the suggestion 'take-back'"
    assert told(folder) == [f"{SUGGESTIONS}:{line}: {what}"]


def test_imaging_that_a_card_names_and_does_not_offer(folder: Folder) -> None:
    """The X-ray is offered by another card, which is not shown for this criterion."""
    folder.change(COURSES, "[mri, x-ray]", "[mri]")
    folder.change(
        COURSES, "[take-back, exercise-referral]", "[exercise-referral, take-back, x-ray]"
    )
    [problem] = folder.problems()
    assert str(problem.place) == f"{E01}:1"
    assert problem.what == (
        "E01 names the imaging 'X-ray of the spine', but the recommendation 'emergency' does not "
        "offer 'x-ray'"
    )
    assert problem.remedy == "Add 'x-ray' to its `suggestions`"


def test_imaging_that_nothing_can_request(folder: Folder) -> None:
    """No order could be compared with it either, so it is told twice, with two remedies."""
    folder.change(E01, "image: X-ray of the spine", "image: Ultrasound")
    (problem,) = [each for each in folder.problems() if "suggestion" in each.what]
    assert "names the imaging 'Ultrasound', which no suggestion can request" in problem.what
    assert "Use the word of an `image:` in suggestions.yaml" in problem.remedy


def test_two_codes_for_one_suggestion(folder: Folder) -> None:
    code = "        79760008: Radiography of spine\n"
    folder.change(SUGGESTIONS, code, f"{code}        308447003: Referral\n")
    [problem] = folder.problems()
    assert problem.what == "2 codes"
    assert "Give one code" in problem.remedy


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as refused:
        load(tmp_path / "nowhere")
    [problem] = refused.value.problems
    assert problem.what == "the content folder is not there"
    assert "Point CDS_CARDS at a folder with findings/" in problem.remedy


@pytest.mark.parametrize(
    "file", ["criteria/E02-numb.yml", "E02-numb.yaml", "criteria/old/E02.yaml"]
)
def test_a_file_that_nobody_would_read(folder: Folder, file: str) -> None:
    folder.write(file, "id: E02\n")
    assert told(folder) == [f"{file}:1: nobody reads this file"]


def test_other_files_may_lie_beside_the_content(folder: Folder) -> None:
    folder.write("README.md", "How to read this.\n")
    folder.write("criteria/E01-leak-or-fever.yaml~", "id: [\n")
    assert load(folder.path).digest == load(Folder(folder.path.parent / "again").path).digest


def test_a_file_in_another_encoding(folder: Folder) -> None:
    text = (folder.path / T00).read_text(encoding="utf-8").replace("Back pain", "Rückenschmerz")
    (folder.path / T00).write_bytes(text.encode("latin-1"))
    assert told(folder) == [f"{T00}:2: this line is not written in UTF-8"]


def test_a_finding_in_two_files(folder: Folder) -> None:
    leak = "leak:\n  meaning: Urine leaks.\n  question: Does it?\n  silence: unknown\n"
    folder.write("findings/more.yaml", f"# more\n{leak}")
    first = folder.line(FINDINGS, "leak:")
    assert told(folder) == [
        f"findings/more.yaml:2: the finding 'leak' is defined twice (first in {FINDINGS}:{first})"
    ]


def test_a_criterion_in_two_files(folder: Folder) -> None:
    text = (folder.path / E01).read_text(encoding="utf-8")
    folder.write("criteria/E01-more.yaml", text)
    assert told(folder) == [
        f"criteria/E01-more.yaml:1: the criterion E01 stands in two files (the other is {E01}:1)"
    ]


def test_one_run_tells_of_every_file(folder: Folder) -> None:
    folder.change(T00, "id: T00", "id: T01")
    folder.change(E01, "status: draft", "state: draft")
    assert [line.split(":")[0] for line in told(folder)] == [E01, T00]


def test_one_run_tells_of_every_shared_file(folder: Folder) -> None:
    folder.change(COURSES, "on: every", "on: all")
    folder.change(SOURCES, "kind: document", "kind: rumour")
    folder.change("vocabulary.yaml", "severity:\n", "severities:\n")
    files = [line.split(":")[0] for line in told(folder)]
    assert files == [COURSES, SOURCES, "vocabulary.yaml"]


def test_the_error_reads_as_one_line_for_each_problem(folder: Folder) -> None:
    folder.change(T00, "id: T00", "id: T01")
    folder.change(E01, "status: draft", "state: draft")
    with pytest.raises(ContentError) as refused:
        load(folder.path)
    assert str(refused.value).splitlines() == [str(each) for each in refused.value.problems]
