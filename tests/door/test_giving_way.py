"""Who always has something to read gives way to the others: after a hundredth of a second, and not much sooner."""

from __future__ import annotations

import time
from types import SimpleNamespace

import gevent
import pytest

from smgwproxy.server.backlog import Backlog
from smgwproxy.server.channel import _SLICE, Channel
from smgwproxy.storage import Storage


class Greedy:
    """A client's connection on which there is always a byte, each after so many seconds of work."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def settimeout(self, seconds: float) -> None:
        pass

    def recv(self, size: int) -> bytes:
        time.sleep(self._seconds)  # the work itself, in which nobody else has a turn
        return b"x"


def channel(seconds: float) -> Channel:
    return Channel(Greedy(seconds), Backlog(1024, Storage()), patience=60.0, speed=0.0)


def looks(reading: Channel, times: int) -> int:
    """Read so often; return how often the loop has looked for what came to others meanwhile."""
    loop = gevent.get_hub().loop
    before = loop.iteration
    reading.expect(60.0, 0.0)
    for _ in range(times):
        reading.receive(1)
    return int(loop.iteration - before)


def test_all_others_have_their_turn_each_time_that_took_long() -> None:
    assert looks(channel(1.1 * _SLICE), 10) >= 9


@pytest.mark.parametrize("counts", [True, False], ids=["libev", "libuv, which does not count"])
def test_others_have_their_turn_no_more_often_than_that(counts: bool) -> None:
    reading = channel(_SLICE / 20)
    if not counts:
        reading._loop = SimpleNamespace(iteration=-1)
    began = time.monotonic()
    looked = looks(reading, 100)
    assert 1 <= looked <= (time.monotonic() - began) / _SLICE + 1
