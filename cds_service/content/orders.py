"""orders.yaml: the orders that the service knows, by their codes and by their words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cds_service.clinical.occasion import Aim
from cds_service.content.codes import Code
from cds_service.content.finding_files import read_code_table
from cds_service.content.phrases import PhraseIndex
from cds_service.content.problems import ContentError, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import NoReturn

    from cds_service.content.nodes import Node

NOTHING = "nothing"
_SPINE = "the spine"
_ANY = "any order"


@dataclass(frozen=True, slots=True)
class OrderDefinition:
    """One kind of order as the content defines it.

    ``words`` name the modality of an image, which counts only together with a word of the
    spine, or the treatment itself. ``but_not`` are words that show another order.
    """

    id: str
    place: Place
    aim: Aim
    says: str
    modality: str | None
    codes: tuple[Code, ...]
    words: tuple[str, ...]
    but_not: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderCase:
    """A row of the table: the words of an order, and the kinds that a clinician sees in it."""

    text: str
    expect: frozenset[str]
    place: Place


@dataclass(frozen=True, eq=False)
class Orders:
    """All of orders.yaml; ``finding`` is what an imaging order says of the patient.

    ``spine`` are the words of the spine, ``elsewhere`` those that show another image, and
    ``never`` those that take any order back.
    """

    finding: str
    finding_at: Place
    kinds: Mapping[str, OrderDefinition]
    spine: tuple[str, ...]
    elsewhere: tuple[str, ...]
    never: tuple[str, ...]
    cases: tuple[OrderCase, ...] = ()

    @property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """Return the words that speak for and against an order, by where they stand."""
        kinds = self.kinds.values()
        return (
            {each.id: each.words for each in kinds}
            | {_SPINE: self.spine}
            | {_against(each.id): each.but_not for each in kinds}
            | {_against(_SPINE): self.elsewhere, _against(_ANY): self.never}
        )

    @cached_property
    def _phrases(self) -> PhraseIndex:
        return PhraseIndex(self.words)

    def recognised(self, text: str) -> tuple[str, ...]:
        """Return the kinds of orders that a text names, in the order of the content."""
        return self.kinds_of(set(self._phrases.names(text)))

    def kinds_of(self, heard: set[str]) -> tuple[str, ...]:
        """Return the kinds of orders that the words of these places make together."""
        return tuple(each.id for each in self.kinds.values() if self._is(each, heard))

    def _is(self, kind: OrderDefinition, heard: set[str]) -> bool:
        if kind.id not in heard or not heard.isdisjoint({_against(kind.id), _against(_ANY)}):
            return False
        return kind.aim is Aim.TREATMENT or (_SPINE in heard and _against(_SPINE) not in heard)

    def images_in(self, text: str | None) -> frozenset[str]:
        """Return the kinds of imaging orders whose modality stands in a text: "MRI or X-ray"."""
        return frozenset(
            each.id
            for each in self.kinds.values()
            if text and each.modality and PhraseIndex({each.id: (each.modality,)}).speaks(text)
        )


def _against(name: str) -> str:
    return f"but_not of {name}"


def read_orders(node: Node) -> Orders:
    """Read orders.yaml and hold it to its table. Raises ContentError."""
    fields = node.fields(required=("finding", "spine", "but_not", "orders", "cases"))
    spine = fields["spine"].fields(required=("words", "but_not"))
    kinds = {name: _kind(name, entry) for name, entry in fields["orders"].entries().items()}
    orders = Orders(
        finding=fields["finding"].text(),
        finding_at=fields["finding"].place,
        kinds=kinds,
        spine=_words(spine["words"]),
        elsewhere=_words(spine["but_not"]),
        never=_words(fields["but_not"]),
        cases=_cases(fields["cases"], kinds),
    )
    problems = list(_wrong(orders)) or list(_unnoticed(orders, fields["cases"].key))
    if problems:
        raise ContentError(problems)
    return orders


def _kind(name: str, node: Node) -> OrderDefinition:
    if not re.fullmatch(r"[a-z][a-z-]+[a-z]", name):
        node.refuse_key(
            f"{name!r} is not the name of an order",
            "Sites list their own codes under these names",
            "Use lower-case words joined by dashes",
        )
    fields = node.fields(
        required=("aim", "says", "words"), optional=("modality", "codes", "but_not")
    )
    aim = Aim(fields["aim"].choice(Aim))
    if (aim is Aim.IMAGING) is not ("modality" in fields):
        node.refuse_key(
            f"{name} has the aim {aim} and {'a' if 'modality' in fields else 'no'} modality",
            "Only an image has one, and criteria name the image that they ask for by it",
            "Add `modality:` to an image, or take it out of a treatment",
        )
    return OrderDefinition(
        id=name,
        place=node.key,
        aim=aim,
        says=fields["says"].text(),
        modality=fields.text("modality"),
        codes=read_code_table(fields["codes"]) if "codes" in fields else (),
        words=_words(fields["words"]),
        but_not=_words(fields["but_not"]) if "but_not" in fields else (),
    )


def _words(node: Node) -> tuple[str, ...]:
    return tuple(word.lower() for word in node.texts())


def _cases(node: Node, kinds: Mapping[str, OrderDefinition]) -> tuple[OrderCase, ...]:
    (header, place), *rows = node.lines() or [("", node.place)]
    if _split(header) != ["order", "is"]:
        _refuse(
            place,
            f"the columns are {header.strip() or 'none'}",
            "Each row gives the words of an order and what it is",
            "Use: order | is",
        )
    return tuple(_case(line, at, kinds) for line, at in rows)


def _case(line: str, place: Place, kinds: Mapping[str, OrderDefinition]) -> OrderCase:
    text, *rest = _split(line)
    named = frozenset(rest[0].split(", ")) if len(rest) == 1 else frozenset()
    if not named or not named <= {*kinds, NOTHING}:
        _refuse(
            place,
            f"{' | '.join(rest) or 'nothing after the bar'!r} is no kind of order",
            "A row must say what a clinician sees in these words",
            f"Use {NOTHING}, or one or more, joined by a comma, of: {', '.join(kinds)}",
        )
    return OrderCase(text, named - {NOTHING}, place)


def _wrong(orders: Orders) -> Iterator[Problem]:
    for case in orders.cases:
        found = orders.recognised(case.text)
        if set(found) != case.expect:
            yield Problem(
                case.place,
                f"the order {case.text!r} is {_named(case.expect)}, "
                f"but its words are read as {_named(found)}",
                "Words that disagree with their own cases cannot be trusted",
                "Mend the words or the row",
            )


def _unnoticed(orders: Orders, place: Place) -> Iterator[Problem]:
    """Yield each word that could be left out without any row noticing it."""
    listed = [(where, word) for where, words in orders.words.items() for word in words]
    alone = PhraseIndex({str(number): (word,) for number, (_, word) in enumerate(listed)})
    noticed: set[int] = set()
    for case in orders.cases:
        heard = [int(number) for number in alone.names(case.text)]
        places = [listed[number][0] for number in heard]
        for number, where in zip(heard, places, strict=True):
            without = set(places) - {where}
            if places.count(where) == 1 and orders.kinds_of(without) != orders.kinds_of(
                set(places)
            ):
                noticed.add(number)
    for number, (where, word) in enumerate(listed):
        if number not in noticed:
            yield Problem(
                place,
                f"no row needs the words {word!r} ({where})",
                "They could be wrong or left out, and every row would still agree",
                "Add a row that has them and no others of their kind",
            )


def _named(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds)) or NOTHING


def _refuse(place: Place, what: str, why: str, remedy: str) -> NoReturn:
    raise ContentError([Problem(place, what, why, remedy)])


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]
