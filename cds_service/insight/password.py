"""Signing in with the one password of those who run the service."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import make_response, render_template
from werkzeug.security import check_password_hash, generate_password_hash

from cds_service.insight.door import own_fields
from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint
    from flask.typing import ResponseReturnValue

    from cds_service.insight.door import Hall
    from cds_service.journal import Journal

log = logging.getLogger("cds_service")

# The cookie that a form's token must match, and how long the form may stand open, in seconds.
_FORM, _OPEN = "sign-in", 3600
# Tries of all browsers together, in each of these stretches of seconds.
TRIES, STRETCH = 20, 300
_HASHES = ("scrypt:", "pbkdf2:")


def is_hash(password: str) -> bool:
    """Tell whether a setting is a hash of werkzeug's, and not the password itself."""
    return password.startswith(_HASHES)


class Attempts:
    """Counts tries, of all workers and replicas together: each takes a place, and places are few.

    Who is a stranger cannot be told by an address behind a proxy, so the places are everybody's.
    """

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        """Keep where the places are: they are used up as tokens are."""
        self._journal, self._now = journal, now

    def take(self) -> None:
        """Take a place. Raises Problem (429), or UnreachableError."""
        seconds = int(self._now().timestamp())
        ends = (seconds // STRETCH + 1) * STRETCH
        until = datetime.fromtimestamp(ends, UTC)
        places = (f"{ends} {number}" for number in range(TRIES))
        if not any(self._journal.first_use("insight sign-in", each, until) for each in places):
            log.warning("insight: too many tries to sign in")
            msg = "there were too many tries to sign in; wait for five minutes"
            raise Problem(429, "throttled", msg, retry_after=ends - seconds)


class Password:
    """One password, checked against its hash in a time that does not depend on what was typed."""

    def __init__(self, password: str, attempts: Attempts) -> None:
        """Keep a hash: the one that was set, or one of the password that was set."""
        self._hash = password if is_hash(password) else generate_password_hash(password)
        self._attempts = attempts

    def page(self, hall: Hall, then: str, *, wrong: bool = False) -> ResponseReturnValue:
        """Show the form, with a token that its cookie has as well."""
        token = secrets.token_urlsafe(32)
        page = render_template("sign_in.html", token=token, then=then, wrong=wrong)
        answer = make_response(page, 401 if wrong else 200)
        hall.cookies.set(answer, _FORM, token, _OPEN)
        return answer

    def add(self, routes: Blueprint, hall: Hall) -> None:
        """Add the route that the form is sent to."""

        @routes.post("/sign-in")
        def check() -> ResponseReturnValue:
            posted = own_fields(hall.cookies.read(_FORM))
            self._attempts.take()
            then = posted.get("then", "")
            if not check_password_hash(self._hash, posted.get("password", "")):
                log.warning("insight: a wrong password")
                return self.page(hall, then, wrong=True)
            answer = hall.let_in("Signed in with the password", then)
            hall.cookies.forget(answer, _FORM)
            return answer
