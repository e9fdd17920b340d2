"""What the signals ask of a running proxy."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import gevent
import gevent.event

from smgwproxy.deadline import caught, returned

_R = TypeVar("_R")


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
        self._end_begun = gevent.event.Event()
        self._asked = gevent.event.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._end, number)
        gevent.signal_handler(signal.SIGHUP, self._reload if reloads else self._end, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # see `smgwproxy.cli`

    @property
    def ending(self) -> bool:
        """Tell whether the end has begun."""
        return self._end_begun.is_set()

    def unless_ending(self, function: Callable[[], _R]) -> _R | None:
        """Return ``function()``, or None when the end begins first: then it is given up where it waits."""
        call = gevent.spawn(partial(caught, function))
        either: Sequence[Any] = (call, self._end_begun)
        gevent.wait(either, count=1)
        if not call.ready():
            call.kill()
            return None
        return returned(call.get())

    def reloads(self, also: gevent.event.Event) -> Iterator[bool]:
        """Yield True each time that a reload is asked for, and False each time that ``also`` is set.

        Ends when the end begins. Several before the next one are one.
        """
        either: Sequence[Any] = (self._asked, also)
        while True:
            gevent.wait(either, count=1)
            if self.ending:
                return
            asked = self._asked.is_set()
            (self._asked if asked else also).clear()
            yield asked

    def _reload(self, number: int) -> None:
        name = signal.Signals(number).name
        if self.ending:
            self._logger.info("%s: nothing is read again, since the program ends", name)
        else:
            self._asked.set()

    def _end(self, number: int) -> None:
        name = signal.Signals(number).name
        if not self.ending:
            self._logger.info("%s: no new connections, running requests have %g s to finish", name, self._grace)
            self._end_begun.set()
            self._asked.set()
        elif self._break_off():
            self._logger.warning("%s again: running requests are broken off", name)
