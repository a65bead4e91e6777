"""A call that cannot be answered: the status, and what the caller can do about it."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818  what a call has, not a fault of ours; as in RFC 9457
    """Raised anywhere below a route; the app turns it into a status and an OperationOutcome.

    ``code`` is a FHIR issue type, ``text`` says what, where, why and what to do, and
    ``expression`` names the JSON path or the prefetch key, and ``retry_after`` the seconds after
    which the same call may succeed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        *,
        diagnostics: str | None = None,
        expression: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep what the answer will say. Nothing in it may come from a patient's data."""
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.diagnostics = diagnostics
        self.expression = expression
        self.retry_after = retry_after


def first_message(messages: object, path: str = "") -> tuple[str, str]:
    """Return the JSON path and the words of the first of marshmallow's messages."""
    if isinstance(messages, dict) and messages:
        key, inner = next(iter(messages.items()))
        return first_message(inner, f"{path}.{key}" if path else str(key))
    if isinstance(messages, list) and messages:
        return first_message(messages[0], path)
    return path, str(messages).rstrip(".")
