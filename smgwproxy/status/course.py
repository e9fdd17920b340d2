"""The last hours, in spans of a few minutes; no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = 300.0
"""The length of a span."""
SPANS = 72
"""How many are kept: six hours."""


@dataclass(slots=True)
class Span:
    """What happened from ``start``, on the clock of `time.monotonic`, for `SECONDS`.

    ``requests`` are those that ended, ``failed`` those of them that did not get the gateway's whole answer;
    ``answers`` those that the gateway began to give, which took ``seconds`` together, and one of them ``longest``.
    """

    start: float
    requests: int = 0
    failed: int = 0
    answers: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    @property
    def average(self) -> float:
        """Seconds to an answer; 0 where there was none."""
        return self.seconds / self.answers if self.answers else 0.0


class Course:
    """The last `SPANS` spans; what is older is forgotten. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque(maxlen=SPANS)  # those in which something happened

    def ended(self, now: float, *, failed: bool) -> None:
        """Take note of a request that is over."""
        span = self._now(now)
        span.requests += 1
        span.failed += failed

    def answered(self, now: float, seconds: float) -> None:
        """Take note of an answer that took ``seconds`` to come."""
        span = self._now(now)
        span.answers += 1
        span.seconds += seconds
        span.longest = max(span.longest, seconds)

    def spans(self, now: float) -> Sequence[Span]:
        """Return all `SPANS`, the present one last, with empty ones for times when nothing happened."""
        known = {span.start: span for span in self._spans}
        present = _start(now)
        starts = (present - before * SECONDS for before in range(SPANS - 1, -1, -1))
        return [known.get(start) or Span(start) for start in starts]

    def _now(self, now: float) -> Span:
        start = _start(now)
        if not self._spans or self._spans[-1].start != start:
            self._spans.append(Span(start))
        return self._spans[-1]


def together(spans: Sequence[Span]) -> Span:
    """Return one or more consecutive spans as one, which is longer."""
    return Span(
        spans[0].start,
        sum(span.requests for span in spans),
        sum(span.failed for span in spans),
        sum(span.answers for span in spans),
        sum(span.seconds for span in spans),
        max(span.longest for span in spans),
    )


def _start(now: float) -> float:
    return now // SECONDS * SECONDS
