"""What became of one gateway's requests, in numbers; no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from smgwproxy.errors import (
    CertificateChanged,
    CertificateRevoked,
    ExchangeError,
    GatewayBusy,
    GatewayError,
    PinRefused,
    PinWithdrawn,
    SmgwProxyError,
)
from smgwproxy.status import labels
from smgwproxy.status.course import Course
from smgwproxy.status.histogram import Histogram

LATENCIES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 180.0)
"""Seconds to an answer: a page takes some tenths on most gateways, an export two minutes."""
WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds in the queue."""

_OWN_AFFAIRS = (GatewayBusy, PinWithdrawn)  # of the proxy's side, and nothing that the gateway did
_REFUSED = (CertificateRevoked, PinRefused)
_DISTRUST = (CertificateChanged, *_REFUSED)


@dataclass(frozen=True, slots=True)
class Reach:
    """How the gateway was when it was last tried, and ``since`` when it is either way.

    ``trouble`` is the title of the last error, empty when it ``answers``; ``distrusted`` is the SHA-256 of the
    certificate that was presented when that was the trouble, else empty; ``refused`` tells whether it would not
    have been taken on first use, either.
    """

    answers: bool
    since: float
    trouble: str = ""
    distrusted: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """When the gateway last answered, and with which status."""

    at: float
    status: int


class Numbers:
    """Counts what it is told; keeps nothing of a request. Times are seconds on one clock, which must not jump."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        """By method and status."""
        self.refusals: Counter[str] = Counter()
        """By reason: requests that did not get the gateway's whole answer."""
        self.handshakes: Counter[bool] = Counter({False: 0, True: 0})
        """Those that were resumed are under True."""
        self.latency = Histogram(LATENCIES)
        self.queue = Histogram(WAITS)
        self.course = Course()
        self.reach: Reach | None = None
        """None until it was asked for something, or tried in vain."""
        self.last: LastAnswer | None = None

    def waited(self, seconds: float) -> None:
        """Count a wait for a turn."""
        self.queue.note(seconds)

    def ended(self, now: float, method: str, status: int, reached: bool, error: ExchangeError | None) -> None:
        """Count a request that is over, with the name of its method in metrics.

        ``reached`` tells whether the gateway answered it.
        """
        self.requests[method, labels.status(status)] += 1
        self.course.ended(now, failed=error is not None)
        if reached:
            self.last = LastAnswer(now, status)
        if error is not None:
            self.refused(error)
            self.found(now, error)

    def refused(self, error: ExchangeError) -> None:
        """Count a request that got no answer of the gateway's."""
        self.refusals[labels.reason(error)] += 1

    def shook_hands(self, resumed: bool) -> None:
        """Count a handshake."""
        self.handshakes[resumed] += 1

    def answered(self, now: float, seconds: float) -> None:
        """Count an answer that took ``seconds`` to come."""
        self.latency.note(seconds)
        self.course.answered(now, seconds)
        if self.reach is None or not self.reach.answers:
            self.reach = Reach(answers=True, since=now)

    def found(self, now: float, error: SmgwProxyError) -> None:
        """Take note of what was wrong with the gateway, if that is what ``error`` tells."""
        if isinstance(error, GatewayError) and not isinstance(error, _OWN_AFFAIRS):
            lasting = self.reach is not None and not self.reach.answers
            since = self.reach.since if self.reach is not None and lasting else now
            # Its title alone: the message may quote what the gateway sent.
            distrusted = error.presented if isinstance(error, _DISTRUST) else ""
            refused = isinstance(error, _REFUSED)
            self.reach = Reach(
                answers=False, since=since, trouble=error.title, distrusted=distrusted, refused=refused
            )
