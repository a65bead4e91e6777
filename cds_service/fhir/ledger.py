"""What a record says of each finding, kept entry by entry and settled at the end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from cds_service.clinical.facts import Evidence, Finding, Occurrence
from cds_service.clinical.truth import Truth
from cds_service.clinical.windows import Since, Span, Unit, is_future, within, zone_of
from cds_service.fhir.index import PAIN

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from cds_service.content.findings import FindingDefinition
    from cds_service.fhir.index import Index

# A "no" tells about now for as long as an observation does (docs/reading.md, "Live").
DENIAL_LIVES = Span(30, Unit.DAYS)
_CHRONIC = timedelta(days=43)


class Entry:
    """One place in the record that speaks of a finding.

    ``observed`` is when it was seen or said, for observations and answers, which age and which a
    newer denial ends; None for entries such as conditions, which their own status ends.
    ``endable`` is False for measurements: each stands for its own moment. ``given`` marks what
    was stated beside the record: as a "no" it ends nothing that the record affirms. ``visit``
    marks the reason of a visit: it says that something is there, not that it began then. ``text``
    marks what was typed, which never outranks a code, and ``written`` is when, where that is known.
    ``restates`` is None for what is no answer of a form; an answer that says itself since when
    takes the place of older answers.
    """

    __slots__ = (
        "endable", "given", "observed", "occurrence", "restates", "sides", "text", "visit",
        "written",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913  what may be said of one entry
        self,
        occurrence: Occurrence,
        observed: Since | None = None,
        *,
        endable: bool = False,
        sides: frozenset[str] = frozenset(),
        given: bool = False,
        visit: bool = False,
        text: bool = False,
        written: Since | None = None,
        restates: bool | None = None,
    ) -> None:
        """Keep what is said, when it was seen, and how much it counts."""
        self.occurrence: Final = occurrence
        self.observed: Final = observed
        self.endable: Final = endable
        self.sides: Final = sides
        self.given: Final = given
        self.visit: Final = visit
        self.text: Final = text
        self.written: Final = written
        self.restates: Final = restates

    @property
    def moment(self) -> Since | None:
        """Return when it was seen or said, else when it began."""
        return self.observed or self.occurrence.since

    def since(self, beginning: Since | None) -> Entry:
        """Return the same with another beginning."""
        return Entry(
            Occurrence(beginning, self.occurrence.value, self.occurrence.evidence),
            self.observed,
            endable=self.endable,
            sides=self.sides,
            given=self.given,
            visit=self.visit,
            text=self.text,
            written=self.written,
            restates=self.restates,
        )


class Heard:
    """All entries of one finding: affirmed, denied, hinted, and affirmed of the past."""

    def __init__(self) -> None:
        """Begin with none."""
        self.affirmed: list[Entry] = []
        self.denied: list[Entry] = []
        self.hinted: list[Entry] = []
        self.past: list[Entry] = []


class Form(NamedTuple):
    """That our form was filled in for this patient, and when."""

    evidence: Evidence
    authored: Since | None


class Ledger:
    """The entries of a whole record. ``notes`` collects what could not be read or counted.

    ``form`` is the newest filling in of our form.
    """

    def __init__(self, index: Index, as_of: datetime) -> None:
        """Begin an empty ledger at a moment of judging."""
        self.index = index
        self.findings = index.findings
        self.as_of = as_of
        self.heard: dict[str, Heard] = {}
        self.notes: dict[str, None] = {}
        self.form: Form | None = None

    @property
    def zone(self) -> tzinfo:
        """Return the zone of judging."""
        return zone_of(self.as_of)

    @property
    def now(self) -> Since:
        """Return the moment of judging as a beginning."""
        return Since(self.as_of, self.as_of)

    def of(self, name: str) -> Heard:
        """Return the entries of a finding, to add to or to look at."""
        heard = self.heard.get(name)
        if heard is None:
            heard = self.heard[name] = Heard()
        return heard

    def note(self, text: str) -> None:
        """Keep a note, once."""
        self.notes.setdefault(text)

    def keep_form(self, reference: str, authored: Since | None, when: str | None) -> None:
        """Keep that our form was filled in, the newest time of all."""
        known = self.form.authored if self.form else None
        if self.form is None or (authored and (not known or authored.latest > known.latest)):
            text = says("the form on back pain was filled in", None)
            self.form = Form(Evidence(reference, text, when), authored)

    def affirm(self, finding: FindingDefinition, entry: Entry) -> None:
        """File an affirmation; without a number it may belong to another finding.

        An observation older than the finding lives says nothing of now and is dropped.
        """
        if finding.without_value and entry.occurrence.value is None:
            finding = self.findings[finding.without_value]
        if self.stale(entry, finding):
            return
        self._note_future(entry, entry.occurrence.since)
        self.of(finding.id).affirmed.append(entry)

    def deny(self, finding: FindingDefinition, entry: Entry, life: Span | None = None) -> None:
        """File a denial. It answers for as long as ``life``, and only if it is dated."""
        observed, life = entry.observed, life or finding.denial_lives
        if observed is None:
            self.note(
                f"{entry.occurrence.evidence.reference}: a denial without a date does not count"
            )
        elif is_future(observed, self.as_of):
            self._note_future(entry, observed)
        elif not self.older(observed, life):
            self.of(finding.id).denied.append(entry)

    def hint(self, finding: FindingDefinition, entry: Entry) -> None:
        """File what does not decide, but is a reason to ask, for as long as the finding lives."""
        if not self.stale(entry, finding):
            self.of(finding.id).hinted.append(entry)

    def older(self, since: Since, life: Span) -> bool:
        """Tell whether something began longer ago than ``life``."""
        return within(since, life, self.as_of) is Truth.ABSENT

    def stale(self, entry: Entry, finding: FindingDefinition) -> bool:
        """Tell whether an observation is older than its finding lives."""
        return bool(entry.observed and finding.lives and self.older(entry.observed, finding.lives))

    def live(self, name: str) -> list[Entry]:
        """Return the affirmations of a finding that nothing newer in the record has ended.

        A newer denial ends observations and answers, a newer answer with a date older answers.
        """
        heard = self.heard.get(name)
        if heard is None:
            return []
        starts = [
            each.observed.earliest
            for each in heard.denied
            if not each.given and each.observed and each.observed.earliest
        ]
        if not starts:
            return _last_said(heard.affirmed)
        newest = max(starts)
        return _last_said([each for each in heard.affirmed if not _ended(each, newest)])

    def settle(self) -> dict[str, Finding]:
        """Return the state of every finding that was heard of."""
        self._spread_denials()
        began = self._pain_began()
        settled = {name: self._settle(name, heard, began) for name, heard in self.heard.items()}
        for name, finding in settled.items():
            unless = self.findings[name].unless
            excuse = settled.get(unless) if unless else None
            if finding.state is Truth.PRESENT and excuse and excuse.state is Truth.PRESENT:
                # An excuse that a note mentions leaves the finding to be asked; a problem of its
                # own, though in words, is meant.
                typed = all(each.text and each.observed for each in self.live(excuse.name))
                state = Truth.UNKNOWN if typed else Truth.ABSENT
                settled[name] = Finding(name, state, excuse.occurrences)
        return {
            name: finding
            for name, finding in settled.items()
            if finding.occurrences or finding.state is not Truth.UNKNOWN
        }

    def _spread_denials(self) -> None:
        """Let a "no" to a finding be a "no" to its measured twin, and to the kinds of it."""
        for links in (self.index.twins, self.index.kinds):
            denied = {name: heard.denied for name, heard in self.heard.items() if heard.denied}
            for name, entries in denied.items():
                for other in links.get(name, ()):
                    for entry in entries:
                        # "Shaking chills, but never above 38": the no is to the number alone.
                        if links is self.index.kinds or not self._affirmed_beside(entry, other):
                            self.deny(self.findings[other], entry)

    def _affirmed_beside(self, denial: Entry, name: str) -> bool:
        """Tell whether the resource of a denial says yes to another finding itself."""
        heard = self.heard.get(name)
        return heard is not None and any(
            each.occurrence.evidence.reference == denial.occurrence.evidence.reference
            for each in heard.affirmed
        )

    def _settle(self, name: str, heard: Heard, pain_began: datetime | None) -> Finding:
        affirmed = self.live(name)
        if affirmed and name in self.index.episodic:
            affirmed = _without_visits(_coded_dates_first(affirmed))
        # What is coded stands first in the evidence.
        affirmed = sorted(affirmed, key=lambda each: each.text)
        denied = self._of_this_pain(name, heard.denied, pain_began)
        newest = max(denied, key=_seen_last) if denied else None
        if heard.affirmed and not affirmed:
            ended = heard.affirmed[-1].occurrence.evidence
            self.note(f"{ended.reference} recorded “{name}”; a newer entry denies it")
        if newest and affirmed and all(each.text for each in affirmed):
            open_still = self._outranked(name, affirmed, newest)
            if open_still is not None:
                return open_still
        if affirmed:
            if newest and all(_contradicts(newest, each) for each in affirmed):
                self.note(
                    f"{newest.occurrence.evidence.reference} denies “{name}”, but "
                    f"{affirmed[0].occurrence.evidence.reference} records it: it counts as present"
                )
            return Finding(name, Truth.PRESENT, _occurrences(affirmed))
        if newest and not any(_may_follow(hint, newest) for hint in heard.hinted):
            return Finding(name, Truth.ABSENT, _occurrences(denied))
        return Finding(name, Truth.UNKNOWN, _occurrences(heard.hinted))

    def _outranked(self, name: str, typed: list[Entry], denial: Entry) -> Finding | None:
        """Return the finding left open, where a coded "no" is as new as all that was typed of it.

        A text does not outrank the code, and the code does not silence an alarm.
        """
        if any(_is_after(each, denial) for each in typed):
            return None
        self.note(
            f"{denial.occurrence.evidence.reference} denies “{name}”, but the text in "
            f"{typed[0].occurrence.evidence.reference} tells of it: it stays unanswered"
        )
        return Finding(name, Truth.UNKNOWN, _occurrences(typed))

    def _of_this_pain(self, name: str, denied: list[Entry], began: datetime | None) -> list[Entry]:
        """Leave out denials of a symptom that were given before the present pain began."""
        finding = self.findings[name]
        symptom = finding.lives is not None and not finding.absent_after and not finding.past_counts
        if not denied or not symptom or finding.denial_outlasts_pain or began is None:
            return denied
        return [each for each in denied if _seen_last(each) >= began]

    def _pain_began(self) -> datetime | None:
        """Return when the oldest live pain began at the earliest; None where that is not known."""
        earliest = [
            each.occurrence.since.earliest if each.occurrence.since else None
            for each in _without_visits(self.live(PAIN))
        ]
        known = [each for each in earliest if each is not None]
        return min(known) if known and len(known) == len(earliest) else None

    def _note_future(self, entry: Entry, date: Since | None) -> None:
        if date is not None and is_future(date, self.as_of):
            self.note(f"{entry.occurrence.evidence.reference}: its date lies in the future")


def chronic(since: Since | None, as_of: datetime) -> Since:
    """Return a beginning more than 42 days ago (docs/reading.md, "Without a date")."""
    latest = as_of - _CHRONIC
    return Since(None, min(latest, since.latest) if since else latest)


def says(words: str, since: Since | None, *remarks: str | None) -> str:
    """Put the words of evidence together; a missing date is said."""
    parts = [words, *(remark for remark in remarks if remark)]
    if since is None:
        parts.append("date not recorded")
    return ", ".join(parts)


def _occurrences(entries: list[Entry]) -> tuple[Occurrence, ...]:
    if len(entries) == 1:
        return (entries[0].occurrence,)
    return tuple(dict.fromkeys([entry.occurrence for entry in entries]))


def _seen_last(entry: Entry) -> datetime:
    assert entry.observed is not None  # noqa: S101  only dated denials are filed
    return entry.observed.latest


def _ended(affirmation: Entry, denied: datetime) -> bool:
    """Tell whether a denial came wholly after what was seen; what is undated is never older."""
    seen = affirmation.observed
    return affirmation.endable and seen is not None and denied > seen.latest


def _last_said(affirmed: list[Entry]) -> list[Entry]:
    """Leave out answers that are older than one which says itself since when."""
    dated = [
        each.observed.earliest
        for each in affirmed
        if each.restates and each.observed and each.observed.earliest
    ]
    if not dated:
        return affirmed
    newest = max(dated)
    return [
        each
        for each in affirmed
        if each.restates is None or each.observed is None or each.observed.latest >= newest
    ]


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
