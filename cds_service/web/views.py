"""The form as a page: opened empty or from a record, answered, judged, and handed back.

Nothing is kept between two requests: the page itself carries the record and the answers. There
is no cookie and no session, so a request from another site could change nothing here, and no
token stands against it. Source: docs/decisions/0016-the-form.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, make_response, render_template, request
from flask_bootstrap import Bootstrap5  # type: ignore[import-untyped]  # it ships no types
from werkzeug.exceptions import HTTPException

from cds_service.fhir.record import TwoPatientsError, read_bundle
from cds_service.problems import Problem
from cds_service.samples import as_of_today, samples
from cds_service.security.limits import read_fields, read_json
from cds_service.web.forms import RedFlagForm
from cds_service.web.sheet import (
    RECORD,
    THIS_FORM,
    Desk,
    Place,
    answers,
    page,
    posted_form,
    result,
    show,
    so_far,
)

if TYPE_CHECKING:
    from flask.sansio.blueprints import BlueprintSetupState

    from cds_service.fhir.record import Record

    Json = dict[str, Any]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HERE = Place("web.answer_form", "web.judge_so_far", "web.hand_back")


def pages(desk: Desk) -> Blueprint:
    """Return the pages; errors inside them are pages too."""
    routes = Blueprint("web", __name__, template_folder="templates", static_folder="static")
    routes.record_once(_dress)

    @routes.get("/form")
    def open_form() -> str:
        name = request.args.get("sample")
        sample = None if name is None else _sample(name, desk.now())
        return show(desk, BundleChart(sample), _HERE)

    @routes.post("/form")
    def answer_form() -> str | tuple[str, int]:
        if request.is_json:
            return show(desk, BundleChart(read_json(desk.max_body)), _HERE)
        posted = read_fields(desk.max_body)
        chart = _posted_record(posted.get(RECORD, ""))
        if posted.get("do") not in {"edit", "judge"}:
            return show(desk, chart, _HERE)
        form = RedFlagForm(desk.questionnaire, desk.now().date(), posted)
        faults = form.faults()
        if faults or posted["do"] == "edit":
            return page(desk, form, chart, _HERE, faults=faults), 400 if faults else 200
        return result(desk, form, chart, _HERE)

    @routes.post("/form/live")
    def judge_so_far() -> Json:
        return so_far(desk, *_readable(desk))

    @routes.post("/form/response")
    def hand_back() -> Response:
        answer = make_response(answers(desk, *_readable(desk)))
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


@dataclass(frozen=True, slots=True)
class BundleChart:
    """A patient's record as one Bundle, or none."""

    record: Json | None

    @property
    def carried(self) -> str:
        """Return the Bundle as text, nothing where there is none."""
        return "" if self.record is None else orjson.dumps(self.record).decode()

    @property
    def subject(self) -> str | None:
        """Return the reference of the patient that the Bundle is about."""
        # What a moment of judging decides is not who the patient is.
        record = self.read(datetime.now(UTC))
        return f"Patient/{record.patient_id}" if record and record.patient_id else None

    def read(self, as_of: datetime) -> Record | None:
        """Return the record, where there is one. Raises Problem (400)."""
        return None if self.record is None else _read(self.record, as_of)

    def read_with(self, answers: Json, as_of: datetime) -> Record:
        """Return the record with a response to the form in it. Raises Problem (400)."""
        return _read(answers if self.record is None else _with(self.record, answers), as_of)


def _readable(desk: Desk) -> tuple[RedFlagForm, BundleChart]:
    """Return what was posted, the answers and the record. Raises Problem (400)."""
    posted = read_fields(desk.max_body)
    return posted_form(desk, posted), _posted_record(posted.get(RECORD, ""))


def _with(record: Json, answers: Json) -> Json:
    """Return the record with the answers in it; they are no match of the search it came from."""
    added = {"fullUrl": THIS_FORM, "resource": answers, "search": {"mode": "include"}}
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
        raise Problem(400, "structure", str(error), expression=RECORD) from None


def _sample(name: str, now: datetime) -> Json:
    sample = samples().get(name)
    if sample is None:
        msg = "there is no such sample; GET /samples lists them"
        raise Problem(404, "not-found", msg)
    return as_of_today(sample, now)


def _posted_record(text: str) -> BundleChart:
    """Return the record that the page carries along. Raises Problem (400)."""
    if not text.strip():
        return BundleChart(None)
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        msg = f"{RECORD}: this is not a FHIR Bundle as JSON; send the patient's record, or nothing"
        raise Problem(400, "structure", msg, expression=RECORD)
    return BundleChart(record)


def _problem_page(problem: Problem) -> tuple[str, int]:
    return render_template("problem.html", text=problem.text), problem.status


def _http_error_page(error: HTTPException) -> tuple[str, int]:
    return render_template("problem.html", text=error.name), error.code or 500
