"""The pages about the service: what runs here, which criteria it holds, and a patient to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, render_template
from werkzeug.exceptions import HTTPException

from cds_service.problems import Problem
from cds_service.web.criteria import add_criteria
from cds_service.web.home import add_home
from cds_service.web.trying import add_trying
from cds_service.web.views import POLICY

if TYPE_CHECKING:
    from cds_service.desk import Desk


def site_pages(desk: Desk) -> Blueprint:
    """Return the pages; errors inside them are pages too."""
    routes = Blueprint("site", __name__)
    add_home(routes, desk)
    add_criteria(routes, desk)
    add_trying(routes, desk)

    @routes.after_request
    def keep_to_ourselves(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    routes.register_error_handler(Problem, _problem_page)
    routes.register_error_handler(HTTPException, _http_error_page)
    return routes


def _problem_page(problem: Problem) -> tuple[str, int]:
    return render_template("not_here.html", text=problem.text), problem.status


def _http_error_page(error: HTTPException) -> tuple[str, int]:
    return render_template("not_here.html", text=error.name), error.code or 500
