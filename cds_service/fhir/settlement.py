"""Each finding present, absent or unknown, by all that a record says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cds_service.clinical.facts import Finding, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.fhir.index import PAIN

if TYPE_CHECKING:
    from datetime import datetime

    from cds_service.fhir.entry import Entry
    from cds_service.fhir.ledger import Heard, Ledger


class Settlement:
    """What a ledger comes to, once every entry is in it."""

    def __init__(self, ledger: Ledger) -> None:
        """Take a ledger that is complete."""
        self._ledger = ledger
        self._heard = ledger.heard
        self._index = ledger.index
        self._definitions = ledger.findings

    def findings(self) -> dict[str, Finding]:
        """Return the state of every finding that was heard of."""
        self._spread_denials()
        began = self._pain_began()
        settled = {name: self._settle(name, heard, began) for name, heard in self._heard.items()}
        for name, finding in settled.items():
            unless = self._definitions[name].unless
            excuse = settled.get(unless) if unless else None
            if finding.state is Truth.PRESENT and excuse and excuse.state is Truth.PRESENT:
                # An excuse that a note mentions leaves the finding to be asked; a problem of its
                # own, though in words, is meant.
                typed = all(each.text and each.observed for each in self._ledger.live(excuse.name))
                state = Truth.UNKNOWN if typed else Truth.ABSENT
                settled[name] = Finding(name, state, excuse.occurrences)
        return {
            name: finding
            for name, finding in settled.items()
            if finding.occurrences or finding.state is not Truth.UNKNOWN
        }

    def _spread_denials(self) -> None:
        """Let a "no" to a finding be a "no" to its measured twin, and to the kinds of it."""
        for links in (self._index.twins, self._index.kinds):
            denied = {name: heard.denied for name, heard in self._heard.items() if heard.denied}
            for name, entries in denied.items():
                for other in links.get(name, ()):
                    for entry in self._whole(entries, name):
                        # "Shaking chills, but never above 38": the no is to the number alone.
                        spares = links is self._index.twins and self._affirmed_beside(entry, other)
                        if not spares:
                            self._ledger.deny(self._definitions[other], entry.of_all())

    def _whole(self, denied: list[Entry], name: str) -> list[Entry]:
        """Return the denials of all of a finding: of its widest codes, and of both sides."""
        widest = self._definitions[name].widest
        wide = [each for each in denied if not widest or each.about is None or each.about in widest]
        sides = {side for each in wide for side in each.sides}
        if {"left", "right"} <= sides:
            return wide
        return [each for each in wide if not each.sides or "both" in each.sides]

    def _affirmed_beside(self, denial: Entry, name: str) -> bool:
        """Tell whether the resource of a denial says yes to another finding itself."""
        heard = self._heard.get(name)
        return heard is not None and any(
            each.occurrence.evidence.reference == denial.occurrence.evidence.reference
            for each in heard.affirmed
        )

    def _settle(self, name: str, heard: Heard, pain_began: datetime | None) -> Finding:
        affirmed = self._ledger.live(name)
        if affirmed and name in self._index.episodic:
            affirmed = _without_visits(_coded_dates_first(affirmed))
        # What is coded stands first in the evidence.
        affirmed = sorted(affirmed, key=lambda each: each.text)
        denied = self._of_this_pain(name, heard.denied, pain_began)
        newest = max(denied, key=_seen_last) if denied else None
        if heard.affirmed and not affirmed:
            ended = heard.affirmed[-1].occurrence.evidence
            self._ledger.note(f"{ended.reference} recorded “{name}”; a newer entry denies it")
        if affirmed and all(each.text for each in affirmed):
            meeting = [no for no in denied if any(each.is_met_by(no) for each in affirmed)]
            open_still = self._outranked(name, affirmed, meeting)
            if open_still is not None:
                return open_still
        if affirmed:
            if newest and all(_contradicts(newest, each) for each in affirmed):
                self._ledger.note(
                    f"{newest.occurrence.evidence.reference} denies “{name}”, but "
                    f"{affirmed[0].occurrence.evidence.reference} records it: it counts as present"
                )
            return Finding(name, Truth.PRESENT, _occurrences(affirmed))
        whole = self._whole(denied, name)
        if whole:
            last = max(whole, key=_seen_last)
            if not any(_may_follow(hint, last) for hint in heard.hinted):
                return Finding(name, Truth.ABSENT, _occurrences(whole))
        elif newest:
            self._ledger.note(
                f"{newest.occurrence.evidence.reference} denies a part of “{name}”: "
                "the rest of it stays to be asked"
            )
        return Finding(name, Truth.UNKNOWN, _occurrences(heard.hinted))

    def _outranked(self, name: str, typed: list[Entry], denied: list[Entry]) -> Finding | None:
        """Return the finding left open, where a coded "no" is as new as all that was typed of it.

        A text does not outrank the code, and the code does not silence an alarm.
        """
        denial = max(denied, key=_seen_last, default=None)
        if denial is None or any(_is_after(each, denial) for each in typed):
            return None
        self._ledger.note(
            f"{denial.occurrence.evidence.reference} denies “{name}”, but the text in "
            f"{typed[0].occurrence.evidence.reference} tells of it: it stays unanswered"
        )
        return Finding(name, Truth.UNKNOWN, _occurrences(typed))

    def _of_this_pain(self, name: str, denied: list[Entry], began: datetime | None) -> list[Entry]:
        """Leave out denials of a symptom that were given before the present pain began."""
        finding = self._definitions[name]
        symptom = finding.lives is not None and not finding.absent_after and not finding.past_counts
        if not denied or not symptom or finding.denial_outlasts_pain or began is None:
            return denied
        return [each for each in denied if _seen_last(each) >= began]

    def _pain_began(self) -> datetime | None:
        """Return when the oldest live pain began at the earliest; None where that is not known."""
        earliest = [
            each.occurrence.since.earliest if each.occurrence.since else None
            for each in _without_visits(self._ledger.live(PAIN))
        ]
        known = [each for each in earliest if each is not None]
        return min(known) if known and len(known) == len(earliest) else None


def _occurrences(entries: list[Entry]) -> tuple[Occurrence, ...]:
    if len(entries) == 1:
        return (entries[0].occurrence,)
    return tuple(dict.fromkeys([entry.occurrence for entry in entries]))


def _seen_last(entry: Entry) -> datetime:
    assert entry.observed is not None  # noqa: S101  only dated denials are filed
    return entry.observed.latest


def _may_follow(hint: Entry, denial: Entry) -> bool:
    """Tell whether a hint may be newer than a denial, so that the denial does not answer it."""
    return hint.moment is not None and hint.moment.latest > _seen_last(denial)


def _is_after(affirmation: Entry, denial: Entry) -> bool:
    """Tell whether something was written on a later day than a denial, or without a date."""
    return affirmation.written is None or affirmation.written.latest > _seen_last(denial)


def _contradicts(denial: Entry, affirmation: Entry) -> bool:
    """Tell whether a denial and an affirmation cannot both be so.

    What began after the denial follows it, and a measurement stands for its own moment.
    """
    moment = affirmation.moment
    began_later = moment and moment.earliest and moment.earliest > _seen_last(denial)
    return not began_later and affirmation.occurrence.value is None


def _coded_dates_first(affirmed: list[Entry]) -> list[Entry]:
    """Leave out what was typed of a pain whose beginning is coded."""
    coded = any(each.occurrence.since and not each.text and not each.visit for each in affirmed)
    return [each for each in affirmed if not each.text] if coded else affirmed


def _without_visits(affirmed: list[Entry]) -> list[Entry]:
    """Leave out the reasons of visits for a pain that was there before the visit."""
    onsets = [
        each.occurrence.since.latest
        for each in affirmed
        if not each.visit and each.occurrence.since
    ]
    if not onsets:
        return affirmed
    first = min(onsets)
    return [each for each in affirmed if not (each.visit and _begins_after(each, first))]


def _begins_after(entry: Entry, moment: datetime) -> bool:
    since = entry.occurrence.since
    return since is not None and since.earliest is not None and since.earliest > moment
