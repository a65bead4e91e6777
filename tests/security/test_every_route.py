"""Every route, with every error that it can give: limits hold and headers stand on all of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.records import NOW
from tests.security.test_limits import chunked
from tests.signing import PUBLIC_URL, write_clients

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

ORIGIN = "https://ehr.example.org"
MAX_BODY = 1_000
JSON = "application/json"


def build(clients: Path | None = None) -> Flask:
    settings = Settings(
        cors_origins=(ORIGIN,), max_body=MAX_BODY, clients=clients, public_url=PUBLIC_URL
    )
    return create_app(settings, now=lambda: NOW)


@pytest.fixture(scope="module")
def open_app() -> Flask:
    return build()


@pytest.fixture(scope="module")
def asking_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    file = write_clients(tmp_path_factory.mktemp("clients"))
    return build(file)


@pytest.fixture(scope="module")
def failing_app() -> Flask:
    """Return a service in which every route has a fault of ours."""
    app = build()

    def fail(**_: object) -> NoReturn:
        msg = "what a patient said"
        raise RuntimeError(msg)

    for endpoint in app.view_functions:
        app.view_functions[endpoint] = fail
    return app


# A file of each folder of files.
FILES = {
    "bootstrap.static": "css/bootstrap.min.css",
    "interface.static": "swagger-ui.css",
    "web.static": "cds.css",
}


def path_of(rule: Rule) -> str:
    values = {
        "service_id": "back-pain-patient-view",
        "criterion_id": "E01",
        "code_system": "card-topic",
        "name": "cauda-equina",
        "path:filename": FILES.get(rule.endpoint, ""),
        "report": "cards",
    }
    return re.sub(r"<([^>]+)>", lambda found: values[found[1]], rule.rule)


# Two rules may share a path; each takes methods of its own, and both OPTIONS.
ROUTES = list(
    dict.fromkeys(
        (path_of(rule), method)
        for rule in build().url_map.iter_rules()
        for method in sorted(rule.methods or ())
    )
)
EACH = pytest.mark.parametrize(("path", "method"), ROUTES)
# What pages take is a form; tests/web has its limits.
POSTED = pytest.mark.parametrize(
    "path",
    [
        path
        for path, method in ROUTES
        if method == "POST" and not path.startswith(("/form", "/try"))
    ],
)


def check_headers(response: TestResponse) -> None:
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    file = response.status_code == 200 and response.request.method in {"GET", "HEAD"}
    file = file and "/static/" in response.request.path
    assert headers["Cache-Control"] == ("no-cache" if file else "no-store")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    # What a session opens, no other site reads.
    ours_only = response.request.path.startswith("/insight")
    assert headers.get("Access-Control-Allow-Origin") == (None if ours_only else ORIGIN)
    assert "Origin" in headers.get("Vary", "") or ours_only
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Set-Cookie" not in headers
    assert "Location" not in headers


def ask(app: Flask, path: str, method: str, **call: Any) -> TestResponse:  # noqa: ANN401  as in Flask
    headers = {"Origin": ORIGIN, **call.pop("headers", {})}
    response = app.test_client().open(path, method=method, headers=headers, buffered=True, **call)
    check_headers(response)
    return response


def test_the_table_has_routes() -> None:
    assert len(ROUTES) > 20
    assert sum(method == "POST" for _, method in ROUTES) >= 2


@EACH
def test_as_it_is(open_app: Flask, path: str, method: str) -> None:
    # No EHR is named here that may launch the form; tests/smart has those that are.
    # Nothing is counted here, so there is no file of it either.
    elsewhere = path.startswith(("/smart/", "/insight/")) and method != "OPTIONS"
    assert ask(open_app, path, method).status_code in ({404} if elsewhere else {200, 415})


@EACH
def test_403_through_a_proxy(open_app: Flask, path: str, method: str) -> None:
    assert ask(open_app, path, method, headers={"Forwarded": "for=x"}).status_code == 403


@EACH
def test_404_below_it(open_app: Flask, path: str, method: str) -> None:
    # A folder of files has every path below it for a preflight.
    there = 200 if method == "OPTIONS" and "/static/" in path else 404
    assert ask(open_app, f"{path}/a/b/c", method).status_code == there


@EACH
def test_500(failing_app: Flask, path: str, method: str) -> None:
    if method == "OPTIONS":
        return  # answered before any route
    response = ask(failing_app, path, method)
    assert response.status_code == 500
    assert "patient" not in response.text


@pytest.mark.parametrize("path", sorted({path for path, _ in ROUTES}))
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_405(open_app: Flask, path: str, method: str) -> None:
    assert ask(open_app, path, method).status_code == 405


@EACH
def test_401_or_open(asking_app: Flask, path: str, method: str) -> None:
    response = ask(asking_app, path, method, json={} if method == "POST" else None)
    missing = path.startswith("/insight/") and method != "OPTIONS"
    assert response.status_code in ({404} if missing else {200, 401})


LARGE = b" " * (MAX_BODY + 1)
BODIES: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
    "not JSON": (400, lambda: {"data": b"{", "content_type": JSON}),
    "no object": (400, lambda: {"data": b"[]", "content_type": JSON}),
    "empty object": (400, lambda: {"data": b"{}", "content_type": JSON}),
    "too deep": (400, lambda: {"data": b"[" * 990, "content_type": JSON}),
    "nothing": (411, lambda: chunked(b"")),
    "too large": (413, lambda: {"data": LARGE, "content_type": JSON}),
    "too large in chunks": (413, lambda: chunked(LARGE)),
    "a form": (415, lambda: {"data": {"a": "b"}}),
    "compressed": (
        415,
        lambda: {"data": b"x", "content_type": JSON, "headers": {"Content-Encoding": "gzip"}},
    ),
}


@POSTED
@pytest.mark.parametrize(("status", "call"), BODIES.values(), ids=BODIES)
def test_bodies(
    open_app: Flask, path: str, status: int, call: Callable[[], dict[str, Any]]
) -> None:
    assert ask(open_app, path, "POST", **call()).status_code == status
