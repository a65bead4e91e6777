"""What every route shares: CORS, headers, forgiving slashes, and no callers from beyond."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.settings import Settings

_ALWAYS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
# A page says itself what it may load, and a file of its look may be kept.
_UNLESS_SAID = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
# What every answer carries that says nothing else, also one that no application gave.
HEADERS = dict((*_ALWAYS, *_UNLESS_SAID))
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept"),
    ("Access-Control-Max-Age", "600"),
)
# Pages that no other site may read, wherever it lies: a session opens them, or this machine does,
# and EHRs do not call them.
_OUR_SITE_ONLY = re.compile(r"/insight(/|$)")
_SLASHES = re.compile(r"/{2,}")


class Edge:
    """WSGI wrapper: one slash where a client typed two, and what every answer says of itself.

    It says so here and not in Flask, where setting ten headers costs as much as finding the route.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], origins: frozenset[str]) -> None:
        """Wrap an app, for pages of these origins; `*` stands for every one."""
        self._app = app
        self._origins = origins

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Collapse repeated slashes before routing, so that no redirect breaks a preflight."""
        if "//" in environ.get("PATH_INFO", ""):
            environ["PATH_INFO"] = _SLASHES.sub("/", environ["PATH_INFO"])

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> object:
            named = {name for name, _ in headers}
            headers += [pair for pair in _UNLESS_SAID if pair[0] not in named]
            headers += self._always(environ)
            return start_response(status, headers, *error)

        return self._app(environ, start)

    def _always(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        """Return what is said whatever the view says."""
        always = [*_ALWAYS]
        if _OUR_SITE_ONLY.match(environ.get("PATH_INFO", "")):
            return always
        origin = environ.get("HTTP_ORIGIN")
        if "*" in self._origins:
            always.append(("Access-Control-Allow-Origin", "*"))
        else:
            always.append(("Vary", "Origin"))
            if origin in self._origins:
                always.append(("Access-Control-Allow-Origin", origin))
        if environ["REQUEST_METHOD"] == "OPTIONS":
            always += _PREFLIGHT
        return always


def guard(app: Flask, settings: Settings) -> None:
    """Put the edge around all routes of an app."""
    app.url_map.strict_slashes = False
    origins = frozenset(settings.cors_origins)
    app.wsgi_app = Edge(app.wsgi_app, origins)  # type: ignore[method-assign]  # as Flask documents it
    if settings.open or settings.clients is not None:
        return

    @app.before_request
    def only_from_here() -> None:
        if _forwarded(request.environ):
            msg = (
                "this service is open to this machine only, and the call came through a proxy; "
                "name those who may call in CDS_CLIENTS, or set CDS_OPEN=yes where the proxy "
                "itself keeps strangers out"
            )
            raise Problem(403, "forbidden", msg)


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name may stand for any address.
        return False


def _forwarded(environ: dict[str, Any]) -> bool:
    # Looked for in all names at once: a request has thirty, and none of them is this.
    return "HTTP_FORWARDED" in environ or " HTTP_X_FORWARDED" in f" {' '.join(environ)}"
