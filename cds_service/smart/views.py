"""The SMART App Launch: an EHR opens the form for one patient, and its answers go back there.

A browser holds one of two cookies: between the halves of a launch, and for the form. Each is the
key of a session; the EHR's token is in the session and nowhere else.
Source: SMART App Launch 2.2, https://hl7.org/fhir/smart-app-launch/ .
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from cds_service.journal import UnreachableError
from cds_service.problems import Problem
from cds_service.security.cookies import Cookies
from cds_service.security.limits import read_fields
from cds_service.security.oauth import word
from cds_service.security.sessions import Sessions
from cds_service.smart.chart import Charts
from cds_service.smart.client import Pending, SmartClient
from cds_service.smart.grant import Grant
from cds_service.smart.saving import save
from cds_service.web.forms import RedFlagForm
from cds_service.web.sheet import (
    RECORD,
    Place,
    Saving,
    answers,
    page,
    posted_form,
    result,
    show,
    so_far,
)
from cds_service.web.views import POLICY

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict
    from werkzeug.wrappers import Response as AnyResponse

    from cds_service.smart.chart import EhrChart
    from cds_service.web.sheet import Desk

    Json = dict[str, Any]

log = logging.getLogger("cds_service")

# Seconds. A login may take a while; a form is answered in two minutes.
LAUNCH, SESSION = 600, 900
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class App:
    """What a launch needs: the client, sessions and their keys, and the records of patients."""

    client: SmartClient
    sessions: Sessions
    charts: Charts
    cookies: Cookies


@dataclass(slots=True)
class _Visit:
    """A browser's session: its key, the access granted, the page's token, what was saved last."""

    key: str
    grant: Grant
    token: str
    saved: str | None = None


def launches(desk: Desk, app: App | None) -> Blueprint:
    """Return the routes; without an app registered at an EHR, each of them answers 404."""
    routes = Blueprint("smart", __name__, url_prefix="/smart", template_folder="templates")

    if app is not None:
        _add_launch(routes, app)
        _add_form(routes, desk, app)
    else:
        for path in ("/launch", "/callback", "/form"):
            routes.add_url_rule(path, path[1:], _not_set_up)

    @routes.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    routes.register_error_handler(Problem, _problem_page)
    routes.register_error_handler(UnreachableError, _store_away)
    routes.register_error_handler(HTTPException, _http_error_page)
    return routes


def _not_set_up() -> NoReturn:
    msg = (
        "SMART launch is not set up here; CDS_SMART_CLIENT_ID, CDS_SMART_ISSUERS and "
        "CDS_PUBLIC_URL set it up"
    )
    raise Problem(404, "not-found", msg)


# --- the launch ---


def _add_launch(routes: Blueprint, app: App) -> None:
    @routes.get("/launch")
    def launch() -> AnyResponse | str:
        iss, context = _argument("iss"), _argument("launch")
        if iss is None and context is not None:
            msg = "iss: there is none, so nobody can tell which EHR launches"
            raise Problem(400, "required", msg)
        if iss is None and len(app.client.issuers) > 1:
            return render_template("choose.html", issuers=app.client.issuers)
        iss = iss or app.client.issuers[0]
        if not app.client.knows(iss):
            msg = "iss: this EHR is not on the list; CDS_SMART_ISSUERS names those that may launch"
            raise Problem(403, "forbidden", msg)
        url, pending = app.client.begin(iss, context)
        answer = redirect(url, 303)
        key = app.sessions.open(asdict(pending), LAUNCH)
        app.cookies.set(answer, "launch", key, LAUNCH)
        return answer

    @routes.get("/callback")
    def callback() -> AnyResponse:
        pending = _pending(app)
        error = _argument("error")
        if error is not None:
            msg = f"the EHR did not grant access ({word(error)}); open the form from it again"
            raise Problem(403, "forbidden", msg)
        code = _argument("code")
        if code is None:
            msg = "code: the EHR sent none; open the form from it again"
            raise Problem(400, "required", msg)
        grant = app.client.redeem(pending, code)
        key = app.sessions.open(
            {"grant": asdict(grant), "token": secrets.token_urlsafe(32), "saved": None}, SESSION
        )
        # Elsewhere than here, so that neither code nor state stays in the address.
        answer = redirect(f"{app.client.registration.public_url}/smart/form", 303)
        app.cookies.forget(answer, "launch")
        app.cookies.set(answer, "form", key, SESSION)
        return answer


def _pending(app: App) -> Pending:
    """Return the launch that a browser comes back from, once. Raises Problem (400, 403)."""
    key = app.cookies.read("launch")
    begun = app.sessions.read(key) if key else None
    said = _argument("state") or ""
    if begun is None or not hmac.compare_digest(begun["state"].encode(), said.encode()):
        msg = "state: this launch did not begin in this browser, or has ended; open the form anew"
        raise Problem(403, "forbidden", msg)
    begun = app.sessions.take(key)
    if begun is None:
        msg = "state: this launch was used already; open the form from the EHR again"
        raise Problem(403, "forbidden", msg)
    pending = Pending(**begun)
    named = _argument("iss")
    # Who answers is who was asked. Source: RFC 9207.
    if (named is None and pending.always_named) or (
        named is not None and pending.issuer is not None and named != pending.issuer
    ):
        msg = "iss: another server answers than was asked; open the form from the EHR again"
        raise Problem(403, "forbidden", msg)
    return pending


# --- the form ---


def _add_form(routes: Blueprint, desk: Desk, app: App) -> None:
    @routes.get("/form")
    def open_form() -> str:
        visit = _visit(app)
        chart = app.charts.read(visit.grant)
        return show(desk, chart, _place(desk, visit, chart))

    @routes.post("/form")
    def answer_form() -> str | tuple[str, int]:
        visit, posted, chart = _posted(desk, app)
        place = _place(desk, visit, chart)
        form = RedFlagForm(desk.questionnaire, desk.now().date(), posted)
        faults = form.faults()
        if faults or posted.get("do") != "judge":
            return page(desk, form, chart, place, faults=faults), 400 if faults else 200
        return result(desk, form, chart, place, _saved(desk, app, visit, form, chart))

    @routes.post("/form/live")
    def judge_so_far() -> Json:
        _, posted, chart = _posted(desk, app)
        return so_far(desk, posted_form(desk, posted), chart)

    @routes.post("/form/response")
    def hand_back() -> Response:
        _, posted, chart = _posted(desk, app)
        answer = make_response(answers(desk, posted_form(desk, posted), chart))
        answer.mimetype = "application/fhir+json"
        answer.headers["Content-Disposition"] = 'attachment; filename="red-flags.json"'
        return answer


def _visit(app: App) -> _Visit:
    """Return the session of the current request. Raises Problem (403)."""
    key = app.cookies.read("form")
    kept = app.sessions.read(key) if key else None
    if kept is None:
        msg = "this session has ended; open the form from the EHR again"
        raise Problem(403, "forbidden", msg)
    granted = kept["grant"] | {"first": tuple(kept["grant"]["first"])}
    return _Visit(key, Grant(**granted), kept["token"], kept["saved"])


def _posted(desk: Desk, app: App) -> tuple[_Visit, MultiDict[str, str], EhrChart]:
    """Return the session, what was posted, and the record that the page carries.

    Raises Problem where another site posted, or a page of another launch: what stands on it is
    about another patient perhaps.
    """
    visit = _visit(app)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        msg = "another site sent this; open the form from the EHR"
        raise Problem(403, "forbidden", msg)
    posted = read_fields(desk.max_body)
    if not hmac.compare_digest(visit.token.encode(), posted.get("token", "").encode()):
        msg = "this page belongs to another launch; a newer one was opened since in this browser"
        raise Problem(403, "forbidden", msg)
    return visit, posted, app.charts.carried(visit.grant, posted.get(RECORD, ""))


def _place(desk: Desk, visit: _Visit, chart: EhrChart) -> Place:
    return Place(
        answer="smart.answer_form",
        live="smart.judge_so_far",
        hand_back="smart.hand_back",
        token=visit.token,
        patient=chart.named,
        remarks=chart.remarks(desk.now()),
        first=visit.grant.first,
        saves=visit.grant.may_write,
    )


def _saved(desk: Desk, app: App, visit: _Visit, form: RedFlagForm, chart: EhrChart) -> Saving:
    """Save the answers, unless these very answers were the last that were saved."""
    if not form.said():
        return Saving(done=True, says="Nothing was answered, so nothing was saved in the EHR.")
    written = answers(desk, form, chart)
    digest = hashlib.sha256(orjson.dumps(written.get("item"))).hexdigest()
    if visit.saved == digest:
        return Saving(done=True, says="The answers are saved in the EHR already.")
    saving = save(app.client, visit.grant, written)
    if saving.done:
        kept = {"grant": asdict(visit.grant), "token": visit.token, "saved": digest}
        try:
            app.sessions.write(visit.key, kept)
        except UnreachableError:
            log.warning("a session could not be kept up: the same answers may be saved twice")
    return saving


# --- arguments and errors ---


def _argument(name: str) -> str | None:
    """Return an argument of the address. Raises Problem (400) where it stands there twice."""
    values = request.args.getlist(name)
    if len(values) > 1 or any(len(each) > _LONGEST for each in values):
        msg = f"{name}: give it once, with at most {_LONGEST} characters"
        raise Problem(400, "invalid", msg)
    return values[0] if values and values[0] else None


def _problem_page(problem: Problem) -> tuple[str, int]:
    log.info("SMART launch: %d, %s", problem.status, problem.text)
    return render_template("ended.html", text=problem.text), problem.status


def _store_away(_: UnreachableError) -> tuple[str, int]:
    text = "the session can be kept nowhere for now; try again in a minute"
    return render_template("ended.html", text=text), 503


def _http_error_page(error: HTTPException) -> tuple[str, int]:
    return render_template("ended.html", text=error.name), error.code or 500
