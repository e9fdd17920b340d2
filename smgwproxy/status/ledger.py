"""What happens to one gateway's requests: noted at once, and counted before anybody looks; no I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from smgwproxy.errors import ExchangeError, SmgwProxyError
from smgwproxy.proxy import Exchange
from smgwproxy.status import labels
from smgwproxy.status.counting import Numbers

_MOST = 100  # notes that wait; each is some hundred bytes


class Ledger:
    """A `smgwproxy.proxy.Report` and `smgwproxy.observing.Observer` that keeps numbers, and nothing of a request.

    What happens to a request is only noted while that waits, and counted while the next one waits for the gateway,
    or before anybody looks. For one thread. Times are on ``clock``, which must not jump as that of the day does.
    ``meanwhile`` is called while a request waits for the gateway, too: for what else can be done then.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._meanwhile = meanwhile
        self._counted = Numbers()
        self._noted: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    @property
    def numbers(self) -> Numbers:
        """All that has happened, counted."""
        self._count()
        return self._counted

    def __call__(self, exchange: Exchange, /) -> None:
        """Take note of ``exchange``."""
        method, reached = labels.method(exchange.request.method), exchange.reused is not None
        self._note(self._counted.ended, self._clock(), method, exchange.status, reached, exchange.error)
        if exchange.error is not None:  # which holds on to what it happened to
            self._count()

    def waited(self, seconds: float, /) -> None:
        """Take note of a wait for a turn."""
        self._note(self._counted.waited, seconds)

    def shook_hands(self, *, resumed: bool) -> None:
        """Take note of a handshake."""
        self._note(self._counted.shook_hands, resumed)

    def asked(self) -> None:
        """Count, and do what else can be done while the gateway works."""
        self._meanwhile()
        self._count()

    def answered(self, seconds: float, /) -> None:
        """Take note of an answer."""
        self._note(self._counted.answered, self._clock(), seconds)

    def refused(self, error: ExchangeError, /) -> None:
        """Count a request that got no answer of the gateway's."""
        self.numbers.refused(error)

    def failed(self, error: SmgwProxyError, /) -> None:
        """Take note that the gateway was tried in vain without a request, as first use at start does."""
        self.numbers.found(self._clock(), error)

    def _note(self, count: Callable[..., None], *facts: Any) -> None:
        self._noted.append((count, facts))
        if len(self._noted) >= _MOST:
            self._count()

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        for count, facts in noted:
            count(*facts)
