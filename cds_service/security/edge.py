"""What every route shares: CORS, headers, forgiving slashes, and no callers from beyond."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cds_service.settings import Settings

_METHODS = "GET, POST, OPTIONS"
_HEADERS = "Authorization, Content-Type, Accept"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_SLASHES = re.compile(r"/{2,}")


class CollapseSlashes:
    """WSGI wrapper: a typed trailing slash gives `//` in the path, which is no other place."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        """Wrap an app."""
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Collapse repeated slashes before routing, so that no redirect breaks a preflight."""
        if "//" in environ.get("PATH_INFO", ""):
            environ["PATH_INFO"] = _SLASHES.sub("/", environ["PATH_INFO"])
        return self._app(environ, start_response)


def guard(app: Flask, settings: Settings) -> None:
    """Put the edge around all routes of an app."""
    app.url_map.strict_slashes = False
    app.wsgi_app = CollapseSlashes(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
    origins = frozenset(settings.cors_origins)

    @app.before_request
    def only_from_here() -> None:
        asks = settings.clients is not None
        if not (settings.open or asks) and _forwarded(request.environ):
            msg = (
                "this service is open to this machine only, and the call came through a proxy; "
                "name those who may call in CDS_CLIENTS, or set CDS_OPEN=yes where the proxy "
                "itself keeps strangers out"
            )
            raise Problem(403, "forbidden", msg)

    @app.after_request
    def say_what_is_allowed(response: Response) -> Response:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        # A page says itself what it may load, and a file of its look may be kept.
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Content-Security-Policy", _NOTHING)
        headers["Referrer-Policy"] = "no-referrer"
        origin = request.headers.get("Origin")
        if "*" in origins:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers["Vary"] = "Origin"
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _METHODS
            headers["Access-Control-Allow-Headers"] = _HEADERS
            headers["Access-Control-Max-Age"] = "600"
        return response


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
    return any(name == "HTTP_FORWARDED" or name.startswith("HTTP_X_FORWARDED") for name in environ)
