"""Traces of calls, where somebody collects them; nothing of it is imported where nobody does."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

log = logging.getLogger("cds_service")

# OpenTelemetry's own names: it reads more of the kind, such as headers and what to sample.
ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DISABLED = "OTEL_SDK_DISABLED"

# The W3C header of the part of a call that is under way, for whom it asks something.
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)

P = ParamSpec("P")
R = TypeVar("R")


class Tracing(Protocol):
    """What follows calls through the service."""

    def part(self, name: str, work: Callable[P, R]) -> Callable[P, R]:
        """Return the work, followed as a part of a call by this name."""
        ...

    def follow(self, app: Wsgi) -> Wsgi:
        """Return an application whose calls are followed from their first line to their last."""
        ...


class Untraced:
    """Nobody collects traces: all stays as it is."""

    def part(self, _name: str, work: Callable[P, R]) -> Callable[P, R]:
        """Return the work itself."""
        return work

    def follow(self, app: Wsgi) -> Wsgi:
        """Return the application itself."""
        return app


UNTRACED = Untraced()


def tracing(environment: Mapping[str, str]) -> Tracing:
    """Return what the environment asks for. Without the extra `otel` it is said and left."""
    wanted = any(environment.get(name) for name in ADDRESSES)
    if not wanted or environment.get(_DISABLED, "").lower() == "true":
        return UNTRACED
    try:
        from cds_service.opentelemetry import OpenTelemetry  # noqa: PLC0415  only where it is asked for
    except ModuleNotFoundError:
        log.warning("no traces: pip install 'cds-service[otel]', or take OTEL_EXPORTER_… out")
        return UNTRACED
    return OpenTelemetry()
