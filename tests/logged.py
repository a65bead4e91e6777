"""What the service logs while a test runs, and the words of patients that must not be in it."""

from __future__ import annotations

import io
import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cds_service.hooks.services import SERVICES
from cds_service.logs import JsonFormatter, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

# The elements of a resource or a context that tell who somebody is, or what somebody wrote.
TELLING = {
    "authorString", "birthDate", "city", "comment", "comments", "description", "display",
    "encounterId", "family", "given", "id", "line", "patientId", "postalCode", "reference", "text",
    "userId", "value", "valueString",
}  # fmt: skip
_SHORT = 3  # letters; such words stand in many others


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Yield everything that any logger says, as the service would write it at its most talkative.

    A library is heard as far as the service lets it be.
    """
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    with pytest.MonkeyPatch.context() as patch:
        # Both, and neither through the other: a test that starts gunicorn sets up logging for good.
        for logger in (logging.getLogger(), logging.getLogger("cds_service")):
            patch.setattr(logger, "handlers", [handler])
            patch.setattr(logger, "propagate", False)
            patch.setattr(logger, "disabled", False)
            patch.setattr(logger, "level", logging.DEBUG)
        for name, how in configuration("DEBUG")["loggers"].items():
            if "handlers" not in how:
                patch.setattr(logging.getLogger(name), "level", getattr(logging, how["level"]))
        _forget_levels()
        yield written
    _forget_levels()


def _forget_levels() -> None:
    """Make loggers look at their levels again, which they remember."""
    logging.getLogger("cds_service.access").manager._clear_cache()  # type: ignore[attr-defined]  # there is no other way


def told(value: object, key: str = "") -> Iterator[str]:
    """Yield what a value tells of a person."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from told(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from told(each, key)
    elif isinstance(value, str) and key in TELLING:
        yield value


def leaked(log: str, *values: object) -> set[str]:
    """Return what values tell of a person that a log repeats, beside the ids of our services."""
    log = re.sub("|".join(SERVICES), "", log).lower()
    words = {word.lower() for value in values for word in told(value)}
    assert len(words) > _SHORT, "there is nothing to look for"
    return {word for word in words if len(word) > _SHORT and word in log}
