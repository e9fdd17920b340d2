"""A trust store of somebody else's may hang or fail: it is told by name, and costs little."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from weakref import ref

import gevent
import gevent.event
import pytest

from smgwproxy.backend import threaded
from smgwproxy.cooperative import cooperative
from smgwproxy.deadline import Call, Overdue
from smgwproxy.errors import ConfigError, PinRefused, TrustEditError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.guard import Guard
from tests.support import PATIENCE

SOON = 0.05
NAME = "The trust store smgwproxy.truststores.file.FileTrustStore"


@pytest.fixture(params=["threads", "gevent"])
def call(request: pytest.FixtureRequest) -> Call:
    return threaded().call if request.param == "threads" else cooperative().call


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def guard(store: FileTrustStore, call: Call, seconds: float = PATIENCE) -> Guard:
    return Guard(store, call, seconds)


def test_what_a_store_returns_comes_back(store: FileTrustStore, call: Call) -> None:
    assert guard(store, call).ask(lambda: 7) == 7


def test_it_is_called_in_another_thread(store: FileTrustStore, call: Call) -> None:
    assert guard(store, call).ask(threading.get_ident) != threading.get_ident()


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error",
    [RuntimeError("gone"), OSError(5, "gone"), Overdue("gone"), KeyError("gone"), ConfigError("x"), Speechless()],
)
def test_whatever_a_store_raises_names_the_store(store: FileTrustStore, call: Call, error: Exception) -> None:
    with pytest.raises(TrustStoreError, match=f"{NAME} .*Nothing was sent") as caught:
        guard(store, call).ask(lambda: fail(error))
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [TrustStoreError("unreadable", "mend it"), PinRefused(Origin("x"), "0" * 64), TrustEditError("x")]
)
def test_our_own_errors_pass(store: FileTrustStore, call: Call, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        guard(store, call).ask(lambda: fail(error))
    assert caught.value is error


def test_hanging_store_is_told_by_name(store: FileTrustStore, call: Call, release: threading.Event) -> None:
    with pytest.raises(TrustStoreError, match=f"{NAME} did not answer within 0.05 s"):
        guard(store, call, SOON).ask(lambda: release.wait(PATIENCE))


def test_store_that_goes_on_hanging_costs_three_threads_and_comes_back(
    store: FileTrustStore, call: Call, release: threading.Event
) -> None:
    called = threading.Semaphore(0)
    returned = threading.Semaphore(0)

    def hang() -> None:
        called.release()
        assert release.wait(PATIENCE)

    def watched(function: Callable[[], object], seconds: float) -> object:
        def run() -> object:
            try:
                return function()
            finally:
                returned.release()

        return call(run, seconds)

    guarded = Guard(store, watched, SOON)  # type: ignore[arg-type]  # it calls as the other does
    for _ in range(6):
        with pytest.raises(TrustStoreError, match="did not answer"):
            guarded.ask(hang)
    for _ in range(3):
        assert called.acquire(timeout=PATIENCE)
    assert not called.acquire(blocking=False), "from then on it is not called any more"
    release.set()
    for _ in range(3):
        assert returned.acquire(timeout=PATIENCE)
    assert guarded.ask(lambda: "back") == "back"


def test_only_the_greenlet_that_asks_waits(store: FileTrustStore, release: threading.Event) -> None:
    asking = gevent.spawn(guard(store, cooperative().call).ask, lambda: release.wait(PATIENCE))
    gevent.sleep(0)
    assert not asking.ready()
    release.set()
    assert asking.get(timeout=PATIENCE) is True


def test_calls_that_hang_in_one_backend_hold_no_thread_of_another(release: threading.Event) -> None:
    hanging, other = cooperative(), cooperative()
    calls = [gevent.spawn(hanging.call, lambda: release.wait(PATIENCE), PATIENCE) for _ in range(30)]
    gevent.sleep(0)
    assert other.call(lambda: "answered", PATIENCE) == "answered"
    release.set()
    assert all(call.get(timeout=PATIENCE) for call in calls)


def test_threads_of_a_backend_end_with_it() -> None:
    backend = cooperative()
    thread = Path(f"/proc/self/task/{backend.call(threading.get_native_id, PATIENCE)}")
    assert thread.exists()
    del backend
    gc.collect()
    deadline = time.monotonic() + PATIENCE
    while thread.exists():
        assert time.monotonic() < deadline
        gevent.sleep(0.01)


AT_THE_END = """
import atexit, pathlib, threading, time

def tell():
    time.sleep(0.5)  # in which it would be gone
    print(pathlib.Path(f"/proc/self/task/{thread}").exists())

atexit.register(tell)  # before all others, so that it is called after them
from smgwproxy.cooperative import cooperative
backend = cooperative()
thread = backend.call(threading.get_native_id, 10)
"""


def test_threads_of_a_backend_are_not_woken_when_the_program_ends() -> None:
    ended = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True, check=True)
    assert ended.stdout == "True\n"


def test_error_that_was_told_keeps_nothing_alive(call: Call) -> None:
    def ask(gateway: threading.Event) -> None:
        with pytest.raises(ValueError, match="damaged"):
            call(partial(int, "damaged"), PATIENCE)
        kept.append(ref(gateway))

    kept: list[ref[threading.Event]] = []
    gc.disable()  # which comes by seldom
    try:
        ask(threading.Event())
        deadline = time.monotonic() + PATIENCE
        while kept[0]() is not None:
            assert time.monotonic() < deadline
            gevent.sleep(0.01)  # the thread may still be about to end
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_store_cannot_end_the_program(store: FileTrustStore, call: Call, error: BaseException) -> None:
    with pytest.raises(TrustStoreError, match=type(error).__name__):
        guard(store, call).ask(lambda: fail(error))


def test_call_that_never_began_is_not_counted_and_never_begins(store: FileTrustStore) -> None:
    """As when all threads are taken, by calls that hang."""
    begun = []
    late: list[Callable[[], object]] = []

    def full(function: Callable[[], object], seconds: float) -> object:
        late.append(function)
        raise Overdue

    guarded = Guard(store, full, SOON)  # type: ignore[arg-type]  # it calls as the other does
    for _ in range(4):
        with pytest.raises(TrustStoreError, match="did not answer"):
            guarded.ask(lambda: begun.append(1))
    for function in late:
        with pytest.raises(Overdue):
            function()
    assert begun == []
    guarded._call = threaded().call
    assert guarded.ask(lambda: "back") == "back"


def test_call_of_a_killed_greenlet_is_counted_while_it_runs(
    store: FileTrustStore, release: threading.Event
) -> None:
    guarded = guard(store, cooperative().call)
    hub = gevent.get_hub()
    for _ in range(3):
        begun = gevent.event.Event()

        def hang(begun: gevent.event.Event = begun) -> bool:
            hub.loop.run_callback_threadsafe(begun.set)
            return release.wait(PATIENCE)

        asking = gevent.spawn(guarded.ask, hang)
        assert begun.wait(PATIENCE)
        asking.kill()
    with pytest.raises(TrustStoreError, match="did not answer"):
        guarded.ask(lambda: "never called")


def fail(error: BaseException) -> None:
    raise error
