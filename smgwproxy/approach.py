"""What all who talk to one gateway share, so that it never sees more of them than it may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

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
    end of each by itself. Who made the approach must `close` it. ``parting`` is called when a connection is being
    left. Safe between threads and greenlets as far as ``backend`` is.
    """

    def __init__(self, backend: Backend, parting: Callable[[], None] = lambda: None) -> None:
        self.parting = Parting(partial(backend.pool_class.ConnectionCls.ready, write=False), parting)
        self._turns = Turns(0, backend.event_class)
        self._callers: Mapping[Caller, int] = {}  # with the turns that each wants; replaced, never changed
        self._joining = threading.Lock()
        self._closed = False

    def join(self, caller: Caller, turns: int) -> None:
        """Let ``caller`` take part, and let there be as many turns as it says."""
        with self._joining:
            self._callers = {**self._callers, caller: turns}
        self._turns.resize(turns)

    def quit(self, caller: Caller) -> None:
        """Forget ``caller``; who joined last of those that are left says how many turns there are."""
        with self._joining:
            if caller not in self._callers:
                return
            self._callers = {one: turns for one, turns in self._callers.items() if one is not caller}
            wanted = list(self._callers.values())
        if wanted:
            self._turns.resize(wanted[-1])

    def enter(self, caller: Caller, timeout: float) -> bool:
        """Wait for a turn as `Turns.enter` does; then the others' idle connections have been ended."""
        if not self._turns.enter(timeout):
            return False
        try:
            for other in self._callers:
                if other is not caller:
                    other.end_idle()
        except BaseException:  # such as Ctrl-C in a program with threads
            self.leave()
            raise
        return True

    @property
    def at_rest(self) -> bool:
        """Tell whether nobody has a turn, and no connection is being left."""
        return self._turns.unused and self.parting.over

    def leave(self) -> None:
        """Give the turn back."""
        self._turns.leave()
        self._let_go()

    def close(self) -> None:
        """Let go of connections that are being left as soon as nobody has a turn, and so may dial."""
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._closed and self._turns.unused:
            self.parting.close()


class Approaches:
    """The approaches to all gateways that a program has had to do with; for one thread.

    They are kept until `close`: who comes back to a gateway waits for what it has not ended yet. ``parting`` is
    called when there is something to `tidy` later.
    """

    def __init__(self, backend: Backend, parting: Callable[[], None] = lambda: None) -> None:
        self._backend = backend
        self._parting = parting
        self._known: dict[Origin, Approach] = {}

    def to(self, origin: Origin) -> Approach:
        """Return the approach to ``origin``, the same one each time."""
        return self._known.setdefault(origin, Approach(self._backend, self._parting))

    def tidy(self) -> bool:
        """Let go of connections that are being left, and have ended, or had their time; tells if any are left."""
        left = [approach.parting.tidy() for approach in self._known.values()]
        return any(left)

    def close(self) -> None:
        """Close all."""
        for approach in self._known.values():
            approach.close()
