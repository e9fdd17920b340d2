"""How the gateway's side waits: in threads (here) or in gevent (`smgwproxy.cooperative`)."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from smgwproxy.connection import ExactPool
from smgwproxy.turns import Event

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Call(Protocol):
    """Calls a function that may block on files or a database, and returns what it returns."""

    def __call__(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Return ``function(*args, **kwargs)``; its errors pass through."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """The classes and functions that wait."""

    pool_class: type[ExactPool]
    context_class: type[ssl.SSLContext]
    event_class: Callable[[], Event]
    call: Call


def threaded() -> Backend:
    """For programs with threads, or with one: everything blocks the thread that calls."""
    return Backend(ExactPool, ssl.SSLContext, threading.Event, _call_here)


def _call_here(function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
    return function(*args, **kwargs)
