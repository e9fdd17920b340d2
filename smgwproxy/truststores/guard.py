"""Calls a trust store, whoever wrote it: it answers in time, or there is an error that names it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from smgwproxy.deadline import Call, Overdue
from smgwproxy.errors import ExchangeError, TrustEditError, TrustStoreError, in_one_line
from smgwproxy.phrases import phrase
from smgwproxy.truststores.base import TrustStore

_R = TypeVar("_R")

_MOST_OVERDUE = 3  # calls that are still running past their deadline; each holds a thread


class Guard:
    """Waits for ``store`` at most ``seconds`` for a call, through ``call``.

    A store that hangs costs a few threads and no more: then calls fail at once until it comes back. Safe between
    threads and greenlets.
    """

    def __init__(self, store: TrustStore, call: Call, seconds: float) -> None:
        self.store = store
        self._call = call
        self._seconds = seconds
        self._lock = threading.Lock()  # held for a few instructions, never while waiting
        self._overdue = 0

    @property
    def name(self) -> str:
        """Which store it is: its class, with the module it is from."""
        kind = type(self.store)
        return f"{kind.__module__}.{kind.__qualname__}"

    def ask(self, question: Callable[[], _R]) -> _R:
        """Return ``question()``, a call of the store.

        Raises `TrustStoreError` for whatever a store raises that is neither an `ExchangeError` nor a
        `TrustEditError`, and when it does not return in time.
        """
        with self._lock:
            hangs = self._overdue >= _MOST_OVERDUE
        if hangs:
            raise self._hangs()
        watched = _Watched(question, self._count)
        try:
            return self._call(watched, self._seconds)
        except Overdue as error:
            raise self._hangs() from error
        except (ExchangeError, TrustEditError):
            raise
        except Exception as error:
            raise self.faulty(
                phrase("failed with {kind}: {error}", kind=type(error).__name__, error=in_one_line(error))
            ) from error
        finally:
            watched.give_up()  # also when the greenlet that waits is killed

    def faulty(self, what: str) -> TrustStoreError:
        """Make the error that says ``what`` the store did."""
        return TrustStoreError(
            phrase("The trust store {name} {what}. Nothing was sent.", name=self.name, what=what),
            phrase("Look after the store, or choose another one with --truststore."),
        )

    def _hangs(self) -> TrustStoreError:
        return self.faulty(phrase("did not answer within {seconds:g} s", seconds=self._seconds))

    def _count(self, change: int) -> None:
        with self._lock:
            self._overdue += change


class _Watched(Generic[_R]):
    """A call that is counted for as long as it runs after everybody gave it up; one not begun by then never is."""

    def __init__(self, function: Callable[[], _R], count: Callable[[int], None]) -> None:
        self._function = function
        self._count = count
        self._lock = threading.Lock()
        self._running = False
        self._given_up = threading.Event()

    def __call__(self) -> _R:
        with self._lock:
            if self._given_up.is_set():
                raise Overdue
            self._running = True
        try:
            return self._function()
        finally:
            with self._lock:
                self._running = False
                if self._given_up.is_set():
                    self._count(-1)

    def give_up(self) -> None:
        with self._lock:
            self._given_up.set()
            if self._running:
                self._count(1)
