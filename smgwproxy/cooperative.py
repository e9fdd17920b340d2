"""The pool, connection and TLS classes that make urllib3 wait in gevent; nothing is patched."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar, cast
from weakref import finalize

import gevent
import gevent.event
import gevent.queue
import gevent.select
import gevent.socket
import gevent.ssl
import gevent.threadpool
from urllib3.exceptions import ConnectTimeoutError

from smgwproxy.backend import Backend
from smgwproxy.connection import ExactConnection, ExactPool
from smgwproxy.deadline import Overdue, caught, returned
from smgwproxy.parting import reset_on_close
from smgwproxy.resumption import ResumingContext

_R = TypeVar("_R")

_MOMENT = 0.05  # seconds: nobody sees it, and under load it is hundreds of lines
_MOST_THREADS = 10  # more than the calls that may hang (see `smgwproxy.truststores.guard`)


class CooperativeConnection(ExactConnection):
    """Dials with gevent's sockets, which gevent's TLS context then wraps."""

    sockets: ClassVar[Any] = gevent.socket

    @staticmethod
    def ready(sock: socket.socket, timeout: float | None, *, write: bool = True) -> bool:
        """Wait until ``sock`` has something to read, or takes something; only this greenlet waits."""
        return any(gevent.select.select([sock], [sock] if write else [], [], timeout))

    def _new_conn(self) -> socket.socket:
        try:
            with _late(self.timeout):  # the resolution of a name knows no time-out of its own
                return super()._new_conn()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error

    def connect(self) -> None:
        """Connect within the time-out as a whole: gevent's own counts from each byte that comes."""
        with _late(self.timeout):
            super().connect()


def _late(seconds: float | None) -> gevent.Timeout:
    return gevent.Timeout(seconds, TimeoutError("the deadline for connecting has passed"))


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


class CooperativeTlsContext(ResumingContext, gevent.ssl.SSLContext):
    """Makes sockets that wait in gevent."""

    sslsocket_class = CooperativeTlsSocket


def cooperative() -> Backend:
    """For gevent: only the greenlet waits, and what would block the hub runs in threads.

    Each backend has threads of its own, some for `Backend.call` and others for the resolution of names: what hangs
    in one keeps no other waiting, nor the rest of the program, as it would in gevent's own thread pool. They end
    when the backend is gone. So it is for one gateway, and for the greenlets of one thread.
    """
    names = _Names(_Threads())

    class Connection(CooperativeConnection):
        """Resolves names in these threads."""

        sockets = names

    class Pool(CooperativePool):
        """Of such connections."""

        ConnectionCls = Connection

    return Backend(Pool, CooperativeTlsContext, gevent.event.Event, partial(_call, _Threads()))


def in_a_moment(function: Callable[[], None]) -> None:
    """Call ``function`` some hundredths of a second later, in the hub of this thread: it must not wait."""
    gevent.get_hub().loop.timer(_MOMENT).start(function)


class _Threads:
    def __init__(self) -> None:
        self._pool: gevent.threadpool.ThreadPool | None = None

    @property
    def pool(self) -> gevent.threadpool.ThreadPool:
        """The threads, made in the one whose greenlets use them."""
        if self._pool is None:
            self._pool = gevent.threadpool.ThreadPool(_MOST_THREADS)
            # At the end of the program they stay as they are: one that wakes while the interpreter goes is ended
            # within greenlet's C++ frames, which aborts the process.
            finalize(self, _dismiss, self._pool).atexit = False
        return self._pool


def _dismiss(pool: gevent.threadpool.ThreadPool) -> None:
    """Let the threads of ``pool`` end, one that hangs as soon as it can; waits for none, as ``kill`` does."""
    for _ in range(pool.size):
        pool.task_queue.put(None)  # type: ignore[arg-type]  # as `ThreadPool.size` does it


class _Names:
    """What `smgwproxy.dialling` needs of the module `gevent.socket`."""

    socket = gevent.socket.socket

    def __init__(self, threads: _Threads) -> None:
        self._threads = threads

    def getaddrinfo(self, *words: Any, **named: Any) -> Any:
        """Resolve a name; only this greenlet waits, and only for what hangs in these threads."""
        return _returned(self._threads, partial(socket.getaddrinfo, *words, **named))


def _call(threads: _Threads, function: Callable[[], _R], seconds: float, /) -> _R:
    with gevent.Timeout(seconds, Overdue):
        return _returned(threads, function)


def _returned(threads: _Threads, function: Callable[[], _R]) -> _R:
    # gevent would print what is raised in a thread of its pool, and the caller tells it anyway.
    return cast(_R, returned(threads.pool.spawn(caught, function).get()))
