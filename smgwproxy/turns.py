"""The queue before the gateway: a number of places, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol


class Event(Protocol):
    """The part of `threading.Event` that is needed; gevent's has it too."""

    def set(self) -> None:
        """Wake the one who waits."""
        ...

    def clear(self) -> None:
        """Let who waits from now on wait for the next `set`."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for `set`, ``timeout`` seconds at most; the return value tells whether it came."""
        ...


class Turns:
    """At most ``places`` at a time hold a turn; the others wait in the order in which they came.

    A place that comes free is handed to the longest waiting one, so nobody can overtake. ``event`` makes what
    a waiter waits on: `threading.Event` or gevent's. Safe between threads and between greenlets; the lock is
    held for a few instructions only, and never while waiting.
    """

    def __init__(self, places: int, event: Callable[[], Event] = threading.Event) -> None:
        self._places = places
        self._free = places  # below zero when there are fewer places than are taken
        self._event = event
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()

    @property
    def unused(self) -> bool:
        """Tell whether nobody has a turn."""
        with self._lock:
            return self._free >= self._places

    def enter(self, timeout: float) -> bool:
        """Wait for a turn, ``timeout`` seconds at most; False when none came, else `leave` must be called."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return True
            mine = self._event()
            self._waiting.append(mine)
        try:
            if mine.wait(timeout):
                return True
        except BaseException:
            if not self._withdraw(mine):
                self.leave()
            raise
        # The turn may have been handed over at the very moment the wait ended: then it is ours.
        return not self._withdraw(mine)

    def leave(self) -> None:
        """Give the turn back."""
        self._free_more(1)

    def resize(self, places: int) -> None:
        """Let there be ``places`` from now on; where more are taken, those come free at their own time."""
        with self._lock:
            more, self._places = places - self._places, places
        self._free_more(more)

    def _free_more(self, places: int) -> None:
        with self._lock:
            self._free += places
            following = []
            while self._waiting and self._free > 0:
                self._free -= 1
                following.append(self._waiting.popleft())
        for waiter in following:
            waiter.set()

    def _withdraw(self, mine: Event) -> bool:
        with self._lock:
            try:
                self._waiting.remove(mine)
            except ValueError:
                return False
            return True
