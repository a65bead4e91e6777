"""What an EHR grants by a token response: whose record, for how long, to do what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.fhir.access import as_text
from cds_service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[!-~]{1,8192}")
# SMART 2 writes letters (create, read, update, delete, search), SMART 1 a word.
_WRITES = re.compile(
    r"(?:patient|user)/(?:QuestionnaireResponse|\*)\.(?:write|\*|cr?u?d?s?)(?:\?.*)?", re.DOTALL
)
_LONGEST_CONTEXT = 8192


@dataclass(frozen=True, slots=True)
class Grant:
    """Access to the record of one patient at one EHR.

    ``scopes`` are those granted, separated by spaces; ``first`` are the questions that the card
    named by which the form was opened.
    """

    iss: str
    token: str = field(repr=False)
    patient: str
    encounter: str | None
    scopes: str
    first: tuple[str, ...] = ()

    @property
    def may_write(self) -> bool:
        """Tell whether answers to the form may be written into the record."""
        return any(_WRITES.fullmatch(each) for each in self.scopes.split())


def read_grant(iss: str, said: Mapping[str, Any], asked: str) -> Grant:
    """Read a token response. Raises Problem (502) where it opens no patient's record.

    What was granted is what was asked for unless it says otherwise. Source: RFC 6749, 5.1.
    """
    token, kind = as_text(said.get("access_token")), as_text(said.get("token_type"))
    if token is None or not _TOKEN.fullmatch(token) or kind is None or kind.lower() != "bearer":
        raise _useless("holds no bearer token")
    patient = as_text(said.get("patient"))
    if patient is None or not _ID.fullmatch(patient):
        raise _useless("names no patient, so there is nobody whose record the form could show")
    encounter = as_text(said.get("encounter"))
    return Grant(
        iss=iss,
        token=token,
        patient=patient,
        encounter=encounter if encounter and _ID.fullmatch(encounter) else None,
        scopes=as_text(said.get("scope")) or asked,
        first=_first(said.get("appContext")),
    )


def _first(context: object) -> tuple[str, ...]:
    """Return the findings that a card's appContext names; whatever else it says has no effect."""
    if isinstance(context, str) and len(context) <= _LONGEST_CONTEXT:
        try:
            context = orjson.loads(context)
        except orjson.JSONDecodeError:
            return ()
    named = context.get("unanswered") if isinstance(context, dict) else None
    if not isinstance(named, list):
        return ()
    return tuple(each for each in named if isinstance(each, str) and _ID.fullmatch(each))


def _useless(why: str) -> Problem:
    return Problem(502, "processing", f"the EHR's answer {why}; open the form from it again")
