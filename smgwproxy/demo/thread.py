"""A thread with a gevent hub of its own, so that blocking programs can use a simulated gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

import gevent
from gevent.event import Event

from smgwproxy.demo.server import Gateway

_T = TypeVar("_T")


class HubThread:
    """Runs functions in a gevent hub in a background thread; use it as a context manager."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gevent hub", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the gevent hub did not start in its thread")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.call(self._end.set)
        self._thread.join()

    def call(self, function: Callable[[], _T], /) -> _T:
        """Run ``function`` in a greenlet of the hub and wait for it; raises what it raises."""
        if threading.current_thread() is self._thread:
            return function()
        result: Future[_T] = Future()

        def job() -> None:
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001 - the caller in the other thread gets it
                result.set_exception(error)

        self._jobs.put(job)
        self._wake.send()
        return result.result()

    def _run(self) -> None:
        hub = gevent.get_hub()
        self._end = Event()
        # The only way into a loop from another thread; it also keeps the loop alive while nothing else happens.
        self._wake = hub.loop.async_()
        self._wake.start(self._spawn_jobs)
        self._ready.set()
        self._end.wait()
        self._wake.stop()
        self._wake.close()
        hub.destroy(destroy_loop=True)

    def _spawn_jobs(self) -> None:
        # One wake-up may stand for several jobs, and none may be left when two wake-ups met.
        while not self._jobs.empty():
            gevent.spawn(self._jobs.get_nowait())


@contextmanager
def run_in_thread(start: Callable[[], Gateway]) -> Iterator[Gateway]:
    """Run a gateway in a background thread; ``start`` makes it there, as ``lambda: start_gateway("emh")`` does.

    All methods of the gateway can be called from this thread. At the end it is stopped and the thread joined;
    faults of the simulator are raised as an `ExceptionGroup`.
    """
    with HubThread() as hub:
        gateway = hub.call(start)
        gateway.in_hub = hub.call
        try:
            yield gateway
        finally:
            gateway.stop()
    if gateway.failures:
        raise ExceptionGroup("the simulated gateway failed", gateway.failures)
