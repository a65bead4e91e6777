"""Calls as OpenTelemetry spans: what was called, how long each part took, and nothing of anyone."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cds_service import __version__
from cds_service.tracing import traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

    from cds_service.tracing import P, R, Wsgi

_PARENT = "traceparent"
_W3C = TraceContextTextMapPropagator()
# Asked every few seconds by those who watch.
_WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST"})
_NOT_FOUND, _FAULT = 404, 500


class OpenTelemetry:
    """Follows calls, and sends what it saw to where OTEL_EXPORTER_OTLP_ENDPOINT says.

    An attribute is a name of ours or a number, and never what a caller sent: not the path, not the
    query, not an error's words. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add to it.
    """

    def __init__(self, exporter: Callable[[], SpanExporter] = OTLPSpanExporter) -> None:
        """Take what makes an exporter; a test keeps its spans."""
        self._exporter = exporter

    @cached_property
    def _provider(self) -> TracerProvider:
        """Return what sends spans, made with the first call, so that its thread is never forked."""
        ours = Resource.create({SERVICE_NAME: "cds-service", SERVICE_VERSION: __version__})
        provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(self._exporter()))
        return provider

    @cached_property
    def _tracer(self) -> Tracer:
        return self._provider.get_tracer("cds_service", __version__)

    def part(self, name: str, work: Callable[P, R]) -> Callable[P, R]:
        """Return the work, followed as a part of a call by this name."""

        @wraps(work)
        def followed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._span(name):
                return work(*args, **kwargs)

        return followed

    def follow(self, app: Wsgi) -> Wsgi:
        """Return an application whose calls are followed, also through who called it."""

        def followed(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if environ.get("PATH_INFO") in _WATCHED:
                return app(environ, start)
            said: dict[str, Any] = {}

            def begin(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
                # Flask takes its request away from there before the call returns.
                request = environ.get("werkzeug.request")
                said.update(status=int(status[:3]), headers=dict(headers), request=request)
                return start(status, headers, *rest)

            with self._call(environ) as span:
                answer = app(environ, begin)
                _describe(span, **said)
            return answer

        return followed

    @contextmanager
    def _call(self, environ: dict[str, Any]) -> Iterator[Span]:
        method = environ["REQUEST_METHOD"]
        above = _W3C.extract({_PARENT: environ.get("HTTP_TRACEPARENT", "")})
        known = method if method in _METHODS else "HTTP"
        with self._span(known, kind=SpanKind.SERVER, context=above) as span:
            span.set_attribute("http.request.method", known)
            yield span

    @contextmanager
    def _span(
        self, name: str, *, kind: SpanKind = SpanKind.INTERNAL, context: Context | None = None
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            carrier: dict[str, str] = {}
            _W3C.inject(carrier)
            token = traceparent.set(carrier.get(_PARENT))
            try:
                yield span
            except Exception as error:
                # Its kind only: its words may be a patient's.
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                traceparent.reset(token)


def _describe(span: Span, status: int, headers: dict[str, str], request: Any) -> None:  # noqa: ANN401  Flask's own, whose types stay at the HTTP edge
    """Say what was called, by its route and not by its path, and what was answered."""
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("cds.request_id", headers.get("X-Request-ID", ""))
    if status >= _FAULT:
        span.set_status(Status(StatusCode.ERROR))
    if request is None or request.url_rule is None:
        return
    span.update_name(f"{request.method} {request.url_rule.rule}")
    span.set_attribute("http.route", request.url_rule.rule)
    service = (request.view_args or {}).get("service_id")
    # A service that is not found is what somebody made up.
    if service is not None and status != _NOT_FOUND:
        span.set_attribute("cds.service", service)
