"""What the proxy of one gateway has done, and how it is, in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from smgwproxy.commands.text import time
from smgwproxy.errors import GatewayError
from smgwproxy.origin import Origin
from smgwproxy.proxy import Exchange, Report
from smgwproxy.truststores.base import utc_now


class Tally:
    """A `smgwproxy.proxy.Report` that counts, and hands each exchange on to ``report``.

    What it tells holds nothing of a request or an answer: everybody on the machine may read a service's status.
    """

    def __init__(self, report: Report, now: Callable[[], datetime] = utc_now) -> None:
        self._report = report
        self._now = now
        self._answered = 0
        self._trouble = ""

    def __call__(self, exchange: Exchange, /) -> None:
        """Count ``exchange``, and keep in mind what was wrong with the gateway, if anything was."""
        self._answered += 1
        if isinstance(exchange.error, GatewayError):
            error = exchange.error  # its message may quote the gateway
            self._trouble = f"last trouble {time(self._now())}: {error.title} ({error.proxy_error})"
        self._report(exchange)

    def text(self, target: Origin, clients: int) -> str:
        """Tell how it is, with ``clients`` connected."""
        facts = (
            f"forwards to https://{target}/",
            f"{_number(self._answered, 'request')} answered",
            f"{_number(clients, 'client')} connected",
            self._trouble,
        )
        return "; ".join(fact for fact in facts if fact)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else f'{noun}s'}"
