"""Threads and greenlets that do something at the same moment, each wait with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import gevent

from smgwproxy.cooperative import cooperative
from smgwproxy.testing.processes import PATIENCE, ExperimentFailed

_T = TypeVar("_T")


def in_threads(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Call all tasks at the same moment, each in a thread, and return what they return.

    Raises what the first of them raises, and `ExperimentFailed` when one does not return: it is left behind.
    """
    barrier = threading.Barrier(len(tasks))
    futures: list[Future[_T]] = [Future() for _ in tasks]

    def run(task: Callable[[], _T], future: Future[_T]) -> None:
        try:
            barrier.wait(PATIENCE)
            future.set_result(task())
        except BaseException as error:  # noqa: BLE001  # raised where the results are awaited
            future.set_exception(error)

    for task, future in zip(tasks, futures, strict=True):
        threading.Thread(target=run, args=(task, future), daemon=True).start()
    try:
        return [future.result(PATIENCE) for future in futures]
    except TimeoutError as error:
        raise ExperimentFailed(f"the store did not return within {PATIENCE:g} s in a thread") from error


def in_greenlets(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Call all tasks in greenlets of one hub and return what they return.

    Half of them go through the hub's threads, as the proxy calls stores; the others are called right in the
    greenlet, as a program may. Raises as `in_threads` does.
    """
    (results,) = in_threads([lambda: _in_a_hub(tasks)])
    return results


def _in_a_hub(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    call = cooperative().call
    hub = gevent.get_hub()  # of this thread, made now
    try:
        half = len(tasks) // 2
        through_threads: list[Callable[[], _T]] = [partial(call, task, PATIENCE) for task in tasks[:half]]
        greenlets = [gevent.spawn(task) for task in [*through_threads, *tasks[half:]]]
        gevent.joinall(greenlets)
        return [greenlet.get() for greenlet in greenlets]
    finally:
        hub.destroy(destroy_loop=True)
