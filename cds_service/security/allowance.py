"""What calls to a server may use up, what comes back, and why a call came to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from time import monotonic


class Fault(StrEnum):
    """Why a call came to nothing, in a word that can be counted."""

    NOT_ALLOWED = "not-allowed"
    ADDRESS = "address"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    BROKEN = "broken"
    STATUS = "status"


class OutboundError(Exception):
    """A call came to nothing: the fault, and words that hold no token and no query."""

    def __init__(self, fault: Fault, words: str) -> None:
        """Keep the fault, and the words for notes and logs."""
        super().__init__(words)
        self.fault = fault


class Allowance:
    """The time, and the bytes, that calls may use up together, from now on."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        """Start to count."""
        self._end = monotonic() + seconds
        self._bytes = max_bytes
        self._lock = Lock()

    def seconds_left(self) -> float:
        """Return the seconds left. Raises OutboundError once there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise OutboundError(Fault.TIMEOUT, "no answer in time")
        return left

    def is_used_up(self) -> bool:
        """Tell whether the time is over."""
        return monotonic() >= self._end

    def take(self, count: int) -> None:
        """Use up some bytes. Raises OutboundError once there are none left."""
        with self._lock:
            self._bytes -= count
            left = self._bytes
        if left < 0:
            raise OutboundError(Fault.TOO_LARGE, "the answer is too large")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: its status, and its body as it came."""

    status: int
    body: bytes
