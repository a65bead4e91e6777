"""orders.yaml: every row of its table, every code by its words, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cds_service.clinical.occasion import Aim
from cds_service.content.load import load
from tests.content.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.content.load import Content
    from cds_service.content.orders import OrderCase

# Read here and not by the fixture: each row becomes a test of its own.
CASES = load().orders.cases
ORDERS = "orders.yaml"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.text)
def test_the_words_are_read_as_a_clinician_reads_them(content: Content, case: OrderCase) -> None:
    assert set(content.orders.recognised(case.text)) == case.expect, case.place


def test_an_image_is_recognised_by_the_words_of_its_own_codes_as_well(content: Content) -> None:
    for kind in content.orders.kinds.values():
        if kind.aim is Aim.IMAGING:
            for code in kind.codes:
                assert content.orders.recognised(code.display) == (kind.id,), code


def test_no_code_stands_for_two_kinds(content: Content) -> None:
    codes = [(each.system, each.code) for k in content.orders.kinds.values() for each in k.codes]
    assert len(set(codes)) == len(codes)


def test_the_kinds_that_ship(content: Content) -> None:
    assert {name: (each.aim, each.modality) for name, each in content.orders.kinds.items()} == {
        "spine-mri": (Aim.IMAGING, "MRI"),
        "spine-ct": (Aim.IMAGING, "CT"),
        "spine-xray": (Aim.IMAGING, "X-ray"),
        "physiotherapy": (Aim.TREATMENT, None),
        "manipulation": (Aim.TREATMENT, None),
        "exercise": (Aim.TREATMENT, None),
        "traction": (Aim.TREATMENT, None),
        "acupuncture": (Aim.TREATMENT, None),
    }


@pytest.mark.parametrize(
    ("image", "kinds"),
    [
        ("MRI of the spine, with ESR and CRP", {"spine-mri"}),
        ("X-ray or CT of the spine", {"spine-xray", "spine-ct"}),
        ("an ultrasound", set()),
        (None, set()),
    ],
)
def test_the_kinds_that_an_image_names(content: Content, image: str, kinds: set[str]) -> None:
    assert content.orders.images_in(image) == kinds


REFUSED = {
    "a row that the words contradict": (
        "| exercise\n", "| nothing\n", "exercises        |",
        "the order 'exercises' is nothing, but its words are read as exercise", "Mend the words",
    ),
    "a word that no row needs": (
        "words: [exercises]", "words: [exercises, stretching]", "cases: |",
        "no row needs the words 'stretching' (exercise)", "Add a row that has them",
    ),
    "an exception that no row needs": (
        "but_not: [biopsy]", "but_not: [biopsy, puncture]", "cases: |",
        "no row needs the words 'puncture' (but_not of the spine)", "Add a row",
    ),
    "a row that is of no kind": (
        "| spine-xray\n", "| spine-xr\n", "xray spine ", "'spine-xr' is no kind of order",
        "Use nothing, or one or more, joined by a comma, of: spine-mri, spine-xray, exercise",
    ),
    "a row without a kind": (
        "  knee exercises   | nothing\n", "  knee exercises\n", "knee exercises",
        "'nothing after the bar' is no kind of order", "Use nothing, or",
    ),
    "another header": (
        "  order            | is\n", "  words | kind\n", "words | kind",
        "the columns are words | kind", "Use: order | is",
    ),
    "an unknown aim": (
        "aim: treatment", "aim: cure", "aim: cure", "'cure' is not known here",
        "Use one of: imaging, treatment",
    ),
    "an image without its modality": (
        "    modality: X-ray\n",
        "",
        "spine-xray:",
        "spine-xray has the aim imaging and no modality",
        "Add `modality:`",
    ),
    "a treatment with a modality": (
        "    says: exercise\n", "    says: exercise\n    modality: gym\n", "  exercise:",
        "exercise has the aim treatment and a modality", "take it out of a treatment",
    ),
    "a name with a capital": (
        "  exercise:\n", "  Exercise:\n", "Exercise:", "'Exercise' is not the name of an order",
        "lower-case words joined by dashes",
    ),
    "an unknown key": (
        "    words: [xray]\n", "    words: [xray]\n    region: hip\n", "region: hip",
        "unknown key 'region'", "Use one of: aim, but_not, codes, modality, says, words",
    ),
    "a mistyped code": (
        "24968-0: MR", "24968-1: MR", "24968-1", "is malformed: its check digit is wrong",
        "Copy the code again",
    ),
    "a finding that is none": (
        "finding: image-order", "finding: image", "finding: image",
        "`finding` names 'image', which is no finding with `carrier: order`", "Correct the name",
    ),
    "a finding that no order carries": (
        "finding: image-order", "finding: leak", "finding: leak",
        "`finding` names 'leak', which is no finding with `carrier: order`", "Correct the name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_slip_is_refused(
    tmp_path: Path, *, old: str, new: str, at: str, what: str, remedy: str
) -> None:
    folder = Folder(tmp_path)
    folder.change(ORDERS, old, new)
    (problem,) = [each for each in folder.problems() if what in each.what]
    assert (problem.place.file, problem.place.line) == (ORDERS, folder.line(ORDERS, at))
    assert remedy in problem.remedy


def test_an_image_that_no_order_could_be_compared_with(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.change("criteria/E01-leak-or-fever.yaml", "image: X-ray of", "image: ultrasound of")
    assert "names the image 'ultrasound of the spine'" in folder.problems()[0].what


def test_there_must_be_a_card_for_an_image_that_nothing_supports(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.change("recommendations.yaml", "  imagingnotindicated:", "  not-indicated:")
    assert "there is no recommendation 'imagingnotindicated'" in folder.problems()[0].what


def test_words_are_part_of_the_digest(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    before = load(folder.path).digest
    folder.change(ORDERS, "says: exercise", "says: exercises")
    assert load(folder.path).digest != before
