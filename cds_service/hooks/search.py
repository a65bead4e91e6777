"""One prefetch key that a FHIR server is asked for: page by page, until it is whole or is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import orjson

from cds_service import metrics
from cds_service.fhir.access import as_text
from cds_service.fhir.bundles import joined, next_link, unpack
from cds_service.hooks.prefetch import Key
from cds_service.security.allowance import OutboundError

if TYPE_CHECKING:
    from cds_service.security.allowance import Allowance, Answer
    from cds_service.security.outbound import Server

# The first page may have come in the prefetch. Who has more has a record that nobody can judge
# within a call; what is there counts, and a note says that there was more.
MAX_PAGES = 20
_OK = 200
_COUNTED = {401, 403, 404, 410, 429}
_GONE = {404, 410}
_FHIR_JSON = "application/fhir+json, application/json;q=0.9"


class NotFhirError(Exception):
    """A server's answer is no FHIR resource: the outcome to count, and words for a note.

    ``gone`` says that the server has no such resource.
    """

    def __init__(self, outcome: str, words: str, *, gone: bool = False) -> None:
        """Keep the outcome and the words."""
        super().__init__(words)
        self.outcome = outcome
        self.gone = gone


@dataclass(slots=True)
class Search:
    """A search or a read, and what came of it so far.

    ``url`` is what to ask for next, None once there is nothing more; ``replaces`` are the names in
    the prefetch whose value the answer takes the place of; ``why`` says what kept it from being
    whole, ``gone`` that the server has no such resource.
    """

    key: Key
    url: str | None
    replaces: tuple[str, ...] = ()
    pages: list[dict[str, Any]] = field(default_factory=list)
    why: str | None = None
    gone: bool = False
    _seen: set[str] = field(default_factory=set)

    @classmethod
    def going_on(cls, key: Key, given: str, first: dict[str, Any], base: str) -> Search:
        """Return a search whose first page came in the prefetch."""
        search = cls(key, None, (given,))
        search.pages.append(first)
        search._turn(first, f"{base}/")
        return search

    @property
    def settled(self) -> bool:
        """Tell whether all came, with nothing in it that says otherwise."""
        return (
            bool(self.pages and not self.url and not self.why) and not unpack(self.value).problems
        )

    @property
    def value(self) -> dict[str, Any]:
        """Return what came, as a prefetch would have brought it."""
        return self.pages[0] if self.key.read else joined(self.pages)

    def take(self, resource: dict[str, Any]) -> None:
        """Take an answer, and find out whether there is more."""
        asked, self.url = self.url or "", None
        if self.pages and resource.get("resourceType") != "Bundle":
            self.fail("a page is no Bundle")
            return
        self.pages.append(resource)
        if resource.get("resourceType") == "Bundle" and not self.key.read:
            self._seen.add(asked)
            self._turn(resource, asked)

    def fail(self, why: str) -> None:
        """Give up, and say why."""
        self.url = None
        self.why = f"page {len(self.pages) + 1}: {why}" if self.pages else why

    def distrust(self, why: str) -> None:
        """Forget what came if nothing was found, and say why that says nothing."""
        if self.pages and not unpack(self.value).resources:
            self.pages.clear()
            self.fail(why)

    def _turn(self, page: dict[str, Any], asked: str) -> None:
        """Find the next page. A server that goes round in a circle is left."""
        link = next_link(page)
        if link is None:
            return
        try:
            url = urljoin(asked, link)
        except ValueError:
            url = ""
        if not link or not url:
            self.fail("its link does not say where it is")
        elif url in self._seen:
            self.fail("its link goes back to a page that came before")
        elif len(self.pages) >= MAX_PAGES:
            self.fail(f"not asked for, after {MAX_PAGES} pages")
        else:
            self.url = url


def ask(server: Server, url: str, token: str, allowance: Allowance) -> dict[str, Any]:
    """Return the resource at a URL, and count what came of it.

    Raises OutboundError or NotFhirError.
    """
    try:
        resource = _resource(server.get(url, allowance, token=token, accept=_FHIR_JSON))
    except OutboundError as error:
        metrics.FETCHES.labels(error.fault).inc()
        raise
    except NotFhirError as error:
        metrics.FETCHES.labels(error.outcome).inc()
        raise
    metrics.FETCHES.labels("ok").inc()
    return resource


def _resource(answer: Answer) -> dict[str, Any]:
    status = answer.status
    if status != _OK:
        counted = str(status) if status in _COUNTED else f"{status // 100}xx"
        gone = status in _GONE
        words = f"answered {status}, there is none" if gone else f"answered {status}"
        raise NotFhirError(counted, words, gone=gone)
    try:
        resource = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise NotFhirError("not-json", "the answer is not JSON") from None
    if not isinstance(resource, dict) or as_text(resource.get("resourceType")) is None:
        raise NotFhirError("not-fhir", "the answer is not a FHIR resource")
    return resource
