"""The form as a page: opened empty or from a record, answered, judged, and handed back.

Nothing is kept between two requests: the page itself carries the record and the answers. There
is no cookie and no session, so a request from another site could change nothing here, and no
token stands against it. Source: docs/decisions/0016-the-form.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, make_response, render_template, request
from flask_bootstrap import Bootstrap5  # type: ignore[import-untyped]  # it ships no types
from werkzeug.exceptions import HTTPException

from cds_service.clinical.decision import Gate
from cds_service.fhir.find import find
from cds_service.fhir.judge import Judge, why_not_judged
from cds_service.fhir.record import TwoPatientsError, read_bundle
from cds_service.problems import Problem
from cds_service.render.cards import CardWriter
from cds_service.render.response import response
from cds_service.render.suggestions import Filing
from cds_service.samples import as_of_today, samples
from cds_service.security.limits import read_fields, read_json
from cds_service.web.forms import RedFlagForm
from cds_service.web.markdown import html
from cds_service.web.prefill import cited, fill, sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.sansio.blueprints import BlueprintSetupState

    from cds_service.clinical.decision import Decision
    from cds_service.fhir.record import Record

    Json = dict[str, Any]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_RECORD = "record"
# How the cards cite the answers that came with the record.
_THIS_FORM = "QuestionnaireResponse/this-form"
_URGENCY = {"critical": "Critical", "warning": "Warning", "info": "Information"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the form needs: who judges, who writes cards, which form, when it is, how much."""

    judge: Judge
    writer: CardWriter
    questionnaire: Json
    profile: str
    now: Callable[[], datetime]
    max_body: int


def pages(desk: Desk) -> Blueprint:
    """Return the pages; errors inside them are pages too."""
    routes = Blueprint("web", __name__, template_folder="templates", static_folder="static")
    routes.record_once(_dress)

    @routes.get("/form")
    def open_form() -> str:
        name = request.args.get("sample")
        return _show(desk, None if name is None else _sample(name, desk.now()))

    @routes.post("/form")
    def answer_form() -> str | tuple[str, int]:
        if request.is_json:
            return _show(desk, read_json(desk.max_body))
        posted = read_fields(desk.max_body)
        record = _posted_record(posted.get(_RECORD, ""))
        if posted.get("do") not in {"edit", "judge"}:
            return _show(desk, record)
        form = RedFlagForm(desk.questionnaire, desk.now().date(), posted)
        faults = form.faults()
        if faults or posted["do"] == "edit":
            return _page(desk, form, record, faults=faults), 400 if faults else 200
        return _result(desk, form, record)

    @routes.post("/form/live")
    def judge_so_far() -> Json:
        return _so_far(desk, *_readable(desk))

    @routes.post("/form/response")
    def hand_back() -> Response:
        answer = make_response(_response(desk, *_readable(desk)))
        answer.mimetype = "application/fhir+json"
        answer.headers["Content-Disposition"] = 'attachment; filename="red-flags.json"'
        return answer

    @routes.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    routes.register_error_handler(Problem, _problem_page)
    routes.register_error_handler(HTTPException, _http_error_page)
    return routes


def _dress(setup: BlueprintSetupState) -> None:
    """Bring Bootstrap along, from our own machine and no other."""
    setup.app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(setup.app)


def _readable(desk: Desk) -> tuple[RedFlagForm, Json | None]:
    """Return what was posted, the answers and the record. Raises Problem (400)."""
    posted = read_fields(desk.max_body)
    form = RedFlagForm(desk.questionnaire, desk.now().date(), posted)
    for where in form.faults():
        msg = f"{where}: the answer cannot be read; open the form and correct it"
        raise Problem(400, "value", msg, expression=where)
    return form, _posted_record(posted.get(_RECORD, ""))


def _show(desk: Desk, record: Json | None) -> str:
    """Show the form, filled with what the record shows."""
    return _page(desk, RedFlagForm(desk.questionnaire, desk.now().date()), record)


def _page(
    desk: Desk,
    form: RedFlagForm,
    record: Json | None,
    *,
    faults: Mapping[str, list[str]] | None = None,
) -> str:
    """Show the form; without ``faults`` nobody has answered yet, so the record fills it in."""
    content = desk.judge.content
    shown = {}
    if record is not None:
        facts = find(_read(record, desk.now()), desk.judge.index)
        shown = sources(facts, content)
    if faults is None:
        fill(form, shown, content)
    return render_template(
        "form.html",
        questionnaire=desk.questionnaire,
        form=form,
        faults=faults or {},
        sources={name: cited(each) for name, each in shown.items()},
        record=_as_text(record),
        today=desk.now().date().isoformat(),
    )


def _judged(desk: Desk, form: RedFlagForm, record: Json | None) -> tuple[Decision, list[Json]]:
    """Judge the answers, with the record where there is one; return the decision and its cards."""
    answers = _response(desk, form, record)
    read = _read(answers if record is None else _with(record, answers), desk.now())
    decision = desk.judge.decide(read, desk.profile)
    if not decision.judged:
        return decision, []
    return decision, desk.writer.write(decision, Filing.of(read.patient_id))


def _so_far(desk: Desk, form: RedFlagForm, record: Json | None) -> Json:
    """Return what follows so far, in few words: for the page, and remembered nowhere."""
    if record is None and not form.said():
        return {"cards": [], "unanswered": 0, "says": "Answer a question to see what follows."}
    decision, cards = _judged(desk, form, record)
    says = "No card follows from this." if decision.judged else why_not_judged(decision)
    return {
        "cards": [
            {
                "indicator": each["indicator"],
                "heading": f"{_URGENCY[each['indicator']]} · {each['source']['topic']['display']}",
                "summary": each["summary"],
            }
            for each in cards
        ],
        "unanswered": len(decision.unanswered),
        "says": "" if cards else says,
    }


def _result(desk: Desk, form: RedFlagForm, record: Json | None) -> str:
    decision, written = _judged(desk, form, record)
    cards = [
        {
            "urgency": _URGENCY[card["indicator"]],
            "indicator": card["indicator"],
            "label": card["source"]["topic"]["display"],
            "summary": card["summary"],
            "detail": html(card["detail"]),
            "source": card["source"],
            "offers": [each["label"] for each in card.get("suggestions", ())],
            "reasons": [each["display"] for each in card["overrideReasons"]],
        }
        for card in written
    ]
    return render_template(
        "result.html",
        cards=cards,
        why_not=None if decision.judged else why_not_judged(decision),
        shut=decision.gate is Gate.SHUT,
        notes=() if cards else decision.notes,
        fields=[pair for pair in request.form.items(multi=True) if pair[0] != "do"],
        answered=len(form.said()),
    )


def _response(desk: Desk, form: RedFlagForm, record: Json | None) -> Json:
    subject = None if record is None else _read(record, desk.now()).patient_id
    reference = f"Patient/{subject}" if subject else None
    return response(desk.questionnaire, form.said(), desk.now(), subject=reference)


def _with(record: Json, answers: Json) -> Json:
    """Return the record with the answers in it; they are no match of the search it came from."""
    added = {"fullUrl": _THIS_FORM, "resource": answers, "search": {"mode": "include"}}
    if record.get("resourceType") != "Bundle":
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": record}, added],
        }
    entries = record.get("entry")
    return record | {"entry": [*(entries if isinstance(entries, list) else []), added]}


def _read(bundle: Json, as_of: datetime) -> Record:
    try:
        return read_bundle(bundle, as_of)
    except TwoPatientsError as error:
        raise Problem(400, "multiple-matches", str(error), expression="Bundle.entry") from None
    except ValueError as error:
        raise Problem(400, "structure", str(error), expression=_RECORD) from None


def _sample(name: str, now: datetime) -> Json:
    sample = samples().get(name)
    if sample is None:
        msg = "there is no such sample; GET /samples lists them"
        raise Problem(404, "not-found", msg)
    return as_of_today(sample, now)


def _posted_record(text: str) -> Json | None:
    """Return the record that the page carries along; None where there is none."""
    if not text.strip():
        return None
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        msg = f"{_RECORD}: this is not a FHIR Bundle as JSON; send the patient's record, or nothing"
        raise Problem(400, "structure", msg, expression=_RECORD)
    return record


def _as_text(record: Json | None) -> str:
    return "" if record is None else orjson.dumps(record).decode()


def _problem_page(problem: Problem) -> tuple[str, int]:
    return render_template("problem.html", text=problem.text), problem.status


def _http_error_page(error: HTTPException) -> tuple[str, int]:
    return render_template("problem.html", text=error.name), error.code or 500
