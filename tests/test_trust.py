"""Promise 2: no byte to a stranger. Real TLS on loopback, with what the stranger received counted."""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import gevent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from smgwproxy.backend import threaded
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.client_certificate import ClientCertificate, load_client_certificate
from smgwproxy.connection import Answer, Dropped, ExactPool, ExactRequest
from smgwproxy.errors import (
    CertificateChanged,
    CertificateRevoked,
    ConfigError,
    GatewayNotTLS,
    InternalError,
    PinRefused,
    PinWithdrawn,
    TrustStoreError,
)
from smgwproxy.faults import Mismatch
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.pools import PinnedPools
from smgwproxy.renewal import Renewal
from smgwproxy.tls import anchored_context
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Pin, Record
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    Wiretap,
    always,
    forged,
    head_lines,
    make_identity,
    make_theben_identity,
    raw_exchange,
    running_proxy,
    stolen,
)

LINES = [("Host", "x")]
StartGateway = Callable[..., RawGateway]
SECRET = (
    b"POST /secret HTTP/1.1\r\nHost: pi\r\nAuthorization: mine\r\n"
    b"Content-Length: 4\r\nConnection: close\r\n\r\nbody"
)


def record(store_directory: Path, origin: Origin) -> Path:
    return store_directory / f"{origin}.json"


def write_original(path: Path, identity: Identity) -> None:
    """Write a record as the original proxy does."""
    path.write_text(
        json.dumps(
            {
                "fingerprint": str(identity.certificate.fingerprint),
                "subject": "CN=SMGW",
                "issuer": "CN=SMGW",
                "not_before": "2025-01-01 00:00:00 +0000 UTC",
                "not_after": "2032-01-01 00:00:00 +0000 UTC",
                "dns_names": None,
            }
        )
    )


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    return tmp_path / "certs"


class Constant:
    """A store with fixed pins."""

    def __init__(self, *pins: Identity) -> None:
        self.pins = [Pin(identity.certificate.fingerprint) for identity in pins]

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        return self.pins

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
        raise PinRefused(origin, str(certificate.fingerprint))


def exchanged(raw_gateway: StartGateway, gateway: RawGateway, who: Identity, **options: Any) -> RawGateway:
    """Put a gateway with the certificate of ``who`` in the place of ``gateway``."""
    gateway.stop()
    return raw_gateway(OK, who, port=gateway.port, **options)


def test_first_use_pins_and_is_answered(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 OK")
    written = json.loads(record(certs, gateway.origin).read_text())
    assert written["fingerprint"] == str(identity.certificate.fingerprint)


def test_parallel_first_uses_agree_on_one_pin_and_one_handshake_more(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    answers: list[bytes] = []
    with running_proxy(gateway.origin, store) as proxy:
        clients = [
            threading.Thread(target=lambda: answers.append(raw_exchange(proxy.port, SECRET))) for _ in range(20)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert [head_lines(one)[0] for one in answers] == [b"HTTP/1.1 200 OK"] * 20
    assert gateway.connections == 2
    assert store.origins() == [gateway.origin]


def test_changed_certificate_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        stranger = exchanged(raw_gateway, gateway, impostor)
        said = raw_exchange(proxy.port, SECRET)
    # one handshake that failed, and one that asked for the certificate
    assert stranger.connections == 2
    assert len(stranger.failed_handshakes) == 1
    assert stranger.received == b""
    assert said.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("copy", [forged, stolen])
@pytest.mark.parametrize("known", [True, False], ids=["certificate-pinned", "fingerprint-pinned"])
def test_certificate_copied_but_for_the_key_gets_no_byte(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    certs: Path,
    tmp_path: Path,
    identity: Identity,
    copy: Callable[[Path, Identity], Identity],
    known: bool,
) -> None:
    gateway = raw_gateway(OK)
    if not known:
        write_original(record(certs, gateway.origin), identity)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        stranger = exchanged(raw_gateway, gateway, copy(tmp_path, identity))
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
    assert stranger.connections > 0
    assert stranger.received == b""
    assert [one.certificate for one in store.record(gateway.origin).pending] == (
        [] if copy is stolen else [stranger.identity.certificate if stranger.identity else None]
    )


def test_changed_certificate_is_told_with_both_fingerprints_and_what_to_do(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        exchanged(raw_gateway, gateway, impostor)
        said = raw_exchange(proxy.port, SECRET).decode()
        proxy.next_exchange()
        error = proxy.next_exchange().error
    assert isinstance(error, CertificateChanged)  # its text is what the log gets
    for text in (said, str(error)):
        assert str(identity.certificate.fingerprint) in text
        assert str(impostor.certificate.fingerprint) in text
        assert str(record(certs, gateway.origin)) in text
    assert "Proxy-Status: smgwproxy; error=tls_certificate_error" in said


def test_removing_the_record_takes_effect_at_once(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        exchanged(raw_gateway, gateway, impostor)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
        record(certs, gateway.origin).unlink()
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")


def test_kept_connection_is_not_used_under_another_pin(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        before = len(gateway.received)
        written = json.loads(record(certs, gateway.origin).read_text())
        del written["certificate"]
        written["fingerprint"] = str(impostor.certificate.fingerprint)
        record(certs, gateway.origin).write_text(json.dumps(written))
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
        # the kept connection is closed at once, not by and by
        assert gateway.peers[1].ended.wait(PATIENCE)
    assert len(gateway.received) == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"fingerprint": ""}', '{"fingerprint": "00"}'])
def test_unreadable_record_is_an_error_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, content: str
) -> None:
    gateway = raw_gateway(OK)
    record(certs, gateway.origin).write_text(content)
    with running_proxy(gateway.origin, store) as proxy:
        said = raw_exchange(proxy.port, SECRET)
    assert said.startswith(b"HTTP/1.1 500 ")
    assert str(record(certs, gateway.origin)).encode() in said
    assert gateway.connections == 0
    assert record(certs, gateway.origin).read_text() == content


def test_record_of_the_original_proxy_is_honoured(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    write_original(record(certs, gateway.origin), identity)
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")
    assert gateway.connections == 1  # no first use


def test_expired_certificate_that_is_pinned_is_used(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK, make_identity(tmp_path, days=-10))
    with running_proxy(gateway.origin, store) as proxy:
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")


def test_backup_pin_is_tried_when_the_first_does_not_match(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, Constant(impostor, identity)) as proxy:
        first = raw_exchange(proxy.port, SECRET)
        # one that does not match, one that asks for the certificate, and one that carries the request
        assert gateway.connections == 3
        second = raw_exchange(proxy.port, SECRET)
    assert first == second
    assert first.startswith(b"HTTP/1.1 200 ")
    assert gateway.connections == 3, "the pin that matched last is tried first"


def exchange_pools(client: Gateway, pools: PinnedPools) -> None:
    client._approach.join(pools, 1)
    client._approach.quit(client._pools)
    client._pools = pools


def test_pool_closed_by_another_thread_means_the_pins_are_asked_again(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    class Overtaken(PinnedPools):
        """Another thread meets another pin between the choice of the pool and its use."""

        times = 0

        def _pool(self, pin: Pin, group: str | None) -> ExactPool:
            pool = super()._pool(pin, group)
            self.times += 1
            if self.times <= changes:
                self.end_idle()
            return pool

    gateway = raw_gateway(OK)
    changes = 1
    with Gateway(gateway.origin, store) as client:
        pools = Overtaken(gateway.origin, Limits(), threaded(), client._approach.parting)
        exchange_pools(client, pools)
        client.send("GET", "/", [("Host", "x")]).close()
        assert pools.times == 2
        pools.times, changes = 0, 99
        with pytest.raises(TrustStoreError, match="keep changing"):
            client.send("GET", "/", [("Host", "x")])


def test_threads_with_changing_pins_share_one_pool(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    store = Constant(identity)
    failures: list[Exception] = []

    def ask() -> None:
        for _ in range(30):
            try:
                with client.send("GET", "/", [("Host", "x")]) as answer:
                    answer.read()
            except CertificateChanged:
                pass
            except Exception as error:  # noqa: BLE001  # told below
                failures.append(error)

    with Gateway(gateway.origin, store, Limits(connections=4), threaded()) as client:
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            store.pins = [Pin(who.certificate.fingerprint) for who in (impostor, identity)]
            store.pins = [Pin(identity.certificate.fingerprint)]
            threads[0].join(0.002)  # a loop that never waits would leave the threads no time
        store.pins = [Pin(identity.certificate.fingerprint)]
        with client.send("GET", "/", [("Host", "x")]) as answer:
            assert answer.read() == b"ok"
    assert [error for error in failures if not isinstance(error, TrustStoreError)] == []


def test_slow_store_does_not_hold_up_other_requests(raw_gateway: StartGateway, identity: Identity) -> None:
    asked, release = threading.Event(), threading.Event()

    class Slow(Constant):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            if not asked.is_set():
                asked.set()
                assert release.wait(PATIENCE)
            return super().lookup(origin)

    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, Slow(identity), Limits(connections=2)) as proxy:
        first = threading.Thread(target=lambda: raw_exchange(proxy.port, SECRET))
        first.start()
        assert asked.wait(PATIENCE)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")
        assert first.is_alive()
        release.set()
        first.join(PATIENCE)


def test_store_without_first_use_sends_nothing(raw_gateway: StartGateway) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, Constant()) as proxy:
        said = raw_exchange(proxy.port, SECRET)
    assert said.startswith(b"HTTP/1.1 502 ")
    assert b"takes none on first use" in said
    assert gateway.received == b""


def test_store_that_forgets_what_it_pinned_sends_nothing(raw_gateway: StartGateway) -> None:
    class Forgetful(Constant):
        def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
            return ()

    gateway = raw_gateway(OK)
    with (
        Gateway(gateway.origin, Forgetful()) as client,
        pytest.raises(TrustStoreError, match="Forgetful holds no pin"),
    ):
        client.send("GET", "/", [])
    assert gateway.received == b""


def test_failing_store_never_opens_the_door(raw_gateway: StartGateway) -> None:
    class Failing(Constant):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            raise RuntimeError("the database is gone")

    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, Failing()) as proxy:
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 500 ")
        error = proxy.next_exchange().error
    assert isinstance(error, TrustStoreError)
    assert "RuntimeError: the database is gone" in str(error)
    assert gateway.connections == 0


def test_connection_without_a_compared_fingerprint_sends_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        pin = Pin(Fingerprint("0" * 64))
        client._pools.allow([pin], client._pools.ticket())
        pool = client._pools._pool(pin, None)
        connection = pool.new_connection()
        connection.assert_fingerprint = None
        connection.connect()
        try:
            with pytest.raises(InternalError, match="not compared"):
                connection.request("GET", ExactRequest.of("GET", "/", []))
        finally:
            connection.close()
    gateway.stop()
    assert gateway.received == b""


def test_library_in_threads_pins_too(raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity) -> None:
    gateway = raw_gateway(OK)
    lines = [("Host", str(gateway.origin))]
    with Gateway(str(gateway.origin), store, Limits(), threaded()) as client:
        with client.send("GET", "/", lines) as answer:
            assert answer.read() == b"ok"
        stranger = exchanged(raw_gateway, gateway, impostor)
        with pytest.raises(CertificateChanged):
            client.send("GET", "/", lines)
    assert stranger.received == b""


def test_unread_answer_never_becomes_the_next_ones(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        if peer.read_request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale" + bytes(100))

    gateway = raw_gateway(script)
    lines = [("Host", "x")]
    with Gateway(gateway.origin, store) as client:
        client.send("GET", "/", lines).close()
        gateway.script = always(OK)
        with client.send("GET", "/", lines) as answer:
            assert answer.read() == b"ok"
            assert not answer.reused


def as_client(identity: Identity) -> ClientCertificate:
    return load_client_certificate(identity.pem_file)


def test_start_pins_without_a_request(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        (pin,) = client.ensure_pinned()
    assert pin.fingerprint == identity.certificate.fingerprint
    gateway.stop()
    assert gateway.received == b""


# --- in the handshake -----------------------------------------------------------------------------------


def test_client_certificate_is_presented_to_the_pinned_gateway(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, clients=impostor)
    with Gateway(gateway.origin, store, client_certificate=as_client(impostor)) as client:
        client.send("GET", "/", LINES).close()
    asked, used = gateway.peers
    assert asked.client_certificate is None, "before it is known whether it is the gateway's"
    assert used.client_certificate == impostor.certificate.der


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("copy", [None, forged, stolen], ids=["another", "forged", "stolen"])
def test_impostor_receives_no_client_certificate_and_no_byte_of_a_request(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    identity: Identity,
    newest: ssl.TLSVersion,
    copy: Callable[[Path, Identity], Identity] | None,
) -> None:
    mine = make_identity(tmp_path, "me")
    stranger = make_identity(tmp_path, "somebody else") if copy is None else copy(tmp_path, identity)
    gateway = raw_gateway(OK, clients=mine, newest=newest)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:
        client.send("GET", "/", LINES).close()
        theirs = exchanged(raw_gateway, gateway, stranger, clients=mine, newest=newest)
        with pytest.raises(GatewayNotTLS if copy is stolen else CertificateChanged):
            client.send("GET", "/", LINES)
    theirs.stop()
    assert theirs.failed_handshakes != []
    assert [peer.client_certificate for peer in theirs.peers] == [None] * (copy is not stolen)
    assert theirs.received == b""


def test_client_certificate_is_not_even_on_the_wire_to_an_impostor(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, identity: Identity, impostor: Identity
) -> None:
    """Up to TLS 1.2 it would go in the clear, so that what was sent can be searched for it."""
    mine = make_identity(tmp_path, "me")
    sent = {}
    for who in (identity, impostor):
        gateway = raw_gateway(OK, who, clients=mine, newest=ssl.TLSVersion.TLSv1_2)
        wiretap = Wiretap(gateway.port)
        store.change(wiretap.origin, partial(rules.first_use, certificate=identity.certificate, now=utc_now()))
        with (
            Gateway(wiretap.origin, store, client_certificate=as_client(mine)) as client,
            suppress(CertificateChanged),
        ):
            client.send("GET", "/", LINES).close()
        wiretap.stop()
        sent[who] = wiretap.sent
    assert mine.certificate.der in sent[identity]
    assert mine.certificate.der not in sent[impostor]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_certificate_is_shown_after_a_look_at_the_certificate_of_which_the_fingerprint_is_known(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    certs: Path,
    identity: Identity,
    impostor: Identity,
    newest: ssl.TLSVersion,
) -> None:
    gateway = raw_gateway(OK, clients=impostor, newest=newest)
    write_original(record(certs, gateway.origin), identity)
    with Gateway(gateway.origin, store, client_certificate=as_client(impostor)) as client:
        for _ in range(2):
            client.send("GET", "/", LINES).close()
            client.close()
    assert gateway.connections == 3
    asked, *used = gateway.peers
    assert asked.client_certificate is None
    assert [peer.client_certificate for peer in used] == [impostor.certificate.der] * 2


def test_stranger_is_shown_nothing_where_only_the_fingerprint_is_known(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor, clients=impostor)
    write_original(record(certs, gateway.origin), identity)
    with (
        Gateway(gateway.origin, store, client_certificate=as_client(impostor)) as client,
        pytest.raises(CertificateChanged),
    ):
        client.send("GET", "/", LINES)
    assert gateway.received == b""
    assert [peer.client_certificate for peer in gateway.peers if peer.client_certificate] == []


def test_client_certificate_that_cannot_be_used_is_told_at_once(store: FileTrustStore, impostor: Identity) -> None:
    chain = impostor.certificate.pem.encode()
    for unusable in (ClientCertificate(chain, b""), ClientCertificate(b"", b"")):
        with pytest.raises(ConfigError, match="client certificate cannot be used") as caught:
            Gateway("10.11.120.2", store, client_certificate=unusable)
        assert len(str(caught.value).splitlines()) == 1


def test_client_certificate_is_read_once(raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path) -> None:
    mine = make_identity(tmp_path, "me")
    gateway = raw_gateway(OK, clients=mine)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:
        mine.pem_file.unlink()
        client.send("GET", "/", LINES).close()
    assert gateway.peers[-1].client_certificate == mine.certificate.der


@pytest.mark.parametrize("days", [365, -10], ids=["valid", "expired"])
def test_pinned_certificate_is_the_anchor_whatever_its_dates(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, days: int
) -> None:
    mine = make_identity(tmp_path, "me")
    gateway = raw_gateway(OK, make_identity(tmp_path, days=days), clients=mine)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:
        client.send("GET", "/", LINES).close()
    # it is presented to an anchored peer only
    assert gateway.peers[-1].client_certificate == mine.certificate.der
    assert gateway.connections == 2


def test_certificate_that_strict_parsers_refuse_is_an_anchor_like_any_other(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, impostor: Identity
) -> None:
    theben = make_theben_identity(tmp_path)
    gateway = raw_gateway(OK, theben, clients=impostor)
    with Gateway(gateway.origin, store, client_certificate=as_client(impostor)) as client:
        client.send("GET", "/", LINES).close()
    (pin,) = store.lookup(gateway.origin)
    assert pin.certificate == theben.certificate
    assert pin.subject == "CN=Theben"
    assert gateway.peers[-1].client_certificate == impostor.certificate.der
    assert gateway.connections == 2


@pytest.mark.parametrize(
    "extension",
    [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ],
    ids=["another-purpose", "unknown-critical-extension"],
)
def test_certificate_that_openssl_takes_for_no_anchor_is_used_but_gets_no_client_certificate(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, extension: x509.ExtensionType
) -> None:
    mine = make_identity(tmp_path, "me")
    odd = make_identity(tmp_path, extension=extension)
    gateway = raw_gateway(OK, odd, clients=mine)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:
        for _ in range(2):
            with client.send("GET", "/", LINES) as answer:
                assert answer.read() == b"ok"
            client.close()
    # first use, refused as an anchor, asked again, used; from then on it is known
    assert gateway.connections == 5
    assert [peer.client_certificate for peer in gateway.peers] == [None] * 4
    stranger = exchanged(raw_gateway, gateway, mine)
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateChanged):
        client.send("GET", "/", LINES)
    assert stranger.received == b""


def test_pin_that_openssl_cannot_parse_is_no_anchor_and_matches_nobody(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    store.pin(gateway.origin, Certificate(b"no certificate"))
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateChanged):
        client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


# --- renewal, pending, revoked --------------------------------------------------------------------------


def test_new_certificate_with_the_same_key_waits_for_a_person_unless_told(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make_identity(tmp_path, key=key), make_identity(tmp_path, key=key, days=730)
    gateway = raw_gateway(OK, old)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        renewed = exchanged(raw_gateway, gateway, new)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
    assert renewed.received == b""
    assert [one.fingerprint for one in store.record(gateway.origin).pending] == [new.certificate.fingerprint]


def test_new_certificate_with_the_same_key_is_accepted_and_recorded_when_told(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make_identity(tmp_path, key=key), make_identity(tmp_path, key=key, days=730)
    gateway = raw_gateway(OK, old)
    with running_proxy(gateway.origin, store, renewal=Renewal.SAME_KEY) as proxy:
        raw_exchange(proxy.port, SECRET)
        renewed = exchanged(raw_gateway, gateway, new)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")
        assert renewed.connections == 3
        (pin,) = store.lookup(gateway.origin)
        assert pin.certificate == new.certificate
        # the old one is no pin any more
        exchanged(raw_gateway, renewed, make_identity(tmp_path, key=None))
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
    happenings = [event.happening for event in store.record(gateway.origin).history]
    assert happenings == ["pinned", "replaced", "renewed", "refused"]


def test_another_key_is_never_a_renewal(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, renewal=Renewal.SAME_KEY) as proxy:
        raw_exchange(proxy.port, SECRET)
        stranger = exchanged(raw_gateway, gateway, impostor)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
    assert stranger.received == b""


def test_refused_certificate_is_pending_and_counted(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        exchanged(raw_gateway, gateway, impostor)
        for _ in range(3):
            said = raw_exchange(proxy.port, SECRET).decode()
    (pending,) = store.record(gateway.origin).pending
    assert (pending.certificate, pending.times) == (impostor.certificate, 3)
    assert f"smgwproxy trust approve --target {gateway.origin}" in said


def test_approval_counts_at_the_next_request(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        exchanged(raw_gateway, gateway, impostor)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 502 ")
        edit = partial(rules.approve, fingerprint=impostor.certificate.fingerprint, now=utc_now())
        store.change(gateway.origin, edit)
        assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 200 ")


def revoked(store: FileTrustStore, origin: Origin, who: Identity) -> None:
    store.change(origin, partial(rules.revoke, fingerprint=who.certificate.fingerprint, now=utc_now()))


def test_revoked_certificate_is_refused_at_once_and_by_first_use_too(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        before = gateway.received
        revoked(store, gateway.origin, identity)
        assert b"revoked" in raw_exchange(proxy.port, SECRET)
        store.change(gateway.origin, partial(rules.forget, now=utc_now()))
        said = raw_exchange(proxy.port, SECRET)
    assert said.startswith(b"HTTP/1.1 502 ")
    assert b"revoked" in said
    assert gateway.received == before
    assert store.record(gateway.origin).pending == ()


def test_revoked_certificate_is_told_as_such_beside_another_pin(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    store.pin(gateway.origin, impostor.certificate)
    revoked(store, gateway.origin, identity)
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateRevoked):
        client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


def test_once_the_last_pin_is_revoked_the_next_certificate_waits_for_a_person(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor)
    store.pin(gateway.origin, identity.certificate)
    revoked(store, gateway.origin, identity)
    with Gateway(gateway.origin, store) as client, pytest.raises(PinRefused, match="trust approve"):
        client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""
    assert [one.certificate for one in store.record(gateway.origin).pending] == [impostor.certificate]


def test_pin_that_is_removed_while_a_stranger_is_looked_at_lets_nobody_in(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    class Removed(FileTrustStore):
        def change(self, origin: Origin, edit: rules.Edit) -> Record:
            super().change(origin, partial(rules.forget, now=utc_now()))
            return super().change(origin, edit)

    gateway = raw_gateway(OK, impostor)
    removed = Removed(store._directory)
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, removed) as client, pytest.raises(PinRefused):
        client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


# --- what people change while it runs ---------------------------------------------------------------------


def test_idle_connection_under_a_pin_that_is_gone_is_ended_without_a_request(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        with client.send("GET", "/", LINES) as answer:
            answer.read()
        assert len(client.follow()) == 1
        assert not gateway.peers[1].ended.is_set()
        revoked(store, gateway.origin, identity)
        assert client.follow() == ()
        assert gateway.peers[1].ended.wait(PATIENCE)


@pytest.mark.parametrize("cooperative_one", [True, False], ids=["gevent", "threads"])
def test_answer_under_a_pin_that_is_gone_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, cooperative_one: bool
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
        begun.set()
        peer.read_request()
        ended.set()

    gateway = raw_gateway(script)
    if cooperative_one:
        with running_proxy(gateway.origin, store, Limits(connections=2)) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client:
                client.sendall(SECRET)
                assert begun.wait(PATIENCE)
                revoked(store, gateway.origin, identity)
                proxy.hub.call(proxy.gateway.follow)
                with suppress(ConnectionResetError):
                    while client.recv(65536):
                        pass
            assert isinstance(proxy.next_exchange().error, PinWithdrawn)
    else:
        with Gateway(gateway.origin, store) as library, library.send("GET", "/", LINES) as answer:
            assert answer.read() == b"begun"
            revoked(store, gateway.origin, identity)
            library.follow()
            with pytest.raises(PinWithdrawn):
                answer.read()
    assert ended.wait(PATIENCE)


def test_upload_under_a_pin_that_is_gone_is_cut_off(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)

    def body() -> Iterator[bytes]:
        yield b"first"
        revoked(store, gateway.origin, identity)
        client.follow()
        yield b"second"

    lines = [*LINES, ("Content-Length", "11")]
    with Gateway(gateway.origin, store) as client, pytest.raises(PinWithdrawn):
        client.send("POST", "/", lines, body())
    gateway.stop()
    assert b"first" in gateway.received
    assert b"second" not in gateway.received


def test_connection_under_a_pin_that_stays_is_not_ended(
    raw_gateway: StartGateway, store: FileTrustStore, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        with client.send("GET", "/", LINES) as answer:
            answer.read()
        pin = Pin.of(impostor.certificate)
        store.change(gateway.origin, partial(rules.add, pin=pin, now=utc_now()))
        assert len(client.follow()) == 2
        with client.send("GET", "/", LINES) as answer:
            assert answer.reused


def test_record_of_the_original_is_completed_with_the_certificate(
    raw_gateway: StartGateway, store: FileTrustStore, certs: Path, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    write_original(record(certs, gateway.origin), identity)
    with Gateway(gateway.origin, store) as client:
        client.follow()
        assert store.lookup(gateway.origin)[0].certificate is None
        client.send("GET", "/", LINES).close()
        client.follow()
    assert store.lookup(gateway.origin)[0].certificate == identity.certificate


class Alternating(ssl.SSLContext):
    """A server that presents another certificate each time, in turn."""

    turn: Iterator[ssl.SSLContext]

    @classmethod
    def of(cls, *contexts: ssl.SSLContext) -> Alternating:
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made.turn = itertools.cycle(contexts)
        return made

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        return next(self.turn).wrap_socket(*args, **kwargs)


def test_peer_whose_certificate_keeps_changing_gets_no_byte(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    """Each time it is asked it presents the pinned certificate, and another one to whoever would send."""
    gateway = raw_gateway(OK)
    gateway._context = Alternating.of(impostor.server_context(), identity.server_context())
    with (
        Gateway(gateway.origin, Constant(identity)) as client,
        pytest.raises(TrustStoreError, match="keep changing"),
    ):
        client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


# --- stores of others -----------------------------------------------------------------------------------


def test_hanging_store_is_told_by_name_and_never_opens_the_door(
    raw_gateway: StartGateway, identity: Identity
) -> None:
    release = threading.Event()

    class Hanging(Constant):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            assert release.wait(PATIENCE)
            return super().lookup(origin)

    gateway = raw_gateway(OK)
    limits = Limits(store_timeout=0.05)
    with running_proxy(gateway.origin, Hanging(identity), limits) as proxy:
        for _ in range(5):
            assert raw_exchange(proxy.port, SECRET).startswith(b"HTTP/1.1 500 ")
            error = proxy.next_exchange().error
            assert isinstance(error, TrustStoreError)
            assert "Hanging did not answer within 0.05 s" in str(error)
        assert gateway.connections == 0
        # gevent resolves names in the same threads
        assert proxy.hub.call(lambda: gevent.get_hub().threadpool.apply(lambda: "free")) == "free"
        release.set()


@pytest.mark.parametrize("wrong", [None, ["0" * 64], "pins", "", b"", 7, {}], ids=repr)
def test_store_that_returns_something_else_than_pins_opens_no_door(raw_gateway: StartGateway, wrong: Any) -> None:
    class Wrong(Constant):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            return cast(Sequence[Pin], wrong)

    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, Wrong()) as client, pytest.raises(TrustStoreError, match=r"Wrong returned"):
        client.send("GET", "/", LINES)
    assert gateway.connections == 0


def test_fingerprint_is_compared_after_the_handshake_too(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor)
    contradictory = Pin(identity.certificate.fingerprint, impostor.certificate)
    with Gateway(gateway.origin, store) as client:
        client._pools.allow([contradictory], client._pools.ticket())
        with pytest.raises(Mismatch):
            client._pools.send(contradictory, "GET", ExactRequest.of("GET", "/", []))
    gateway.stop()
    assert gateway.failed_handshakes == []
    assert gateway.received == b""


@pytest.mark.parametrize("kind", ["md5", "sha1", "another certificate", "no certificate"])
def test_malformed_pin_of_a_store_opens_no_door(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity, kind: str
) -> None:
    der = identity.certificate.der
    fingerprint = identity.certificate.fingerprint
    wrong: dict[str, Any] = {
        "md5": Pin(cast(Fingerprint, hashlib.md5(der, usedforsecurity=False).hexdigest())),
        "sha1": Pin(cast(Fingerprint, hashlib.sha1(der, usedforsecurity=False).hexdigest())),
        "another certificate": Pin(fingerprint, impostor.certificate),
        "no certificate": Pin(fingerprint, cast(Certificate, der)),
    }

    class Malformed(Constant):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            return [wrong[kind]]

    gateway = raw_gateway(OK)
    with (
        Gateway(gateway.origin, Malformed()) as client,
        pytest.raises(TrustStoreError, match="Malformed returned"),
    ):
        client.send("GET", "/", LINES)
    assert gateway.connections == 0


# --- what changes in the wrong moment ---------------------------------------------------------------------


def test_pin_that_is_revoked_while_the_peer_is_asked_for_its_certificate_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    class Slow(PinnedPools):
        def presented_certificate(self) -> Certificate:
            found = super().presented_certificate()
            revoked(store, gateway.origin, identity)
            client.follow()
            return found

    gateway = raw_gateway(OK)
    store.pin(gateway.origin, impostor.certificate)
    store.change(gateway.origin, partial(rules.add, pin=Pin.of(identity.certificate), now=utc_now()))
    with Gateway(gateway.origin, store) as client:
        exchange_pools(client, Slow(gateway.origin, Limits(), threaded(), client._approach.parting))
        with pytest.raises(CertificateRevoked):
            client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


def test_pin_that_is_revoked_between_look_up_and_connection_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    class Overtaken(PinnedPools):
        def send(self, pin: Pin, method: str, request: ExactRequest) -> Answer:
            revoked(store, gateway.origin, identity)
            client.follow()
            return super().send(pin, method, request)

    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        exchange_pools(client, Overtaken(gateway.origin, Limits(), threaded(), client._approach.parting))
        with pytest.raises((CertificateRevoked, PinRefused)):
            client.send("GET", "/", LINES)
    gateway.stop()
    assert gateway.received == b""


def test_connection_that_is_begun_while_its_pool_is_dropped_sends_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        (pin,) = client.ensure_pinned()
        pool = client._pools._pool(pin, None)
        pool.drop()
        connection = pool.new_connection()
        with pytest.raises(Dropped):
            connection.connect()
        connection.close()
    gateway.stop()
    assert gateway.received == b""


class Greetings(list[str | None]):
    """Holds each handshake from its first message on until ``over``."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Semaphore(0)
        self.over = threading.Event()

    def append(self, name: str | None) -> None:
        super().append(name)
        self.came.release()
        self.over.wait(PATIENCE)


def test_pin_that_goes_within_handshakes_ends_them_all_and_nothing_is_sent(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    greetings = Greetings()
    gateway = raw_gateway(OK, names=greetings)
    store.pin(gateway.origin, identity.certificate)
    with (
        running_proxy(gateway.origin, store, Limits(connections=2)) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as one,
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as other,
    ):
        for client in (one, other):
            client.sendall(SECRET)
            assert greetings.came.acquire(timeout=PATIENCE)
        revoked(store, gateway.origin, identity)
        try:
            proxy.hub.call(proxy.gateway.follow)
        finally:
            greetings.over.set()
        for _ in range(2):
            assert isinstance(proxy.next_exchange().error, PinWithdrawn)
    gateway.stop()
    assert gateway.connections == 2
    assert gateway.peers == [], "no handshake came to its end"


def test_client_certificate_is_not_shown_under_a_pin_that_goes_within_the_handshake(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tmp_path: Path
) -> None:
    mine, greetings = make_identity(tmp_path), Greetings()
    gateway = raw_gateway(OK, clients=mine, names=greetings)
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:

        def withdraw() -> None:
            assert greetings.came.acquire(timeout=PATIENCE)
            revoked(store, gateway.origin, identity)
            client.follow()
            greetings.over.set()

        withdrawing = threading.Thread(target=withdraw)
        withdrawing.start()
        with pytest.raises(PinWithdrawn):
            client.send("GET", "/", LINES)
        withdrawing.join()
    gateway.stop()
    assert gateway.peers == []


def test_answer_of_an_older_look_up_ends_nothing(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        before = client._pools.ticket()  # of a look-up that is slow, and found no pin yet
        with client.send("GET", "/", LINES) as answer:
            client._pools.allow((), before)
            assert answer.read() == b"ok"
        with client.send("GET", "/", LINES) as answer:
            assert answer.reused


def test_look_up_that_a_first_use_overtakes_ends_nothing(raw_gateway: StartGateway, tmp_path: Path) -> None:
    asked_to_pin, looked_up, pinned = threading.Event(), threading.Event(), threading.Event()

    class Slow(FileTrustStore):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            pins = super().lookup(origin)
            if asked_to_pin.is_set() and not looked_up.is_set():
                looked_up.set()
                assert pinned.wait(PATIENCE)
            return pins

        def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
            asked_to_pin.set()
            assert looked_up.wait(PATIENCE)
            return super().pin(origin, certificate)

    def look() -> None:
        assert asked_to_pin.wait(PATIENCE)  # so that this is the one that was asked for last
        followed.append(client.follow())

    followed: list[Sequence[Pin]] = []
    looking = threading.Thread(target=look)
    with Gateway(raw_gateway(OK).origin, Slow(tmp_path)) as client:
        looking.start()
        with client.send("GET", "/", LINES) as answer:
            pinned.set()
            looking.join(PATIENCE)
            assert answer.read() == b"ok"
        with client.send("GET", "/", LINES) as answer:
            assert answer.reused
    assert len(followed[0]) == 1


def test_change_is_told_as_such_though_the_store_cannot_keep_it(
    raw_gateway: StartGateway, identity: Identity, impostor: Identity, store: FileTrustStore
) -> None:
    class Full(FileTrustStore):
        def change(self, origin: Origin, edit: rules.Edit) -> Record:
            raise TrustStoreError("The card is full.", "Make room.")

    gateway = raw_gateway(OK, impostor)
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, Full(store._directory)) as client, pytest.raises(CertificateChanged) as caught:
        client.send("GET", "/", LINES)
    assert "The card is full" in str(caught.value)
    assert str(impostor.certificate.fingerprint) in str(caught.value)
    assert not caught.value.pending


def test_large_certificate_of_a_stranger_is_refused_and_not_kept(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tmp_path: Path
) -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(20_000))
    gateway = raw_gateway(OK, make_identity(tmp_path, extension=padding))
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, store) as client, pytest.raises(CertificateChanged) as caught:
        client.send("GET", "/", LINES)
    assert not caught.value.pending
    assert store.record(gateway.origin).pending == ()


def test_large_certificate_after_the_last_pin_was_revoked_is_not_told_to_be_pending(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, tmp_path: Path
) -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(20_000))
    gateway = raw_gateway(OK, make_identity(tmp_path, extension=padding))
    store.pin(gateway.origin, identity.certificate)
    revoked(store, gateway.origin, identity)
    with Gateway(gateway.origin, store) as client, pytest.raises(PinRefused) as caught:
        client.send("GET", "/", LINES)
    assert "trust approve" not in str(caught.value)


def test_first_use_that_is_refused_is_told_as_such_though_the_store_cannot_keep_it(
    raw_gateway: StartGateway, identity: Identity, store: FileTrustStore
) -> None:
    class Full(FileTrustStore):
        def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
            raise PinRefused(origin, str(certificate.fingerprint))

        def change(self, origin: Origin, edit: rules.Edit) -> Record:
            raise TrustStoreError("The card is full.", "Make room.")

    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, Full(store._directory)) as client, pytest.raises(PinRefused) as caught:
        client.send("GET", "/", LINES)
    assert "The card is full" in str(caught.value)
    assert str(identity.certificate.fingerprint) in str(caught.value)


def test_anchored_context_verifies_by_itself(identity: Identity) -> None:
    context = anchored_context(ssl.SSLContext, identity.certificate)
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.cert_store_stats()["x509"] == 1


def test_stranger_that_makes_way_does_not_cost_the_gateway_its_anchor(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path, identity: Identity, impostor: Identity
) -> None:
    """Who could do that would make the proxy withhold the client certificate from then on."""
    mine = make_identity(tmp_path, "me")
    gateway = raw_gateway(OK, clients=mine)
    own = identity.server_context(mine)
    gateway._context = Alternating.of(impostor.server_context(), own, own)
    store.pin(gateway.origin, identity.certificate)
    with Gateway(gateway.origin, store, client_certificate=as_client(mine)) as client:
        client.send("GET", "/", LINES).close()
    assert [peer.client_certificate for peer in gateway.peers] == [None, mine.certificate.der]


def test_connection_that_is_dropped_while_it_is_made_sends_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        (pin,) = client.ensure_pinned()
        connection = client._pools._pool(pin, None).new_connection()
        connection.drop()
        with pytest.raises(Dropped):
            connection.connect()
        connection.close()
    gateway.stop()
    assert gateway.received == b""
