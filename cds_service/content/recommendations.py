"""Recommendations: the words and the rank of each card, and the remarks that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.clinical.protocol import Course, Place
from cds_service.clinical.rules import Rule
from cds_service.content.override_reasons import OverrideReason, ReasonReader
from cds_service.content.problems import Place as Line
from cds_service.content.suggestions import INDICATORS

if TYPE_CHECKING:
    from cds_service.content.nodes import Fields, Node
    from cds_service.content.rules import RuleReader

# The codes and their order are part of the HTTP contract; they never change.
TOPICS: Mapping[str, str] = {
    "emergency": "Emergency care",
    "imaging": "Imaging",
    "imagingnotindicated": "Imaging not indicated",
    "review": "Doctor's appointment",
    "neurology": "Neurology referral",
    "physiotherapy": "Physiotherapy",
    "contributing": "Contributing causes",
    "selfcare": "Self-care",
    "redflagcheck": "Red-flag check",
}
MAX_SUMMARY = 60


@dataclass(frozen=True, slots=True)
class Wording:
    """The first words of a card's summary and the Markdown of its detail."""

    summary: str
    detail: str


@dataclass(frozen=True, slots=True)
class CourseDefinition:
    """One course of action as the content words it.

    ``conditional`` is the wording while a danger is unanswered, where that differs.
    ``suggestions`` are the names of what the card offers, with their lines; ``recommended`` is
    the one of them that clients may select beforehand.
    """

    course: Course
    label: str
    wording: Wording
    conditional: Wording | None
    override_reasons: tuple[OverrideReason, ...]
    suggestions: Mapping[str, Line]
    recommended: str | None


@dataclass(frozen=True, slots=True)
class RemarkDefinition:
    """A sentence that is added to cards while its rule holds.

    ``avoid_radiation`` makes the card name the imaging that is meant for pregnancy.
    """

    id: str
    rule: Rule
    on: tuple[str, ...] | None
    unless_danger: bool
    says: str
    says_while_unanswered: str
    avoid_radiation: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A document or guideline that criteria rest on."""

    key: str
    letter: str
    title: str
    short: str
    publisher: str | None
    year: str | None
    kind: str
    url: str | None
    covers: str


@dataclass(frozen=True, slots=True)
class Recommendations:
    """All of recommendations.yaml; ``lines`` has the line of each key.

    ``override_reasons`` has the words of our own codes.
    """

    lines: Mapping[str, Line]
    gate: str
    shut_by: str
    ask_first: tuple[str, ...]
    profiles: tuple[str, ...]
    courses: Mapping[str, CourseDefinition]
    remarks: Mapping[str, RemarkDefinition]
    override_reasons: Mapping[str, str]


def reason_codes(recommendations: Recommendations) -> frozenset[str]:
    """Return the codes of all override reasons that a card may offer."""
    return frozenset(
        reason.code for each in recommendations.courses.values() for reason in each.override_reasons
    )


def read_recommendations(node: Node, rules: RuleReader) -> Recommendations:
    """Read the courses in order of rank, and the remarks. Raises ContentError."""
    fields = node.fields(
        required=("gate", "shut_by", "ask_first", "profiles", "recommendations", "remarks")
    )
    reasons = ReasonReader()
    return Recommendations(
        lines={name: entry.key for name, entry in fields.items()},
        gate=fields["gate"].text(),
        shut_by=fields["shut_by"].text(),
        ask_first=fields["ask_first"].texts(),
        profiles=fields["profiles"].texts(),
        courses={
            name: _course(name, entry, reasons)
            for name, entry in fields["recommendations"].entries().items()
        },
        remarks={
            name: _remark(name, entry, rules) for name, entry in fields["remarks"].entries().items()
        },
        override_reasons=reasons.ours,
    )


def read_sources(node: Node) -> Mapping[str, Source]:
    """Read sources.yaml. Raises ContentError."""
    found = {}
    for key, entry in node.entries().items():
        fields = entry.fields(
            required=("letter", "title", "short", "kind", "covers"),
            optional=("publisher", "year", "url"),
        )
        found[key] = Source(
            key=key,
            letter=fields["letter"].text(),
            title=fields["title"].text(),
            short=fields["short"].text(),
            publisher=fields.text("publisher"),
            year=fields.text("year"),
            kind=fields["kind"].choice(("document", "guideline")),
            url=fields.text("url"),
            covers=" ".join(fields["covers"].text().split()),
        )
    return found


def _course(name: str, node: Node, reasons: ReasonReader) -> CourseDefinition:
    fields = node.fields(
        required=("topic", "indicator", "summary", "label", "detail", "override_reasons"),
        optional=(
            "danger",
            "alone",
            "while_danger",
            "while_unanswered",
            "on_signing",
            "suggestions",
            "recommended",
        ),
    )
    suggestions = _suggestions(fields)
    conditional = None
    while_unanswered = Place.SHOWN
    if "while_unanswered" in fields:
        if fields["while_unanswered"].is_text:
            fields["while_unanswered"].choice((Place.LEFT_OUT,))
            while_unanswered = Place.LEFT_OUT
        else:
            words = fields["while_unanswered"].fields(required=("summary", "detail"))
            conditional = Wording(_summary(words["summary"]), words["detail"].text())
            while_unanswered = Place.CONDITIONAL
    left_out = "while_danger" in fields and fields["while_danger"].choice((Place.LEFT_OUT,))
    return CourseDefinition(
        course=Course(
            id=name,
            topic=fields["topic"].choice(TOPICS),
            indicator=fields["indicator"].choice(INDICATORS),
            danger=fields.flag("danger"),
            alone=fields.flag("alone"),
            while_danger=Place.LEFT_OUT if left_out else Place.SHOWN,
            while_unanswered=while_unanswered,
            on_signing=(
                fields["on_signing"].choice(INDICATORS) if "on_signing" in fields else None
            ),
        ),
        label=fields["label"].text(),
        wording=Wording(_summary(fields["summary"]), fields["detail"].text()),
        conditional=conditional,
        override_reasons=reasons.read(fields["override_reasons"]),
        suggestions=suggestions,
        recommended=fields["recommended"].choice(suggestions) if "recommended" in fields else None,
    )


def _summary(node: Node) -> str:
    if len(node.text()) > MAX_SUMMARY or "\n" in node.text():
        node.refuse(
            f"a summary of {len(node.text())} characters",
            "The reasons must fit beside it into 139",
            f"Write one line of at most {MAX_SUMMARY}",
        )
    return node.text()


def _suggestions(fields: Fields) -> Mapping[str, Line]:
    found: dict[str, Line] = {}
    for each in fields["suggestions"].items() if "suggestions" in fields else ():
        if each.text() in found:
            each.refuse(
                f"the suggestion {each.text()!r} stands twice",
                "The card would offer it twice",
                "Keep one of them",
            )
        found[each.text()] = each.place
    return found


def _remark(name: str, node: Node, rules: RuleReader) -> RemarkDefinition:
    fields = node.fields(
        required=("on", "when", "says"),
        optional=("unless_danger", "says_while_unanswered", "avoid_radiation"),
    )
    every = fields["on"].is_text
    if every:
        fields["on"].choice(("every",))
    says = " ".join(fields["says"].text().split())
    return RemarkDefinition(
        id=name,
        rule=rules.read(fields["when"]),
        on=None if every else tuple(each.choice(TOPICS) for each in fields["on"].items()),
        unless_danger=fields.flag("unless_danger"),
        says=says,
        says_while_unanswered=" ".join((fields.text("says_while_unanswered") or says).split()),
        avoid_radiation=fields.flag("avoid_radiation"),
    )
