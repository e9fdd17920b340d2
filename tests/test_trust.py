"""Promise 2: no byte to a stranger. Real TLS on loopback, with what the stranger received counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from smgwproxy.backend import threaded
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.connection import ExactPool, ExactRequest
from smgwproxy.errors import CertificateChanged, InternalError, PinRefused, TrustStoreError
from smgwproxy.gateway import Gateway, Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.base import Pin
from smgwproxy.truststores.file import FileTrustStore
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    always,
    head_lines,
    make_identity,
    raw_exchange,
    running_proxy,
)

StartGateway = Callable[..., RawGateway]
SECRET = (
    b"POST /secret HTTP/1.1\r\nHost: pi\r\nAuthorization: mine\r\n"
    b"Content-Length: 4\r\nConnection: close\r\n\r\nbody"
)


def record(store_directory: Path, origin: Origin) -> Path:
    return store_directory / f"{origin}.json"


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


def exchanged(raw_gateway: StartGateway, gateway: RawGateway, who: Identity) -> RawGateway:
    """Put a gateway with the certificate of ``who`` in the place of ``gateway``."""
    gateway.stop()
    return raw_gateway(OK, who, port=gateway.port)


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
    assert len(store.entries()) == 1


def test_changed_certificate_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        stranger = exchanged(raw_gateway, gateway, impostor)
        said = raw_exchange(proxy.port, SECRET)
    assert stranger.connections > 0
    assert stranger.received == b""
    assert said.startswith(b"HTTP/1.1 502 ")


def test_certificate_copied_but_for_the_key_gets_no_byte(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    theirs = make_identity(tmp_path, "SMGW", ec.generate_private_key(ec.SECP256R1()))
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        raw_exchange(proxy.port, SECRET)
        stranger = exchanged(raw_gateway, gateway, theirs)
        raw_exchange(proxy.port, SECRET)
    assert stranger.connections > 0
    assert stranger.received == b""


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
    record(certs, gateway.origin).write_text(
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
        assert gateway.connections == 2
        second = raw_exchange(proxy.port, SECRET)
    assert first == second
    assert first.startswith(b"HTTP/1.1 200 ")
    assert gateway.connections == 2, "the pin that matched last is tried first"


def test_pool_closed_by_another_thread_means_the_pins_are_asked_again(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    class Overtaken(Gateway):
        """Another thread meets another pin between the choice of the pool and its use."""

        times = 0

        def _pool(self, fingerprint: Fingerprint) -> ExactPool:
            pool = super()._pool(fingerprint)
            self.times += 1
            if self.times <= changes:
                self.close()
            return pool

    gateway = raw_gateway(OK)
    changes = 1
    with Overtaken(gateway.origin, store) as client:
        client.send("GET", "/", [("Host", "x")]).close()
        assert client.times == 2
        client.times, changes = 0, 99
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
    with Gateway(gateway.origin, Forgetful()) as client, pytest.raises(TrustStoreError, match="faulty"):
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
        pool = client._pool(Fingerprint("0" * 64))
        connection = pool.new_connection()
        connection.assert_fingerprint = None
        connection.connect()
        try:
            with pytest.raises(InternalError, match="not compared"):
                connection.request("GET", "/", ExactRequest.of("GET", "/", []))
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


def test_start_pins_without_a_request(
    raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> None:
    gateway = raw_gateway(OK)
    with Gateway(gateway.origin, store) as client:
        (pin,) = client.ensure_pinned()
    assert pin.fingerprint == identity.certificate.fingerprint
    gateway.stop()
    assert gateway.received == b""
