"""What urllib3 and http.client do of their own accord, and the proxy's connection does not: each shown on both.

When the first half of such a pair fails, the library has mended it, and some of ours may go.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import EmptyPoolError, InsecureRequestWarning, MaxRetryError, SSLError

from smgwproxy.backend import Backend, threaded
from smgwproxy.certificate import Fingerprint
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import CertificateChanged, GatewayAnswerIncomplete, GatewayAnswerInvalid
from smgwproxy.gateway import Gateway
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.pinned import PinnedTrustStore
from tests.support import OK, PATIENCE, Identity, Peer, RawGateway, head_lines

StartGateway = Callable[..., RawGateway]


def stock(gateway: RawGateway, **options: Any) -> urllib3.HTTPSConnectionPool:
    """Make urllib3's own pool; it trusts the gateway's certificate by its fingerprint unless told otherwise."""
    assert gateway.identity is not None
    chosen: dict[str, Any] = {
        "cert_reqs": "CERT_NONE",
        "assert_fingerprint": str(gateway.identity.certificate.fingerprint),
        "retries": False,
        **options,
    }
    return urllib3.HTTPSConnectionPool(gateway.host, gateway.port, **chosen)


def ours(client: Gateway, method: str = "GET", target: str = "/", *lines: tuple[str, str]) -> tuple[int, bytes]:
    with client.send(method, target, [("Host", "x"), *lines]) as answer:
        pieces = b""
        while piece := answer.read():
            pieces += piece
        return answer.head.status, pieces


def first_request(gateway: RawGateway) -> list[bytes]:
    return list(head_lines(next(peer.received for peer in gateway.peers if peer.received)))


# --- answers ----------------------------------------------------------------------------------------------

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def numbered() -> Callable[[Peer], None]:
    """Answer with an interim answer and then the number of the request."""

    def script(peer: Peer) -> None:
        number = 0
        while peer.read_request():
            number += 1
            peer.send(HINTS + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    return script


def test_http_client_takes_an_interim_answer_for_the_final_one(raw_gateway: StartGateway) -> None:
    with stock(raw_gateway(numbered())) as pool:
        assert pool.urlopen("GET", "/").status == 103


def test_interim_answer_is_not_taken_for_the_final_one(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(numbered())
    with Gateway(gateway.origin, store) as client:
        assert [ours(client), ours(client)] == [(200, b"1"), (200, b"2")]


@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_what_came_before_the_stream_was_cut_is_read_before_that_is_told(
    raw_gateway: StartGateway, store: FileTrustStore, backend: Callable[[], Backend]
) -> None:
    came = 3 * 16384  # as many records of TLS, which are read at once
    head_is_read, cut = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        assert head_is_read.wait(PATIENCE)
        peer.send(b"x" * came)
        socket.socket(fileno=peer.connection.detach()).close()  # without TLS's farewell
        cut.set()

    gateway = raw_gateway(script)
    with (
        Gateway(gateway.origin, store, backend=backend()) as client,
        client.send("GET", "/", [("Host", "x")]) as answer,
    ):
        head_is_read.set()
        assert cut.wait(PATIENCE)
        assert answer.read(came + 1) == b"x" * came
        with pytest.raises(GatewayAnswerIncomplete):
            answer.read()


AMBIGUOUS = {
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "length-beside-chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nok\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_http_client_passes_an_ambiguous_answer(raw_gateway: StartGateway, answer: bytes) -> None:
    with stock(raw_gateway(answer)) as pool:
        assert pool.urlopen("GET", "/").data == b"ok"


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_ambiguous_answer_is_refused(raw_gateway: StartGateway, store: FileTrustStore, answer: bytes) -> None:
    gateway = raw_gateway(answer)
    with Gateway(gateway.origin, store) as client, pytest.raises(GatewayAnswerInvalid):
        ours(client)


# --- requests ---------------------------------------------------------------------------------------------

TARGETS = ["/a/../b", "/a%2fb", "/%41%zz"]


@pytest.mark.parametrize("target", TARGETS)
def test_urllib3_changes_a_target(raw_gateway: StartGateway, target: str) -> None:
    gateway = raw_gateway(OK)
    with (
        urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False) as manager,
        pytest.warns(InsecureRequestWarning),
    ):
        manager.urlopen("GET", f"https://{gateway.origin}{target}")
    assert first_request(gateway)[0] != f"GET {target} HTTP/1.1".encode()


@pytest.mark.parametrize("target", TARGETS)
def test_target_is_sent_as_it_is(raw_gateway: StartGateway, store: FileTrustStore, target: str) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        ours(client, "GET", target)
    assert first_request(gateway)[0] == f"GET {target} HTTP/1.1".encode()


def test_urllib3_adds_lines_to_a_request(raw_gateway: StartGateway) -> None:
    gateway = raw_gateway(OK)
    with stock(gateway) as pool:
        pool.urlopen("GET", "/")
    added = {line.partition(b":")[0] for line in first_request(gateway)[1:]}
    assert {b"User-Agent", b"Accept-Encoding"} <= added


def test_nothing_is_added_to_what_is_sent(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        ours(client)
    assert first_request(gateway) == [b"GET / HTTP/1.1", b"Host: x"]


# --- places -----------------------------------------------------------------------------------------------


def test_urllib3_loses_the_place_of_an_answer_that_is_only_closed(raw_gateway: StartGateway) -> None:
    with stock(raw_gateway(OK), maxsize=1, block=True) as pool:
        pool.urlopen("GET", "/", preload_content=False).close()
        with pytest.raises(EmptyPoolError):
            pool.urlopen("GET", "/", pool_timeout=1)


def test_answer_that_is_only_closed_gives_its_place_back(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        client.send("GET", "/", [("Host", "x")]).close()
        assert ours(client) == (200, b"ok")


# --- trust ------------------------------------------------------------------------------------------------


def test_urllib3_tries_a_stranger_four_times(raw_gateway: StartGateway, impostor: Identity) -> None:
    gateway = raw_gateway(OK)
    wanted = str(impostor.certificate.fingerprint)
    with (
        stock(gateway, assert_fingerprint=wanted, retries=None) as pool,
        pytest.raises(MaxRetryError, match="Fingerprints did not match"),
    ):
        pool.urlopen("GET", "/")
    assert gateway.connections == 4


def test_stranger_is_met_once_and_looked_at_once(raw_gateway: StartGateway, impostor: Identity) -> None:
    gateway = raw_gateway(OK)
    pins = PinnedTrustStore([impostor.certificate.fingerprint])
    with Gateway(gateway.origin, pins) as client, pytest.raises(CertificateChanged):
        ours(client)
    assert gateway.connections == 2


def test_urllib3_shows_our_certificate_to_a_stranger(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor, clients=identity)
    wanted = str(identity.certificate.fingerprint)
    with (
        stock(gateway, assert_fingerprint=wanted, cert_file=str(identity.pem_file)) as pool,
        pytest.raises(SSLError),
    ):
        pool.urlopen("GET", "/")
    gateway.stop()
    shown = [peer.client_certificate for peer in gateway.peers]
    assert shown == [identity.certificate.der]


def test_empty_fingerprint_lets_urllib3_trust_everybody(raw_gateway: StartGateway) -> None:
    with stock(raw_gateway(OK), assert_fingerprint="") as pool, pytest.warns(InsecureRequestWarning):
        assert pool.urlopen("GET", "/").status == 200


@pytest.mark.parametrize("text", ["", " ", "sha256:"])
def test_fingerprint_is_never_empty(text: str) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Fingerprint.parse(text)
