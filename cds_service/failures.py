"""What is answered when something fails: an OperationOutcome that says what, and never whose."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException

from cds_service.problems import Problem
from cds_service.render.outcome import operation_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger("cds_service")

_CODES = {404: "not-found", 405: "not-supported"}
_TEXTS = {
    404: "there is nothing at this path; GET /openapi.json lists what there is",
    405: "this path does not take this method; the Allow header lists those that it takes",
}


def _answer_problem(problem: Problem) -> tuple[dict[str, Any], int, dict[str, str]]:
    outcome = operation_outcome(
        problem.code, problem.text, diagnostics=problem.diagnostics, expression=problem.expression
    )
    after = problem.retry_after
    return outcome, problem.status, {} if after is None else {"Retry-After": str(after)}


def _answer_http_error(error: HTTPException) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
    status = error.code or 500
    outcome = operation_outcome(_CODES.get(status, "processing"), _TEXTS.get(status, error.name))
    return outcome, status, [pair for pair in error.get_headers() if pair[0] == "Allow"]


def _answer_fault(error: Exception) -> tuple[dict[str, Any], int]:
    """Answer 500. The log says where, never what: an error's text may hold patient data."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected %s at\n%s", type(error).__name__, where)
    text = "the service failed; nothing was judged. The log says where; please report it"
    return operation_outcome("exception", text), 500


# What is refused, what there is not, and what went wrong in here.
ANSWERS: Mapping[type[Exception], Callable[[Any], Any]] = {
    Problem: _answer_problem,
    HTTPException: _answer_http_error,
    Exception: _answer_fault,
}
