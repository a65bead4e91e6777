"""A call that cannot be answered: the status, and what the caller can do about it."""

from __future__ import annotations


class Problem(Exception):
    """Raised anywhere below a route; the app turns it into a status and an OperationOutcome.

    ``code`` is a FHIR issue type, ``text`` says what, where, why and what to do, and
    ``expression`` names the JSON path or the prefetch key.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        *,
        diagnostics: str | None = None,
        expression: str | None = None,
    ) -> None:
        """Keep what the answer will say. Nothing in it may come from a patient's data."""
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.diagnostics = diagnostics
        self.expression = expression
