"""A site's own codes: what is read, and what refuses to start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.app import create_app
from cds_service.content.problems import ContentError
from cds_service.content.site_codes import SiteCodes, load_site_codes
from cds_service.settings import Settings

if TYPE_CHECKING:
    from cds_service.content.load import Content
    from cds_service.content.problems import Problem

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "site-codes.yaml"
MRI = "suggestions:\n  spine-mri: {system: 'urn:x', code: a}\n"
ORDER = "    - {system: 'urn:x', code: a}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "codes.yaml"


def test_the_example_of_the_guide(content: Content) -> None:
    site = load_site_codes(EXAMPLE, content)
    assert site.orders["spine-ct"][0] == ("http://www.ama-assn.org/go/cpt", "72133")
    assert set(site.suggestions) == {"spine-mri", "physiotherapy-referral"}
    mri = site.suggestions["spine-mri"]
    assert mri.system == "urn:com.epic.cdshooks.action.code.system.preference-list-item"
    assert mri.display == "MRI lumbar spine without contrast"
    assert site.suggestions["physiotherapy-referral"].display is None
    assert site.intent == "order"


def test_the_service_starts_with_the_example() -> None:
    create_app(Settings(codes=EXAMPLE))


def test_what_is_left_out_changes_nothing(file: Path, content: Content) -> None:
    file.write_text(MRI, encoding="utf-8")
    site = load_site_codes(file, content)
    assert site.orders == SiteCodes().orders == {}
    assert site.intent == SiteCodes().intent == "proposal"


# what is in the file -> the line, what is wrong, and what to do
SLIPS: dict[str, tuple[str, int, str, str]] = {
    "an unknown suggestion": (
        "suggestions:\n  spine-mir: {system: 'urn:x', code: a}\n", 2,
        "unknown suggestion 'spine-mir'", "Use one of: doctor-appointment, emergency-care",
    ),
    "an unknown kind of order": (
        "orders:\n  knee-mri:\n    - {system: 'urn:x', code: a}\n", 2,
        "unknown kind of order 'knee-mri'", "Use one of: acupuncture",
    ),
    "no system": (
        "suggestions:\n  spine-mri: {code: a}\n", 2, "the key 'system' is missing", "Add `system:`",
    ),
    "no code": (
        "suggestions:\n  spine-mri: {system: 'urn:x'}\n", 2,
        "the key 'code' is missing", "Add `code:`",
    ),
    "a system that is no URI": (
        "suggestions:\n  spine-mri:\n    code: a\n    system: CPT\n", 4,
        "the system 'CPT' is not a URI", "it begins with http:// or urn:",
    ),
    "a malformed code": (
        "suggestions:\n  spine-mri:\n    system: urn:x\n    code: a  b\n", 4,
        "the code 'a  b' is malformed", "Copy it again",
    ),
    "the same order code twice": (
        f"orders:\n  spine-mri:\n{ORDER}{ORDER.replace('x', 'y')}{ORDER}", 5,
        "the code 'a' stands twice (first on line 3)", "Keep one of them",
    ),
    "the same suggestion twice": (
        f"{MRI}  spine-mri: {{system: 'urn:x', code: b}}\n", 3,
        "the key 'spine-mri' stands twice (first on line 2)", "Keep one of them",
    ),
    "no order code": (
        "orders:\n  spine-mri: []\n", 2,
        "no code for 'spine-mri'", "Take the line out",
    ),
    "an intent that FHIR does not have": (
        f"{MRI}intent: suggestion\n", 3,
        "'suggestion' is not known here", "Use one of: order, plan, proposal",
    ),
    "an unknown key": (f"{MRI}codes: a\n", 3, "unknown key 'codes'", "Use one of: intent, orders"),
    "nothing to map": ("intent: order\n", 1, "there is no code in the file", "Write `orders:`"),
    "an empty file": ("# nothing yet\n", 1, "the file is empty", "Look at this line"),
}  # fmt: skip


def refused(file: Path, content: Content) -> Problem:
    with pytest.raises(ContentError) as error:
        load_site_codes(file, content)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(("text", "line", "what", "remedy"), SLIPS.values(), ids=SLIPS)
def test_a_slip_names_its_line_and_what_to_do(
    file: Path, content: Content, text: str, line: int, what: str, remedy: str
) -> None:
    file.write_text(text, encoding="utf-8")
    problem = refused(file, content)
    assert (problem.place.file, problem.place.line) == (str(file), line)
    assert what in problem.what
    assert remedy in problem.remedy


def test_a_file_in_another_encoding(file: Path, content: Content) -> None:
    file.write_bytes("orders: é".encode("latin-1"))
    assert "not written in UTF-8" in refused(file, content).what


def test_a_file_that_cannot_be_read(tmp_path: Path, content: Content) -> None:
    assert "cannot be read: Is a directory" in refused(tmp_path, content).what


def test_the_service_refuses_to_start_with_a_slip(file: Path) -> None:
    file.write_text("suggestions:\n  knee: {system: 'urn:x', code: a}\n", encoding="utf-8")
    with pytest.raises(ContentError, match="unknown suggestion 'knee'"):
        create_app(Settings(codes=file))
