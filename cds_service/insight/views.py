"""The page for those who answer for the service: what is shown, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from cds_service.counts import Counts, Kind
from cds_service.insight.asked import Asked
from cds_service.insight.daily import FILES
from cds_service.insight.door import Door
from cds_service.insight.period import PRESETS, Period, read_period
from cds_service.insight.reports import REPORTS, number
from cds_service.insight.tables import as_csv
from cds_service.insight.words import Words
from cds_service.journal import UnreachableError
from cds_service.problems import Problem
from cds_service.web.views import POLICY

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page needs: the counts, if any are kept, their words, and who may see them.

    ``services`` are the ids that can be asked about, with their titles.
    """

    counts: Counts | None
    words: Words
    services: Mapping[str, str]
    door: Door
    now: Callable[[], datetime]


def insight(desk: Desk) -> Blueprint:
    """Return the page, its files, and the way in; errors inside them are pages too."""
    routes = Blueprint("insight", __name__, template_folder="templates", url_prefix="/insight")

    @routes.get("")
    def show() -> ResponseReturnValue:
        return desk.door.ask() or _page(desk)

    @routes.get("/<report>.csv")
    def download(report: str) -> ResponseReturnValue:
        return desk.door.ask() or _file(desk, report)

    desk.door.add(routes)

    @routes.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    routes.register_error_handler(Problem, _problem_page)
    routes.register_error_handler(UnreachableError, _store_away)
    routes.register_error_handler(HTTPException, _http_error_page)
    return routes


def _period(desk: Desk) -> Period:
    today = desk.now().astimezone(UTC).date()
    return read_period(request.args, today, desk.services)


def _page(desk: Desk) -> ResponseReturnValue:
    if desk.counts is None:
        return render_template("insight.html", state="off", signed_in=None)
    page = partial(
        render_template,
        "insight.html",
        services=desk.services,
        presets=PRESETS,
        asked=request.args,
        signed_in=desk.door.visitor(),
    )
    span = desk.counts.span()
    try:
        period = _period(desk)
    except Problem as problem:
        return page(state="fault", fault=problem.text, span=span), problem.status
    asked = Asked(desk.counts, period, desk.words)
    calls = asked.total(Kind.CALL)
    if not calls:
        return page(state="empty", span=span, period=period)
    return page(
        state="shown",
        span=span,
        period=period,
        reports=[build(asked) for build in REPORTS.values()],
        facts=_facts(asked, calls),
    )


def _facts(asked: Asked, calls: int) -> Mapping[str, str]:
    """Return the figures that stand at the head of the page."""
    return {
        "Calls": number(calls),
        "Cards sent": number(asked.total(Kind.CARD)),
        "Cards answered": number(
            sum(n for topic, n in asked.by_topic(Kind.OUTCOME).items() if topic)
        ),
        "Cards kept back": number(asked.total(Kind.SHADOWED)),
    }


def _file(desk: Desk, name: str) -> ResponseReturnValue:
    if desk.counts is None or name not in FILES:
        why = (
            "CDS_DATABASE_URL is none" if desk.counts is None else "the page names those there are"
        )
        msg = f"there is no such file: {why}"
        raise Problem(404, "not-found", msg)
    period = _period(desk)
    table = FILES[name](Asked(desk.counts, period, desk.words))
    answer = make_response(as_csv(table))
    answer.mimetype = "text/csv"
    called = f"{name}-{period.first}-{period.last}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{called}"'
    return answer


def _problem_page(problem: Problem) -> ResponseReturnValue:
    after = problem.retry_after
    page = render_template("no_insight.html", text=problem.text)
    return page, problem.status, {} if after is None else {"Retry-After": str(after)}


def _store_away(_: UnreachableError) -> ResponseReturnValue:
    text = "the database cannot be reached, so no count can be read; try again in a minute"
    return render_template("no_insight.html", text=text), 503


def _http_error_page(error: HTTPException) -> ResponseReturnValue:
    return render_template("no_insight.html", text=error.name), error.code or 500
