"""The form of the content: worst first, nothing dangerous left out, and slips are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.rules import Has
from cds_service.clinical.windows import Span, Unit
from cds_service.content.questionnaire import dated, is_asked
from tests.content.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.content.load import Content

FORM = "questionnaire.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ranks(content: Content) -> dict[str, int]:
    """Return for each finding the place of the worst criterion that asks for it."""
    protocol = content.protocols["documents"]
    found: dict[str, int] = {}
    for rank, place in enumerate(protocol.dangers):
        for name in protocol.criteria[place].rule.needs():
            found.setdefault(name, rank)
    return found


def test_the_four_worst_criteria_are_asked_first(content: Content) -> None:
    protocol = content.protocols["documents"]
    worst = {
        name for place in protocol.dangers[:4] for name in protocol.criteria[place].rule.needs()
    }
    assert [protocol.criteria[place].id for place in protocol.dangers[:4]] == [
        "E01",
        "E02",
        "E03",
        "R02",
    ]
    first = content.questionnaire.red_flags[0]
    assert worst <= {each.finding for question in first.questions for each in question.all()}


def test_groups_stand_in_the_order_of_their_worst_criterion(content: Content) -> None:
    rank = ranks(content)
    worst = [
        min(
            rank[each.finding]
            for question in group.questions
            for each in question.all()
            if each.finding in rank
        )
        for group in content.questionnaire.red_flags
    ]
    assert worst == sorted(worst)


def test_every_danger_is_asked_for_and_nothing_twice(content: Content) -> None:
    asked = [each.finding for each in content.questionnaire.questions()]
    assert len(asked) == len(set(asked))
    assert {name for name in ranks(content) if is_asked(content.findings[name])} <= set(asked)


def test_all_that_a_criterion_asks_for_stands_on_it(content: Content) -> None:
    asked = {each.finding for each in content.questionnaire.questions()}
    needed = {name for each in content.criteria.values() for name in each.rule.needs()}
    assert {name for name in needed if is_asked(content.findings[name])} <= asked


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"),
    [
        ("      - fever\n", "", "does not ask for 'fever'", "Add it to one of the groups"),
        ("- fever", "- fevers", "unknown finding 'fevers'", "Correct the name"),
        ("- fever", "- young", "'young' is not a finding to ask for", "Take it out"),
        ("[back-pain", "[fever, back-pain", "asks for 'fever' twice", "Keep one of them"),
        (
            "          - leak-known",
            "          - back-pain",
            "a no to 'leak' does not answer 'back-pain'",
            "Ask for it by itself",
        ),
        (
            "      - leak:\n",
            "      - fever: [leak]\n        leak:\n",
            "expected one finding here",
            "Write the finding with a colon",
        ),
        ("title: A small form", "tytle: A small form", "unknown key 'tytle'", "Use one of"),
    ],
)
def test_a_slip_is_refused(folder: Folder, old: str, new: str, what: str, remedy: str) -> None:
    folder.change(FORM, old, new)
    found = folder.problems()
    assert any(what in each.what and remedy in each.remedy for each in found), found
    assert all(each.place.file == FORM for each in found)


def test_windows_are_found_inside_every_rule() -> None:
    week = Span(7, Unit.DAYS)
    assert dated([Has("a", within=week), Has("b", older_than=week), Has("c")]) == {"a", "b"}


def test_a_rule_that_nobody_can_look_into() -> None:
    with pytest.raises(TypeError, match="No way into str"):
        dated(["a riddle"])  # type: ignore[list-item]  # no rule at all
