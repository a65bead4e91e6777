"""The complaint that our form is filled in for: what it says of the gate without saying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.facts import Occurrence
from cds_service.fhir.entry import Entry
from cds_service.fhir.index import PAIN

if TYPE_CHECKING:
    from cds_service.fhir.ledger import Form, Ledger


def hear_complaint(ledger: Ledger, *, alone: bool) -> None:
    """Let a filled form mean back pain, unless the form or the record speaks of that itself.

    A form that stands alone, and says that there is no back pain, leaves nothing else to open the
    gate. Source: docs/decisions/0016-the-form.md.
    """
    form = ledger.form
    if form is None or any(ledger.live(name) for name in ledger.index.openers):
        return
    denied = [each for each in ledger.of(PAIN).denied if not _before(each, form)]
    if not denied:
        pain = ledger.findings[PAIN]
        ledger.affirm(pain, Entry(Occurrence(None, None, form.evidence), form.authored))
    elif alone:
        for name in ledger.index.openers:
            if name not in ledger.heard:
                ledger.deny(ledger.findings[name], denied[0])


def _before(denial: Entry, form: Form) -> bool:
    """Tell whether a denial was given before the form was filled in."""
    authored = form.authored.earliest if form.authored else None
    return bool(authored and denial.observed and denial.observed.latest < authored)
