"""A site's own codes: how it names the orders that are recognised, and what is filed for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cds_service.content.nodes import read
from cds_service.content.problems import ContentError, Place, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from cds_service.content.load import Content
    from cds_service.content.nodes import Fields, Node

PROPOSAL = "proposal"
_INTENTS = (PROPOSAL, "plan", "order")
_SYSTEM = re.compile(r"(https?://|urn:)[!-~]+")
_CODE = re.compile(r"\S+( \S+)*")


@dataclass(frozen=True, slots=True)
class SiteCoding:
    """A code of a site with the URI of its system; ``display`` are the site's words for it."""

    system: str
    code: str
    display: str | None = None


@dataclass(frozen=True, slots=True)
class SiteCodes:
    """What CDS_CODES holds.

    ``orders`` has, by kind of order, the systems and codes by which the site orders it;
    ``suggestions`` the coding that takes the place of a suggestion's; ``intent`` is the FHIR
    request-intent of what is suggested.
    """

    orders: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    suggestions: Mapping[str, SiteCoding] = field(default_factory=dict)
    intent: str = PROPOSAL


def load_site_codes(path: Path, content: Content) -> SiteCodes:
    """Read a site's file for a content. Raises ContentError with the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _unusable(path, "the file is not written in UTF-8", "Save it as UTF-8") from None
    except OSError as error:
        raise _unusable(
            path, f"the file cannot be read: {error.strerror}", "Point CDS_CODES at a YAML file"
        ) from None
    fields = read(str(path), text).fields(optional=("orders", "suggestions", "intent"))
    if not {"orders", "suggestions"} & set(fields):
        raise _unusable(path, "there is no code in the file", "Write `orders:` or `suggestions:`")
    return SiteCodes(
        orders=_orders(fields, content),
        suggestions=_suggestions(fields, content),
        intent=fields["intent"].choice(_INTENTS) if "intent" in fields else PROPOSAL,
    )


def _orders(fields: Fields, content: Content) -> Mapping[str, tuple[tuple[str, str], ...]]:
    kinds = set(content.orders.kinds)
    seen: dict[tuple[str, str], Place] = {}
    found = {}
    for kind, node in fields["orders"].entries().items() if "orders" in fields else ():
        _known(kind, node, kinds, "kind of order")
        found[kind] = tuple(_order(each, seen) for each in node.items())
        if not found[kind]:
            node.refuse_key(f"no code for {kind!r}", "It would have no effect", "Take the line out")
    return found


def _order(node: Node, seen: dict[tuple[str, str], Place]) -> tuple[str, str]:
    coding = _coding(node)
    pair = (coding.system, coding.code)
    first = seen.setdefault(pair, node.place)
    if first != node.place:
        node.refuse(
            f"the code {coding.code!r} stands twice (first on line {first.line})",
            "Only one of the two could count",
            "Keep one of them",
        )
    return pair


def _suggestions(fields: Fields, content: Content) -> Mapping[str, SiteCoding]:
    filed = {name for name, each in content.suggestions.named.items() if each.request}
    found = {}
    for name, node in fields["suggestions"].entries().items() if "suggestions" in fields else ():
        _known(name, node, filed, "suggestion")
        found[name] = _coding(node)
    return found


def _known(name: str, node: Node, names: set[str], what: str) -> None:
    if name not in names:
        node.refuse_key(
            f"unknown {what} {name!r}",
            "Its codes would have no effect",
            f"Use one of: {', '.join(sorted(names))}",
        )


def _coding(node: Node) -> SiteCoding:
    fields = node.fields(required=("system", "code"), optional=("display",))
    if not _SYSTEM.fullmatch(fields["system"].text()):
        fields["system"].refuse(
            f"the system {fields['system'].text()!r} is not a URI",
            "A code without its system matches nothing",
            "Write what the site's FHIR server gives as `system`: it begins with http:// or urn:",
        )
    if not _CODE.fullmatch(fields["code"].text()):
        fields["code"].refuse(
            f"the code {fields['code'].text()!r} is malformed",
            "FHIR allows single spaces only inside a code",
            "Copy it again from the site's catalogue",
        )
    return SiteCoding(fields["system"].text(), fields["code"].text(), fields.text("display"))


def _unusable(path: Path, what: str, remedy: str) -> ContentError:
    why = "What it was to say of the site's codes is not known"
    return ContentError([Problem(Place(str(path), 1), what, why, remedy)])
