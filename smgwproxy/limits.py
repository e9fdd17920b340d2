"""The values `Limits` and `DoorLimits`: how the gateway, the trust store and the clients are treated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections the gateway has at a time, and times in seconds.

    ``connect_timeout`` is for a connection with its TLS handshake, ``read_timeout`` for silence before and within
    an answer, ``queue_timeout`` for the wait for one's turn, ``store_timeout`` for one call of the trust store. A
    connection that was idle for longer than ``keepalive`` is not used again. One that is silent is probed every
    ``probe`` seconds, by the system (TCP keep-alive): three times without an answer, and it has ended.
    """

    connections: int = 1
    connect_timeout: float = 10.0
    read_timeout: float = 180.0
    queue_timeout: float = 60.0
    store_timeout: float = 10.0
    keepalive: float = 120.0
    probe: int = 10


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """How many clients may be connected, how long each may keep the proxy waiting, and how much may wait for it.

    Times are in seconds. ``head_timeout`` is for a whole request head, ``handshake_timeout`` for a TLS handshake,
    ``body_timeout`` for silence within a request's body and for a client that takes nothing of its answer,
    ``idle_timeout`` for a connection between two requests. Who sends or takes fewer than ``min_speed`` bytes a
    second (0: any speed will do) uses up ``body_timeout`` as well. ``buffer`` is how many bytes of its answer a
    client may leave to wait in memory.
    """

    clients: int = 200
    clients_per_address: int = 50
    head_timeout: float = 10.0
    handshake_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 60.0
    min_speed: int = 500
    buffer: int = 256 * 1024
