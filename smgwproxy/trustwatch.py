"""A running proxy's eye on its trust store: first use at start, what people change, certificates that end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from weakref import ReferenceType

import gevent

from smgwproxy.beat import INTERVAL, until_next
from smgwproxy.errors import SmgwProxyError, TrustStoreError
from smgwproxy.gateway import Gateway
from smgwproxy.lookout import Lookout
from smgwproxy.truststores.base import EditableTrustStore, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin

_TELL_AGAIN = timedelta(hours=24)


class TrustWatch:
    """Pins the gateway at start if it answers, and from then on follows what happens to its pins.

    Every `INTERVAL` seconds connections made under a pin that is no longer in force are ended, and a change of the
    pins is logged. While there is no connection, and whatever happens to the pins is told (see
    `smgwproxy.lookout`), nothing is done before that, or an hour later. Certificates that have ended, or will
    within 60 days, are told at start and every day. What else is stored is told only of a gateway that is
    ``alone``: others of this program tell theirs. ``failed`` is told why the gateway could not be pinned at start.
    """

    def __init__(
        self,
        gateway: Gateway,
        guard: Guard,
        logger: logging.Logger,
        now: Callable[[], datetime] = utc_now,
        *,
        failed: Callable[[SmgwProxyError], None] = lambda _: None,
        alone: bool = True,
    ) -> None:
        self._gateway = gateway
        self._guard = guard
        self._logger = logger
        self._now = now
        self._failed = failed
        self._alone = alone
        self._pins: Sequence[Pin] = ()
        self._trouble = ""
        self._told_at: datetime | None = None

    def run(self, lookout: Lookout) -> None:
        """Run until the greenlet is killed, with a gateway that waits in gevent."""
        gateway = self._gateway
        pins = self.begin()
        try:
            while True:
                lookout.wait(gateway.stirred, pins, lambda: gateway.at_rest)
                pins = self.step()
        finally:
            lookout.leave(gateway.stirred)

    def begin(self) -> Sequence[Pin]:
        """Tell what is stored, as the original does at start, and pin the gateway if it answers; as `step`."""
        with self._logged():
            self._tell_stored()
        pins: Sequence[Pin] = ()
        with self._logged():
            pins = self._gateway.follow() or self._gateway.ensure_pinned()  # only the latter needs a turn
            self._tell(pins)
        return pins

    def step(self) -> Sequence[Pin]:
        """Look once, and return the pins in force; none where they are not known."""
        pins: Sequence[Pin] = ()
        with self._logged():
            pins = self._gateway.follow()
            self._tell(pins)
        return pins

    def _tell_stored(self) -> None:
        store = self._guard.store
        if not isinstance(store, EditableTrustStore):
            return
        for warning in self._guard.ask(store.warnings):
            self._logger.warning("trust store: %s", warning)
        for origin in self._guard.ask(store.origins):
            if not self._alone and origin != self._gateway.origin:
                continue
            with self._logged():  # one that cannot be read hides no other
                for pin in self._guard.ask(lambda: store.lookup(origin)):  # noqa: B023  # it is called at once
                    self._logger.info("stored certificate of %s: %s", origin, _described(pin))

    def _tell(self, pins: Sequence[Pin]) -> None:
        now, origin = self._now(), self._gateway.origin
        changed, self._pins = list(pins) != list(self._pins), pins
        if changed and not pins:
            self._logger.warning("the gateway %s is not pinned any more", origin)
        due = self._told_at is None or now - self._told_at >= _TELL_AGAIN
        for pin in pins:
            if changed:
                self._logger.info("the gateway %s is pinned: %s", origin, _described(pin))
            if (changed or due) and (ending := pin.ending(now)):
                self._logger.warning("the pinned certificate of %s %s", origin, ending)
        if changed or due:
            self._told_at = now

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Log an error, once while it lasts, and go on: each request meets it again, and is refused then."""
        trouble = ""
        try:
            yield
        except TrustStoreError as error:
            trouble = str(error)
            if trouble != self._trouble:
                self._logger.error("%s", error)  # noqa: TRY400  # the text says all; a traceback would frighten
        except SmgwProxyError as error:
            self._logger.warning("not pinned yet: %s", error)
            self._failed(error)
        except Exception:  # who watches must go on
            self._logger.exception("a fault while looking at the trust store")
        self._trouble = trouble


def see_out(gateway: ReferenceType[Gateway], logger: logging.Logger, interval: float = INTERVAL) -> None:
    """Follow the pins of a closed gateway every ``interval`` seconds, until it is gone with its last exchange.

    An error is told once while it lasts.
    """
    trouble = ""
    while (left := gateway()) is not None:
        before, trouble = trouble, ""
        try:
            left.follow()
        except SmgwProxyError as error:
            trouble = str(error)
            if trouble != before:
                logger.warning("%s", error)
        left = None
        gevent.sleep(until_next(interval))


def _described(pin: Pin) -> str:
    ends = f", ends {pin.not_after}" if pin.not_after else ""
    return f"SHA-256 {pin.fingerprint}, {pin.subject or 'subject unreadable'}{ends}"
