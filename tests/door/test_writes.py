"""How an answer leaves: head and first body bytes in one segment, and none waits for an acknowledgement."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, Identity, RawGateway, connected, receive_until, running_proxy

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"
_DATA_SEGMENTS = 152  # where struct tcp_info has tcpi_data_segs_in, since Linux 4.6


def segments(client: socket.socket) -> int:
    """Count the segments with data that ``client`` has got."""
    told = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _DATA_SEGMENTS + 4)
    return int(struct.unpack_from("I", told, _DATA_SEGMENTS)[0])


def test_head_and_body_of_a_small_answer_are_one_segment(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool
) -> None:
    gateway = raw_gateway(OK)
    with (
        running_proxy(gateway.origin, store, tls=identity if tls else None) as proxy,
        connected(proxy.port, tls=tls) as client,
    ):
        client.sendall(GET)
        receive_until(client, b"\r\n\r\nok")  # with TLS the session tickets have come by now, too
        for _ in range(3):
            before = segments(client)
            client.sendall(GET)
            receive_until(client, b"\r\n\r\nok")
            assert segments(client) == before + 1


def test_no_segment_waits_for_the_one_before_to_be_acknowledged(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy, connected(proxy.port) as client:
        client.sendall(GET)
        receive_until(client, b"\r\n\r\nok")

        def nodelay() -> list[int]:
            accepted = [handler._channel._sock for handler in proxy.server.handlers]
            return [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in accepted]

        assert proxy.hub.call(nodelay) == [1]
