"""A trust store that is long in opening, and what stands in for it until it is open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Never

import gevent
import gevent.event

from smgwproxy.backend import Backend
from smgwproxy.certificate import Certificate
from smgwproxy.deadline import Overdue
from smgwproxy.errors import ConfigError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.truststores import TrustStore

AGAIN = 10.0
"""Seconds until a store that failed to open is opened again."""
_AS_LONG_AS_IT_TAKES = 1e6  # seconds; a second call beside one that hangs would hang, too


class Opening:
    """Opens a store by ``function``, in the threads of ``backend``, again and again until it is open.

    ``late`` is called when it has opened after somebody gave up waiting. Lines go to ``logger``.
    """

    def __init__(
        self,
        function: Callable[[float], TrustStore],
        backend: Backend,
        late: Callable[[], None],
        logger: logging.Logger,
    ) -> None:
        self.store: TrustStore | None = None
        """The store, once it is open."""
        self._function = function
        self._backend = backend
        self._late = late
        self._logger = logger
        self._over = gevent.event.Event()  # the first time
        self._failed: ConfigError | None = None
        self._given_up = False
        self._running = gevent.spawn(self._run)

    def wait(self, seconds: float) -> TrustStore:
        """Return the store, or what stands in for it when it is not open within ``seconds``.

        Raises `ConfigError` when it could not be opened.
        """
        self._over.wait(seconds)
        if self.store is not None:
            return self.store
        if self._failed is not None:
            raise self._failed
        self._given_up = True
        self._logger.warning(
            "the trust store was not open within %g s; until it is, clients of this gateway are refused", seconds
        )
        return Unopened(self)

    def end(self) -> None:
        """Try no more."""
        self._running.kill(block=False)

    def _run(self) -> None:
        while not self._opened():
            if not self._given_up:
                return
            gevent.sleep(AGAIN)
        if self._given_up:
            self._logger.info("the trust store is open")
            self._late()

    def _opened(self) -> bool:
        try:
            self.store = self._backend.call(lambda: self._function(_AS_LONG_AS_IT_TAKES), _AS_LONG_AS_IT_TAKES)
        except Overdue:
            return False
        except ConfigError as error:
            self._failed = error
            if self._given_up:
                self._logger.error("the trust store cannot be opened: %s", error)  # noqa: TRY400  # the text says all
            return False
        finally:
            self._over.set()
        return True


class Unopened:
    """Stands in for the store of ``opening``: who asks is refused, so nothing is trusted and nothing sent."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    def lookup(self, origin: Origin) -> Never:
        """Raise `TrustStoreError`."""
        raise _not_open(origin)

    def pin(self, origin: Origin, certificate: Certificate) -> Never:  # noqa: ARG002  # the protocol has it
        """Raise `TrustStoreError`."""
        raise _not_open(origin)


def _not_open(origin: Origin) -> TrustStoreError:
    return TrustStoreError(
        phrase("The trust store, which tells whether {origin} is to be trusted, is not open yet.", origin=origin),
        phrase("See whether its disk or its server answers; the log of the proxy has the details."),
    )
