"""Whether something happens to the files that pins name: what a proxy that rests goes by."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from smgwproxy.inotify import Inotify
from smgwproxy.truststores.base import Pin, named_files


@contextmanager
def watched(pins: Sequence[Pin]) -> Iterator[Callable[[], bool]]:
    """Watch the files that ``pins`` name; what it yields tells whether something has happened to them by now.

    Also true where they name none: nobody rests then. Raises `OSError` where there is no inotify.
    """
    files = named_files(pins)
    if files is None:
        yield lambda: True
        return
    with closing(Inotify()) as inotify:
        for file in files:
            for _ in inotify.watch(file):
                pass
        arrivals = select.poll()
        arrivals.register(inotify.handle, select.POLLIN)
        yield lambda: bool(arrivals.poll(0))
