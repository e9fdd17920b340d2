"""Calls of what may hang: in a thread that is left behind when it takes too long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

_R = TypeVar("_R")


class Overdue(Exception):  # no error that anybody is told: who waits translates it
    """A call did not return in time; its thread is left behind."""


class Call(Protocol):
    """Calls a function that may block on files or a database, and waits for what it returns."""

    def __call__(self, function: Callable[[], _R], seconds: float, /) -> _R:
        """Return ``function()``; its errors pass through. Raises `Overdue` after ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Raised:
    """An error that a function raised in another thread."""

    error: Exception


def caught(function: Callable[[], _R]) -> _R | Raised:
    """Call ``function`` and return its error instead of raising it."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001  # every one is raised again, where it was called from
        return Raised(error)
    except BaseException as error:  # noqa: BLE001  # such as SystemExit: nobody in this thread may end the program
        return Raised(RuntimeError(f"{type(error).__name__}: {error}"))


def returned(outcome: _R | Raised) -> _R:
    """Return what `caught` made of a function: what that returned, or the error that it raised.

    To be called with what no variable of the caller has: a traceback keeps its frames, and they would keep it.
    """
    if not isinstance(outcome, Raised):
        return outcome
    try:
        raise outcome.error
    finally:
        del outcome


def call_in_thread(function: Callable[[], _R], seconds: float, /) -> _R:
    """Be a `Call` that blocks the thread that calls."""
    outcome: list[_R | Raised] = []
    thread = threading.Thread(target=lambda: outcome.append(caught(function)), daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Overdue
    return returned(outcome.pop())
