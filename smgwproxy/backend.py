"""How the gateway's side waits: in threads (here) or in gevent (`smgwproxy.cooperative`)."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from smgwproxy.connection import ExactPool
from smgwproxy.turns import Event

_R = TypeVar("_R")


class Overdue(Exception):  # no error that anybody is told: `smgwproxy.trust` translates it
    """A call did not return in time; its thread is left behind."""


class Call(Protocol):
    """Calls a function that may block on files or a database, and waits for what it returns."""

    def __call__(self, function: Callable[[], _R], seconds: float, /) -> _R:
        """Return ``function()``; its errors pass through. Raises `Overdue` after ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """The classes and functions that wait."""

    pool_class: type[ExactPool]
    context_class: type[ssl.SSLContext]
    event_class: Callable[[], Event]
    call: Call


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


def threaded() -> Backend:
    """For programs with threads, or with one: everything blocks the thread that calls."""
    return Backend(ExactPool, ssl.SSLContext, threading.Event, _call_in_thread)


def _call_in_thread(function: Callable[[], _R], seconds: float, /) -> _R:
    outcome: list[_R | Raised] = []
    thread = threading.Thread(target=lambda: outcome.append(caught(function)), daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Overdue
    result = outcome[0]
    if isinstance(result, Raised):
        raise result.error
    return result
