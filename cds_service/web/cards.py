"""A CDS Hooks card as a page shows it: its urgency in words, its Markdown as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cds_service.web.markdown import html

if TYPE_CHECKING:
    from collections.abc import Mapping

URGENCY = {"critical": "Critical", "warning": "Warning", "info": "Information"}


def as_shown(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template of a card shows."""
    return {
        "urgency": URGENCY[card["indicator"]],
        "indicator": card["indicator"],
        "label": card["source"]["topic"]["display"],
        "summary": card["summary"],
        "detail": html(card["detail"]),
        "source": card["source"],
        "offers": [each["label"] for each in card.get("suggestions", ())],
        "reasons": [each["display"] for each in card["overrideReasons"]],
    }
