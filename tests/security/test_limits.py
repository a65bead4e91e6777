"""What a body may be, on every route that takes one, and in which order that is checked."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.protocol import CheckedClient
from tests.records import (
    ASSESS,
    NOW,
    SERVICE,
    condition,
    hook_request,
    record,
    whole_prefetch,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient

JSON = "application/json"
BODIES = {
    SERVICE: orjson.dumps(hook_request(whole_prefetch(condition()))),
    ASSESS: orjson.dumps(record(condition())),
}
ROUTES = pytest.mark.parametrize("path", BODIES)
MAX_BODY = 20_000


@pytest.fixture(scope="module")
def small() -> FlaskClient:
    """Return a client of a service that takes no more than 20 kB."""
    app = create_app(Settings(max_body=MAX_BODY), now=lambda: NOW)
    app.test_client_class = CheckedClient
    return app.test_client()


NOT_JSON = {
    "nothing": b"",
    "half": b'{"hook": "patient-view",',
    "trailing comma": b'{"hook": "patient-view",}',
    "comment": b"/* */ {}",
    "text": b"patient-view",
    "single quotes": b"{'hook': 'patient-view'}",
    "NaN": b'{"asOf": NaN}',
    "Infinity": b'{"asOf": -Infinity}',
    "a number beyond doubles": b'{"asOf": 1e400}',
    "lone surrogate": b'{"hook": "\\ud800"}',
    "not UTF-8": b'{"hook": "\xff"}',
    "UTF-16": '{"hook": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "deep nesting": b"[" * 5_000 + b"]" * 5_000,
    "two documents": b"{}{}",
}
NOT_AN_OBJECT = {"list": b"[]", "null": b"null", "number": b"7", "true": b"true", "text": b'"x"'}


@ROUTES
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_400_for_what_is_not_json(client: FlaskClient, path: str, body: bytes) -> None:
    length = {"CONTENT_LENGTH": str(len(body))}
    response = client.post(path, data=body, content_type=JSON, environ_overrides=length)
    assert response.status_code == 400
    assert "the body is not JSON" in response.get_json()["issue"][0]["details"]["text"]


@ROUTES
@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_400_for_json_that_is_no_object(client: FlaskClient, path: str, body: bytes) -> None:
    response = client.post(path, data=body, content_type=JSON)
    assert response.status_code == 400
    assert "not an object" in response.get_json()["issue"][0]["details"]["text"]


@ROUTES
@pytest.mark.parametrize(
    "content_type",
    [JSON, "application/fhir+json", "application/json; charset=utf-8", "Application/JSON"],
)
def test_content_types_that_are_taken(client: FlaskClient, path: str, content_type: str) -> None:
    response = client.post(path, data=BODIES[path], content_type=content_type)
    assert response.status_code == 200


@ROUTES
@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
     "multipart/form-data; boundary=x", "*/*", "application/json-patch", "application/fhir+xml"],
)  # fmt: skip
def test_415_for_other_content_types(
    client: FlaskClient, path: str, content_type: str | None
) -> None:
    response = client.post(path, data=BODIES[path], content_type=content_type)
    assert response.status_code == 415
    assert "application/json" in response.get_json()["issue"][0]["details"]["text"]


@ROUTES
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_415_for_a_compressed_body(client: FlaskClient, path: str, encoding: str) -> None:
    body = gzip.compress(BODIES[path])
    response = client.post(
        path, data=body, content_type=JSON, headers={"Content-Encoding": encoding}
    )
    assert response.status_code == 415
    assert "Content-Encoding" in response.get_json()["issue"][0]["details"]["text"]


@ROUTES
@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_that_is_said_to_be_plain_is_taken(
    client: FlaskClient, path: str, encoding: str
) -> None:
    response = client.post(
        path, data=BODIES[path], content_type=JSON, headers={"Content-Encoding": encoding}
    )
    assert response.status_code == 200


@ROUTES
def test_413_for_a_body_over_the_limit(small: FlaskClient, path: str) -> None:
    just = b"{" + b" " * (MAX_BODY - 2) + b"}"
    assert small.post(path, data=just, content_type=JSON).status_code == 400
    response = small.post(path, data=just + b" ", content_type=JSON)
    assert response.status_code == 413
    assert str(MAX_BODY) in response.get_json()["issue"][0]["details"]["text"]


def chunked(body: bytes) -> dict[str, Any]:
    """Return what a server hands over for a chunked body: an end, but no length."""
    return {
        "input_stream": io.BytesIO(body),
        "content_type": JSON,
        "environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        "headers": {"Transfer-Encoding": "chunked"},
    }


@ROUTES
def test_a_chunked_body_is_taken(client: FlaskClient, path: str) -> None:
    assert client.post(path, **chunked(BODIES[path])).status_code == 200


@ROUTES
def test_413_for_a_chunked_body_over_the_limit(small: FlaskClient, path: str) -> None:
    assert small.post(path, **chunked(b" " * (MAX_BODY + 1))).status_code == 413


@ROUTES
def test_411_where_there_is_neither_a_body_nor_a_length(client: FlaskClient, path: str) -> None:
    response = client.post(path, **chunked(b""))
    assert response.status_code == 411
    assert "Content-Length" in response.get_json()["issue"][0]["details"]["text"]


class Broken(io.BytesIO):
    """A stream like that of a client that went away, or whose chunks are malformed."""

    def read(self, _size: int | None = -1) -> bytes:
        raise OSError

    readinto = read  # type: ignore[assignment]


@ROUTES
def test_400_where_the_body_breaks_off(client: FlaskClient, path: str) -> None:
    response = client.post(path, **(chunked(b"") | {"input_stream": Broken()}))
    assert response.status_code == 400
    assert "broke off" in response.get_json()["issue"][0]["details"]["text"]


@ROUTES
def test_nesting_that_json_allows_is_no_fault_of_ours(client: FlaskClient, path: str) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    body = BODIES[path][:-1] + b',"extension":' + deep + b"}"
    assert client.post(path, data=body, content_type=JSON).status_code == 200


@ROUTES
def test_huge_numbers_are_read(client: FlaskClient, path: str) -> None:
    body = BODIES[path][:-1] + b',"big":123456789012345678901234567890,"tiny":1e-300}'
    assert client.post(path, data=body, content_type=JSON).status_code == 200


# --- the order of checks: the first fault of several is the one that is told ---

ORDER = {
    "method before path": ("PUT", "/cds-services/nope", "text/plain", b"x" * 30_000, 405),
    "path before content type": ("POST", "/cds-services/nope", "text/plain", b"x" * 30_000, 404),
    "content type before size": ("POST", SERVICE, "text/plain", b"x" * 30_000, 415),
    "size before JSON": ("POST", SERVICE, JSON, b"x" * 30_000, 413),
    "JSON before the envelope": ("POST", SERVICE, JSON, b"{", 400),
    "the envelope before the data": ("POST", SERVICE, JSON, b'{"hook":"patient-view"}', 400),
    "the data last": ("POST", SERVICE, JSON, orjson.dumps(hook_request()), 412),
}


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "status"), ORDER.values(), ids=ORDER
)
def test_order_of_checks(
    small: FlaskClient, method: str, path: str, content_type: str, body: bytes, status: int
) -> None:
    response = small.open(path, method=method, data=body, content_type=content_type)
    assert response.status_code == status


# Written as text: no writer of JSON nests as deep as a reader must.
LEAF = '{"linkId": "fever", "answer": [{"valueBoolean": true}]}'
ITEMS = (
    '{"resourceType": "QuestionnaireResponse", "status": "completed", "authored": "2026-11-20", '
    '"item": [' + '{"linkId": "group", "item": [' * 490 + LEAF + "]}" * 490 + "]}"
)
BUNDLES = (
    '{"resourceType": "Bundle", "entry": [{"resource": ' * 330
    + json.dumps(condition())
    + "}]}" * 330
)


@pytest.mark.parametrize("deep", [ITEMS, BUNDLES], ids=["items", "bundles"])
def test_nesting_of_what_we_read_is_no_fault_of_ours(client: FlaskClient, deep: str) -> None:
    prefetch = whole_prefetch(condition()) | {"answers": "DEEP", "other": "DEEP"}
    for path, body in (
        (SERVICE, hook_request(prefetch)),
        (ASSESS, {"bundle": record(condition(), {"resource": "DEEP"}), "validate": True}),
    ):
        text = json.dumps(body).replace('{"resource": "DEEP"}', deep).replace('"DEEP"', deep)
        response = client.post(path, data=text, content_type=JSON)
        assert response.status_code in {200, 412}
