"""OperationOutcome: what was wrong with a call, where, and what to do."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.operationoutcome import OperationOutcome

_SEVERITY = "error"


def operation_outcome(
    code: str, text: str, *, diagnostics: str | None = None, expression: str | None = None
) -> dict[str, Any]:
    """Build an OperationOutcome (R4) with one issue.

    ``code`` is a FHIR issue type; ``expression`` the JSON path or prefetch key it is about.
    """
    issue: dict[str, Any] = {"severity": _SEVERITY, "code": code, "details": {"text": text}}
    if diagnostics:
        issue["diagnostics"] = diagnostics
    if expression:
        issue["expression"] = [expression]
    outcome = OperationOutcome.model_validate({"issue": [issue]})
    return {"resourceType": "OperationOutcome", **outcome.model_dump(mode="json")}
