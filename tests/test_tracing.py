"""Calls as spans: their parts, who called, who is asked; nothing of a patient; nothing if off."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cds_service.app import create_app
from cds_service.hooks.sample_requests import request_for
from cds_service.hooks.services import SERVICES
from cds_service.opentelemetry import OpenTelemetry
from cds_service.samples import as_of_today, samples
from cds_service.security.allowed import read_base
from cds_service.settings import Settings
from cds_service.tracing import UNTRACED, tracing
from tests.hooks.asking import call, record_of
from tests.logged import everything_logged, leaked
from tests.records import (
    ASSESS,
    NOW,
    SERVICE,
    condition,
    hook_request,
    record,
    whole_prefetch,
)
from tests.stub_server import serving
from tests.test_serve import CALL, JSON, Running, environment
from tests.waiting import WAIT, until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from flask.testing import FlaskClient
    from opentelemetry.sdk.trace import ReadableSpan

    from tests.stub_server import Request

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
PARTS = {"fetch", "prefetch", "judge", "render", "store"}


class Traced:
    """A service whose spans are kept."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  fields of Settings
        self._exporter = InMemorySpanExporter()
        self._tracing = OpenTelemetry(lambda: self._exporter)
        self.app = create_app(Settings(**settings), now=lambda: NOW, tracing=self._tracing)
        self.client: FlaskClient = self.app.test_client()

    def spans(self) -> dict[str, ReadableSpan]:
        """Return what was seen since the last time, by name."""
        self._tracing._provider.force_flush()
        found = {span.name: span for span in self._exporter.get_finished_spans()}
        self._exporter.clear()
        return found


@pytest.fixture(scope="module")
def traced() -> Traced:
    return Traced()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_call_and_its_parts(traced: Traced) -> None:
    answer = traced.client.post(
        SERVICE, json=hook_request(whole_prefetch(condition())), headers=CALLER
    )
    spans = traced.spans()
    whole = spans.pop("POST /cds-services/<service_id>")
    assert set(spans) == PARTS
    assert attributes(whole) == {
        "http.request.method": "POST",
        "http.route": "/cds-services/<service_id>",
        "http.response.status_code": 200,
        "cds.service": "back-pain-patient-view",
        "cds.request_id": answer.headers["X-Request-ID"],
    }
    assert whole.kind is SpanKind.SERVER
    assert whole.parent is not None
    assert (f"{whole.parent.trace_id:032x}", f"{whole.parent.span_id:016x}") == (TRACE, PARENT)
    for part in spans.values():
        assert part.parent is not None
        assert part.parent.span_id == whole.context.span_id
        assert attributes(part) == {}
    assert whole.resource.attributes["service.name"] == "cds-service"


def test_an_assessment_and_its_parts(tmp_path: Path) -> None:
    traced = Traced(database=f"sqlite:///{tmp_path}/s.db")
    traced.client.post(ASSESS, json=record(condition()))
    assert set(traced.spans()) == {"POST /api/v1/assessments", "judge", "render", "store"}
    traced.app.extensions["journal"].close()


ODD: dict[str, tuple[str, str, str, int]] = {
    "no such path": ("GET", "/Erika", "GET", 404),
    "no such service": ("POST", "/cds-services/Erika", "POST /cds-services/<service_id>", 404),
    "no such method": ("ERIKA", "/cds-services", "HTTP", 405),
    "no such criterion": (
        "GET", "/api/v1/criteria/Erika", "GET /api/v1/criteria/<criterion_id>", 404
    ),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "name", "status"), ODD.values(), ids=ODD)
def test_what_a_caller_made_up_is_in_no_span(
    traced: Traced, method: str, path: str, name: str, status: int
) -> None:
    traced.client.open(
        f"{path}?name=Erika", method=method, json={}, headers={"traceparent": "Erika"}
    )
    spans = traced.spans()
    assert list(spans) == [name]
    assert attributes(spans[name])["http.response.status_code"] == status
    assert "erika" not in spans[name].to_json().lower()
    assert spans[name].parent is None


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_is_asked_every_second_is_not_followed(traced: Traced, path: str) -> None:
    assert traced.client.get(path).status_code == 200
    assert traced.spans() == {}


def test_a_fault_is_told_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("Erika Mustermann")

    monkeypatch.setattr("cds_service.hooks.views.read_call", fail)
    traced = Traced()
    traced.client.post(SERVICE, json=hook_request(whole_prefetch()))
    spans = traced.spans()
    assert attributes(spans["prefetch"]) == {"error.type": "ValueError"}
    for span in spans.values():
        assert "Mustermann" not in span.to_json()
        assert not span.events
        failed = span.status.status_code is StatusCode.ERROR
        assert failed == (span.name != "fetch")


@pytest.mark.parametrize("name", samples())
def test_no_word_of_a_patient_is_in_a_span(traced: Traced, name: str) -> None:
    bundle = as_of_today(samples()[name], NOW)
    for service in SERVICES.values():
        traced.client.post(f"/cds-services/{service.id}", json=request_for(bundle, service))
    traced.client.post(ASSESS, json=bundle)
    traced._tracing._provider.force_flush()
    seen = [span.to_json() for span in traced._exporter.get_finished_spans()]
    traced._exporter.clear()
    assert len(seen) >= 4 * len(SERVICES)
    assert leaked("\n".join(seen), bundle) == set()


def test_who_is_asked_is_told_the_trace() -> None:
    with serving(record_of(condition())) as stub:
        traced = Traced(fhir_servers=(read_base(f"{stub.url}/fhir"),), fhir_deadline=WAIT)
        assert call(traced.client, stub, {}).status_code == 200
        spans = traced.spans()
        told = {asked.headers["traceparent"] for asked in stub.asked}
    fetch = spans["fetch"].context
    ours = f"00-{fetch.trace_id:032x}-{fetch.span_id:016x}"
    assert {each.rpartition("-")[0] for each in told} == {ours}


def test_nobody_is_told_a_trace_where_there_is_none(client: FlaskClient) -> None:
    with serving(record_of(condition())) as stub:
        app = create_app(
            Settings(fhir_servers=(read_base(f"{stub.url}/fhir"),), fhir_deadline=WAIT)
        )
        assert call(app.test_client(), stub, {}).status_code == 200
        assert not [asked for asked in stub.asked if "traceparent" in asked.headers]
    assert client.post(SERVICE, json=hook_request(), headers=CALLER).status_code == 412


def test_a_site_may_name_it_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "cds-north")
    traced = Traced()
    traced.client.get("/cds-services")
    (span,) = traced.spans().values()
    assert span.resource.attributes["service.name"] == "cds-north"


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
OFF: dict[str, dict[str, str]] = {
    "nothing is set": {},
    "an empty address": {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    "another of its settings": {"OTEL_SERVICE_NAME": "x"},
    "switched off": ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
}


@pytest.mark.parametrize("environment", OFF.values(), ids=OFF)
def test_off(environment: dict[str, str]) -> None:
    assert tracing(environment) is UNTRACED


@pytest.mark.parametrize("name", ["", "_TRACES"])
def test_on(name: str) -> None:
    found = tracing({f"OTEL_EXPORTER_OTLP{name}_ENDPOINT": "http://127.0.0.1:4318"})
    assert isinstance(found, OpenTelemetry)


def test_without_the_extra_it_is_said_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cds_service.opentelemetry", None)
    with everything_logged() as said:
        assert tracing(ENDPOINT) is UNTRACED
    assert "cds-service[otel]" in said.getvalue()


def test_off_costs_nothing() -> None:
    assert UNTRACED.part("judge", len) is len
    code = (
        "import sys; from cds_service.app import create_app; create_app().test_client().get('/');"
        "sys.exit(any(name.split('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), check=False)
    assert ran.returncode == 0


def test_a_collector_gets_what_the_workers_saw(tmp_path: Path) -> None:
    def taken(_request: Request) -> Iterable[bytes]:
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]

    with serving(taken) as collector:
        service = Running(
            tmp_path / "log",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="50",
        )
        assert service.request("POST", SERVICE, CALL, JSON)[0] == 200
        until(lambda: collector.asked, "what the worker saw")
        assert service.stop() == 0
        sent = b"".join(each.body for each in collector.asked)
    assert {each.target for each in collector.asked} == {"/v1/traces"}
    assert all(each in sent for each in (b"judge", b"/cds-services/<service_id>", b"cds-service"))
    assert "Traceback" not in (tmp_path / "log").read_text()
