"""The first page: what runs here and how it is, where to go, and how an EHR connects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from cds_service import __version__
from cds_service.hooks.services import SERVICES

if TYPE_CHECKING:
    from flask import Blueprint

    from cds_service.desk import Desk
    from cds_service.journal import Journal


def add_home(routes: Blueprint, desk: Desk) -> None:
    """Add the route of the first page."""
    content = desk.judge.content
    definitions = content.criteria.values()
    approved = sum(each.sign_off.status == "approved" for each in definitions)

    @routes.get("/")
    def home() -> str:
        return render_template(
            "home.html",
            version=__version__,
            profile=desk.profile,
            digest=content.digest,
            criteria=len(content.criteria),
            approved=approved,
            services=SERVICES.values(),
            off={name: sorted(topics) for name, topics in desk.off.items() if topics},
            shadow=desk.shadow,
            store=_store(desk.journal),
            base=request.url_root.rstrip("/"),
        )


def _store(journal: Journal | None) -> tuple[bool, str]:
    """Return whether what is judged is kept as it should be, and how that stands, in words."""
    if journal is None:
        return True, "Nothing is kept: no store is set up."
    health = journal.health()
    if not health.keeping:
        return False, f"Nothing is kept at present; {health.lost} judged calls are lost."
    if not health.reachable:
        return False, f"The database cannot be reached; {health.spooled} rows wait on the disk."
    if health.spooled:
        return True, f"The database is reached; {health.spooled} rows wait to be written."
    return True, "The database is reached, and every judged call is kept."
