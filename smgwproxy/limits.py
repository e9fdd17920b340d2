"""The value `Limits`: how the gateway, and the trust store, are treated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections the gateway has at a time, and times in seconds.

    ``connect_timeout`` is for a connection with its TLS handshake, ``read_timeout`` for silence before and within
    an answer, ``queue_timeout`` for the wait for one's turn, ``store_timeout`` for one call of the trust store.
    """

    connections: int = 1
    connect_timeout: float = 10.0
    read_timeout: float = 180.0
    queue_timeout: float = 60.0
    store_timeout: float = 10.0
