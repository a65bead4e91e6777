"""The form on a page: filled from a record, judged with it, and its result, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from flask import render_template, request

from cds_service.clinical.decision import Gate
from cds_service.fhir.find import find
from cds_service.fhir.judge import Judge, why_not_judged
from cds_service.problems import Problem
from cds_service.render.cards import CardWriter
from cds_service.render.response import response
from cds_service.render.suggestions import Filing
from cds_service.web.cards import URGENCY, as_shown
from cds_service.web.forms import RedFlagForm
from cds_service.web.prefill import cited, fill, sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cds_service.clinical.decision import Decision
    from cds_service.fhir.record import Record

    Json = dict[str, Any]

RECORD = "record"
# How the cards cite the answers that came with the record.
THIS_FORM = "QuestionnaireResponse/this-form"
_ASKED_FIRST = "asked-first"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the form needs: who judges, who writes cards, which form, when it is, how much."""

    judge: Judge
    writer: CardWriter
    questionnaire: Json
    profile: str
    now: Callable[[], datetime]
    max_body: int


class Chart(Protocol):
    """The record that a form is filled from and judged with.

    ``carried`` is how the page takes it along to the next request, ``subject`` the reference of
    its patient, where it has one.
    """

    @property
    def carried(self) -> str:
        """Return the record as text."""
        ...

    @property
    def subject(self) -> str | None:
        """Return the reference of the patient."""
        ...

    def read(self, as_of: datetime) -> Record | None:
        """Return the record, where there is one. Raises Problem (400)."""
        ...

    def read_with(self, answers: Json, as_of: datetime) -> Record:
        """Return the record with a response to the form in it. Raises Problem (400)."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form stands: the routes that it is sent to, by endpoint, and what is around it.

    ``token`` shows that a request comes from this page; ``patient`` says whose form it is, and
    ``remarks`` what is to be known about the record. Questions of ``first`` come first. ``saves``
    says that the answers go into the EHR.
    """

    answer: str
    live: str
    hand_back: str
    token: str = ""
    patient: str | None = None
    remarks: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    saves: bool = False


@dataclass(frozen=True, slots=True)
class Saving:
    """What became of saving the answers in the EHR, in words."""

    done: bool
    says: str


def posted_form(desk: Desk, posted: Any) -> RedFlagForm:  # noqa: ANN401  werkzeug's MultiDict
    """Return what was posted; raises Problem (400) where an answer cannot be read."""
    form = RedFlagForm(desk.questionnaire, desk.now().date(), posted)
    for where in form.faults():
        msg = f"{where}: the answer cannot be read; open the form and correct it"
        raise Problem(400, "value", msg, expression=where)
    return form


def show(desk: Desk, chart: Chart, place: Place) -> str:
    """Show the form, filled with what the record shows."""
    return page(desk, RedFlagForm(desk.questionnaire, desk.now().date()), chart, place)


def page(
    desk: Desk,
    form: RedFlagForm,
    chart: Chart,
    place: Place,
    *,
    faults: Mapping[str, list[str]] | None = None,
) -> str:
    """Show the form; without ``faults`` nobody has answered yet, so the record fills it in."""
    content = desk.judge.content
    shown = {}
    record = chart.read(desk.now())
    if record is not None:
        shown = sources(find(record, desk.judge.index), content)
    if faults is None:
        fill(form, shown, content)
    return render_template(
        "form.html",
        questionnaire=desk.questionnaire,
        groups=_groups(desk.questionnaire, place.first),
        place=place,
        form=form,
        faults=faults or {},
        sources={name: cited(each) for name, each in shown.items()},
        record=chart.carried,
        today=desk.now().date().isoformat(),
    )


def _groups(questionnaire: Json, first: Sequence[str]) -> list[Json]:
    """Return the groups of the form, those questions first that it was opened for."""
    wanted = set(first)
    chosen = [
        item
        for group in questionnaire["item"]
        for item in group["item"]
        if wanted & set(_names(item))
    ]
    if not chosen:
        return list(questionnaire["item"])
    rest = [
        group | {"item": [item for item in group["item"] if item not in chosen]}
        for group in questionnaire["item"]
    ]
    opened = questionnaire["item"][0] | {
        "linkId": _ASKED_FIRST,
        "text": "Asked for by the card",
        "item": chosen,
    }
    return [opened, *(group for group in rest if group["item"])]


def _names(item: Json) -> list[str]:
    return [item["linkId"], *(name for each in item.get("item", ()) for name in _names(each))]


def judged(desk: Desk, form: RedFlagForm, chart: Chart) -> tuple[Decision, list[Json]]:
    """Judge the answers, with the record where there is one; return the decision and its cards."""
    read = chart.read_with(answers(desk, form, chart), desk.now())
    decision = desk.judge.decide(read, desk.profile)
    if not decision.judged:
        return decision, []
    return decision, desk.writer.write(decision, Filing.of(read.patient_id))


def so_far(desk: Desk, form: RedFlagForm, chart: Chart) -> Json:
    """Return what follows so far, in few words: for the page, and remembered nowhere."""
    if not chart.carried and not form.said():
        return {"cards": [], "unanswered": 0, "says": "Answer a question to see what follows."}
    decision, cards = judged(desk, form, chart)
    says = "No card follows from this." if decision.judged else why_not_judged(decision)
    return {
        "cards": [
            {
                "indicator": each["indicator"],
                "heading": f"{URGENCY[each['indicator']]} · {each['source']['topic']['display']}",
                "summary": each["summary"],
            }
            for each in cards
        ],
        "unanswered": len(decision.unanswered),
        "says": "" if cards else says,
    }


def result(
    desk: Desk, form: RedFlagForm, chart: Chart, place: Place, saving: Saving | None = None
) -> str:
    """Judge the answers and show the cards, and what became of saving the answers."""
    decision, written = judged(desk, form, chart)
    cards = [as_shown(card) for card in written]
    return render_template(
        "result.html",
        cards=cards,
        why_not=None if decision.judged else why_not_judged(decision),
        shut=decision.gate is Gate.SHUT,
        notes=() if cards else decision.notes,
        fields=[pair for pair in request.form.items(multi=True) if pair[0] != "do"],
        answered=len(form.said()),
        place=place,
        saving=saving,
    )


def answers(desk: Desk, form: RedFlagForm, chart: Chart) -> Json:
    """Return the answers as a FHIR QuestionnaireResponse."""
    return response(desk.questionnaire, form.said(), desk.now(), subject=chart.subject)
