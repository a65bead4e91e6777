"""Logs: one JSON object a line, which holds what is allowed by name and nothing else."""

from __future__ import annotations

import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a line may say beside its words. A name that is not here is not written, whoever adds it.
ALLOWED = (
    "method",
    "route",
    "status",
    "milliseconds",
    "service",
    "client",
    "reason",
    "issuer",
    "token_id",
    "key_id",
    "outcome",
    "rows",
)
# Libraries that would write the address of what they ask for: a patient's id stands in it.
_TALKATIVE = ("urllib3", "asyncio")

# What all lines of a call say, whoever writes them.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
hook_instance: ContextVar[str | None] = ContextVar("hook_instance", default=None)
_SHARED = (("request", request_id), ("hook_instance", hook_instance))


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; of an error its kind and where, never its words.

    The words of an error may repeat what was read, and that may be a patient's.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "says": record.getMessage(),
        }
        line |= {name: value for name, shared in _SHARED if (value := shared.get())}
        line |= {
            name: value for name in ALLOWED if (value := record.__dict__.get(name)) is not None
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = traceback.format_tb(record.exc_info[2])
        return orjson.dumps(line, default=str).decode()


class LineFormatter(JsonFormatter):
    """Writes the same for people: time, level, words, then name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = orjson.loads(super().format(record))
        at, level, says = (line.pop(name) for name in ("at", "level", "says"))
        where = line.pop("where", [])
        line.pop("logger")
        rest = " ".join(f"{name}={value}" for name, value in line.items())
        told = f"{at[11:23]} {level:7} {says}" + (f"  {rest}" if rest else "")
        return "\n".join([told, *(each.rstrip() for each in where)])


def own_level(level: str) -> str:
    """Return how much gunicorn may say: at DEBUG it repeats what it could not read."""
    return "INFO" if level == "DEBUG" else level


def configuration(level: str) -> Mapping[str, Any]:
    """Return the set-up of logging: people's lines on a terminal, JSON lines anywhere else."""
    formatter = LineFormatter if sys.stderr.isatty() else JsonFormatter
    quiet = {"level": "ERROR"}
    to_us = {"level": level, "handlers": ["lines"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "WARNING", "handlers": ["lines"]},
        "loggers": {
            "cds_service": to_us,
            "gunicorn.error": {**to_us, "level": own_level(level)},
            "gunicorn.access": quiet,
            **dict.fromkeys(_TALKATIVE, quiet),
        },
    }
