"""HTTPS for clients: beside HTTP or alone, which TLS is spoken, and which certificate is shown."""

from __future__ import annotations

import hashlib
import signal
import socket
import ssl
import stat
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.door.secure import (
    GET,
    LAST,
    StartGateway,
    answered,
    context,
    every_version,
    open_door,
    received,
    secure,
    shown,
)
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    connected,
    make_identity,
    raw_exchange,
    receive_all,
    receive_until,
)
from tests.test_cli import program

# --- side by side ---------------------------------------------------------------------------------------


def test_http_and_https_run_side_by_side_and_the_gateway_sees_no_difference(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path) as door:
        assert raw_exchange(door.http, LAST) == raw_exchange(door.https, LAST, tls=True)
        assert door.program.end() == 0
    seen = f"GET / HTTP/1.1\r\nHost: {gateway.origin}\r\n\r\n".encode()
    assert gateway.received == seen + seen


def test_https_is_offered_to_ipv4_and_ipv6_by_default(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path, "--listen", "all") as door:
        for host in ("127.0.0.1", "::1"):
            assert raw_exchange(door.https, LAST, host=host, tls=True).endswith(b"ok")


def test_http_and_https_share_one_number_of_clients(raw_gateway: StartGateway, tmp_path: Path) -> None:
    asked, release = threading.Semaphore(0), threading.Semaphore(0)

    def script(peer: Peer) -> None:
        while peer.read_request():
            asked.release()
            assert release.acquire(timeout=PATIENCE)
            peer.send(OK)

    gateway = raw_gateway(script)
    with open_door(gateway, tmp_path, "--max-clients", "1") as door:
        with connected(door.http) as busy:
            busy.sendall(GET)
            assert asked.acquire(timeout=PATIENCE)
            with pytest.raises((ssl.SSLError, ConnectionResetError)), secure(door.https):
                pass  # no handshake for who has no place
            release.release()
            receive_until(busy, b"ok")
        with secure(door.https) as busy:
            busy.sendall(GET)
            assert asked.acquire(timeout=PATIENCE)
            assert raw_exchange(door.http, LAST).startswith(b"HTTP/1.1 503 ")
            release.release()
            receive_until(busy, b"ok")


def test_idle_client_of_one_port_gives_its_place_to_one_of_the_other(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path, "--max-clients", "1") as door, secure(door.https) as idle:
        assert answered(idle)
        with connected(door.http) as other:
            assert answered(other)
            assert receive_all(idle) == b""
            with secure(door.https) as third:
                assert answered(third)
                assert receive_all(other) == b""


def listened_at(process: int) -> set[int]:
    """Return the TCP ports that a process listens at, as the kernel has them."""
    held = set()
    for handle in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            held.add(str(handle.readlink()))
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
    ]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held}


def test_no_http_opens_no_other_port_than_that_of_https(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path, "--no-http") as door:
        assert raw_exchange(door.https, LAST, tls=True).endswith(b"ok")
        assert listened_at(door.program.process.pid) == {door.https}
        assert door.program.end() == 0
    assert not any("http://" in line for line in door.program.lines)


def test_without_tls_port_no_port_speaks_tls_and_no_certificate_is_made(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, LAST).endswith(b"ok")
        assert listened_at(proxy.process.pid) == {proxy.port}
    assert not (tmp_path / "state").exists()


def test_plain_http_at_the_port_of_https_is_told_so(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path) as door:
        said = raw_exchange(door.https, LAST)
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nConnection: close\r\n" in said
    assert b"This port takes only HTTPS." in said
    assert b"Put https:// before the address." in said
    assert gateway.received == b""


def test_stop_closes_both_ports_and_idle_connections_at_once_and_lets_running_requests_finish(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    asked, release = threading.Semaphore(0), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        asked.release()
        assert release.wait(PATIENCE)
        peer.send(OK)

    gateway = raw_gateway(script)
    with ExitStack() as stack:
        door = stack.enter_context(open_door(gateway, tmp_path, "--max-connections", "2"))
        idle = [stack.enter_context(reached) for reached in (connected(door.http), secure(door.https))]
        busy = [stack.enter_context(reached) for reached in (connected(door.http), secure(door.https))]
        for client in busy:
            client.sendall(GET)
            assert asked.acquire(timeout=PATIENCE)
        door.program.process.send_signal(signal.SIGTERM)
        for client in idle:
            assert received(client) == (b"", True)
        for port in (door.http, door.https):
            with pytest.raises(ConnectionRefusedError), connected(port):
                pass
        release.set()
        for client in busy:
            said, farewell = received(client)
            assert (said[-2:], farewell) == (b"ok", True)
        assert door.program.wait() == 0
    assert "Traceback" not in "".join(door.program.lines)


def test_second_signal_breaks_an_answer_off_without_a_farewell(raw_gateway: StartGateway, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        peer.begun()

    gateway = raw_gateway(script)
    with open_door(gateway, tmp_path) as door, secure(door.https) as client:
        client.sendall(GET)
        receive_until(client, b"half\r\n")
        door.program.process.send_signal(signal.SIGTERM)
        door.program.wait_for("SIGTERM: no new connections")
        door.program.process.send_signal(signal.SIGTERM)
        assert received(client) == (b"", False)
        assert door.program.wait() == 0


# --- TLS ------------------------------------------------------------------------------------------------


@every_version
def test_tls_1_2_and_1_3_are_spoken_and_http_1_1_is_agreed_on(
    raw_gateway: StartGateway, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    gateway = raw_gateway(OK)
    client = context(version)
    client.set_alpn_protocols(["h2", "http/1.1"])
    with open_door(gateway, tmp_path) as door, secure(door.https, client) as encrypted:
        assert encrypted.version() == version.name.replace("_", ".")
        assert encrypted.selected_alpn_protocol() == "http/1.1"
        assert answered(encrypted)


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this Python's OpenSSL cannot speak TLS 1.1")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_1_1_is_refused(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    client = context(ssl.TLSVersion.TLSv1_1)
    client.set_ciphers("ALL:@SECLEVEL=0")  # the client must be willing: the proxy shall refuse
    with (
        open_door(gateway, tmp_path) as door,
        pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"),
        secure(door.https, client),
    ):
        pass
    assert gateway.received == b""


def test_certificate_is_kept_over_a_restart_and_names_this_machine(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    kept = []
    for _ in range(2):
        with open_door(gateway, tmp_path) as door:
            for name in ("127.0.0.1", "localhost", socket.gethostname()):
                verifying = ssl.create_default_context(cafile=door.pem)
                with secure(door.https, verifying, name=name) as client:
                    assert answered(client)
                    kept.append(shown(client))
            told = door.program.wait_for(r"HTTPS shows the certificate with SHA-256 (\w+)")[1]
    assert len(set(kept)) == 1
    assert told == hashlib.sha256(kept[0] or b"").hexdigest()
    assert stat.S_IMODE(door.pem.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.pem.parent.stat().st_mode) == 0o700


def test_statedir_says_where_the_certificate_is_kept(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path, "--statedir", "var/lib") as door, secure(door.https) as client:
        assert answered(client)
    assert (tmp_path / "var" / "lib" / "https.pem").is_file()
    assert not (tmp_path / "state").exists()


@dataclass
class Renewable:
    """A certificate and its key in two files, as programs that renew certificates write them."""

    directory: Path
    options: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        self._certificate = self.directory / "fullchain.pem"
        self._key = self.directory / "privkey.pem"
        self.options = ("--tls-cert", str(self._certificate), "--tls-key", str(self._key))

    def put_certificate(self, identity: Identity) -> None:
        self._certificate.write_text(identity.certificate.pem)

    def put_key(self, identity: Identity) -> None:
        self._key.write_text(identity.pem_file.read_text().partition("-----BEGIN CERTIFICATE")[0])


@pytest.fixture
def old_and_new(tmp_path: Path) -> tuple[Identity, Identity]:
    return make_identity(tmp_path, "old"), make_identity(tmp_path, "new")


def test_renewed_certificate_is_shown_without_a_restart_and_connections_go_on(
    raw_gateway: StartGateway, tmp_path: Path, old_and_new: tuple[Identity, Identity]
) -> None:
    old, new = old_and_new
    gateway = raw_gateway(OK)
    files = Renewable(tmp_path)
    files.put_certificate(old)
    files.put_key(old)
    with open_door(gateway, tmp_path, *files.options) as door, secure(door.https) as before:
        assert answered(before)
        assert shown(before) == old.certificate.der

        files.put_certificate(new)
        with secure(door.https) as between:
            assert answered(between)
            assert shown(between) == old.certificate.der, "the new certificate has no key yet"

        files.put_key(new)
        with secure(door.https) as after:
            assert answered(after)
            assert shown(after) == new.certificate.der
        fingerprint = new.certificate.fingerprint
        assert door.program.wait_for(rf"the new certificate in \S+ is used from now on: SHA-256 {fingerprint}")

        assert answered(before)
    assert not (tmp_path / "state").exists()


@every_version
def test_sessions_resume_until_the_certificate_is_renewed(
    raw_gateway: StartGateway,
    tmp_path: Path,
    old_and_new: tuple[Identity, Identity],
    version: ssl.TLSVersion,
) -> None:
    old, new = old_and_new
    gateway = raw_gateway(OK)
    files = Renewable(tmp_path)
    files.put_certificate(old)
    files.put_key(old)
    client = context(version)
    with open_door(gateway, tmp_path, *files.options) as door:
        with secure(door.https, client) as first:
            assert answered(first)
            assert not first.session_reused
            session = first.session
        with secure(door.https, client, session=session) as second:
            assert answered(second)
            assert second.session_reused
            session = second.session

        files.put_certificate(new)
        files.put_key(new)
        with secure(door.https, client, session=session) as third:
            assert answered(third)
            assert not third.session_reused
            assert shown(third) == new.certificate.der


def test_client_that_sends_no_tls_after_its_handshake_harms_nobody(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with open_door(gateway, tmp_path) as door:
        for junk in (b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n", b"\x17\x03\x03\x00\x20" + bytes(32), bytes(70_000)):
            with secure(door.https) as client:
                with suppress(ConnectionError):
                    socket.socket.sendall(client, junk)  # past the encryption
                with suppress(ssl.SSLError):
                    assert receive_all(client) == b""
        assert raw_exchange(door.https, LAST, tls=True).endswith(b"ok")
        assert door.program.end() == 0
    assert "Traceback" not in "".join(door.program.lines)
    assert gateway.received.count(b"GET ") == 1
