"""The orders of the content compiled for reading: what a written order asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from cds_service.fhir.access import as_dict, as_list, as_text, codings, concepts
from cds_service.fhir.terms import normal, system_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from cds_service.content.orders import OrderDefinition, Orders

# The codes of a site for each kind of order, as pairs of system and code.
SiteOrders: TypeAlias = "Mapping[str, Collection[tuple[str, str]]]"

# Where each resource says what it asks for, from DSTU2 to R5. A medicine asks for none of these.
_ASKED_IN: Mapping[str, tuple[str, ...]] = {
    "ServiceRequest": ("code",),
    "ProcedureRequest": ("code",),
    "DiagnosticRequest": ("code",),
    "DiagnosticOrder": ("code",),
    "ReferralRequest": ("serviceRequested", "type", "specialty"),
    "DeviceRequest": ("code", "codeCodeableConcept"),
    "Appointment": ("serviceType", "serviceCategory", "specialty", "appointmentType"),
}


class OrderIndex:
    """Recognises orders by their codes, by the codes of the site, and by their words."""

    def __init__(self, orders: Orders, site_orders: SiteOrders) -> None:
        """Compile. Raises ValueError for site codes of an order that the content does not know."""
        self._orders = orders
        self._codes = {
            (code.system, normal(code.system, code.code)): (kind.id, str(code))
            for kind in orders.kinds.values()
            for code in kind.codes
        }
        self._site: dict[tuple[str, str], str] = {}
        for name, codes in site_orders.items():
            if name not in orders.kinds:
                msg = f"there is no order {name!r}; use one of: {', '.join(orders.kinds)}"
                raise ValueError(msg)
            self._site |= dict.fromkeys(codes, name)

    @property
    def finding(self) -> str:
        """Return the finding that an order for an image says of the patient."""
        return self._orders.finding

    def kind(self, name: str) -> OrderDefinition:
        """Return a kind of order by its name."""
        return self._orders.kinds[name]

    def recognised(self, resource: Mapping[str, Any]) -> dict[str, str]:
        """Return the kinds of orders that a resource asks for, each with what says so.

        A code settles it; words count where no code is known. The words of the body site are
        read together with those of the order: "MRI", of the "lumbar spine".
        """
        asked = list(_asked(resource))
        by_code = dict(found for concept in asked for found in self._by_code(concept))
        if by_code:
            return by_code
        texts = list(dict.fromkeys(text for concept in asked for text in _texts(concept)))
        sites = [text for each in concepts(resource.get("bodySite")) for text in _texts(each)]
        by_word = self._by_words(texts)
        if not by_word and sites:
            by_word = self._by_words([f"{text}, {site}" for text in texts for site in sites])
        return by_word

    def _by_code(self, concept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for coding in codings(concept):
            uri, code = as_text(coding.get("system")), as_text(coding.get("code"))
            if code is None:
                continue
            if uri is not None and (uri, code) in self._site:
                words = as_text(coding.get("display")) or as_text(concept.get("text"))
                yield self._site[uri, code], f"{words or 'order'} (site code {code})"
                continue
            system = system_of(coding)
            found = self._codes.get((system, normal(system, code))) if system else None
            if found:
                yield found

    def _by_words(self, texts: list[str]) -> dict[str, str]:
        return {
            kind: f"“{text[:_MAX_QUOTE]}” (from text)"
            for text in texts
            for kind in self._orders.recognised(text)
        }


_MAX_QUOTE = 120


def _asked(resource: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the concepts that say what is asked for; the words of an appointment are one."""
    for name in _ASKED_IN.get(resource["resourceType"], ()):
        yield from concepts(resource.get(name))
    for item in as_list(resource.get("item")):
        yield from concepts(as_dict(item).get("code"))
    if resource["resourceType"] == "Appointment":
        yield {"text": resource.get("description")}


def _texts(concept: Mapping[str, Any]) -> list[str]:
    shown = [concept.get("text"), *(coding.get("display") for coding in codings(concept))]
    return [text for text in map(as_text, shown) if text]
