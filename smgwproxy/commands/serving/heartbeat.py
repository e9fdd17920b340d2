"""Tells the supervisor how this program is, and that it is alive."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from smgwproxy import supervision
from smgwproxy.supervision import Supervisor

_SECONDS = 5.0  # how often the status is looked at, at least


class Heartbeat:
    """Tells ``supervisor`` the state, and at each beat that gevent's hub turns and what ``describe`` returns now.

    What did not get through is told at the next beat. A context manager: it beats within, if there is anybody to
    be told.
    """

    def __init__(self, supervisor: Supervisor, describe: Callable[[], str]) -> None:
        self._supervisor = supervisor
        self._describe = describe
        self._untold: tuple[str, ...] = ()
        self._status = ""
        watchdog = supervisor.watchdog
        self._alive = () if watchdog is None else (supervision.WATCHDOG,)
        self.interval = _SECONDS if watchdog is None else min(_SECONDS, watchdog / 3)
        """Seconds between two beats."""
        self._beating: gevent.Greenlet[..., None] | None = None

    def __enter__(self) -> Heartbeat:
        if self._supervisor.address is not None:
            self._beating = gevent.spawn(self._run)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._beating is not None:
            self._beating.kill()

    def ready(self) -> None:
        """Tell that all is served, at first or after a reload."""
        self._tell(supervision.READY)

    def reloading(self) -> None:
        """Tell that the configuration is read again."""
        self._tell(supervision.reloading())

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._tell(supervision.STOPPING)

    def _run(self) -> None:
        while True:
            gevent.sleep(self.interval)
            self._send(self._alive)

    def _tell(self, state: str) -> None:
        self._untold = (state,)
        self._send()

    def _send(self, alive: tuple[str, ...] = ()) -> None:
        status = self._describe()
        changed = () if status == self._status else (supervision.status(status),)
        lines = (*self._untold, *alive, *changed)
        if lines and self._supervisor.tell(*lines):
            self._untold, self._status = (), status
