"""What the signals ask of a running proxy."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator

import gevent
import gevent.event


class Signals:
    """SIGTERM and SIGINT end the program: the first begins the end, the second breaks off what still runs.

    SIGHUP asks for a reload where ``reloads``, else it ends the program as well. ``grace`` is what is told of the
    end; ``break_off`` breaks off running requests, and tells whether there were any. Lasts until the process ends,
    since a signal that nobody waits for would kill it.
    """

    def __init__(
        self, logger: logging.Logger, grace: float, break_off: Callable[[], bool], *, reloads: bool
    ) -> None:
        self._logger = logger
        self._grace = grace
        self._break_off = break_off
        self._ending = False
        self._asked = gevent.event.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._end, number)
        gevent.signal_handler(signal.SIGHUP, self._reload if reloads else self._end, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # see `smgwproxy.cli`

    def reloads(self) -> Iterator[None]:
        """Yield each time that a reload is asked for, until the end is; several before the next one are one."""
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._ending:
                return
            yield

    def _reload(self, number: int) -> None:
        name = signal.Signals(number).name
        if self._ending:
            self._logger.info("%s: nothing is read again, since the program ends", name)
        else:
            self._asked.set()

    def _end(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self._ending:
            self._logger.info("%s: no new connections, running requests have %g s to finish", name, self._grace)
            self._ending = True
            self._asked.set()
        elif self._break_off():
            self._logger.warning("%s again: running requests are broken off", name)
