"""The certificate of the HTTPS listener: made, kept, loaded, renewed; on real files and in real handshakes."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NoReturn

import gevent.server
import gevent.ssl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smgwproxy.certificate import Certificate
from smgwproxy.demo import HubThread
from smgwproxy.errors import ConfigError
from smgwproxy.own_certificate import Files, ServerIdentity, ending, ensure, find, following, load, replace
from smgwproxy.own_certificate.alternatives import alternatives
from smgwproxy.own_certificate.facts import missing, valid_for
from smgwproxy.own_certificate.making import LIFE, make
from tests.support import PATIENCE, Identity, make_identity

NOW = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)
NAMES = ("pi", "pi.local", "localhost")
ADDRESSES = (IPv4Address("127.0.0.1"), IPv6Address("::1"), IPv4Address("192.168.0.9"))
FILE = "https.pem"
LOCK = ".https.pem.lock"
TEMPORARY = ".https.pem.tmp"
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


def made(now: datetime = NOW) -> bytes:
    return make(alternatives(NAMES, ADDRESSES), now)


def parsed(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def certificate_of(pem: bytes) -> Certificate:
    return Certificate(parsed(pem).public_bytes(serialization.Encoding.DER))


def given(certificate: Path, key: Path | None = None) -> Files:
    return Files.given(certificate, key, "SMGWPROXY_TLS_CERT", "tls-key in proxy.toml")


def told_by(action: Callable[[], object]) -> str:
    """Return the one line of the `ConfigError` that ``action`` raises."""
    with pytest.raises(ConfigError) as caught:
        action()
    (line,) = str(caught.value).splitlines()
    return line


# --- handshakes -----------------------------------------------------------------------------------------


class Server:
    """A TLS server on loopback, IPv4 and IPv6, that asks for its context at each connection; says ``ok``."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection, suppress(OSError):  # as the client sees
            secure = self._context().wrap_socket(connection, server_side=True)
            with secure:
                secure.sendall(b"ok")
                secure.unwrap()


def trusting(pem: bytes) -> ssl.SSLContext:
    """A client that checks what Python 3.13 checks, and trusts one certificate."""
    context = ssl.create_default_context(cadata=certificate_of(pem).pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def trusting_all() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(port: int, context: ssl.SSLContext, name: str = "localhost", host: str = "127.0.0.1") -> ssl.SSLSocket:
    """Shake hands and hear ``ok``."""
    raw = socket.create_connection((host, port), PATIENCE)
    try:
        secure = context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise
    assert secure.recv(2) == b"ok"
    return secure


def shown(port: int) -> Certificate:
    """Return the certificate that a server shows."""
    with connect(port, trusting_all()) as secure:
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return Certificate(der)


@pytest.fixture
def own(tmp_path: Path) -> Files:
    """A certificate of the proxy's own for `NAMES` and `ADDRESSES`."""
    return ensure(tmp_path / "state", NAMES, ADDRESSES)


@pytest.fixture
def server(own: Files) -> Iterator[Server]:
    """A server that shows ``own``."""
    context = load(own).context
    with Server(lambda: context) as running:
        yield running


# --- whom it is valid for -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "valid"),
    [
        (["pi", "pi.local", "pi"], ["pi", "pi.local"]),
        (["PI.Fritz.BOX."], ["pi.fritz.box"]),
        (["a-b", "1", "x--y.z", "a" * 63], ["a-b", "1", "x--y.z", "a" * 63]),
        ([f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}"], [f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}"]),
        ([f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 62}", "a" * 64], []),
        (
            ["my_pi", "-a", "a-", "a.-b", "a-.b", "a..b", ".a", ".", "", "a b", "zähler", "*.a", "a\n", "\udcff"],
            [],
        ),
        (["192.168.0.9", "::1", "FE80::1%eth0"], [ip_address(one) for one in ("192.168.0.9", "::1", "fe80::1")]),
    ],
)
def test_names_that_are_none_are_left_out(names: list[str], valid: list[object]) -> None:
    assert list(alternatives(names, [])) == valid


def test_addresses_lose_their_zone_and_stand_behind_the_names_each_once() -> None:
    addresses = [ip_address(one) for one in ("10.0.0.1", "fe80::1%eth0", "fe80::1%eth1", "10.0.0.1", "fe80::1")]
    valid = alternatives(["pi", "10.0.0.1"], addresses)
    assert [str(one) for one in valid] == ["pi", "10.0.0.1", "fe80::1"]


# --- what is made ---------------------------------------------------------------------------------------


def test_key_and_certificate_belong_together_and_are_ecdsa_p256() -> None:
    pem = made()
    key = serialization.load_pem_private_key(pem, None)
    certificate = parsed(pem)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert certificate.public_key() == key.public_key()
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    certificate.verify_directly_issued_by(certificate)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert pem.count(b"-----BEGIN ") == 2


def test_it_names_the_machine_and_is_valid_for_its_names_and_addresses() -> None:
    certificate = parsed(made())
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=pi,O=smgwproxy"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not names.critical
    assert names.value.get_values_for_type(x509.DNSName) == list(NAMES)
    assert names.value.get_values_for_type(x509.IPAddress) == list(ADDRESSES)
    assert valid_for(certificate_of(made())) == (*NAMES, *ADDRESSES)


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["a" * 60 + ".abc", "b"], "a" * 60 + ".abc"),
        (["a" * 60 + ".abcd", "b"], "b"),
        (["my_pi", "B"], "b"),
        (["my_pi"], "smgwproxy"),
    ],
)
def test_the_common_name_is_the_first_name_that_has_room(names: list[str], common: str) -> None:
    subject = parsed(make(alternatives(names, ADDRESSES), NOW)).subject
    assert [one.value for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [common]


def test_it_is_valid_for_ten_years_from_yesterday() -> None:
    certificate = parsed(made())
    assert certificate.not_valid_before_utc == datetime(2026, 2, 28, 12, 30, 15, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2036, 2, 28, 12, 30, 15, tzinfo=UTC)


def test_a_machine_that_does_not_know_the_time_yet_makes_one_that_has_not_ended() -> None:
    certificate = parsed(made(datetime(1970, 1, 1, tzinfo=UTC)))
    assert certificate.not_valid_before_utc == datetime(2025, 12, 31, tzinfo=UTC)
    assert certificate.not_valid_after_utc == certificate.not_valid_before_utc + LIFE


def test_it_is_a_servers_and_no_authoritys() -> None:
    certificate = parsed(made())
    assert certificate.version is x509.Version.v3
    told = {type(one.value): one for one in certificate.extensions}
    assert set(told) == {
        x509.SubjectAlternativeName,
        x509.BasicConstraints,
        x509.ExtendedKeyUsage,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
    }
    constraints = told[x509.BasicConstraints]
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=False, path_length=None)
    assert told[x509.ExtendedKeyUsage].value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    assert told[x509.SubjectKeyIdentifier].value == x509.SubjectKeyIdentifier(digest)
    assert told[x509.AuthorityKeyIdentifier].value == x509.AuthorityKeyIdentifier(digest, None, None)


def test_no_two_have_the_same_key_or_serial_number() -> None:
    """Firefox refuses a second certificate of one issuer with a serial number that it knows."""
    certificates = [parsed(made()) for _ in range(5)]
    assert len({one.serial_number for one in certificates}) == 5
    assert len({one.public_key().public_numbers() for one in certificates}) == 5  # type: ignore[union-attr]  # EC
    assert all(one.serial_number.bit_length() > 100 for one in certificates)


def test_one_that_is_valid_for_nobody_is_not_made() -> None:
    with pytest.raises(ValueError, match="needs a name or an address"):
        make((), NOW)


# --- who trusts it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "host"), [("localhost", "127.0.0.1"), ("pi.local", "::1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")]
)
@pytest.mark.parametrize("partial", [True, False], ids=["as-anchor", "as-authority"])
def test_a_strict_client_that_trusts_it_is_content(
    own: Files, server: Server, name: str, host: str, partial: bool
) -> None:
    context = trusting(own.certificate.read_bytes())
    if not partial:
        context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    connect(server.port, context, name, host).close()


@pytest.mark.parametrize("name", ["smgw.local", "127.0.0.2"])
def test_it_is_not_taken_for_another_name(own: Files, server: Server, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        connect(server.port, trusting(own.certificate.read_bytes()), name)


def test_who_does_not_trust_it_refuses_it(server: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(server.port, trusting(made(datetime.now(UTC))))


def test_its_key_cannot_vouch_for_others(own: Files, tmp_path: Path) -> None:
    """Whoever steals the key from the machine must not become an authority for those who trust the certificate."""
    pem = own.certificate.read_bytes()
    issuer = serialization.load_pem_private_key(pem, None)
    assert isinstance(issuer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateBuilder(parsed(pem).subject, x509.Name([]), key.public_key(), 1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(issuer, hashes.SHA256())
    )
    file = tmp_path / "forged.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + forged.public_bytes(serialization.Encoding.PEM)
        + pem
    )
    context = load(given(file)).context
    client = ssl.create_default_context(cadata=certificate_of(pem).pem)
    with Server(lambda: context) as forger, pytest.raises(ssl.SSLCertVerificationError):
        connect(forger.port, client)


def test_curl_and_openssl_trust_it(own: Files, server: Server, tmp_path: Path) -> None:
    if not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl or openssl is not here")
    copy = tmp_path / "smgwproxy.crt"
    copy.write_text(load(own).certificate.pem)
    strict = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(copy), str(copy)]
    assert subprocess.run(strict, capture_output=True, timeout=PATIENCE, check=False).returncode == 0
    for name in ("localhost", "127.0.0.1", "[::1]"):
        url = f"https://{name}:{server.port}/"
        asked = ["curl", "--silent", "--http0.9", "--noproxy", "*", "--cacert", str(copy), url]
        ran = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (ran.returncode, ran.stdout) == (0, "ok"), ran.stderr
    mistrusting = ["curl", "--silent", "--http0.9", "--noproxy", "*", f"https://localhost:{server.port}/"]
    assert subprocess.run(mistrusting, capture_output=True, timeout=PATIENCE, check=False).returncode == 60


# --- how it is shown ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_of_tls_1_2_and_1_3_are_served(server: Server, version: ssl.TLSVersion) -> None:
    client = trusting_all()
    client.minimum_version = client.maximum_version = version
    with connect(server.port, client) as secure:
        assert secure.version() == version.name.replace("_", ".")
        assert secure.compression() is None


def test_clients_of_tls_1_1_are_not(server: Server) -> None:
    client = trusting_all()
    client.set_ciphers("ALL:@SECLEVEL=0")  # or the client itself would refuse
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        connect(server.port, client)


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"])
def test_clients_with_weak_ciphers_only_are_not(server: Server, ciphers: str) -> None:
    client = trusting_all()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(ciphers)
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        connect(server.port, client)


def test_the_server_chooses_the_cipher(server: Server) -> None:
    chosen = set()
    for order in ("AES256-GCM-SHA384 CHACHA20-POLY1305", "CHACHA20-POLY1305 AES256-GCM-SHA384"):
        client = trusting_all()
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(":".join(f"ECDHE-ECDSA-{cipher}" for cipher in order.split()))
        with connect(server.port, client) as secure:
            chosen.add(secure.cipher())
    assert len(chosen) == 1


@pytest.mark.parametrize(("offered", "taken"), [(["h2", "http/1.1"], "http/1.1"), (["h2"], None), ([], None)])
def test_http_1_1_is_agreed_upon(server: Server, offered: list[str], taken: str | None) -> None:
    client = trusting_all()
    if offered:
        client.set_alpn_protocols(offered)
    with connect(server.port, client) as secure:
        assert secure.selected_alpn_protocol() == taken


def test_there_is_no_renegotiation_and_no_compression(own: Files) -> None:
    options = load(own).context.options
    assert options & ssl.OP_NO_RENEGOTIATION
    assert options & ssl.OP_NO_COMPRESSION


def test_contexts_are_of_the_class_that_is_given_such_as_gevents(own: Files) -> None:
    identity = ServerIdentity(own, gevent.ssl.SSLContext, logging.getLogger("test"))
    assert type(identity.context()) is gevent.ssl.SSLContext

    def serve(connection: Any, _: object) -> None:
        with identity.context().wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"ok")

    def start() -> gevent.server.StreamServer:
        server = gevent.server.StreamServer(("127.0.0.1", 0), serve)
        server.start()
        return server

    with HubThread() as hub:
        server = hub.call(start)
        try:
            assert shown(int(server.address[1])) == identity.certificate
        finally:
            hub.call(server.stop)


def test_gevent_is_not_imported() -> None:
    code = (
        "import sys, smgwproxy.own_certificate\n"
        "assert not {'gevent', 'urllib3', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=True)


# --- making it once and keeping it ----------------------------------------------------------------------


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    assert find(tmp_path / "state") is None
    assert names_in(tmp_path) == []


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    files = ensure(tmp_path / "a" / "state", NAMES, ADDRESSES)
    path = tmp_path / "a" / "state" / FILE
    assert (files.certificate, files.key) == (path, path)
    assert names_in(path.parent) == [LOCK, FILE]
    octets, before = path.read_bytes(), path.stat()
    assert valid_for(certificate_of(octets)) == (*NAMES, *ADDRESSES)
    assert parsed(octets).not_valid_before_utc.date() == (datetime.now(UTC) - timedelta(days=1)).date()
    assert ensure(tmp_path / "a" / "state", ["other"], []) == files == find(tmp_path / "a" / "state")
    assert path.read_bytes() == octets
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_relative_directory_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ensure(Path("state"), NAMES, ADDRESSES).certificate == tmp_path / "state" / FILE
    assert replace(Path("state"), NAMES, ADDRESSES).certificate == tmp_path / "state" / FILE


USED_AGAIN = """
from smgwproxy.own_certificate import ServerIdentity
import logging, ssl
files = ensure(STATE, NAMES, ADDRESSES)
ServerIdentity(files, ssl.SSLContext, logging.getLogger()).context()
print("cryptography" in sys.modules)
"""


def test_a_start_with_one_that_is_there_does_not_wait_for_cryptography(tmp_path: Path) -> None:
    """It takes seconds to import on a small machine."""
    assert [run(USED_AGAIN, tmp_path) for _ in range(2)] == [["True"], ["False"]]


def test_replaced_is_it_only_on_demand(own: Files) -> None:
    before = own.certificate.read_bytes()
    assert replace(own.certificate.parent, ["other"], []) == own
    after = own.certificate.read_bytes()
    assert valid_for(certificate_of(after)) == ("other",)
    assert parsed(after).public_key() != parsed(before).public_key()
    assert names_in(own.certificate.parent) == [LOCK, FILE]
    load(own)


def test_replacing_nothing_makes_one(tmp_path: Path) -> None:
    load(replace(tmp_path / "state", NAMES, ADDRESSES))
    assert names_in(tmp_path / "state") == [LOCK, FILE]


def test_one_that_has_ended_is_used_all_the_same(tmp_path: Path) -> None:
    ended = make_identity(tmp_path, days=-1)
    (tmp_path / FILE).write_bytes(ended.pem_file.read_bytes())
    files = ensure(tmp_path, NAMES, ADDRESSES)
    assert load(files).certificate == ended.certificate
    assert ending(ended.certificate, datetime.now(UTC)).startswith("ended on ")


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_it_may_be_a_link_and_stays_one(tmp_path: Path, identity: Identity, relative: bool) -> None:
    kept, state = tmp_path / "kept" / "pair", tmp_path / "state"
    kept.parent.mkdir()
    state.mkdir()
    shutil.copy(identity.pem_file, kept)
    (state / FILE).symlink_to(Path("../kept/pair") if relative else kept)
    assert load(ensure(state, NAMES, ADDRESSES)).certificate == identity.certificate
    made_now = load(replace(state, NAMES, ADDRESSES)).certificate
    assert (state / FILE).is_symlink()
    assert certificate_of(kept.read_bytes()) == made_now != identity.certificate
    assert (names_in(state), names_in(kept.parent)) == ([LOCK, FILE], ["pair"])


# --- several at once, crashes, disks --------------------------------------------------------------------


PRELUDE = """
import os, resource, signal, stat, sys, traceback
from ipaddress import ip_address
from pathlib import Path
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError
from smgwproxy.own_certificate import ensure, load, replace

os.umask(0)
NAMES, ADDRESSES = ["pi", "localhost"], [ip_address("127.0.0.1")]
STATE, FILE = Path("state"), Path("state/https.pem")
"""


def run(program: str, directory: Path, *arguments: str) -> list[str]:
    """Run a Python program in ``directory``, and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + program, *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 3,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


FORTY_AT_ONCE = """
reader, writer = os.pipe()
children = []
for which in range(40):
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(writer)
            os.read(reader, 1)  # until the last one has started
            files = ensure(STATE, [f"pi-{which}"], ADDRESSES)
            told = load(files).certificate.fingerprint.hex
            os.write(1, f"{told} {FILE.stat().st_ino}\\n".encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    children.append(child)
os.close(writer)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 40
"""


def test_forty_processes_that_come_first_together_agree_on_one(tmp_path: Path) -> None:
    told = run(FORTY_AT_ONCE, tmp_path)
    path = tmp_path / "state" / FILE
    assert told == [f"{certificate_of(path.read_bytes()).fingerprint} {path.stat().st_ino}"] * 40
    assert names_in(path.parent) == [LOCK, FILE]


def test_threads_that_come_first_together_agree_on_one(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def first(number: int) -> Certificate:
        barrier.wait(PATIENCE)
        return load(ensure(tmp_path / "state", [f"pi-{number}"], [])).certificate

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1


# Each child is killed one step later than the one before it, until one comes to the end. A step is before or after
# a call of the system: between two of them nothing changes on the disk.
KILLED_AT_EACH_STEP = """
import io
from smgwproxy.own_certificate import making

old = load(replace(STATE, ["old"], [])).certificate if sys.argv[1] == "old" else None
octets = FILE.read_bytes() if old else b""
pem = making.make(("new",), __import__("datetime").datetime.now(__import__("datetime").UTC))
making.make = lambda *_: pem  # the same each time: it is quicker
steps, survived, seen = 0, False, set()

def killed_after(steps):
    def step(frame, event, argument):
        nonlocal steps
        system = getattr(argument, "__module__", None) in ("posix", "fcntl", "io", "_io")
        if event.startswith("c_") and (system or isinstance(getattr(argument, "__self__", None), io.IOBase)):
            steps -= 1
            if not steps:
                os.kill(os.getpid(), signal.SIGKILL)
    return step

while not survived:
    steps += 1
    for path in STATE.iterdir() if STATE.exists() else ():
        path.unlink()
    if old:
        FILE.write_bytes(octets)
        FILE.chmod(0o600)
    elif STATE.exists():
        STATE.rmdir()
    child = os.fork()
    if not child:
        sys.setprofile(killed_after(steps))
        (replace if old else ensure)(STATE, NAMES, ADDRESSES)
        os._exit(0)
    survived = os.waitpid(child, 0)[1] == 0
    left = sorted(path.name for path in STATE.iterdir()) if STATE.exists() else ["nothing"]
    there = FILE.read_bytes() if FILE.exists() else b""
    assert there in (octets, pem), (steps, there)
    assert not STATE.exists() or stat.S_IMODE(STATE.stat().st_mode) == 0o700
    for path in STATE.iterdir() if STATE.exists() else ():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, (steps, path)
    seen.add(" ".join([*left, "new" if there == pem else "old" if there else "none"]))
    if steps % 7 == 0 or ".https.pem.tmp" in left:
        (replace if old else ensure)(STATE, NAMES, ADDRESSES)
        assert sorted(path.name for path in STATE.iterdir()) == [".https.pem.lock", "https.pem"], steps
print(steps)
for each in sorted(seen):
    print(each)
"""


@pytest.mark.parametrize("before", ["none", "old"])
def test_a_process_killed_at_any_step_leaves_the_old_file_or_the_new_one_for_its_owner_alone(
    tmp_path: Path, before: str
) -> None:
    steps, *seen = run(KILLED_AT_EACH_STEP, tmp_path, before)
    assert int(steps) > 30
    kept = f" {FILE}" if before == "old" else ""
    first = {f"{FILE} old"} if before == "old" else {"nothing none", "none"}
    expected = {*first, f"{LOCK}{kept} {before}", f"{LOCK} {TEMPORARY}{kept} {before}", f"{LOCK} {FILE} new"}
    assert {each.strip() for each in seen} == expected


KILLED_WHILE_IT_WRITES = """
files = ensure(STATE, NAMES, ADDRESSES)
before = FILE.read_bytes()
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which kills in the middle of a write
    replace(STATE, NAMES, ADDRESSES)
print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGXFSZ)
print(Path("state/.https.pem.tmp").stat().st_size, FILE.read_bytes() == before)
replace(STATE, NAMES, ADDRESSES)
print(load(files).certificate.description.dns_names, sorted(path.name for path in STATE.iterdir()))
"""


def test_a_half_written_file_is_never_in_its_place_and_is_removed_by_the_next(tmp_path: Path) -> None:
    killed, left, last = run(KILLED_WHILE_IT_WRITES, tmp_path)
    assert (killed, left) == ("True", "500 True")
    assert last == f"('pi', 'localhost') {[LOCK, FILE]}"


ON_A_FULL_DISK = """
if sys.argv[2:]:
    ensure(STATE, NAMES, ADDRESSES)
before = FILE.read_bytes() if FILE.exists() else None
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    (replace if before else ensure)(STATE, NAMES, ADDRESSES, "statedir in x.toml")
except ConfigError as error:
    print(error)
print((FILE.read_bytes() if FILE.exists() else None) == before, sorted(path.name for path in STATE.iterdir()))
"""


@pytest.mark.parametrize("size", ["0", "1", "500"])
@pytest.mark.parametrize("old", [[], ["old"]], ids=["none", "old"])
def test_a_full_disk_is_an_error_and_leaves_what_was_there(tmp_path: Path, size: str, old: list[str]) -> None:
    message, left = run(ON_A_FULL_DISK, tmp_path, size, *old)
    assert message == (
        f"statedir in x.toml: cannot write {tmp_path}/state/{FILE} (File too large): make the directory writable "
        "for this user, and see that the disk is not full"
    )
    assert left == f"True {[LOCK, FILE] if old else [LOCK]}"


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_disk_that_fails_is_an_error_and_leaves_the_old_file(
    own: Files, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = own.certificate.read_bytes()

    def fail(*_: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(*((os, "fsync", fail) if failing == "fsync" else (Path, "rename", fail)))
    told = told_by(lambda: replace(own.certificate.parent, NAMES, ADDRESSES))
    assert told.startswith(f"--statedir: cannot write {own.certificate} (Input/output error): ")
    assert own.certificate.read_bytes() == before
    assert names_in(own.certificate.parent) == [LOCK, FILE]


def test_file_and_directory_are_synced_in_this_order_around_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a crash of the machine could leave an empty file, or the old one after the caller went on."""
    done: list[str] = []
    rename, fsync = Path.rename, os.fsync

    def renamed(path: Path, target: Path) -> Path:
        done.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    def synced(handle: int) -> None:
        done.append(f"fsync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(os, "fsync", synced)
    ensure(tmp_path / "state", NAMES, ADDRESSES)
    assert done == [f"fsync {TEMPORARY}", f"rename {TEMPORARY} {FILE}", "fsync state"]


WITHOUT_HARD_LINKS = """
def deny(event, arguments):
    if event == "os.link":
        raise PermissionError(1, "Operation not permitted")

sys.addaudithook(deny)
ensure(STATE, NAMES, ADDRESSES)
print(load(replace(STATE, ["new"], [])).certificate.description.dns_names)
"""


def test_a_file_system_without_hard_links_will_do(tmp_path: Path) -> None:
    assert run(WITHOUT_HARD_LINKS, tmp_path) == ["('new',)"]


UNDER_A_UMASK = """
os.umask(int(sys.argv[1], 8))
ensure(STATE, NAMES, ADDRESSES)
print(*(oct(stat.S_IMODE(path.stat().st_mode)) for path in (STATE, FILE, Path("state/.https.pem.lock"))))
FILE.chmod(0o644)
replace(STATE, NAMES, ADDRESSES)
print(oct(stat.S_IMODE(FILE.stat().st_mode)))
"""


@pytest.mark.parametrize("umask", ["0", "022", "077"])
def test_directory_and_file_are_the_owners_alone(tmp_path: Path, umask: str) -> None:
    assert run(UNDER_A_UMASK, tmp_path, umask) == ["0o700 0o600 0o600", "0o600"]


@pytest.mark.skipif(not AS_ROOT, reason="only root can give files to others")
def test_what_root_makes_is_readable_for_the_user_of_the_proxy(tmp_path: Path) -> None:
    """``sudo smgwproxy certificate replace`` must not lock the proxy out."""
    os.chown(tmp_path, NOBODY, NOBODY)
    ensure(tmp_path, NAMES, ADDRESSES)
    replace(tmp_path, NAMES, ADDRESSES)
    for name in (FILE, LOCK):
        assert ((tmp_path / name).stat().st_uid, (tmp_path / name).stat().st_gid) == (NOBODY, NOBODY)


WITHOUT_WRITING = """
ensure(STATE, NAMES, ADDRESSES)
for path in (Path(), STATE, FILE, Path("state/.https.pem.lock")):
    if os.getuid() == 0:  # whom no mode bits would stop
        os.chown(path, 65534, 65534)
STATE.chmod(0o500)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
child = os.fork()  # nothing is imported there yet that is needed to make one
print(len(load(ensure(STATE, NAMES, ADDRESSES)).certificate.der) > 300) if child else os._exit(0)
for change in (lambda: replace(STATE, NAMES, ADDRESSES), lambda: FILE.chmod(0), lambda: ensure(STATE, [], [])):
    try:
        change()
    except ConfigError as error:
        print(error)
STATE.chmod(0)
try:
    ensure(STATE, NAMES, ADDRESSES)
except ConfigError as error:
    print(error)
STATE.chmod(0o700)
"""


def test_it_is_used_from_a_directory_that_may_only_be_read_and_missing_permission_is_an_error() -> None:
    with TemporaryDirectory() as place:  # not below pytest's own, which others than root cannot reach
        used, written, read, looked = run(WITHOUT_WRITING, Path(place))
        state = Path(place).resolve() / "state"
    assert used == "True"
    assert written.startswith(f"--statedir: cannot write {state / FILE} (Permission denied): make the directory ")
    assert read.startswith(
        f"--statedir: {state / FILE} cannot be read (Permission denied): check the path, and that this user may "
        "read the file; if it is lost, restore it from a copy, or make a new one"
    )
    assert looked.startswith(f"--statedir: {state} cannot be looked into (Permission denied): make it a directory")


# --- what is there is never silently replaced -----------------------------------------------------------


UNUSABLE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros-as-a-crash-leaves-them": lambda pem: bytes(len(pem)),
    "half": lambda pem: pem[: len(pem) // 2],
    "without-its-last-line": lambda pem: pem[: pem.rindex(b"-----END")],
    "no-key": lambda pem: pem[pem.index(b"-----BEGIN CERT") :],
    "no-certificate": lambda pem: pem[: pem.index(b"-----BEGIN CERT")],
    "key-of-another": lambda pem: (
        made()[: made().index(b"-----BEGIN CERT")] + pem[pem.index(b"-----BEGIN CERT") :]
    ),
    "damaged-certificate": lambda pem: pem.replace(b"MII", b"AAA", 1),
    "no-base64": lambda pem: pem[:-60] + b"!" + pem[-59:],
    "a-page": lambda _: b"<html>not found</html>",
    "too-large": lambda pem: pem + b" " * 1024 * 1024,
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_file_that_cannot_be_used_is_an_error_and_stays(own: Files, kind: str) -> None:
    octets = UNUSABLE[kind](own.certificate.read_bytes())
    own.certificate.write_bytes(octets)
    state = own.certificate.parent
    told = told_by(lambda: ensure(state, NAMES, ADDRESSES, "SMGWPROXY_STATEDIR"))
    assert told.startswith(f"SMGWPROXY_STATEDIR: {own.certificate} ")
    assert told.endswith(
        "restore it from a copy, or make a new one, which clients then must trust anew: "
        f"smgwproxy certificate replace --statedir {state}"
    )
    assert own.certificate.read_bytes() == octets
    load(replace(state, NAMES, ADDRESSES))


def test_the_remedy_can_be_pasted_whatever_the_directory_is_called(tmp_path: Path) -> None:
    state = tmp_path / "it's; a place"
    state.mkdir()
    (state / FILE).touch()
    command = told_by(lambda: ensure(state, NAMES, ADDRESSES)).partition("anew: ")[2]
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout.splitlines()
    assert words == ["smgwproxy", "certificate", "replace", "--statedir", str(state)]


def in_its_place(kind: str, path: Path) -> None:
    """Make something else than a file at ``path``."""
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"device": Path("/dev/zero"), "nothing": path.with_name("gone"), "itself": path}[kind])


@pytest.mark.parametrize("kind", ["directory", "pipe", "device", "nothing", "itself"])
def test_what_is_no_file_is_an_error_and_nobody_waits_for_it(tmp_path: Path, kind: str) -> None:
    in_its_place(kind, tmp_path / FILE)
    told = told_by(lambda: ensure(tmp_path, NAMES, ADDRESSES))
    assert told.startswith(f"--statedir: {tmp_path / FILE} cannot be read (")
    assert ("it is not a regular file" in told) is (kind in {"directory", "pipe", "device"})
    assert names_in(tmp_path) == [FILE]


@pytest.mark.parametrize("kind", ["pipe", "nothing", "itself"])
def test_replaced_is_whatever_a_file_can_take_the_place_of(tmp_path: Path, kind: str) -> None:
    in_its_place(kind, tmp_path / FILE)
    load(replace(tmp_path, NAMES, ADDRESSES))


def test_a_directory_in_its_place_is_not_replaced(tmp_path: Path) -> None:
    in_its_place("directory", tmp_path / FILE)
    assert "(Is a directory)" in told_by(lambda: replace(tmp_path, NAMES, ADDRESSES))
    assert names_in(tmp_path) == [LOCK, FILE]


def test_a_file_in_the_directorys_place_is_told(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.touch()
    for action in (lambda: find(state, "SOURCE"), lambda: ensure(state, NAMES, ADDRESSES, "SOURCE")):
        assert told_by(action).startswith(f"SOURCE: {state} cannot be looked into (Not a directory): make it a ")
    told = told_by(lambda: replace(state, NAMES, ADDRESSES, "SOURCE"))
    assert told.startswith(f"SOURCE: cannot write {state / FILE} (")


# --- files that a person gives --------------------------------------------------------------------------


def parts(identity: Identity) -> tuple[bytes, bytes]:
    """Return certificate and key as PEM."""
    pem = identity.pem_file.read_bytes()
    middle = pem.index(b"-----BEGIN CERT")
    return pem[middle:], pem[:middle]


def written(path: Path, octets: bytes) -> Path:
    """Write a file as if that were long ago: within a tick of its clock the system tells no two changes apart."""
    path.write_bytes(octets)
    os.utime(path, (1, 1))
    return path


def in_one(directory: Path, identity: Identity) -> Files:
    """Put certificate and key into one file."""
    return given(written(directory / "pair.pem", identity.pem_file.read_bytes()))


def in_two(directory: Path, identity: Identity) -> Files:
    """Put certificate and key into a file each."""
    certificate, key = parts(identity)
    return given(written(directory / "fullchain.pem", certificate), written(directory / "privkey.pem", key))


def encrypted(key: bytes, form: serialization.PrivateFormat) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"secret")
    )


def test_certificate_and_key_may_be_in_one_file_or_in_two(tmp_path: Path, identity: Identity) -> None:
    for files in (
        given(identity.pem_file),
        given(identity.pem_file, identity.pem_file),
        in_two(tmp_path, identity),
    ):
        loaded = load(files)
        assert loaded.certificate == identity.certificate
        with Server(lambda: loaded.context) as server:  # noqa: B023  # called before the next one
            assert shown(server.port) == identity.certificate


def test_files_that_are_given_relatively_are_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = given(Path("a.pem"), Path("b.pem"))
    assert (files.certificate, files.key) == (tmp_path / "a.pem", tmp_path / "b.pem")
    assert given(Path("a.pem")).key == tmp_path / "a.pem"


def test_text_and_a_chain_may_stand_around_the_certificate(
    tmp_path: Path, identity: Identity, impostor: Identity
) -> None:
    certificate, key = parts(identity)
    chain, _ = parts(impostor)
    for octets in (
        b"Subject: z\xe4hler\n" + certificate + b"\n# next\n" + chain + key,
        key + certificate.replace(b"\n", b"\r\n") + chain,
    ):
        (tmp_path / "pair.pem").write_bytes(octets)
        loaded = load(given(tmp_path / "pair.pem"))
        assert loaded.certificate == identity.certificate
        with Server(lambda: loaded.context) as server:  # noqa: B023  # called before the next one
            assert shown(server.port) == identity.certificate


def test_an_rsa_pair_serves_clients_of_both_versions(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    certificate = (
        x509.CertificateBuilder(subject, subject, private.public_key(), 1, NOW, NOW + LIFE)
        .sign(private, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    key = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "rsa.pem").write_bytes(certificate + key)
    context = load(given(tmp_path / "rsa.pem")).context
    with Server(lambda: context) as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = trusting_all()
            client.minimum_version = client.maximum_version = version
            connect(server.port, client).close()


CERTIFICATE, KEY = "SMGWPROXY_TLS_CERT: {certificate} ", "tls-key in proxy.toml: {key} "
CHECK = "check the path, and that this user may read the file"


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        (None, "good", CERTIFICATE + "cannot be read (No such file or directory): " + CHECK),
        ("good", None, KEY + "cannot be read (No such file or directory): " + CHECK),
        ("empty", "good", CERTIFICATE + "holds no whole certificate in PEM: give the file that does"),
        ("half", "good", CERTIFICATE + "holds no whole certificate in PEM: give the file that does"),
        ("key", "certificate", CERTIFICATE + "holds no whole certificate in PEM: give the file that does"),
        ("good", "empty", KEY + "holds no private key in PEM: give the file that does with --tls-key"),
        ("good", "certificate", KEY + "holds no private key in PEM: give the file that does with --tls-key"),
        (
            "good",
            "of another",
            KEY + "holds another private key than that of the certificate in {certificate}: give the key that the "
            "certificate was made for",
        ),
        (
            "good",
            "of another kind",
            KEY + "holds another private key than that of the certificate in {certificate}: give the key that the "
            "certificate was made for",
        ),
        (
            "good",
            "encrypted",
            KEY
            + "holds a private key that is encrypted: give a key without a password, which this makes: openssl "
            "pkey -in {key} -out NEW",
        ),
        (
            "good",
            "encrypted as in old times",
            KEY
            + "holds a private key that is encrypted: give a key without a password, which this makes: openssl "
            "pkey -in {key} -out NEW",
        ),
        (
            "good",
            "half",
            CERTIFICATE + "cannot be used with its key (the PEM is damaged): give files that are whole",
        ),
        (
            "damaged",
            "good",
            CERTIFICATE + "cannot be used with its key (the PEM is damaged): give files that are whole",
        ),
        (
            "no base64",
            "good",
            CERTIFICATE + "cannot be used with its key (the PEM is damaged): give files that are whole",
        ),
        (
            "with half a chain",
            "good",
            CERTIFICATE + "cannot be used with its key (bad end line): give files that are whole",
        ),
    ],
)
def test_files_that_cannot_be_used_are_told_in_one_line_with_option_and_remedy(
    tmp_path: Path, identity: Identity, impostor: Identity, certificate: str | None, key: str | None, told: str
) -> None:
    good, good_key = parts(identity)
    octets = {
        "good": good,
        "key": good_key,
        "empty": b"",
        "half": good[: len(good) // 2],
        "damaged": good.replace(b"MII", b"AAA", 1),
        "no base64": good[:60] + b"\xff" + good[61:],
        "with half a chain": good + good[: len(good) // 2],
    }
    keys = {
        "good": good_key,
        "certificate": good,
        "empty": b"",
        "half": good_key[:-40],
        "of another": parts(impostor)[1],
        "of another kind": ed25519_key(),
        "encrypted": encrypted(good_key, serialization.PrivateFormat.PKCS8),
        "encrypted as in old times": encrypted(good_key, serialization.PrivateFormat.TraditionalOpenSSL),
    }
    paths = {"certificate": tmp_path / "a" / "fullchain.pem", "key": tmp_path / "a" / "privkey.pem"}
    (tmp_path / "a").mkdir()
    if certificate is not None:
        paths["certificate"].write_bytes(octets[certificate])
    if key is not None:
        paths["key"].write_bytes(keys[key])
    files = given(paths["certificate"], paths["key"])
    expected = told.format(**paths)
    assert told_by(lambda: load(files)) == expected
    assert told_by(lambda: ServerIdentity(files, ssl.SSLContext, logging.getLogger("test"))) == expected


def ed25519_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_certificate_without_its_key_asks_for_the_other_option(tmp_path: Path, identity: Identity) -> None:
    (tmp_path / "fullchain.pem").write_bytes(parts(identity)[0])
    assert told_by(lambda: load(given(tmp_path / "fullchain.pem"))) == (
        f"SMGWPROXY_TLS_CERT: {tmp_path}/fullchain.pem holds no private key in PEM: give the file that does with "
        "--tls-key"
    )


ENCRYPTED_AT_A_TERMINAL = """
import pty
child, terminal = pty.fork()
if not child:
    files = Path(sys.argv[1])
    from smgwproxy.own_certificate import Files
    try:
        load(Files.given(files / "fullchain.pem", files / "privkey.pem", "--tls-cert", "--tls-key"))
    except ConfigError as error:
        print("encrypted" in str(error), flush=True)
    os._exit(0)
said = b""
try:
    while piece := os.read(terminal, 1000):
        said += piece
except OSError:  # so Linux tells the end of a terminal
    pass
print(said.decode().strip())
"""


def test_nobody_is_asked_for_a_password_at_the_terminal(tmp_path: Path, identity: Identity) -> None:
    certificate, key = parts(identity)
    (tmp_path / "fullchain.pem").write_bytes(certificate)
    (tmp_path / "privkey.pem").write_bytes(encrypted(key, serialization.PrivateFormat.PKCS8))
    assert run(ENCRYPTED_AT_A_TERMINAL, tmp_path, str(tmp_path)) == ["True"]


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_what_is_no_file_leaves_no_handle_open(tmp_path: Path, identity: Identity, kind: str) -> None:
    in_its_place(kind, tmp_path / "key.pem")
    files = given(identity.pem_file, tmp_path / "key.pem")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # no directory that stays the same for a Path
    for _ in range(50):
        assert "it is not a regular file" in told_by(lambda: load(files))
    assert len(os.listdir("/proc/self/fd")) - before < 25  # noqa: PTH208  # as above; others may open some


def test_what_the_system_refuses_while_openssl_reads_is_told(identity: Identity) -> None:
    class Unlucky(ssl.SSLContext):
        def load_cert_chain(self, *_: object, **__: object) -> NoReturn:
            raise OSError(errno.EMFILE, "Too many open files")

    told = told_by(lambda: load(given(identity.pem_file), Unlucky))
    assert told.startswith(f"SMGWPROXY_TLS_CERT: {identity.pem_file} cannot be read (Too many open files): ")


# --- renewal --------------------------------------------------------------------------------------------


@pytest.fixture
def renewed(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The next certificate, with a key of its own."""
    return make_identity(tmp_path_factory.mktemp("renewed"), "renewed")


class Followed:
    """A `ServerIdentity`, a server that shows it, and what it logs."""

    def __init__(
        self, files: Files, server: Server, identity: ServerIdentity, log: pytest.LogCaptureFixture
    ) -> None:
        self.files = files
        self.identity = identity
        self._server = server
        self._log = log

    def shown(self) -> Certificate:
        return shown(self._server.port)

    def connect(self) -> ssl.SSLSocket:
        return connect(self._server.port, trusting_all())

    def told(self) -> list[tuple[str, str]]:
        """Return the lines since the last time, with their levels."""
        lines = [(record.levelname, record.getMessage()) for record in self._log.records]
        self._log.clear()
        return lines


@pytest.fixture
def follow(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[Files], Followed]]:
    servers: list[Server] = []
    caplog.set_level(logging.DEBUG, "own")

    def start(files: Files) -> Followed:
        identity = ServerIdentity(files, ssl.SSLContext, logging.getLogger("own"))
        servers.append(Server(identity.context))
        return Followed(files, servers[-1], identity, caplog)

    yield start
    for server in servers:
        server.__exit__()


def exchanged(path: Path, octets: bytes) -> None:
    """Put ``octets`` in the place of a file at once."""
    temporary = path.with_name("new")
    temporary.write_bytes(octets)
    temporary.rename(path)


def overwritten(path: Path, octets: bytes) -> None:
    path.write_bytes(octets)


def linked(path: Path, octets: bytes) -> None:
    """Do as certbot: write the new file beside the old one, and let the link point to it."""
    kept = path.with_name(f"{path.name}.{len(names_in(path.parent))}")
    kept.write_bytes(octets)
    path.unlink()
    path.symlink_to(kept.name)


WAYS = pytest.mark.parametrize("put", [exchanged, overwritten, linked])


def test_while_the_files_stay_the_same_nothing_is_loaded(
    tmp_path: Path, identity: Identity, follow: Callable[[Files], Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = follow(in_two(tmp_path, identity))
    first = one.identity.context()
    monkeypatch.setattr(following, "load", None)
    assert all(one.identity.context() is first for _ in range(100))
    assert one.told() == []


@WAYS
def test_a_renewed_file_is_shown_from_the_next_connection_on_and_told_once(
    tmp_path: Path,
    identity: Identity,
    renewed: Identity,
    follow: Callable[[Files], Followed],
    put: Callable[[Path, bytes], None],
) -> None:
    one = follow(in_one(tmp_path, identity))
    path = one.files.certificate
    with one.connect() as open_before:
        assert one.shown() == one.identity.certificate == identity.certificate
        put(path, renewed.pem_file.read_bytes())
        assert [one.shown(), one.shown()] == [renewed.certificate] * 2
        assert open_before.getpeercert(binary_form=True) == identity.certificate.der
    assert one.identity.certificate == renewed.certificate
    told = f"SHA-256 {renewed.certificate.fingerprint}, ends {renewed.certificate.description.not_after}"
    assert one.told() == [("INFO", f"the new certificate in {path} is used from now on: {told}")]


@WAYS
@pytest.mark.parametrize("first", ["certificate", "key"])
def test_files_that_are_renewed_one_after_the_other_end_in_the_new_pair(
    tmp_path: Path,
    identity: Identity,
    renewed: Identity,
    follow: Callable[[Files], Followed],
    put: Callable[[Path, bytes], None],
    first: str,
) -> None:
    one = follow(in_two(tmp_path, identity))
    steps = [(one.files.certificate, parts(renewed)[0]), (one.files.key, parts(renewed)[1])]
    if first == "key":
        steps.reverse()
    put(*steps[0])
    assert [one.shown(), one.shown(), one.shown()] == [identity.certificate] * 3
    ((level, told),) = one.told()
    assert level == "WARNING"
    assert told.startswith(
        f"the new certificate cannot be used, the old one still is: tls-key in proxy.toml: {one.files.key} holds "
    )
    assert told.endswith(": give the key that the certificate was made for")
    put(*steps[1])
    assert [one.shown(), one.shown()] == [renewed.certificate] * 2
    assert [level for level, _ in one.told()] == ["INFO"]


def test_each_change_that_cannot_be_used_is_told_once_and_the_old_certificate_stays(
    tmp_path: Path, identity: Identity, renewed: Identity, follow: Callable[[Files], Followed]
) -> None:
    one = follow(in_one(tmp_path, identity))
    path = one.files.certificate
    pem = renewed.pem_file.read_bytes()
    for put in (
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(pem[:100]),
        lambda: path.write_bytes(pem[:-10]),
        path.unlink,
        path.mkdir,
    ):
        put()
        assert [one.shown(), one.shown()] == [identity.certificate] * 2
        ((level, told),) = one.told() or [("", "nothing was told")]
        assert (level, str(path) in told) == ("WARNING", True)
    path.rmdir()
    path.write_bytes(pem)
    assert one.shown() == renewed.certificate
    assert [level for level, _ in one.told()] == ["INFO"]


def test_files_that_change_and_hold_the_same_certificate_are_not_told(
    tmp_path: Path, identity: Identity, follow: Callable[[Files], Followed]
) -> None:
    one = follow(in_one(tmp_path, identity))
    path = one.files.certificate
    before = one.identity.context()
    exchanged(path, identity.pem_file.read_bytes())
    assert one.shown() == identity.certificate
    assert one.identity.context() is not before  # the chain may be another
    for _ in range(2):
        path.unlink()
        assert one.shown() == identity.certificate
        assert [level for level, _ in one.told()] == ["WARNING"]
        shutil.copy(identity.pem_file, path)
        assert one.shown() == identity.certificate
        assert one.told() == []


def test_what_the_system_refused_is_tried_again_though_no_file_changes(
    tmp_path: Path,
    identity: Identity,
    renewed: Identity,
    follow: Callable[[Files], Followed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy without a free handle would otherwise show the old certificate until it ends."""
    one = follow(in_one(tmp_path, identity))
    path = one.files.certificate
    exchanged(path, renewed.pem_file.read_bytes())

    def refuse(*_: object) -> NoReturn:
        raise ConfigError("Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(following, "load", refuse)
        assert [one.shown(), one.shown()] == [identity.certificate] * 2
    assert [told for _, told in one.told()] == [
        "the new certificate cannot be used, the old one still is: Too many open files"
    ]
    assert one.shown() == renewed.certificate


def test_permissions_that_change_are_a_change(
    tmp_path: Path, identity: Identity, follow: Callable[[Files], Followed]
) -> None:
    one = follow(in_two(tmp_path, identity))
    before = one.identity.context()
    changed_at = one.files.key.stat().st_ctime_ns
    while one.files.key.stat().st_ctime_ns == changed_at:  # until the next tick of the system's clock
        one.files.key.chmod(0o640)
    after = one.identity.context()
    assert after is not before
    assert one.identity.context() is after


class Hasty(ssl.SSLContext):
    """Lets ``meanwhile`` happen whenever a certificate was read and its key was not yet."""

    meanwhile: ClassVar[list[Callable[[], object]]] = []

    def load_cert_chain(self, *paths: Any, **options: Any) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().load_cert_chain(*paths, **options)


@pytest.mark.parametrize("at", ["start", "renewal"])
def test_a_change_while_the_files_are_read_is_not_missed(
    tmp_path: Path, identity: Identity, impostor: Identity, renewed: Identity, at: str
) -> None:
    files = in_one(tmp_path, identity)
    path = files.certificate
    change = partial(exchanged, path, renewed.pem_file.read_bytes())
    if at == "start":
        Hasty.meanwhile = [change]
    one = ServerIdentity(files, Hasty, logging.getLogger("own"))
    if at == "renewal":
        Hasty.meanwhile = [change]
        exchanged(path, impostor.pem_file.read_bytes())
    with Server(one.context) as server:
        assert shown(server.port) == one.certificate == renewed.certificate
    assert Hasty.meanwhile == []


def test_a_key_of_the_next_file_beside_the_certificate_of_the_one_before_is_no_error(
    tmp_path: Path, identity: Identity, renewed: Identity
) -> None:
    """OpenSSL opens the file twice, and it may be exchanged in between."""
    files = in_one(tmp_path, identity)

    def exchange_half_way() -> NoReturn:
        exchanged(files.certificate, renewed.pem_file.read_bytes())
        raise ssl.SSLError(1, "key values mismatch")

    Hasty.meanwhile = [exchange_half_way]
    assert load(files, Hasty).certificate == renewed.certificate


def test_a_file_that_goes_away_while_it_is_read_is_told(tmp_path: Path, identity: Identity) -> None:
    files = in_one(tmp_path, identity)
    Hasty.meanwhile = [files.certificate.unlink]
    assert "cannot be read (No such file or directory)" in told_by(lambda: load(files, Hasty))


def test_files_that_never_rest_are_read_a_few_times_and_no_more(tmp_path: Path, identity: Identity) -> None:
    files = in_one(tmp_path, identity)
    path = files.certificate
    Hasty.meanwhile = [lambda: exchanged(path, identity.pem_file.read_bytes())] * 100
    assert load(files, Hasty).certificate == identity.certificate
    assert len(Hasty.meanwhile) == 90
    Hasty.meanwhile = []


def test_the_proxys_own_certificate_is_followed_too(own: Files, follow: Callable[[Files], Followed]) -> None:
    one = follow(own)
    before = one.shown()
    replace(own.certificate.parent, NAMES, ADDRESSES)
    assert one.shown() == load(own).certificate != before


def test_threads_that_ask_at_once_load_it_once(
    tmp_path: Path, identity: Identity, renewed: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "own")
    files = in_one(tmp_path, identity)
    one = ServerIdentity(files, Hasty, logging.getLogger("own"))
    exchanged(files.certificate, renewed.pem_file.read_bytes())
    other = threading.Thread(target=one.context, daemon=True)

    def let_the_other_ask() -> None:
        other.start()
        other.join(0.2)
        assert other.is_alive()

    Hasty.meanwhile = [let_the_other_ask]
    one.context()
    other.join(PATIENCE)
    assert one.certificate == renewed.certificate
    assert len(caplog.records) == 1


def test_threads_that_ask_while_it_is_renewed_get_whole_pairs(
    tmp_path: Path, follow: Callable[[Files], Followed]
) -> None:
    state = tmp_path / "state"
    one = follow(ensure(state, NAMES, ADDRESSES))
    enough = threading.Event()

    def ask(_: int) -> set[Certificate]:
        seen = set()
        while not enough.is_set():
            seen.add(one.shown())
        return seen

    with ThreadPoolExecutor(4) as pool:
        asking = pool.map(ask, range(4))
        made_since = {load(replace(state, NAMES, ADDRESSES)).certificate for _ in range(30)}
        enough.set()
        seen = set().union(*asking)
    assert one.shown() == load(one.files).certificate
    assert len(seen & made_since) > 1
    assert {level for level, _ in one.told()} == {"INFO"}


# --- what is told of it ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "left", "told"),
    [
        (LIFE, timedelta(days=61), ""),
        (LIFE, timedelta(days=60), "ends on 2026-04-30, in 60 days"),
        (LIFE, timedelta(hours=5), "ends on 2026-03-01, in 0 days"),
        (LIFE, timedelta(), "ended on 2026-03-01"),
        (LIFE, timedelta(days=-400), "ended on 2025-01-25"),
        (timedelta(days=90), timedelta(days=29), ""),
        (timedelta(days=90), timedelta(days=10), ""),
        (timedelta(days=90), timedelta(days=9), "ends on 2026-03-10, in 9 days"),
    ],
)
def test_the_end_is_told_in_the_last_tenth_of_its_life_but_not_before_60_days(
    life: timedelta, left: timedelta, told: str
) -> None:
    now = NOW.replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    end = now + left
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, end - life, end)
    certificate = Certificate(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    assert ending(certificate, now) == told
    assert valid_for(certificate) == ()


def test_of_a_certificate_that_cannot_be_read_nothing_is_told() -> None:
    assert ending(Certificate(b"x"), NOW) == ""
    assert valid_for(Certificate(b"x")) == ()


def test_what_the_machine_has_and_the_certificate_has_not_is_missing() -> None:
    certificate = certificate_of(made())
    assert missing(certificate, NAMES, ADDRESSES) == ()
    now_there = (*ADDRESSES, IPv4Address("192.168.0.10"), IPv6Address("fe80::1%eth0"))
    assert missing(certificate, ["PI.", "my_pi", "meter.example.org"], now_there) == (
        "meter.example.org",
        IPv4Address("192.168.0.10"),
        IPv6Address("fe80::1"),
    )
