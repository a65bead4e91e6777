"""What the logs say of calls, and that they say nothing of any patient."""

from __future__ import annotations

import io
import logging
import logging.config
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.logs import JsonFormatter, LineFormatter, configuration, request_id
from cds_service.samples import as_of_today, samples
from tests.records import ASSESS, NOW, SERVICE, condition, hook_request, whole_prefetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

# The elements of a resource that tell who somebody is, or what somebody wrote.
TELLING = {
    "authorString", "birthDate", "city", "description", "display", "family", "given", "id", "line",
    "postalCode", "reference", "text", "value", "valueString",
}  # fmt: skip


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return everything that any logger says while a test runs, as the service would write it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    # Both, and neither through the other: a test that starts gunicorn sets up logging for good.
    for logger in (logging.getLogger(), logging.getLogger("cds_service")):
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "propagate", False)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "level", logging.DEBUG)
    logging.getLogger("cds_service.access").manager._clear_cache()  # type: ignore[attr-defined]  # levels are remembered
    return written


def said(lines: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.getvalue().splitlines()]


def told(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from told(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from told(each, key)
    elif isinstance(value, str) and key in TELLING:
        yield value


@pytest.mark.parametrize("name", samples())
def test_no_word_of_a_patient_is_logged(client: FlaskClient, lines: io.StringIO, name: str) -> None:
    bundle = as_of_today(samples()[name], NOW)
    (patient,) = (
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"
    )
    client.post(ASSESS, json=bundle)
    client.post(ASSESS, json={**bundle, "entry": [*bundle["entry"], {"resource": patient["id"]}]})
    client.get(f"/api/v1/criteria/{patient['id']}?name={patient['name'][0]['family']}")
    for service in SERVICES.values():
        request = request_for(bundle, service)
        client.post(f"/cds-services/{service.id}", json=request)
        client.post(f"/cds-services/{service.id}", json=request | {"hookInstance": patient["id"]})
        client.post(f"/cds-services/{patient['id']}", json=request)
        client.post(f"/cds-services/{service.id}", json=request | {"prefetch": None})
    logged = lines.getvalue().lower()
    assert logged.count('"answered"') >= 3 + 4 * len(SERVICES)
    known = {word.lower() for word in told(bundle)}
    assert len(known) > 10
    leaked = {word for word in known if len(word) > 3 and word in logged}
    assert not leaked


def test_a_call_is_one_line(client: FlaskClient, lines: io.StringIO) -> None:
    request = hook_request(whole_prefetch(condition()))
    response = client.post(SERVICE, json=request, headers={"X-Request-ID": "0123456789abcdef"})
    (line,) = said(lines)
    assert response.headers["X-Request-ID"] == "0123456789abcdef"
    assert line.pop("milliseconds") > 0
    assert line.pop("at")
    assert line == {
        "level": "info",
        "logger": "cds_service.access",
        "says": "answered",
        "request": "0123456789abcdef",
        "method": "POST",
        "route": "/cds-services/<service_id>",
        "status": 200,
        "service": "back-pain-patient-view",
        "hook_instance": request["hookInstance"],
    }


def test_an_id_that_could_be_a_name_is_replaced(client: FlaskClient, lines: io.StringIO) -> None:
    response = client.get("/api/v1/findings", headers={"X-Request-ID": "Erika Mustermann"})
    (line,) = said(lines)
    assert line["request"] == response.headers["X-Request-ID"] != "Erika Mustermann"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_is_asked_every_second_is_not_logged(
    client: FlaskClient, lines: io.StringIO, path: str
) -> None:
    client.get(path)
    assert not said(lines)


def record(**more: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "n", "levelname": "ERROR", "msg": "said", "created": 0.0})
    made.__dict__.update(more)
    return made


def fault() -> BaseException:
    try:
        raise ValueError("Erika Mustermann")  # noqa: TRY301  a fault with where it was
    except ValueError as error:
        return error


def test_an_error_is_its_kind_and_its_place_and_not_its_words() -> None:
    error = fault()
    line = JsonFormatter().format(record(exc_info=(type(error), error, error.__traceback__)))
    assert "Mustermann" not in line.replace('raise ValueError(\\"Erika Mustermann\\")', "")
    parsed = orjson.loads(line)
    assert parsed["error"] == "ValueError"
    assert "in fault" in parsed["where"][0]


def test_a_name_that_is_not_allowed_is_not_written() -> None:
    line = orjson.loads(JsonFormatter().format(record(patient="p1", status=200)))
    assert line == {
        "at": "1970-01-01T00:00:00.000+00:00",
        "level": "error",
        "logger": "n",
        "says": "said",
        "status": 200,
    }


def test_a_terminal_gets_lines_for_people() -> None:
    error = fault()
    token = request_id.set("0123456789abcdef")
    line = LineFormatter().format(
        record(status=500, exc_info=(type(error), error, error.__traceback__))
    )
    request_id.reset(token)
    first, *where = line.split("\n")
    assert (
        first == "00:00:00.000 error   said  request=0123456789abcdef status=500 error=ValueError"
    )
    assert "test_logs.py" in where[0]


def test_libraries_that_name_addresses_are_held_back() -> None:
    loggers = configuration("DEBUG")["loggers"]
    assert loggers["urllib3"] == {"level": "ERROR"}
    assert loggers["cds_service"]["level"] == "DEBUG"
    logging.config.DictConfigurator(dict(configuration("INFO")))
