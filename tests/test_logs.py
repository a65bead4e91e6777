"""What the logs say of calls, and that they say nothing of any patient."""

from __future__ import annotations

import logging
import logging.config
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from cds_service.app import create_app
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.logs import JsonFormatter, LineFormatter, configuration, request_id
from cds_service.samples import as_of_today, samples
from cds_service.settings import Settings
from tests.hooks.asking import TOKEN, call, service
from tests.logged import everything_logged, leaked
from tests.records import ASSESS, NOW, SERVICE, condition, hook_request, whole_prefetch
from tests.stub_server import said_json

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

    from flask.testing import FlaskClient

    from tests.stub_server import Request


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with everything_logged() as log:
        yield log


@pytest.fixture(scope="module")
def browser() -> FlaskClient:
    return create_app(Settings(), now=lambda: NOW).test_client()


def said(lines: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize("name", samples())
def test_no_word_of_a_patient_is_logged(
    client: FlaskClient, browser: FlaskClient, lines: io.StringIO, name: str
) -> None:
    bundle = as_of_today(samples()[name], NOW)
    (patient,) = (
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"
    )
    feedback = {
        "feedback": [
            {
                "card": patient["id"],
                "outcome": "overridden",
                "overrideReason": {"userComment": patient["name"][0]["family"]},
                "outcomeTimestamp": NOW.isoformat(),
            }
        ]
    }
    client.post(ASSESS, json=bundle)
    client.post(ASSESS, json={**bundle, "entry": [*bundle["entry"], {"resource": patient["id"]}]})
    client.get(f"/api/v1/criteria/{patient['id']}?name={patient['name'][0]['family']}")
    for each in SERVICES.values():
        request = request_for(bundle, each)
        client.post(f"/cds-services/{each.id}", json=request)
        client.post(f"/cds-services/{each.id}", json=request | {"hookInstance": patient["id"]})
        client.post(f"/cds-services/{patient['id']}", json=request)
        client.post(f"/cds-services/{each.id}", json=request | {"prefetch": None})
        client.post(f"/cds-services/{each.id}/feedback", json=feedback)
    text = orjson.dumps(bundle).decode()
    tried = browser.post("/try", data={"record": text}, content_type="multipart/form-data")
    assert patient["name"][0]["family"] in tried.text
    assert browser.post("/form", data=text, content_type="application/fhir+json").status_code == 200
    assert browser.get(f"/form?sample={name}&patient={patient['id']}").status_code == 200
    assert browser.get(f"/{patient['id']}").status_code == 404
    logged = lines.getvalue()
    assert logged.count('"answered"') == 7 + 5 * len(SERVICES)
    assert leaked(logged, bundle) == set()


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


def test_every_line_of_a_call_says_which(
    client: FlaskClient, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        logging.getLogger("any.library").warning("something is odd")
        raise ValueError

    monkeypatch.setattr("cds_service.hooks.views.Came.of", fail)
    request = hook_request(whole_prefetch(condition()))
    response = client.post(SERVICE, json=request)
    assert response.status_code == 500
    client.get("/cds-services")
    *during, after = said(lines)
    assert [each["logger"] for each in during] == [
        "any.library", "cds_service", "cds_service.access"
    ]  # fmt: skip
    for line in during:
        assert line["request"] == response.headers["X-Request-ID"]
        assert line["hook_instance"] == request["hookInstance"]
    assert "hook_instance" not in after, "it was the other call's"


def test_what_a_fhir_server_is_asked_is_not_logged(lines: io.StringIO) -> None:
    def broken(request: Request) -> Iterable[bytes]:
        return [said_json(hook_request(), 500)] if "Condition" in request.target else [b"none"]

    with service(broken) as (client, stub):
        assert call(client, stub, {}).status_code == 412
        assert stub.asked
    assert leaked(lines.getvalue(), hook_request(), [{"id": TOKEN}, {"id": "condition?"}]) == set()


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
