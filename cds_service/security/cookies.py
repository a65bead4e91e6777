"""The cookies that hold a browser's key to a session: out of reach for scripts and other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from werkzeug.wrappers import Response


class Cookies:
    """The cookies of one service. ``secure`` says that browsers reach it over TLS."""

    def __init__(self, *, secure: bool) -> None:
        """Keep how they are set."""
        self._secure = secure

    def read(self, name: str) -> str:
        """Return what the current request's cookie holds, nothing where there is none."""
        return request.cookies.get(self._named(name), "")

    def set(self, answer: Response, name: str, key: str, seconds: int) -> None:
        """Give a browser a key.

        Lax: whom a browser signs in with sends it back from another site.
        """
        answer.set_cookie(
            self._named(name),
            key,
            max_age=seconds,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def forget(self, answer: Response, name: str) -> None:
        """Take a key back."""
        answer.delete_cookie(self._named(name), secure=self._secure, httponly=True, samesite="Lax")

    def _named(self, name: str) -> str:
        # Of this host alone, set over TLS, for the whole of it: browsers hold the name to that.
        return f"{'__Host-' if self._secure else ''}cds-{name}"
