"""When a simulated gateway locks itself: after wrong logins, too many polls, or for a self-test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from smgwproxy.demo.times import Clock


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a gateway is.

    ``wrong_logins`` in a row, or more than ``polls`` logins within ``period``, lock it for ``period``.
    """

    wrong_logins: int = 5
    polls: int = 60
    period: timedelta = timedelta(minutes=10)


class Guard:
    """Counts wrong logins and polls, and knows whether the gateway is locked now."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.wrong_logins = 0
        """All wrong logins ever seen."""
        self._limits = limits
        self._clock = clock
        self._wrong_in_a_row = 0
        self._polls: list[datetime] = []
        self._locked_until: datetime | None = None

    @property
    def locked(self) -> bool:
        """Whether the gateway is locked now."""
        return self._locked_until is not None and self._clock() < self._locked_until

    def lock(self, period: timedelta | None = None) -> None:
        """Lock the gateway for ``period``, the usual one unless told."""
        self._locked_until = self._clock() + (self._limits.period if period is None else period)

    def wrong_login(self) -> None:
        """Count a wrong login."""
        self.wrong_logins += 1
        self._wrong_in_a_row += 1
        if self._wrong_in_a_row >= self._limits.wrong_logins:
            self._wrong_in_a_row = 0
            self.lock()

    def good_login(self) -> None:
        """Forget the wrong logins in a row."""
        self._wrong_in_a_row = 0

    def poll(self) -> None:
        """Count a poll, and lock the gateway when they come too fast."""
        now = self._clock()
        self._polls = [at for at in self._polls if now - at < self._limits.period]
        self._polls.append(now)
        if len(self._polls) > self._limits.polls:
            self._polls.clear()
            self.lock()
