"""Who is told what happens on the way to a gateway, for metrics and the status page."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Is told by a `smgwproxy.gateway.Gateway`, from whichever thread or greenlet it happens in.

    Its methods must neither raise nor wait: a request waits for them. Times are in seconds.
    """

    def waited(self, seconds: float, /) -> None:
        """Take note that a wait for a turn is over, whether the turn came or not."""
        ...

    def shook_hands(self, *, resumed: bool) -> None:
        """Take note of a TLS handshake that came to its end; ``resumed``: without keys or certificates.

        See RFC 8446 section 2.2.
        """
        ...

    def asked(self) -> None:
        """Take note that a request has gone out: until its answer comes there is time for something else."""
        ...

    def answered(self, seconds: float, /) -> None:
        """Take note of an answer's head, that long after the turn had come: with a handshake, if there was one."""
        ...


class Unobserved:
    """The default `Observer`: does nothing."""

    def waited(self, seconds: float, /) -> None:
        """Do nothing."""

    def shook_hands(self, *, resumed: bool) -> None:
        """Do nothing."""

    def asked(self) -> None:
        """Do nothing."""

    def answered(self, seconds: float, /) -> None:
        """Do nothing."""
