"""How the gateway's side waits: in threads (here) or in gevent (`smgwproxy.cooperative`)."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass

from smgwproxy.connection import ExactPool
from smgwproxy.deadline import Call, call_in_thread
from smgwproxy.resumption import ResumingContext
from smgwproxy.turns import Event


@dataclass(frozen=True, slots=True)
class Backend:
    """The classes and functions that wait."""

    pool_class: type[ExactPool]
    context_class: type[ssl.SSLContext]
    event_class: Callable[[], Event]
    call: Call


def threaded() -> Backend:
    """For programs with threads, or with one: everything blocks the thread that calls."""
    return Backend(ExactPool, ResumingContext, threading.Event, call_in_thread)
