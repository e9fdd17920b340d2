"""TLS for every gateway: versions, groups and suites that are spoken, and those that are refused."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from smgwproxy.backend import Backend, threaded
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import (
    CertificateChanged,
    GatewayClosed,
    GatewayHandshakeCut,
    GatewayNotTLS,
    GatewayTlsBroken,
)
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.tls import GROUPS, client_context
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.pinned import PinnedTrustStore
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    always,
    answering,
    make_identity,
    make_theben_identity,
    raw_exchange,
    running_proxy,
)

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\n\r\n"
TLS_1_2 = ssl.TLSVersion.TLSv1_2

BRAINPOOL: dict[str, ec.EllipticCurve] = {
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}


def brainpool(directory: Path, group: str = "brainpoolP256r1") -> Identity:
    return make_identity(directory, key=ec.generate_private_key(BRAINPOOL[group]))


def ask(client: Gateway) -> bytes:
    with client.send("GET", "/", [("Host", "x")]) as answer:
        return answer.read()


# --- groups ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", BRAINPOOL)
@pytest.mark.parametrize("newest", [TLS_1_2, ssl.TLSVersion.TLSv1_3])
def test_gateway_with_a_brainpool_certificate_is_reached(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, group: str, newest: ssl.TLSVersion
) -> None:
    identity = brainpool(tmp_path, group)
    gateway = raw_gateway(OK, identity, group=group, newest=newest)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")
    (pin,) = store.lookup(gateway.origin)
    assert pin.fingerprint == identity.certificate.fingerprint


@pytest.mark.parametrize("group", ["prime256v1", "secp384r1", "secp521r1"])
@pytest.mark.parametrize("newest", [TLS_1_2, ssl.TLSVersion.TLSv1_3])
def test_gateway_with_one_nist_group_is_reached_at_the_first_try(
    raw_gateway: StartGateway, store: FileTrustStore, group: str, newest: ssl.TLSVersion
) -> None:
    gateway = raw_gateway(OK, group=group, newest=newest)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"
    assert gateway.failed_handshakes == []


@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_group_that_worked_is_tried_first_from_then_on(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, backend: Callable[[], Backend]
) -> None:
    gateway = raw_gateway(always(OK), brainpool(tmp_path, "brainpoolP384r1"), group="brainpoolP384r1")
    gateway.script = answering(OK)  # and then it hangs up
    with Gateway(gateway.origin, store, backend=backend()) as client:
        assert ask(client) == b"ok"
        assert len(gateway.failed_handshakes) == 2, "the default groups, and brainpoolP256r1"
        for _ in range(3):
            assert ask(client) == b"ok"
        assert len(gateway.failed_handshakes) == 2
        assert gateway.connections == 2 + 1 + 4, "the failed ones, the first use, and one for each request"


def test_gateway_that_changes_its_group_is_reached(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity
) -> None:
    """A gateway that was exchanged, the new one's certificate pinned beforehand."""
    former = brainpool(tmp_path)
    pins = PinnedTrustStore([former.certificate.fingerprint, identity.certificate.fingerprint])
    gateway = raw_gateway(answering(OK), former, group="brainpoolP256r1")
    with Gateway(gateway.origin, pins) as client:
        assert ask(client) == b"ok"
        gateway._context = identity.server_context()
        assert ask(client) == b"ok"
        assert ask(client) == b"ok"


def test_stranger_with_another_group_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK, brainpool(tmp_path), group="brainpoolP256r1")
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateChanged):
        ask(client)
    assert gateway.received == b""


def test_stranger_gets_no_byte_from_who_pinned_a_brainpool_certificate(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor)
    store.pin(gateway.origin, brainpool(tmp_path).certificate)
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateChanged):
        ask(client)
    assert gateway.received == b""


def test_who_refuses_every_group_is_asked_once_for_each(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK, suites="ECDHE-ECDSA-AES128-SHA", newest=TLS_1_2)
    with Gateway(gateway.origin, store) as client:
        for times in (1, 2):
            with pytest.raises(GatewayNotTLS):
                ask(client)
            assert gateway.connections == times * len(GROUPS)


@pytest.mark.parametrize("closed", ["FIN", "RST"])
def test_who_hangs_up_within_the_handshake_is_asked_once(store: FileTrustStore, closed: str) -> None:
    """So does a gateway that is locked, or starting: three more connections would not help it."""
    connections = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            nonlocal connections
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                connections += 1
                peer.recv(4096)
                if closed == "RST":
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                peer.close()

        accepting = threading.Thread(target=hang_up, daemon=True)
        accepting.start()
        refused = pytest.raises(GatewayHandshakeCut, match="so nothing was sent")
        with Gateway(Origin(*listener.getsockname()), store) as client, refused:
            ask(client)
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(PATIENCE)
    assert connections == 1


# --- versions and suites --------------------------------------------------------------------------------

HAN_SUITES = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
]
WEAK_SUITES = [
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-NULL-SHA",
    "AECDH-AES128-SHA",
    "PSK-AES128-GCM-SHA256",
]


@pytest.mark.parametrize("suite", HAN_SUITES)
@pytest.mark.parametrize("group", ["prime256v1", "secp384r1"])
def test_each_suite_of_the_han_profile_works(
    raw_gateway: StartGateway, store: FileTrustStore, suite: str, group: str
) -> None:
    gateway = raw_gateway(OK, suites=suite, group=group, newest=TLS_1_2)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"
    connection = gateway.peers[-1].connection
    assert isinstance(connection, ssl.SSLSocket)


@pytest.mark.parametrize("suite", HAN_SUITES)
@pytest.mark.parametrize("group", BRAINPOOL)
def test_each_suite_of_the_han_profile_works_with_brainpool(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, suite: str, group: str
) -> None:
    gateway = raw_gateway(OK, brainpool(tmp_path, group), suites=suite, group=group)
    with Gateway(gateway.origin, store) as client:
        assert ask(client) == b"ok"


@pytest.mark.parametrize("suite", WEAK_SUITES)
def test_weak_suite_is_refused_and_told(raw_gateway: StartGateway, store: FileTrustStore, suite: str) -> None:
    gateway = raw_gateway(OK, suites=suite, newest=TLS_1_2)
    with Gateway(gateway.origin, store) as client, pytest.raises(GatewayNotTLS) as refused:
        ask(client)
    assert "takes nothing of what it is offered" in str(refused.value)
    assert "It was offered: TLS 1.2 and 1.3, in 1.2 ECDHE with AES-GCM" in str(refused.value)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # that it is old is why it is here
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused_and_told(
    raw_gateway: StartGateway, store: FileTrustStore, newest: ssl.TLSVersion
) -> None:
    gateway = raw_gateway(OK, suites="ALL", newest=newest)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, GET)
    assert said.startswith(b"HTTP/1.1 502 ")
    assert b"error=tls_protocol_error" in said
    assert b"it speaks neither TLS 1.2 nor 1.3" in said
    assert b"It was offered" in said
    assert gateway.connections == 1, "other groups would not help"


@pytest.mark.parametrize(
    "greeting",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail\r\n"],
    ids=["http", "ssh", "smtp"],
)
def test_who_speaks_no_tls_is_told(raw_gateway: StartGateway, store: FileTrustStore, greeting: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.send(greeting)
        peer.begun()

    gateway = raw_gateway(script, None)
    with Gateway(gateway.origin, store) as client, pytest.raises(GatewayNotTLS) as refused:
        ask(client)
    assert "what answers there does not speak TLS" in str(refused.value)
    assert gateway.connections == 1


@pytest.mark.parametrize("group", GROUPS)
def test_contexts_offer_what_is_told_and_no_more(group: str | None) -> None:
    context = client_context(group=group)
    assert context.minimum_version == TLS_1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    names = [str(suite["name"]) for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert names[:4] == HAN_SUITES
    assert all(re.fullmatch(r"ECDHE-(ECDSA|RSA)-(AES\d+-GCM|CHACHA20|AES\d+-SHA\d\d\d).*", name) for name in names)
    assert context.maximum_version == (TLS_1_2 if group else ssl.TLSVersion.MAXIMUM_SUPPORTED)


def test_renegotiation_is_refused(tmp_path: Path, store: FileTrustStore, identity: Identity) -> None:
    """The server asks for it in the middle of an answer; the client must not take part."""
    openssl = shutil.which("openssl")
    if openssl is None and not os.environ.get("REQUIRE_REAL_CLIENTS"):
        pytest.skip("openssl is not installed")
    assert openssl is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = str(identity.pem_file)
    command = [openssl, "s_server", "-port", str(port), "-cert", file, "-key", file]
    with subprocess.Popen(
        [*command, "-tls1_2", "-state"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        said = b""
        while b"ACCEPT" not in said:
            said += server.stdout.readline()
        try:
            with Gateway(Origin("127.0.0.1", port), store) as client:
                outcome: list[object] = []

                def exchange() -> None:
                    try:
                        outcome.append(ask(client))
                    except Exception as error:  # noqa: BLE001  # whatever it is, it is looked at
                        outcome.append(error)

                asking = threading.Thread(target=exchange)
                asking.start()
                while b"GET / HTTP/1.1" not in said:
                    said += server.stdout.readline()
                server.stdin.write(b"R\n")  # renegotiate
                server.stdin.flush()
                while b"no renegotiation" not in said:
                    line = server.stdout.readline()
                    assert line, said
                    said += line
                server.kill()
                asking.join(PATIENCE)
        finally:
            server.kill()
    # it alerts, and is then killed: whichever comes first
    assert [type(one) in {GatewayTlsBroken, GatewayClosed} for one in outcome] == [True]


# --- certificates ---------------------------------------------------------------------------------------


def test_expired_certificate_is_pinned_and_used(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    gateway = raw_gateway(answering(OK), make_identity(tmp_path, days=-1))
    with running_proxy(gateway.origin, store) as proxy:
        for _ in range(2):
            assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("newest", [TLS_1_2, ssl.TLSVersion.TLSv1_3])
def test_certificate_that_strict_parsers_refuse_is_pinned_and_used(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, newest: ssl.TLSVersion
) -> None:
    theben = make_theben_identity(tmp_path)
    gateway = raw_gateway(answering(OK), theben, newest=newest, group="secp384r1")
    with running_proxy(gateway.origin, store) as proxy:
        for _ in range(2):
            assert raw_exchange(proxy.port, GET).endswith(b"\r\n\r\nok")
    (pin,) = store.lookup(gateway.origin)
    assert pin.fingerprint == theben.certificate.fingerprint


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", None), ("::1", None), ("localhost", "localhost")])
@pytest.mark.parametrize("backend", [threaded, cooperative])
def test_name_is_sent_in_the_handshake_and_an_address_is_not(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    host: str,
    name: str | None,
    backend: Callable[[], Backend],
) -> None:
    gateway = raw_gateway(OK, host="::1" if ":" in host else "127.0.0.1")
    with Gateway(Origin(host, gateway.port), store, Limits(), backend()) as client:
        assert ask(client) == b"ok"
    assert set(gateway.names) == {name}
