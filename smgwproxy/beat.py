"""When is done what is done from time to time: all at the same moments, so that an idle machine wakes once."""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL = 5.0
"""Seconds between two looks at a trust store, where nothing tells of its changes; each request looks as well."""


def until_next(seconds: float, clock: Callable[[], float] = time.monotonic) -> float:
    """Return how long to wait for the next moment that is a multiple of ``seconds``.

    A timer may come a little early or late: so it is half of ``seconds`` at least, and one and a half at most.
    """
    left = seconds - clock() % seconds
    return left if left >= seconds / 2 else left + seconds
