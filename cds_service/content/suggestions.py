"""Suggestions: what can be filed from a card, and how soon."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cds_service.content.codes import Code
from cds_service.content.criteria import RADIATION
from cds_service.content.finding_files import read_code_table
from cds_service.content.problems import Place

if TYPE_CHECKING:
    from cds_service.content.nodes import Fields, Node

INDICATORS = ("info", "warning", "critical")
# The codes of FHIR's request-priority.
PRIORITIES = ("routine", "urgent", "asap", "stat")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that can be filed as a draft: what is asked for, and what kind of thing that is.

    ``image`` is the word by which criteria name this imaging, or None where it is none;
    ``radiation`` marks what is never offered in a recorded pregnancy.
    """

    code: Code
    category: Code
    image: str | None
    radiation: bool


@dataclass(frozen=True, slots=True)
class SuggestionDefinition:
    """One thing that a card can offer: a request to file, or None: an order to take back.

    ``while_unanswered`` is what it says on a card that first asks for unanswered dangers.
    """

    id: str
    place: Place
    label: str
    description: str
    while_unanswered: str
    request: Request | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """All of suggestions.yaml: FHIR priorities by indicator, and the suggestions by name."""

    priorities: Mapping[str, str]
    named: Mapping[str, SuggestionDefinition]


def read_suggestions(node: Node) -> Suggestions:
    """Read suggestions.yaml. Raises ContentError."""
    fields = node.fields(required=("priorities", "suggestions"))
    priorities = fields["priorities"].fields(required=INDICATORS)
    entries = fields["suggestions"].entries()
    return Suggestions(
        priorities={each: priorities[each].choice(PRIORITIES) for each in INDICATORS},
        named={name: _suggestion(name, each) for name, each in entries.items()},
    )


def calls_for(image: str, request: Request) -> bool:
    """Tell whether the imaging that a criterion asks for, in its words, is this request."""
    return request.image is not None and bool(
        re.search(rf"(?<![\w-]){re.escape(request.image)}(?![\w-])", image)
    )


def _suggestion(name: str, node: Node) -> SuggestionDefinition:
    if not re.fullmatch(r"[a-z][a-z-]+[a-z]", name):
        node.refuse_key(
            f"{name!r} is not a suggestion's name",
            "Sites name it in a file of their own",
            "Use lower-case words joined by dashes",
        )
    fields = node.fields(
        required=("label", "description"),
        optional=("while_unanswered", "code", "category", "image", "radiation", "takes_back"),
    )
    description = fields["description"].text()
    return SuggestionDefinition(
        id=name,
        place=node.key,
        label=fields["label"].text(),
        description=description,
        while_unanswered=fields.text("while_unanswered") or description,
        request=None if _takes_back(fields) else _request(node, fields),
    )


def _takes_back(fields: Fields) -> bool:
    if not fields.flag("takes_back"):
        return False
    for name in ("code", "category", "image", "radiation"):
        if name in fields:
            fields[name].refuse_key(
                f"`{name}` where an order is taken back",
                "Nothing is filed then, so it would have no effect",
                "Take it out, or take out `takes_back`",
            )
    return True


def _request(node: Node, fields: Fields) -> Request:
    for name in ("code", "category"):
        if name not in fields:
            node.refuse_key(
                f"`{name}` is missing",
                "Without it nobody could tell what is requested",
                f"Add `{name}:` with one code, or `takes_back: yes`",
            )
    request = Request(
        code=_one_code(fields["code"]),
        category=_one_code(fields["category"]),
        image=fields.text("image"),
        radiation=fields.flag("radiation"),
    )
    if request.image and RADIATION.search(request.image) and not request.radiation:
        fields["image"].refuse(
            f"{request.image!r} without `radiation: yes`",
            "No card suggests X-ray or CT in a recorded pregnancy",
            "Add `radiation: yes`",
        )
    return request


def _one_code(node: Node) -> Code:
    codes = read_code_table(node)
    if len(codes) != 1:
        node.refuse_key(
            f"{len(codes)} codes",
            "Two codes would ask for two things at once",
            "Give one code; a site can replace it by its own with CDS_CODES",
        )
    return codes[0]
