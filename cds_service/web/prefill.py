"""What the record already shows, filled into the form: only what is there, and where from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.clinical.truth import Truth
from cds_service.content.findings import Reading
from cds_service.fhir.computed import meant
from cds_service.fhir.questionnaires import ONSET, VALUE
from cds_service.web.forms import yes_of

if TYPE_CHECKING:
    from cds_service.clinical.facts import Facts, Occurrence
    from cds_service.content.load import Content
    from cds_service.content.questionnaire import Question
    from cds_service.web.forms import RedFlagForm

_MAX_WORDS = 240


def sources(facts: Facts, content: Content) -> dict[str, Occurrence]:
    """Return, for each finding of the form that the record shows, its newest occurrence.

    What is absent is left open: a person is asked, and silence is no answer.
    """
    found: dict[str, Occurrence] = {}
    for group in (*content.questionnaire.red_flags, *content.questionnaire.more):
        for question in group.questions:
            _look_up(question, facts, content, found)
    return found


def _look_up(
    question: Question, facts: Facts, content: Content, found: dict[str, Occurrence]
) -> Occurrence | None:
    """Look a question up, and those below it: a narrower finding says yes to the wider as well."""
    heard = facts.get(question.finding)
    own = None
    if heard.state is Truth.PRESENT:
        least = meant(content.findings[question.finding]) or 0
        told = [each for each in heard.occurrences if each.value is None or each.value >= least]
        own = _newest(told) if told else None
    for each in question.then:
        narrower = _look_up(each, facts, content, found)
        if content.findings[question.finding].unless != each.finding:
            own = own or narrower
    if own is not None:
        found[question.finding] = own
    return own


def _newest(occurrences: list[Occurrence]) -> Occurrence:
    """Return the occurrence that began last; one without a date counts as now."""
    return max(
        occurrences,
        key=lambda each: (each.since is None, each.since.latest.timestamp() if each.since else 0),
    )


def fill(form: RedFlagForm, shown: dict[str, Occurrence], content: Content) -> None:
    """Put what the record shows into the fields.

    A beginning that is not known to the day is filled in by its last possible day: every window
    judges an interval by that day. Source: docs/reading.md, "Within and older than".
    """
    for name, occurrence in shown.items():
        form[name].data = yes_of(form.questions[name])
        if occurrence.since and f"{name}{ONSET}" in form.questions:
            form[f"{name}{ONSET}"].data = occurrence.since.latest.date()
        if occurrence.value is not None and f"{name}{VALUE}" in form.questions:
            measured = content.findings[name].measured
            whole = measured is not None and measured.reading is Reading.SCORE
            value: Any = round(occurrence.value) if whole else occurrence.value
            form[f"{name}{VALUE}"].data = value


def cited(occurrence: Occurrence) -> str:
    """Return where an answer comes from, in words."""
    evidence = occurrence.evidence
    when = f", {evidence.when}" if evidence.when else ""
    says = evidence.says if len(evidence.says) <= _MAX_WORDS else f"{evidence.says[:_MAX_WORDS]}…"
    return f"{says}{when} ({evidence.reference})"
