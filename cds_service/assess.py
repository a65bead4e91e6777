"""A patient in a file, judged: what the command line does for each file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from cds_service.api.requests import read_question
from cds_service.content.load import load
from cds_service.content.site_codes import SiteCodes, load_site_codes
from cds_service.fhir.judge import Judge, why_not_judged
from cds_service.problems import Problem
from cds_service.render.assessment import assessment
from cds_service.render.cards import CardWriter
from cds_service.render.suggestions import SuggestionWriter

if TYPE_CHECKING:
    from collections.abc import Sequence


class UseError(Exception):
    """The command cannot be carried out as it was given."""


class NotJudgedError(Exception):
    """A file could not be judged; the notes say more."""

    def __init__(self, text: str, notes: Sequence[str] = ()) -> None:
        """Keep what is said, and the notes."""
        super().__init__(text)
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Desk:
    """What judging a file needs."""

    judge: Judge
    writer: CardWriter
    profile: str
    now: datetime
    options: dict[str, str]

    @classmethod
    def of(
        cls,
        cards: Path | None,
        codes: Path | None,
        profile: str,
        now: datetime,
        options: dict[str, str],
    ) -> Desk:
        """Load the content and a site's own codes.

        Raises ContentError, and UseError for a profile that the content does not have.
        """
        content = load(cards)
        site = load_site_codes(codes, content) if codes else SiteCodes()
        if profile not in content.protocols:
            msg = (
                f"CDS_PROFILE {profile!r} is not in the content; "
                f"use one of: {', '.join(content.protocols)}."
            )
            raise UseError(msg)
        writer = CardWriter(content, SuggestionWriter(content, site))
        return cls(Judge(content, site.orders), writer, profile, now, options)


def judged(path: str, desk: Desk) -> dict[str, Any]:
    """Return the assessment of a file. Raises NotJudgedError, or UseError if it cannot be read."""
    try:
        body = orjson.loads(_read(path))
    except orjson.JSONDecodeError as error:
        msg = f"This is not JSON: {error}. Give a FHIR Bundle of one patient as JSON."
        raise NotJudgedError(msg) from None
    if not isinstance(body, dict):
        msg = "This is JSON, but not an object. Give a FHIR Bundle of one patient."
        raise NotJudgedError(msg)
    if "hook" in body:
        msg = (
            "This is a hook request, not a record. Post it to the service it calls, or give the "
            "patient's FHIR Bundle."
        )
        raise NotJudgedError(msg)
    if "asOf" in desk.options:
        body.pop("asOf", None)
    try:
        question = read_question(
            body, desk.options, desk.judge.content, desk.profile, lambda: desk.now
        )
    except Problem as problem:
        raise NotJudgedError(_sentence(problem.text)) from None
    if question.validate:
        from cds_service.fhir.validate import validate  # noqa: PLC0415  loads the FHIR models

        question.record.notes.extend(validate(question.record.resources))
    decision = desk.judge.decide(question.record, question.profile, question.given)
    if not decision.judged:
        raise NotJudgedError(why_not_judged(decision), decision.notes)
    return assessment(decision, desk.judge.content, desk.writer, question.record.patient_id)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror}. Give the path of a JSON file, or -."
        raise UseError(msg) from None


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
