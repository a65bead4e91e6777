"""The fallback: what a prefetch lacks is asked of the client's FHIR server, all at once."""

from __future__ import annotations

import re
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cds_service import metrics
from cds_service.fhir.access import as_dict
from cds_service.fhir.bundles import next_link, unpack, unwrapped
from cds_service.hooks.prefetch import BY_NAME, Completed, Key
from cds_service.hooks.search import NotFhirError, Search, ask
from cds_service.hooks.turns import Turns
from cds_service.security.allowance import Allowance, Fault, OutboundError
from cds_service.security.outbound import Outbound, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cds_service.hooks.envelope import Envelope
    from cds_service.security.allowed import Base

# Calls that one process makes at once; the rest waits its turn, within the same deadline.
_AT_ONCE = 16
_NOT_WAITED = "not-waited"
_LATE = "it was too late for an earlier call, and another call is trying it"
_TOKEN = re.compile(r"\{\{context\.(\w+)\}\}")


class FhirServers:
    """The FHIR servers that may be asked, and how long and how much they may answer in one call.

    Made before the workers fork: its threads start with the first call that needs them.
    """

    def __init__(
        self, bases: Sequence[Base], templates: Mapping[str, str], *, seconds: float, max_bytes: int
    ) -> None:
        """Take the allow list, the queries by key, and what one call may spend on all of them."""
        self._any = bool(bases)
        self._templates = templates
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._outbound = Outbound(bases)
        self._pool = ThreadPoolExecutor(_AT_ONCE, "fetch")
        self._turns = Turns()

    def complete(
        self, envelope: Envelope, expected: Iterable[Key], aliases: Mapping[str, str]
    ) -> Completed:
        """Return the prefetch of a request with what its FHIR server has of the expected keys.

        It never raises for what a server does: that is told by key, and the key stays incomplete.
        """
        access, prefetch = envelope.access, envelope.prefetch
        lacking = [] if access is None else list(_lacking(prefetch, expected, aliases))
        if access is None or not lacking:
            return Completed(prefetch)
        if not self._any:
            return Completed(prefetch, not_asked="no server is listed in CDS_FHIR_SERVERS")
        if access.token is None:
            return Completed(prefetch, not_asked=access.unusable)
        allowance = Allowance(self._seconds, self._max_bytes)
        try:
            server = self._outbound.reach(access.server, allowance)
        except OutboundError as error:
            metrics.FETCHES.labels(error.fault).inc()
            return Completed(prefetch, not_asked=str(error))
        base = str(server.base)
        with self._turns.turn(base, allowance) as may_ask:
            if not may_ask:
                metrics.FETCHES.labels(_NOT_WAITED).inc()
                return Completed(prefetch, not_asked=_LATE)
            searches = [self._search(each, envelope, base) for each in lacking]
            _Round(self._pool, server, access.token, allowance).run(searches)
        return _completed(prefetch, searches)

    def _search(self, lack: _Lack, envelope: Envelope, base: str) -> Search:
        if lack.first_page is not None:
            return Search.going_on(lack.key, lack.given[0], lack.first_page, base)
        context = {
            "patientId": envelope.patient_id,
            "encounterId": (envelope.encounter_id or "").rsplit("/", 1)[-1],
        }
        query = filled(self._templates[lack.key.name], context)
        return Search(lack.key, f"{base}/{query}", lack.given)


def filled(template: str, context: Mapping[str, str]) -> str:
    """Return a prefetch template with its tokens filled in, as a URL needs them."""
    return _TOKEN.sub(lambda token: quote(context[token[1]], safe=""), template)


# --- what a prefetch lacks ---


@dataclass(frozen=True, slots=True)
class _Lack:
    """A key to ask for: the names of its useless values, or its first page, if they came."""

    key: Key
    given: tuple[str, ...] = ()
    first_page: dict[str, Any] | None = None


class _State(Enum):
    """How a value came: as all there is, as an answer that is final, in part, or useless."""

    WHOLE = auto()
    FINAL = auto()
    GOES_ON = auto()
    USELESS = auto()


def _lacking(
    prefetch: Mapping[str, Any], expected: Iterable[Key], aliases: Mapping[str, str]
) -> Iterator[_Lack]:
    """Find what is worth asking for: keys that did not come, came useless, or go on elsewhere."""
    came: dict[str, dict[str, _State]] = {}
    for given, value in prefetch.items():
        key = BY_NAME.get(aliases.get(given, given))
        if key is not None:
            came.setdefault(key.name, {})[given] = _state(key, value)
    whole = {
        BY_NAME[name].resource_type
        for name, states in came.items()
        if BY_NAME[name].completes and set(states.values()) == {_State.WHOLE}
    }
    for key in expected:
        if key.readings and key.resource_type in whole:
            continue
        states = came.get(key.name, {})
        for given, state in states.items():
            if state is _State.GOES_ON:
                yield _Lack(key, (given,), as_dict(unwrapped(prefetch[given])))
        useless = tuple(given for given, state in states.items() if state is _State.USELESS)
        if useless or not states:
            yield _Lack(key, useless)


def _state(key: Key, value: object) -> _State:
    """Tell how a value came. An OperationOutcome is there to save a second question."""
    if value is None:
        return _State.FINAL if key.read else _State.WHOLE
    unpacked = unpack(value)
    if unpacked.failed:
        return _State.FINAL
    if not key.read and next_link(as_dict(unwrapped(value))) is not None:
        return _State.GOES_ON
    kinds = {resource["resourceType"] for _, resource in unpacked.resources}
    if unpacked.problems or (kinds and key.resource_type not in kinds):
        return _State.USELESS
    return _State.WHOLE


def _completed(prefetch: Mapping[str, Any], searches: Sequence[Search]) -> Completed:
    values, failed = dict(prefetch), {}
    if any(search.gone and search.key.resource_type == "Patient" for search in searches):
        # Nothing is found of somebody unknown: the id or the server may be another's.
        for search in searches:
            search.distrust("it has no such patient")
    for search in searches:
        if search.why:
            failed[search.key.name] = search.why
        if search.pages:
            for given in search.replaces:
                del values[given]
            values[search.replaces[0] if search.replaces else search.key.name] = search.value
    return Completed(values, failed)


# --- asking ---


@dataclass(slots=True)
class _Round:
    """All that one call asks of one server: every page is a task, and all share an allowance."""

    pool: ThreadPoolExecutor
    server: Server
    token: str = field(repr=False)
    allowance: Allowance

    def run(self, searches: Sequence[Search]) -> None:
        """Ask until everything is there, has failed, or is too late."""
        waiting = _needless_perhaps(searches)
        running = {
            self._submit(search): search
            for search in searches
            if search.url and search not in waiting
        }
        try:
            while running:
                seconds = self.allowance.seconds_left()
                done, _ = wait(running, timeout=seconds, return_when=FIRST_COMPLETED)
                for future in done:
                    search = running.pop(future)
                    _take(search, future)
                    due = [search] if search.url else []
                    if waiting and search.key.completes and not search.settled:
                        due += [each for each in waiting if _same_type(each, search)]
                        waiting = [each for each in waiting if each not in due]
                    running |= {self._submit(each): each for each in due}
        except OutboundError as too_late:
            for future in running:
                # One that runs counts itself; it ends by the same deadline.
                if future.cancel():
                    metrics.FETCHES.labels(Fault.TIMEOUT).inc()
            for search in (*running.values(), *waiting):
                search.fail(str(too_late))

    def _submit(self, search: Search) -> Future[dict[str, Any]]:
        url = search.url or ""
        return self.pool.submit(
            copy_context().run, ask, self.server, url, self.token, self.allowance
        )


def _take(search: Search, future: Future[dict[str, Any]]) -> None:
    try:
        search.take(future.result())
    except OutboundError as error:
        search.fail(str(error))
    except NotFhirError as error:
        search.gone = error.gone
        search.fail(str(error))


def _needless_perhaps(searches: Sequence[Search]) -> list[Search]:
    """Return the searches for some of a type while all of that type is being asked for.

    They are asked once its first page turns out not to be the last.
    """
    asked = [each for each in searches if each.key.completes and not each.pages]
    return [
        each for each in searches if each.key.readings and any(_same_type(each, a) for a in asked)
    ]


def _same_type(one: Search, other: Search) -> bool:
    return one.key.resource_type == other.key.resource_type
