"""When the pins of a running proxy are looked at again: at the next beat, or when something happens to them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

from smgwproxy.beat import INTERVAL, until_next
from smgwproxy.inotify import Inotify
from smgwproxy.truststores.base import StandingPins
from smgwproxy.truststores.record import Pin
from smgwproxy.turns import Event

_AT_REST = 3600.0  # seconds; who rests looks all the same: the date may be another one, or a disk be mounted
_MOMENT = 0.2  # seconds: who writes a file in place does so piece by piece
_NEVER = -math.inf


class Lookout:
    """Lets those who look at trust stores sleep while nothing happens to the files, by one `Inotify` for all.

    Where pins name no files, or these cannot be watched, it is time to look every ``interval`` seconds. Where much
    happens beside them, nobody is woken by it more often than every ``calm`` seconds. For the greenlets of one
    thread. ``inotify`` makes what watches. Must be closed.
    """

    def __init__(
        self, inotify: Callable[[], Inotify] = Inotify, interval: float = INTERVAL, calm: float = INTERVAL
    ) -> None:
        self._make = inotify
        self._interval = interval
        self._calm = calm
        self._woken: dict[Event, float] = {}  # when
        self._inotify: Inotify | None = None
        self._watcher: Any = None  # gevent's, of the inotify
        self._marks: dict[Event, set[int]] = {}
        with suppress(OSError):  # it is tried again once there is something to watch
            self._made()  # now, since what a program loads while it is small takes a megabyte less

    def wait(self, stirred: Event, pins: Sequence[Pin], at_rest: Callable[[], bool] = lambda: True) -> None:
        """Wait until it is time to look again, for one who looked ``pins`` up.

        For one who is ``at_rest``, with nothing else to do, that is when something happened to the files of these,
        or when ``stirred``, an event of gevent's and of nobody else's, is set; it comes a moment later.
        """
        stirred.clear()  # before anybody looks whether there is anything to do
        if not (self._tells(stirred, pins) and at_rest()):
            gevent.sleep(until_next(self._interval))
        elif stirred.wait(until_next(_AT_REST)):
            before, self._woken[stirred] = self._woken.get(stirred, _NEVER), time.monotonic()
            gevent.sleep(_MOMENT if self._woken[stirred] - before > self._calm else self._calm)

    def leave(self, stirred: Event) -> None:
        """Forget whose event that is; harmless when done twice."""
        self._woken.pop(stirred, None)
        self._forget(self._marks.pop(stirred, set()))

    def close(self) -> None:
        """Watch nothing any more. Nobody may wait; harmless when done twice."""
        inotify, self._inotify = self._inotify, None
        self._marks.clear()
        if inotify is not None:
            self._watcher.stop()
            self._watcher.close()
            inotify.close()

    def _tells(self, stirred: Event, pins: Sequence[Pin]) -> bool:
        """Tell whether ``pins`` stand and ``stirred`` is set from now on as soon as that may no longer be so."""
        if not isinstance(pins, StandingPins) or pins.files is None:
            return False
        try:
            self._watch(stirred, pins.files)
        except Exception:  # noqa: BLE001  # no inotify, not so many files of this user, or what is no path at all
            return False
        return pins.stand  # what happened before the files were watched shows now

    def _watch(self, stirred: Event, files: Iterable[Path]) -> None:
        """Watch ``files``, and for this event no others any more."""
        marks = self._marks.setdefault(stirred, set())
        wanted = set()
        for file in files:
            for mark in self._made().watch(file):
                marks.add(mark)
                wanted.add(mark)
        self._marks[stirred] = wanted
        self._forget(marks - wanted)

    def _made(self) -> Inotify:
        if self._inotify is None:
            self._inotify = self._make()
            self._watcher = gevent.get_hub().loop.io(self._inotify.handle, 1)  # to be read from
        if not self._watcher.active:
            self._inotify.drain()  # of that everybody has been told who may have slept
            self._watcher.start(self._ring)
        return self._inotify

    def _forget(self, marks: Iterable[int]) -> None:
        if self._inotify is not None:
            self._inotify.forget(set(marks).difference(*self._marks.values()))

    def _ring(self) -> None:
        """Wake all who wait: who has no part in it sees so at a glance. More is told once one sleeps again."""
        self._watcher.stop()
        for stirred in self._marks:
            stirred.set()
