"""Decisions, their cards, feedback and used tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_CARDS_IN_SQLITE = """
CREATE VIEW cards AS
SELECT json_extract(value, '$.uuid') AS uuid, decisions.uuid AS decision,
       json_extract(value, '$.topic') AS topic, json_extract(value, '$.indicator') AS indicator
FROM decisions, json_each(decisions.cards)
"""
_CARDS_IN_POSTGRESQL = """
CREATE VIEW cards AS
SELECT card ->> 'uuid' AS uuid, decisions.uuid AS decision,
       card ->> 'topic' AS topic, card ->> 'indicator' AS indicator
FROM decisions, json_array_elements(decisions.cards::json) AS card
"""
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "decisions",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("client", sa.Text),
        sa.Column("patient", sa.String(32)),
        sa.Column("encounter", sa.String(32)),
        sa.Column("gate", sa.String(8), nullable=False),
        sa.Column("judged", sa.Boolean, nullable=False),
        sa.Column("criteria", sa.Text, nullable=False),
        sa.Column("unanswered", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("cards", sa.Text, nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
    )
    op.create_index("decisions_by_patient", "decisions", ["patient"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(_CARDS_IN_SQLITE if sqlite else _CARDS_IN_POSTGRESQL)
    op.create_table(
        "feedback",
        sa.Column("card", sa.String(255), primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("at", _MOMENT, primary_key=True),
        sa.Column("received", _MOMENT, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("client", sa.Text),
        sa.Column("suggestions", sa.Text, nullable=False),
        sa.Column("reason_system", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("reason_display", sa.Text),
        sa.Column("comment", sa.Text),
    )
    op.create_table(
        "tokens",
        sa.Column("issuer", sa.String(64), primary_key=True),
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("until", _MOMENT, nullable=False),
    )
    op.create_index("tokens_by_time", "tokens", ["until"])
