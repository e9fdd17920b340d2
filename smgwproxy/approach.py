"""What all who talk to one gateway share, so that it never sees more of them than it may."""

from __future__ import annotations

import threading
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

from smgwproxy.backend import Backend
from smgwproxy.origin import Origin
from smgwproxy.parting import Parting
from smgwproxy.turns import Turns


class Caller(Protocol):
    """One who keeps connections to the gateway."""

    def end_idle(self) -> None:
        """Close the connections that are not in use. Must not wait."""
        ...


class Approach:
    """The turns at one gateway, and the connections that are being left.

    While one caller has its turn no other keeps an idle connection: so there are never more connections than
    turns, whoever made them. A caller that has quit may still have turns, and must end its idle connections at the
    end of each by itself. Safe between threads and greenlets as far as ``backend`` is.
    """

    def __init__(self, backend: Backend) -> None:
        self.parting = Parting(partial(backend.pool_class.ConnectionCls.ready, write=False))
        self._turns = Turns(0, backend.event_class)
        self._callers: frozenset[Caller] = frozenset()
        self._joining = threading.Lock()

    def join(self, caller: Caller, turns: int) -> None:
        """Let ``caller`` take part, and let there be as many turns as it says."""
        with self._joining:
            self._callers |= {caller}
        self._turns.resize(turns)

    def quit(self, caller: Caller) -> None:
        """Forget ``caller``; when it was the last one, connections that are being left are let go of."""
        with self._joining:
            self._callers -= {caller}
        if not self._callers:
            self.parting.close()

    def enter(self, caller: Caller, timeout: float) -> bool:
        """Wait for a turn as `Turns.enter` does; then the others' idle connections have been ended."""
        if not self._turns.enter(timeout):
            return False
        for other in self._callers - {caller}:
            other.end_idle()
        return True

    def leave(self) -> None:
        """Give the turn back."""
        self._turns.leave()


class Approaches:
    """The approaches to gateways; one is kept for as long as anybody has it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: WeakValueDictionary[Origin, Approach] = WeakValueDictionary()

    def to(self, origin: Origin) -> Approach:
        """Return the approach to ``origin`` that others have, or a new one."""
        return self._known.setdefault(origin, Approach(self._backend))
