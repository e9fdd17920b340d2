"""The pool, connection and TLS classes that make urllib3 wait in gevent; nothing is patched."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

import gevent
import gevent.event
import gevent.queue
import gevent.select
import gevent.socket
import gevent.ssl

from smgwproxy.backend import Backend
from smgwproxy.connection import ExactConnection, ExactPool
from smgwproxy.deadline import Overdue, Raised, caught
from smgwproxy.parting import reset_on_close

_R = TypeVar("_R")


class CooperativeConnection(ExactConnection):
    """Dials with gevent's sockets, which gevent's TLS context then wraps."""

    sockets: ClassVar[Any] = gevent.socket

    @staticmethod
    def ready(sock: socket.socket, timeout: float | None, *, write: bool = True) -> bool:
        """Wait until ``sock`` has something to read, or takes something; only this greenlet waits."""
        return any(gevent.select.select([sock], [sock] if write else [], [], timeout))

    def connect(self) -> None:
        """Connect within the time-out as a whole: gevent's own counts from each byte that comes."""
        with gevent.Timeout(self.timeout, TimeoutError("the deadline for connecting has passed")):
            super().connect()


class CooperativePool(ExactPool):
    """A pool whose queue wakes greenlets."""

    ConnectionCls = CooperativeConnection
    QueueCls = gevent.queue.LifoQueue  # type: ignore[assignment]  # it has the methods that urllib3 calls


class CooperativeTlsSocket(gevent.ssl.SSLSocket):
    """Ends with the greenlet that shakes hands: gevent's own is left open when that is killed."""

    def do_handshake(self) -> None:  # type: ignore[override]  # gevent's takes nothing, whatever the stubs say
        """Shake hands; whatever interrupts it resets the connection, so that the gateway knows at once."""
        try:
            super().do_handshake()
        except OSError:
            raise  # then gevent closes it
        except BaseException:  # the client has left
            reset_on_close(self)
            self.close()
            raise


class CooperativeTlsContext(gevent.ssl.SSLContext):
    """Makes sockets that wait in gevent."""

    sslsocket_class = CooperativeTlsSocket


def cooperative() -> Backend:
    """For gevent: only the greenlet waits, and what would block the hub runs in its thread pool."""
    return Backend(CooperativePool, CooperativeTlsContext, gevent.event.Event, _call_in_thread)


def _call_in_thread(function: Callable[[], _R], seconds: float, /) -> _R:
    with gevent.Timeout(seconds, Overdue):
        # gevent would print what is raised in a thread of its pool, and the caller tells it anyway.
        result = gevent.get_hub().threadpool.spawn(caught, function).get()
    if isinstance(result, Raised):
        raise result.error
    return cast(_R, result)
