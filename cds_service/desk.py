"""What answering a call needs, put together once by the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cds_service.fhir.judge import Judge
from cds_service.journal import Journal
from cds_service.render.cards import CardWriter
from cds_service.tracing import UNTRACED, Tracing


@dataclass(frozen=True, slots=True)
class Desk:
    """The judge and the writer of cards, the profile, the clock, and what the site has set.

    ``aliases`` maps prefetch keys of the site to
    ours; ``max_body`` is in bytes. ``off`` are the topics that are switched off for a
    service, by its id. With ``shadow`` no card is sent. ``journal`` keeps what was judged, where
    anything is kept. ``tracing`` follows calls where somebody collects traces.
    """

    judge: Judge
    writer: CardWriter
    profile: str
    now: Callable[[], datetime]
    aliases: Mapping[str, str] = field(default_factory=dict)
    max_body: int = 10 * 1024 * 1024
    off: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shadow: bool = False
    journal: Journal | None = None
    tracing: Tracing = UNTRACED

    @property
    def check_topic(self) -> str:
        """Return the topic of the card that asks what is unanswered."""
        protocol = self.judge.content.protocols[self.profile]
        return protocol.courses[protocol.check].topic
