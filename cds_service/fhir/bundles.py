"""What was sent, taken apart: the resources of a Bundle of any type, and what was not whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cds_service.fhir.access import as_dict, as_list, as_text, last_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_NESTING = 5
_FAILED = {"fatal", "error"}
_FAILED_STATUS = re.compile(r"[45][0-9]{2}(?![0-9])")
# The issue types of FHIR: whatever else stands in their place is not repeated to anyone.
_ISSUE_TYPES = frozenset(
    (
        "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown",
        "expired", "forbidden", "suppressed", "processing", "not-supported", "duplicate",
        "multiple-matches", "not-found", "deleted", "too-long", "code-invalid", "extension",
        "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store",
        "exception", "timeout", "incomplete", "throttled", "informational", "success",
        "limited-filter",
    )
)  # fmt: skip


class Unpacked:
    """The resources of one value, each with its reference, and what kept it from being whole.

    ``names`` are full URLs that say more than the reference (a urn). ``partial`` says that
    something was left elsewhere or failed, ``failed`` that an OperationOutcome says so,
    ``unread`` that something was there and was no resource.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.resources: list[tuple[str, dict[str, Any]]] = []
        self.names: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []
        self.partial = False
        self.failed = False
        self.unread = False

    def lacks(self, problem: str) -> None:
        """Keep why something that exists is not here."""
        self.problems.append(problem)
        self.partial = True

    def cannot_read(self, problem: str) -> None:
        """Keep what was here and could not be read."""
        self.problems.append(problem)
        self.unread = True


def unwrapped(value: object) -> object:
    """Return what some clients put into an object of its own, as an entry of a Bundle has it."""
    if isinstance(value, dict) and "resourceType" not in value and "resource" in value:
        return value["resource"]
    return value


def unpack(value: object) -> Unpacked:
    """Take the resources out of a Bundle of any type, or a single resource, one by one."""
    unpacked = Unpacked()
    value = unwrapped(value)
    kind = as_text(value.get("resourceType")) if isinstance(value, dict) else None
    if not isinstance(value, dict) or kind is None:
        unpacked.lacks("is not a FHIR resource")
    elif kind == "Bundle":
        _unpack_bundle(value, unpacked, 0)
    elif kind == "OperationOutcome":
        _outcome(value, unpacked, asked=True)
    else:
        own = as_text(value.get("id"))
        unpacked.resources.append((f"{kind}/{own}" if own else f"{kind} without id", value))
    return unpacked


def next_link(bundle: Mapping[str, Any]) -> str | None:
    """Return where the next page of a search is: empty where a link does not say, else None."""
    for link in map(as_dict, as_list(bundle.get("link"))):
        if link.get("relation") == "next":
            return as_text(link.get("url")) or ""
    return None


def joined(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the pages of one search as one Bundle; what the last one lacks, it lacks too."""
    entries: list[object] = []
    for page in pages:
        listed = page.get("entry")
        # What is no list is kept as it is, to be told as an entry that could not be read.
        entries += listed if isinstance(listed, list) else [] if listed is None else [listed]
    return {**pages[0], "link": pages[-1].get("link"), "entry": entries}


def _unpack_bundle(bundle: dict[str, Any], unpacked: Unpacked, depth: int) -> None:
    if "link" in bundle and next_link(bundle) is not None:
        unpacked.lacks("has further pages that were not sent")
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list):
        unpacked.cannot_read("has entries that could not be read")
    matches = 0
    for number, entry in enumerate(as_list(entries), start=1):
        matches += _unpack_entry(as_dict(entry), number, unpacked, depth)
    total = bundle.get("total")
    if isinstance(total, int) and not isinstance(total, bool) and total > matches:
        unpacked.lacks(f"holds {matches} of {total} matches")


def _unpack_entry(entry: dict[str, Any], number: int, unpacked: Unpacked, depth: int) -> bool:
    """Take the resource out of an entry; return whether it is a match of a search."""
    resource = entry.get("resource")
    kind = as_text(resource.get("resourceType")) if isinstance(resource, dict) else None
    if (
        not isinstance(resource, dict)
        or kind is None
        or (kind == "Bundle" and depth >= _MAX_NESTING)
    ):
        # A deleted resource in a history, or a request without a body, has none.
        if resource is not None or not ("request" in entry or "response" in entry):
            unpacked.cannot_read(f"entry {number} could not be read: it is not a FHIR resource")
        else:
            _response(as_dict(entry.get("response")), number, unpacked)
        return False
    if kind == "OperationOutcome":
        _outcome(resource, unpacked, asked=False)
        return False
    if kind == "Bundle":
        _unpack_bundle(resource, unpacked, depth + 1)
        return False
    reference = _reference(kind, resource, entry, number)
    unpacked.resources.append((reference, resource))
    full = entry.get("fullUrl")
    if isinstance(full, str) and not full.endswith(reference):
        unpacked.names[last_path(full) or full] = resource
    search = entry.get("search")
    return not isinstance(search, dict) or search.get("mode") != "include"


def _response(response: dict[str, Any], number: int, unpacked: Unpacked) -> None:
    """Read what an entry of a batch came to that brought no resource: it may have failed."""
    if isinstance(response.get("outcome"), dict):
        _outcome(response["outcome"], unpacked, asked=False)
    failed = _FAILED_STATUS.match(as_text(response.get("status")) or "")
    if failed and not unpacked.failed:
        unpacked.failed = True
        unpacked.lacks(f"holds entry {number} that failed ({failed[0]})")


def _outcome(outcome: dict[str, Any], unpacked: Unpacked, *, asked: bool) -> None:
    """Read an OperationOutcome: an error says that a search failed; a warning does not.

    In the place of a search's whole result it is an error whatever it says; as an entry of a
    Bundle it may just say that nothing was found.
    """
    issues = [as_dict(issue) for issue in as_list(outcome.get("issue"))]
    failed = [issue for issue in issues if issue.get("severity") in _FAILED]
    if asked or failed:
        codes = {as_text(issue.get("code")) or "unknown" for issue in failed or issues}
        listed = ", ".join(sorted(codes & _ISSUE_TYPES))
        unpacked.failed = True
        unpacked.lacks(f"came as an error (OperationOutcome: {listed or 'no issue'})")


def _reference(kind: str, resource: dict[str, Any], entry: dict[str, Any], number: int) -> str:
    own = as_text(resource.get("id"))
    if own:
        return f"{kind}/{own}"
    return last_path(entry.get("fullUrl")) or f"{kind} (entry {number})"
