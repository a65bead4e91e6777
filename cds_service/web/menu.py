"""The pages that a visitor can open, as the menu and the first page name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


@dataclass(frozen=True, slots=True)
class Entry:
    """A page: its endpoint, its name in the menu, and what one does there."""

    endpoint: str
    name: str
    says: str


_PAGES = (
    Entry("site.home", "What runs here", ""),
    Entry(
        "site.open_trial",
        "Try a patient",
        "Judge a sample or a Bundle of your own, see why, and change single findings.",
    ),
    Entry(
        "web.open_form",
        "Red-flag form",
        "Ask what the record does not say, and see what follows.",
    ),
    Entry(
        "site.list_criteria",
        "Criteria",
        "Read every rule, its source, its codes and its worked cases; print a sheet to sign.",
    ),
    Entry("insight.show", "Insight", "See which cards are shown, and what becomes of them."),
    Entry("interface.show", "Interface", "Every route, and a way to call it from here."),
)
# They judge a record, so they ask for a token where callers are asked; a browser has none.
FOR_CALLERS = frozenset({"site.open_trial", "web.open_form"})


def menu(closed: Container[str]) -> tuple[Entry, ...]:
    """Return the pages without those whose endpoints a visitor could not open."""
    return tuple(each for each in _PAGES if each.endpoint not in closed)
