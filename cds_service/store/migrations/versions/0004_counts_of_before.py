"""Daily counts of what was kept before they were counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context, op

if TYPE_CHECKING:
    from cds_service.store.filling import Filling

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Count the decisions and the feedback that are there."""
    filling: Filling = context.config.attributes["filling"]
    filling.fill(op.get_bind())
