"""Keeps the processors awake while something is measured: to wake one takes its time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

# It ends by itself when nobody is left to end it.
_LOOP = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    for _ in range(10_000): pass"


@contextmanager
def awake() -> Iterator[list[int]]:
    """Run a loop on each processor that this process may use, and return their ids; each gives way to all else.

    A virtual processor with nothing to do is given back to the host. To get it again takes as long as some of the
    programs that are measured need for a request, and counts as their time.
    """
    with ExitStack() as stack:
        loops = []
        for processor in sorted(os.sched_getaffinity(0)):
            loop = stack.enter_context(subprocess.Popen([sys.executable, "-SE", "-c", _LOOP, str(os.getpid())]))
            stack.callback(loop.kill)  # before it is waited for
            os.sched_setaffinity(loop.pid, {processor})
            os.sched_setscheduler(loop.pid, os.SCHED_IDLE, os.sched_param(0))
            loops.append(loop.pid)
        yield loops
