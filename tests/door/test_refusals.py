"""Who may not come in is told so when the head is there, over sockets; the gateway hears nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from smgwproxy.access import Access
from smgwproxy.truststores.file import FileTrustStore
from tests.door.secure import client_from, open_door
from tests.support import OK, Identity, RawGateway, receive_all, running_proxy

StartGateway = Callable[..., RawGateway]
ONLY_ONE = Access(networks=(ip_network("127.0.0.1"),))


def told(address: str, port: int, request: bytes, *, tls: bool, to: str = "127.0.0.1") -> bytes:
    with client_from(address, port, tls=tls, to=to) as client:
        client.sendall(request)
        return receive_all(client)


@dataclass(frozen=True)
class Refused:
    """A request that may not come in: its lines, who sends it, and what is answered."""

    lines: bytes
    address: str
    status: int
    why: bytes


REFUSED = {
    "a stranger": Refused(b"Host: pi\r\n", "127.0.0.2", 403, b"127.0.0.2"),
    "a strange name": Refused(b"Host: a.example\r\n", "127.0.0.1", 421, b"--server-name a.example"),
    "a strange page": Refused(b"Host: pi\r\nOrigin: http://a.example\r\n", "127.0.0.1", 403, b"http://a.example"),
}
BODIES = [
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\nExpect: 100-continue\r\n",
    b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_refusal_comes_before_the_body_is_asked_for_or_waited_for(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tls: bool, refused: Refused, body: bytes
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, access=ONLY_ONE, tls=identity if tls else None) as proxy:
        request = b"POST /restart HTTP/1.1\r\n" + refused.lines + body + b"\r\n"
        said = told(refused.address, proxy.port, request, tls=tls)
    assert said.startswith(f"HTTP/1.1 {refused.status} ".encode())
    assert b"\r\nConnection: close\r\n" in said
    assert refused.why in said
    assert gateway.connections == 0


def test_options_say_who_may_come_in_over_http_and_https(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    options = ["--listen", "all", "--allow", "127.0.0.2,::1", "--server-name", "meter.example.org"]
    with open_door(gateway, tmp_path, *options) as door:
        for port, tls in ((door.http, False), (door.https, True)):
            named = b"GET / HTTP/1.1\r\nHost: meter.example.org\r\nConnection: close\r\n\r\n"
            assert told("127.0.0.2", port, named, tls=tls).endswith(b"ok")
            assert told("::1", port, named, tls=tls, to="::1").endswith(b"ok")
            assert told("127.0.0.1", port, named, tls=tls).startswith(b"HTTP/1.1 403 ")
            other = named.replace(b"meter.", b"evil.")
            assert told("127.0.0.2", port, other, tls=tls).startswith(b"HTTP/1.1 421 ")
        assert door.program.end() == 0
    refused = [line for line in door.program.lines if "refused a request of" in line]
    assert len(refused) == 4
    assert sum("refused a request of 127.0.0.1: " in line for line in refused) == 2
