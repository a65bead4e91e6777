"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

METADATA = MetaData()


class Moment(TypeDecorator[str]):
    """A moment in UTC, given and taken as ISO 8601, which sorts by time.

    SQLite has no type for moments, so it keeps that text.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type in a database."""
        return dialect.type_descriptor(
            String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        )

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401  a text or a datetime, as the database has it
        """Give a moment to a database."""
        return value if value is None or dialect.name == "sqlite" else datetime.fromisoformat(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002  as above
        """Take a moment from a database."""
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


DECISIONS = Table(
    "decisions",
    METADATA,
    Column("uuid", String(36), primary_key=True),
    Column("at", Moment(), nullable=False),
    Column("service", String(64), nullable=False),
    Column("client", Text),
    Column("patient", String(32)),  # a keyed hash, as is the encounter
    Column("encounter", String(32)),
    Column("gate", String(8), nullable=False),
    Column("judged", Boolean, nullable=False),
    Column("criteria", Text, nullable=False),  # JSON: ids by state
    Column("unanswered", Text, nullable=False),  # JSON: names of findings
    Column("topics", Text, nullable=False),  # JSON
    Column("cards", Text, nullable=False),  # JSON: uuid, topic, indicator, suggestions of each
    Column("profile", String(64), nullable=False),
    Column("digest", String(80), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("shadow", Boolean, nullable=False),
    # Each index is paid for by every call; the uuid grows with time and so finds moments as well.
    Index("decisions_by_patient", "patient"),
)

# A view on the cards of all decisions. A table of them would touch a page of the file for each
# card and each of its indexes, which costs as much as the decision; reports can wait instead.
CARDS = Table(
    "cards",
    MetaData(),
    Column("uuid", String(36)),
    Column("decision", String(36)),
    Column("topic", String(64)),
    Column("indicator", String(16)),
)

# A card may be reported several times, and by a uuid that nobody knows here.
FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("card", String(255), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("at", Moment(), primary_key=True),  # the client's time
    Column("received", Moment(), nullable=False),
    Column("service", String(64), nullable=False),
    Column("client", Text),
    Column("suggestions", Text, nullable=False),  # JSON: ids of those accepted
    Column("reason_system", Text),
    Column("reason_code", Text),
    Column("reason_display", Text),
    Column("comment", Text),
)

# What happened on a day, added up in the transaction that keeps it, so that a report over a year
# reads some hundred thousand short rows and no judged call. The day is that of UTC. By kind:
#   call        name: "judged", or "gate" where it could not be judged; topic: ""
#   card        a card that was sent; name: its indicator
#   shadowed    a card that shadow mode kept back; name: its indicator
#   criterion   a criterion that was met; name: its id; topic: ""
#   unanswered  a finding that was asked for and not answered; topic: ""
#   latency     a call; name: the upper edge of its bucket in seconds ("0.001" to "30.0"), or
#               "+Inf"; each call counts in one bucket; topic: ""
#   outcome     a card's first feedback; name: accepted or overridden
#   reason      why, where that first feedback is an override that says so; name: a code of the
#               content, or "other"
# An outcome and a reason count on the day of the card, for its service. Of a card that nobody
# knows the topic is "", the day that on which the feedback came.
DAILY_COUNTS = Table(
    "daily_counts",
    METADATA,
    Column("day", String(10), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("service", String(64), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# Sealed by a key that is kept nowhere but in a browser's cookie.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("name", String(64), primary_key=True),  # a hash
    Column("content", Text, nullable=False),
    Column("until", Moment(), nullable=False),
    Index("sessions_by_time", "until"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("issuer", String(64), primary_key=True),  # a hash, as is the id of the token
    Column("token", String(64), primary_key=True),
    Column("until", Moment(), nullable=False),
    Index("tokens_by_time", "until"),
)
