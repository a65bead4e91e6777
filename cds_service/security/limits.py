"""What a request body may be: JSON or the fields of a page, within the size limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import request

from cds_service.problems import Problem

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_JSON = "application/json"
_FIELDS = {"application/x-www-form-urlencoded", "multipart/form-data"}


def check_head(max_body: int) -> None:
    """Check what the current request says of its body. Raises Problem (413, 415)."""
    # What nearly every client writes needs no parsing.
    if request.environ.get("CONTENT_TYPE") != _JSON and not _is_json(request.mimetype):
        msg = "Content-Type: send application/json or application/fhir+json"
        raise Problem(415, "not-supported", msg)
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "")
    if encoding and encoding.strip().lower() not in {"", "identity"}:
        msg = "Content-Encoding: send the body as it is, not compressed"
        raise Problem(415, "not-supported", msg)
    if (request.content_length or 0) > max_body:
        raise _too_long(max_body)


def _is_json(mimetype: str) -> bool:
    return mimetype == _JSON or mimetype.endswith("+json")


def read_json(max_body: int) -> dict[str, Any]:
    """Return the JSON object of the current request. Raises Problem (400, 411, 413, 415).

    A chunked body is measured while it is read: werkzeug would cut it off without a word.
    """
    check_head(max_body)
    try:
        body = request.stream.read(max_body + 1)
    except Exception:  # noqa: BLE001  each server has errors of its own for malformed chunks
        raise _broken_off() from None
    if len(body) > max_body:
        raise _too_long(max_body)
    if len(body) < (request.content_length or 0):
        raise _broken_off()
    if not body and request.content_length is None:
        msg = "Content-Length: there is none, so there is no body; send a JSON object"
        raise Problem(411, "required", msg)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # The parser's words name the place and the fault, never the text around it.
        raise Problem(400, "structure", f"the body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        msg = "the body is JSON, but not an object: send { … }"
        raise Problem(400, "structure", msg)
    return parsed


def read_fields(max_body: int) -> MultiDict[str, str]:
    """Return the fields that a page posted. Raises Problem (411, 413, 415).

    A body without a length is refused: werkzeug would cut it off at the limit without a word.
    """
    if request.mimetype not in _FIELDS:
        msg = "Content-Type: send the fields of the page, or a FHIR Bundle as application/fhir+json"
        raise Problem(415, "not-supported", msg)
    if request.content_length is None:
        msg = "Content-Length: there is none; send the fields of the page in one piece"
        raise Problem(411, "required", msg)
    if request.content_length > max_body:
        msg = f"the body is larger than {max_body} bytes: send a smaller record"
        raise Problem(413, "too-long", msg)
    request.max_content_length = request.max_form_memory_size = max_body
    return request.form


def _broken_off() -> Problem:
    return Problem(400, "structure", "the body broke off, or its chunks are malformed")


def _too_long(max_body: int) -> Problem:
    return Problem(
        413, "too-long", f"the body is larger than {max_body} bytes: send fewer resources or pages"
    )
