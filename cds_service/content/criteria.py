"""Criteria: a rule with its sources, its words, its sign-off and its worked cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cds_service.clinical.rules import Rule
from cds_service.clinical.truth import Truth
from cds_service.content.cases import Case, read_cases
from cds_service.content.mutants import survivors
from cds_service.content.problems import ContentError, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.content.nodes import Fields, Node

MAX_SAYS = 60
RADIATION = re.compile(r"X-ray|radiograph|\bCT\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a criterion comes from: a key of sources.yaml and the heading it stands under."""

    source: str
    heading: str
    place: Place


@dataclass(frozen=True, slots=True)
class SignOff:
    """Whether a clinician has approved the criterion: who, when, and until when it holds."""

    status: str
    approved_by: str | None = None
    approved_on: date | None = None
    review_by: date | None = None


@dataclass(frozen=True, slots=True)
class CriterionDefinition:
    """One criterion as the content defines it.

    ``recommendation`` maps each profile to a course of recommendations.yaml, and ``calls_at`` is
    the line where it does. ``says`` are the words for a card's summary, ``image`` the imaging
    that the card names.
    """

    id: str
    place: Place
    title: str
    recommendation: Mapping[str, str]
    calls_at: Place
    citations: tuple[Citation, ...]
    why: str
    rule: Rule
    says: str
    image: str | None
    image_in_pregnancy: str | None
    sign_off: SignOff
    cases: tuple[Case, ...]


REQUIRED = ("id", "title", "recommendation", "documents", "why", "rule", "says", "status", "cases")
OPTIONAL = ("image", "image_in_pregnancy", "approved_by", "approved_on", "review_by")


def read_criterion(
    fields: Fields, place: Place, rule: Rule, profiles: tuple[str, ...]
) -> CriterionDefinition:
    """Read a criterion whose rule was read before. Raises ContentError."""
    says = fields["says"].text()
    if len(says) > MAX_SAYS:
        fields["says"].refuse(
            f"`says` has {len(says)} characters",
            "It must fit into a card's summary beside others",
            f"Shorten it to {MAX_SAYS} or fewer",
        )
    return CriterionDefinition(
        id=fields["id"].text(),
        place=place,
        title=fields["title"].text(),
        recommendation=_recommendation(fields["recommendation"], profiles),
        calls_at=fields["recommendation"].key,
        citations=_citations(fields["documents"]),
        why=" ".join(fields["why"].text().split()),
        rule=rule,
        says=says,
        image=fields.text("image"),
        image_in_pregnancy=_image_in_pregnancy(fields),
        sign_off=_sign_off(fields),
        cases=_cases(fields["cases"], rule),
    )


def criterion_id(fields: Fields, file: str) -> str:
    """Return the id, which must be a capital letter and two digits and begin the file's name."""
    node = fields["id"]
    if not re.fullmatch(r"[A-Z]\d\d", node.text()) or not file.rsplit("/", maxsplit=1)[
        -1
    ].startswith(f"{node.text()}-"):
        node.refuse(
            f"the id {node.text()!r} does not fit the file's name",
            "A criterion is found by its id",
            "Name the file `<id>-<words>.yaml`, with an id such as E01",
        )
    return node.text()


def _recommendation(node: Node, profiles: tuple[str, ...]) -> Mapping[str, str]:
    if node.is_text:
        return dict.fromkeys(profiles, node.text())
    fields = node.fields(required=profiles)
    return {profile: fields[profile].text() for profile in profiles}


def _citations(node: Node) -> tuple[Citation, ...]:
    citations = tuple(_citation(each) for each in node.items())
    if not citations:
        node.refuse(
            "no document",
            "Nobody could look up on whose word the criterion rests",
            "Write `- source-key: heading`",
        )
    return citations


def _citation(node: Node) -> Citation:
    entries = node.entries()
    if len(entries) != 1:
        node.refuse(
            "a document entry has one source with its heading",
            "A reader must be able to look the place up",
            "Write `- source-key: heading`",
        )
    source, heading = next(iter(entries.items()))
    return Citation(source, heading.text(), node.place)


def _image_in_pregnancy(fields: Fields) -> str | None:
    image, instead = fields.text("image"), fields.text("image_in_pregnancy")
    if instead and RADIATION.search(instead):
        fields["image_in_pregnancy"].refuse(
            f"{instead!r} in pregnancy",
            "No card suggests X-ray or CT in a recorded pregnancy",
            "Name MRI",
        )
    if image and not instead and RADIATION.search(image):
        fields["image"].refuse(
            f"{image!r} without `image_in_pregnancy`",
            "No card suggests X-ray or CT in a recorded pregnancy",
            "Add `image_in_pregnancy: MRI of the spine`",
        )
    return instead


def _sign_off(fields: Fields) -> SignOff:
    status = fields["status"].choice(("draft", "approved"))
    signed = ("approved_by", "approved_on", "review_by")
    if status == "draft":
        for name in signed:
            if name in fields:
                fields[name].refuse(
                    f"`{name}` on a draft",
                    "A draft is signed by nobody",
                    "Set `status: approved`, or take the line out",
                )
        return SignOff(status)
    for name in signed:
        if name not in fields:
            fields["status"].refuse(
                f"approved without `{name}`",
                "An approval needs a name, a day and the day of its next review",
                f"Add `{name}:`",
            )
    approved_on, review_by = _date(fields["approved_on"]), _date(fields["review_by"])
    if review_by <= approved_on:
        fields["review_by"].refuse(
            "the review is due before the approval",
            "An approval holds until the next review",
            "Give a later day",
        )
    return SignOff(status, fields["approved_by"].text(), approved_on, review_by)


def _date(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        node.refuse(
            f"{node.text()!r} is not a date",
            "A sign-off counts from a day",
            "Write it as 2026-01-31",
        )


_WORDS = {Truth.PRESENT: "met", Truth.ABSENT: "not met", Truth.UNKNOWN: "cannot tell"}


def _cases(node: Node, rule: Rule) -> tuple[Case, ...]:
    """Read the case table and hold the rule to it."""
    cases = read_cases(node, rule.needs())
    problems = [*_wrong(rule, cases), *_untold(node.key, cases)]
    # A table that is wrong itself says nothing about the rule's wrong versions.
    problems = problems or list(_unnoticed(node.key, rule, cases))
    if problems:
        raise ContentError(problems)
    return cases


def _wrong(rule: Rule, cases: tuple[Case, ...]) -> Iterator[Problem]:
    for case in cases:
        truth = rule.judge(case.facts)
        if truth is not case.expect:
            yield Problem(
                case.place,
                f"the case {case.name!r} expects {_WORDS[case.expect]!r}, "
                f"but the rule says {_WORDS[truth]!r}",
                "A rule that disagrees with its own cases cannot be trusted",
                "Mend the rule or the row",
            )


def _untold(place: Place, cases: tuple[Case, ...]) -> Iterator[Problem]:
    expected = {case.expect for case in cases}
    for truth, words in _WORDS.items():
        if truth not in expected:
            yield Problem(
                place,
                f"no case that is {words!r}"
                + (": the criterion is unreachable" if truth is Truth.PRESENT else ""),
                "What no case shows, nobody has checked",
                "Add a row",
            )


def _unnoticed(place: Place, rule: Rule, cases: tuple[Case, ...]) -> Iterator[Problem]:
    for mutant in survivors(rule, cases):
        yield Problem(
            place,
            f"no row notices this wrong version of the rule: {mutant.says}",
            "The two could be mixed up, and every case would still agree",
            "Add a row that tells them apart; if no patient could, the rule says too much: "
            "take that part out",
        )
