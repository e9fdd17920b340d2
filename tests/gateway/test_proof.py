"""A certificate counts as presented only once its key was used, though the gateway demands one of ours first."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.backend import Backend, threaded
from smgwproxy.client_certificate import load_client_certificate
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import GatewayConnectTimeout, GatewayNotTLS
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.proof import Proof, proved_certificate
from smgwproxy.tls import client_context
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, PATIENCE, Identity, Peer, RawGateway, stolen

StartGateway = Callable[..., RawGateway]
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Server:
    """The gateway's side of a handshake, in memory; it demands a certificate of its clients."""

    def __init__(self, identity: Identity, newest: ssl.TLSVersion) -> None:
        context = identity.server_context()
        context.maximum_version = newest
        context.load_verify_locations(cadata=identity.certificate.der)
        context.verify_mode = ssl.CERT_REQUIRED
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.failure: ssl.SSLError | None = None

    def hear(self, octets: bytes) -> None:
        self._incoming.write(octets)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.failure = error

    def say(self) -> bytes:
        return self._outgoing.read()


def shake_hands(identity: Identity, newest: ssl.TLSVersion, upto: int | None = None) -> tuple[Proof, Server]:
    """Return what was proved to a client who gets ``upto`` bytes of the server's first flight, and no more."""
    server = Server(identity, newest)
    flights = 0

    def receive() -> bytes:
        nonlocal flights
        flights += 1
        if upto is None:
            return server.say()
        return server.say()[:upto] if flights == 1 else b""

    return proved_certificate(client_context(), None, server.hear, receive), server


@pytest.mark.parametrize("newest", [TLS_1_2, TLS_1_3])
def test_certificate_of_a_server_that_refuses_us_is_proved(identity: Identity, newest: ssl.TLSVersion) -> None:
    proved, server = shake_hands(identity, newest)
    assert proved == Proof(identity.certificate.der, whole=newest is TLS_1_3)  # where it tells us only afterwards
    assert server.failure is not None
    assert server.failure.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


@pytest.mark.parametrize("newest", [TLS_1_2, TLS_1_3])
def test_certificate_is_not_proved_by_less_than_the_whole_flight(
    identity: Identity, newest: ssl.TLSVersion
) -> None:
    flight = Server(identity, newest)
    sent: list[bytes] = []
    with pytest.raises(ssl.SSLEOFError):
        proved_certificate(client_context(), None, sent.append, lambda: b"")
    flight.hear(b"".join(sent))
    shortest = len(flight.say()) - 4  # its signature is a few bytes longer or shorter each time
    assert shortest > 300
    for upto in range(shortest):
        with pytest.raises(ssl.SSLError):
            shake_hands(identity, newest, upto)


@pytest.mark.parametrize("newest", [TLS_1_2, TLS_1_3])
def test_certificate_of_which_the_key_is_another_is_not_proved(
    tmp_path: Path, identity: Identity, newest: ssl.TLSVersion
) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)bad.signature|digital envelope|decrypt"):
        shake_hands(stolen(tmp_path, identity), newest)


def test_handshake_without_end_comes_to_one(identity: Identity) -> None:
    server = Server(identity, TLS_1_2)
    hello = iter([b"\x16\x03\x03\x40\x00\x02\x03\xff\xff"])  # the beginning of a message of 262 kB
    asked = 0

    def receive() -> bytes:
        nonlocal asked
        asked += 1
        return next(hello, b"\x00" * 4096)

    with pytest.raises(ssl.SSLError):
        proved_certificate(client_context(), None, server.hear, receive)
    assert asked < 100


@pytest.mark.parametrize("newest", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_stolen_certificate_is_not_pinned_where_ours_would_be_shown(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    identity: Identity,
    impostor: Identity,
    newest: ssl.TLSVersion,
    backend: Callable[[], Backend],
) -> None:
    gateway = raw_gateway(OK, stolen(tmp_path, identity), clients=impostor, newest=newest)
    mine = load_client_certificate(impostor.pem_file)
    client = Gateway(gateway.origin, store, backend=backend(), client_certificate=mine)
    with client, pytest.raises(GatewayNotTLS):
        client.send("GET", "/", [("Host", "x")])
    assert not store.lookup(gateway.origin)


@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_silent_gateway_times_out_before_its_proof(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity, backend: Callable[[], Backend]
) -> None:
    def script(peer: Peer) -> None:
        peer.begun()
        peer.send(b"\x16")
        peer.connection.settimeout(PATIENCE)
        peer.begun()

    gateway = raw_gateway(script, None)
    mine = load_client_certificate(impostor.pem_file)
    limits = Limits(connect_timeout=0.2)
    client = Gateway(gateway.origin, store, limits, backend(), client_certificate=mine)
    with client, pytest.raises(GatewayConnectTimeout):
        client.send("GET", "/", [("Host", "x")])
