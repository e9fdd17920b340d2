"""The places at the door: how many clients may be connected, and who has to go when there are more; no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol


class Visitor(Protocol):
    """One connection of a client."""

    @property
    def address(self) -> str:
        """The client's IP address."""
        ...

    @property
    def waiting_since(self) -> float | None:
        """Since when it keeps us waiting, on some clock that only goes forward; None when it does not."""
        ...

    def hang_up(self) -> None:
        """End the connection soon; called while it keeps us waiting. Must not wait."""
        ...


class Places:
    """At most ``total`` visitors at a time, and ``per_address`` from one address.

    Who comes when all places are taken gets the place of one that keeps us waiting: for a TLS handshake, for a
    request, for the rest of one, or until it takes its answer. That is one of the address that has the most
    visitors, and of those the one that has done so for the longest time. So connections that are held open or
    drip keep nobody out, and a request that the gateway works on is never given up. For one thread; the listeners
    of one program share it. Where `resize` leaves fewer places than are taken, those come free at their own time.
    """

    def __init__(self, total: int, per_address: int) -> None:
        self.resize(total, per_address)
        self._visitors: set[Visitor] = set()
        self._numbers: Counter[str] = Counter()

    def resize(self, total: int, per_address: int) -> None:
        """Let there be ``total`` places from now on, and ``per_address`` for one address."""
        self._total = total
        self._per_address = per_address

    @property
    def taken(self) -> int:
        """How many visitors there are."""
        return len(self._visitors)

    def enter(self, visitor: Visitor) -> bool:
        """Give ``visitor`` a place, if need be another one's; False when there is none."""
        if self._numbers[visitor.address] >= self._per_address:
            if not self._make_room(one for one in self._visitors if one.address == visitor.address):
                return False
        elif len(self._visitors) >= self._total and not self._make_room(self._visitors):
            return False
        self._visitors.add(visitor)
        self._numbers[visitor.address] += 1
        return True

    def leave(self, visitor: Visitor) -> None:
        """Give the place back; nothing happens when the visitor has lost it, or had none."""
        if visitor in self._visitors:
            self._visitors.remove(visitor)
            self._numbers[visitor.address] -= 1
            if not self._numbers[visitor.address]:
                del self._numbers[visitor.address]

    def _make_room(self, candidates: Iterable[Visitor]) -> bool:
        waiting = [(one, since) for one in candidates if (since := one.waiting_since) is not None]
        if not waiting:
            return False
        victim, _ = max(waiting, key=lambda pair: (self._numbers[pair[0].address], -pair[1]))
        self.leave(victim)
        victim.hang_up()
        return True
