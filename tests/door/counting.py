"""Runs the program as ``python -m smgwproxy`` does, and tells on SIGUSR1 what it holds, garbage aside."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
from types import FrameType

import greenlet

from smgwproxy.cli import main

_serial = itertools.count(1)


def tell(number: int, frame: FrameType | None) -> None:
    """Write one line to stdout: how many greenlets live, and how many objects and blocks of memory there are.

    Greenlets are those of this thread, for each thread of gevent's pool brings its own. Objects are those that
    refer to others; blocks are what Python's allocator has given out, for strings as well.
    """
    gc.collect()
    blocks = sys.getallocatedblocks()
    objects = gc.get_objects()
    here = _root(greenlet.getcurrent())
    living = sum(isinstance(one, greenlet.greenlet) and not one.dead and _root(one) is here for one in objects)
    line = f"holding {next(_serial)}: {living} greenlets, {len(objects)} objects, {blocks} blocks\n"
    os.write(sys.stdout.fileno(), line.encode())


def _root(one: greenlet.greenlet) -> greenlet.greenlet:
    """Return the greenlet that a thread began with."""
    while one.parent is not None:
        one = one.parent
    return one


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    raise SystemExit(main())
