"""Who may see the page: everybody on this machine, whoever signs in, or nobody."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from flask import redirect, request, url_for

from cds_service.problems import Problem
from cds_service.security.limits import read_fields

if TYPE_CHECKING:
    from flask import Blueprint
    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import MultiDict
    from werkzeug.wrappers import Response

    from cds_service.security.cookies import Cookies
    from cds_service.security.sessions import Sessions

# Seconds: a working day.
SESSION = 8 * 3600
_COOKIE = "insight"
_MOST = 4096
# Our own addresses, with nothing in them that leads elsewhere.
_HERE = re.compile(r"/insight(?:/[a-z]+\.csv)?(?:\?[\w=&%.~+-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signed in: what the page calls them, and the token of their page."""

    name: str
    token: str


class Door(Protocol):
    """What stands between a browser and the page."""

    def ask(self) -> ResponseReturnValue | None:
        """Return what the current request is answered instead, if it may not pass.

        Raises Problem (403) or UnreachableError.
        """
        ...

    def visitor(self) -> Visitor | None:
        """Return who signed in, where anybody has to. Raises UnreachableError."""
        ...

    def add(self, routes: Blueprint) -> None:
        """Add the routes by which one signs in and out."""
        ...


class OpenDoor:
    """Lets everybody in: the whole service can be reached from this machine only."""

    def ask(self) -> None:
        """Let them in."""

    def visitor(self) -> None:
        """Know nobody by name."""

    def add(self, routes: Blueprint) -> None:
        """Add nothing."""


class ShutDoor(OpenDoor):
    """Lets nobody in, and says what would open it."""

    def ask(self) -> NoReturn:
        """Refuse. Raises Problem (403)."""
        msg = (
            "this service can be reached from beyond this machine, and nobody could sign in; set "
            "CDS_ADMIN_PASSWORD, or CDS_OIDC_ISSUER with CDS_OIDC_CLIENT_ID, "
            "CDS_OIDC_CLIENT_SECRET, CDS_OIDC_ALLOWED and CDS_PUBLIC_URL"
        )
        raise Problem(403, "forbidden", msg)


class Way(Protocol):
    """How one proves who one is."""

    def page(self, hall: Hall, then: str) -> ResponseReturnValue:
        """Return the page where it begins; ``then`` is where it ends."""
        ...

    def add(self, routes: Blueprint, hall: Hall) -> None:
        """Add its routes."""
        ...


class Hall:
    """What every way to sign in shares: sessions, their cookie, and where a visitor goes next."""

    def __init__(self, sessions: Sessions, cookies: Cookies) -> None:
        """Keep where sessions are."""
        self.sessions, self.cookies = sessions, cookies

    def let_in(self, name: str, then: str) -> Response:
        """Begin a visitor's session, with a key of its own. Raises UnreachableError."""
        visitor = Visitor(name, secrets.token_urlsafe(32))
        key = self.sessions.open(asdict(visitor), SESSION)
        answer = redirect(here(then), 303)
        self.cookies.set(answer, _COOKIE, key, SESSION)
        return answer

    def visitor(self) -> Visitor | None:
        """Return whose session the current request belongs to. Raises UnreachableError."""
        key = self.cookies.read(_COOKIE)
        kept = self.sessions.read(key) if key else None
        return None if kept is None else Visitor(**kept)

    def let_out(self) -> Response:
        """End the session of the current request. Raises UnreachableError."""
        self.sessions.take(self.cookies.read(_COOKIE))
        answer = redirect(url_for("insight.sign_in"), 303)
        self.cookies.forget(answer, _COOKIE)
        return answer


class SignIn:
    """Lets in who signs in, by one way."""

    def __init__(self, hall: Hall, way: Way) -> None:
        """Keep the hall, and the way into it."""
        self._hall, self._way = hall, way

    def ask(self) -> ResponseReturnValue | None:
        """Send strangers to the page where they sign in. Raises UnreachableError."""
        if self._hall.visitor() is not None:
            return None
        then = request.full_path.rstrip("?")
        return redirect(url_for("insight.sign_in", then=here(then)), 303)

    def visitor(self) -> Visitor | None:
        """Return who signed in. Raises UnreachableError."""
        return self._hall.visitor()

    def add(self, routes: Blueprint) -> None:
        """Add the page, the way, and the way out."""

        @routes.get("/sign-in")
        def sign_in() -> ResponseReturnValue:
            return self._way.page(self._hall, here(request.args.get("then", "")))

        self._way.add(routes, self._hall)

        @routes.post("/sign-out")
        def sign_out() -> ResponseReturnValue:
            visitor = self._hall.visitor()
            if visitor is not None:
                own_fields(visitor.token)
            return self._hall.let_out()


def own_fields(token: str) -> MultiDict[str, str]:
    """Return what a page of ours sent, known by its token.

    Raises Problem (403) where another site sent it.
    """
    posted = read_fields(_MOST)
    ours = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    said = posted.get("token", "")
    if not (ours and token and hmac.compare_digest(token.encode(), said.encode())):
        msg = "this form was not sent by a page of this service, or has waited too long; try again"
        raise Problem(403, "forbidden", msg)
    return posted


def here(address: str) -> str:
    """Return an address of this page as it is, and the page for any other."""
    return address if _HERE.fullmatch(address) else url_for("insight.show")
