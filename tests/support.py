"""What the tests stand on: certificates, a scripted TLS gateway, a proxy in a thread, a raw client."""

from __future__ import annotations

import base64
import datetime
import logging
import resource
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import gevent.ssl
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smgwproxy.access import Access
from smgwproxy.certificate import Certificate
from smgwproxy.cooperative import cooperative
from smgwproxy.demo import HubThread, self_signed
from smgwproxy.der import element
from smgwproxy.gateway import Gateway
from smgwproxy.limits import DoorLimits, Limits
from smgwproxy.origin import Origin
from smgwproxy.proxy import BODY_LIMIT, Exchange, Report, ReverseProxy
from smgwproxy.renewal import Renewal
from smgwproxy.server import ProxyServer, open_listener
from smgwproxy.storage import Storage
from smgwproxy.truststores import TrustStore

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PATIENCE = 20.0  # seconds until a test that hangs fails
AHEAD = 256 * 1024  # bytes of an upload that the proxy reads before it asks the gateway


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate and its key, in one PEM file."""

    certificate: Certificate
    pem_file: Path

    def server_context(self, clients: Identity | None = None) -> ssl.SSLContext:
        """Make a server's context, which asks for the certificate of ``clients`` if they are given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem_file)
        if clients is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=clients.certificate.der)
        return context


def make_identity(
    directory: Path,
    name: str = "SMGW",
    key: ec.EllipticCurvePrivateKey | None = None,
    days: int = 365,
    extension: x509.ExtensionType | None = None,
) -> Identity:
    """Make a certificate for the subject ``name``; it has ended already when ``days`` is negative.

    ``extension`` is a critical one.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=1000))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("smgw.local")]), critical=False)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    der = certificate.public_bytes(serialization.Encoding.DER)
    pem_file = directory / f"{Certificate(der).fingerprint}.pem"
    pem_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Identity(Certificate(der), pem_file)


def forged(directory: Path, identity: Identity) -> Identity:
    """Make a certificate with every field of the original's, but for a key of its own."""
    parsed = x509.load_der_x509_certificate(identity.certificate.der)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        parsed.issuer,
        parsed.subject,
        key.public_key(),
        parsed.serial_number,
        parsed.not_valid_before_utc,
        parsed.not_valid_after_utc,
    )
    for extension in parsed.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    pem_file = directory / "forged.pem"
    pem_file.write_text(_pkcs8(key, key.public_key()) + Certificate(der).pem)
    return Identity(Certificate(der), pem_file)


def stolen(directory: Path, identity: Identity) -> Identity:
    """Take the very certificate, without its private key: OpenSSL only looks at the key's public half."""
    public = x509.load_der_x509_certificate(identity.certificate.der).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    pem_file = directory / "stolen.pem"
    pem_file.write_text(_pkcs8(ec.generate_private_key(ec.SECP256R1()), public) + identity.certificate.pem)
    return Identity(identity.certificate, pem_file)


def _pkcs8(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> str:
    """Write a key as RFC 5958 and RFC 5915 have it, whose halves need not belong together."""
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    scalar = private.private_numbers().private_value.to_bytes(32)
    key = element(0x30, b"\x02\x01\x01" + element(4, scalar) + element(0xA1, element(3, b"\0" + point)))
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")  # an EC key on secp256r1
    der = element(0x30, b"\x02\x01\x00" + algorithm + element(4, key))
    return f"-----BEGIN PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END PRIVATE KEY-----\n"


def make_theben_identity(directory: Path) -> Identity:
    """Make a certificate whose signature algorithm has NULL parameters, which strict parsers refuse."""
    made = self_signed("Theben", null_parameters=True)
    pem_file = directory / "theben.pem"
    pem_file.write_bytes(made.pem)
    return Identity(Certificate(made.der), pem_file)


class Peer:
    """One connection at the scripted gateway; ``received`` holds every byte that came."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""
        self.client_certificate: bytes | None = None
        self.resumed = isinstance(connection, ssl.SSLSocket) and bool(connection.session_reused)
        if isinstance(connection, ssl.SSLSocket):
            self.client_certificate = connection.getpeercert(binary_form=True)
        self.ended = threading.Event()
        self._unread = b""

    def read_head(self) -> bytes:
        """Return the next head; empty when the proxy closed the connection."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return b""
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read_body(self, size: int) -> bytes:
        while len(self._unread) < size and self._more():
            pass
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def begun(self) -> bool:
        """Wait for the first byte; False when the proxy closed the connection instead."""
        return self._more()

    def discard_body(self, size: int) -> None:
        """Read ``size`` bytes and keep none of them."""
        size -= len(self._unread)
        self._unread = b""
        while size > 0 and (data := self.connection.recv(65536)):
            size -= len(data)

    def read_request(self) -> bytes:
        """Return the next request with its body."""
        head = self.read_head()
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + self.read_body(int(lengths[0].split(b":")[1]) if lengths else 0)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def reset(self) -> None:
        """Close the TCP connection at once, without TLS's farewell."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.close()

    def _more(self) -> bool:
        try:
            data = self.connection.recv(65536)
        except ConnectionError:  # a reset, which ssl before Python 3.13 calls an end of the stream
            self.ended.set()
            raise
        self._unread += data
        self.received += data
        if not data:
            self.ended.set()
        return bool(data)


Script = Callable[[Peer], None]


def answering(*answers: bytes) -> Script:
    """Answer the requests of a connection one by one with ``answers``, then close it."""

    def script(peer: Peer) -> None:
        for answer in answers:
            if not peer.read_request():
                return
            peer.send(answer)

    return script


def always(answer: bytes) -> Script:
    """Answer every request with ``answer``."""

    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.send(answer)

    return script


@dataclass
class RawGateway:
    """A TLS server on loopback that does to each connection what ``script`` says."""

    identity: Identity | None
    script: Script = field(default_factory=lambda: always(OK))
    port: int = 0
    host: str = "127.0.0.1"
    clients: Identity | None = None
    """Whose certificate it asks its clients for."""
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    group: str | None = None
    """The only group of its key exchange."""
    suites: str | None = None
    """The suites of TLS 1.2, as OpenSSL writes them; where they are given, weak ones are allowed, too."""
    tickets: bool = True
    """Whether sessions are resumed by tickets; else it keeps them itself."""
    on_resumption: Callable[[ssl.SSLSocket], int | None] = lambda _: None
    """Is called within a handshake that resumes a session; returns an alert, None to go on."""
    names: list[str | None] = field(default_factory=list)
    """What each handshake asked for (SNI)."""
    failed_handshakes: list[str] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.port), family=family)
        self.port = self._listener.getsockname()[1]
        self.reboot()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def reboot(self) -> None:
        """Forget all TLS sessions, and the keys of tickets."""
        self._context = self.identity.server_context(self.clients) if self.identity else None
        if self._context:
            self._configure(self._context)

    def _configure(self, context: ssl.SSLContext) -> None:
        context.maximum_version = self.newest
        if not self.tickets:
            context.options |= ssl.OP_NO_TICKET
        if self.group is not None:
            context.set_ecdh_curve(self.group)
        if self.suites is not None:
            context.set_ciphers(f"{self.suites}:@SECLEVEL=0")
        context.sni_callback = self._greeted  # type: ignore[assignment]  # the stubs know of no alert as a result

    def _greeted(self, connection: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        self.names.append(name)
        return self.on_resumption(connection) if connection.session_reused else None

    @property
    def origin(self) -> Origin:
        return Origin(self.host, self.port)

    @property
    def received(self) -> bytes:
        """All bytes of requests that arrived over any connection."""
        return b"".join(peer.received for peer in self.peers)

    def stop(self) -> None:
        """Close the listener and all connections, and wait for the scripts."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(PATIENCE)
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open_now += 1
                self.most_open = max(self.most_open, self.open_now)
                self._sockets.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(PATIENCE)
            if self._context:
                connection = secured = self._context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                try:
                    secured.do_handshake()  # which closes nothing when it fails: that comes after the count below
                except OSError as error:
                    self.failed_handshakes.append(str(error))
                    raise
                self._sockets.append(connection)
            peer = Peer(connection)
            self.peers.append(peer)
            # First use only shakes hands: no script for that.
            if not self._context or peer.begun():
                self.script(peer)
            if isinstance(connection, ssl.SSLSocket) and connection.fileno() >= 0:
                connection = connection.unwrap()
        except (OSError, ValueError):
            pass  # the other side went away, which the tests see there
        finally:
            with self._lock:
                self.open_now -= 1
            connection.close()


@dataclass
class RunningProxy:
    """A proxy whose gevent hub runs in a thread of its own; ``run`` calls a function there."""

    port: int
    server: ProxyServer
    gateway: Gateway
    exchanges: list[Exchange]
    hub: HubThread
    reported: threading.Semaphore

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_exchange(self) -> Exchange:
        """Wait for the next report that no test has asked for yet, and return it."""
        assert self.reported.acquire(timeout=PATIENCE)
        return self.exchanges.pop(0)


class FixedCertificate:
    """The certificate of a listener, never exchanged."""

    def __init__(self, identity: Identity) -> None:
        self._context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.pem_file)

    def context(self) -> ssl.SSLContext:
        return self._context


@contextmanager
def running_proxy(
    origin: Origin,
    store: TrustStore,
    limits: Limits | None = None,
    body_limit: int = BODY_LIMIT,
    report: Report | None = None,
    renewal: Renewal = Renewal.ASK,
    *,
    door: DoorLimits | None = None,
    access: Access | None = None,
    tls: Identity | None = None,
    storage: Storage | None = None,
) -> Iterator[RunningProxy]:
    """Run a proxy before ``origin``, with HTTPS when ``tls`` is given; stopped at the end."""
    exchanges: list[Exchange] = []
    reported = threading.Semaphore(0)

    def tell(exchange: Exchange) -> None:
        exchanges.append(exchange)
        reported.release()
        if report is not None:
            report(exchange)

    def start() -> RunningProxy:
        gateway = Gateway(origin, store, limits, cooperative(), renewal=renewal)
        listener = open_listener("127.0.0.1", 0)
        application = ReverseProxy(gateway, body_limit=body_limit, report=tell, storage=storage)
        server = ProxyServer(
            listener,
            application,
            logging.getLogger("smgwproxy"),
            access=access,
            limits=door,
            storage=storage,
            tls=FixedCertificate(tls) if tls else None,
        )
        server.start()
        return RunningProxy(listener.getsockname()[1], server, gateway, exchanges, hub, reported)

    with HubThread() as hub:
        proxy = hub.call(start)
        try:
            yield proxy
        finally:
            hub.call(lambda: proxy.server.stop(5))
            hub.call(proxy.gateway.close)


class Wiretap:
    """A TCP relay before ``port`` that keeps what clients sent over it."""

    def __init__(self, port: int) -> None:
        self.sent = b""
        self.ended = threading.Event()
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> Origin:
        return Origin("127.0.0.1", self.port)

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self._to), PATIENCE) as server:
                back = threading.Thread(target=self._relay, args=(server, client, False), daemon=True)
                back.start()
                self._relay(client, server, True)
                back.join(PATIENCE)

    def _relay(self, source: socket.socket, sink: socket.socket, keep: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    self.sent += data
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def connected(port: int, *, host: str = "127.0.0.1", tls: bool = False) -> Iterator[socket.socket]:
    """Connect as a client does; with ``tls`` a stream that is cut is an error and no end."""
    with socket.create_connection((host, port), PATIENCE) as plain:
        if not tls:
            yield plain
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain, suppress_ragged_eofs=False) as client:
            yield client


def settles(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until ``condition`` holds, of which nobody is told; False when it still does not after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port() -> int:
    """Return a port that nobody has, and that the system gives to nobody who asks for any (see ip(7))."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def raw_exchange(
    port: int, request: bytes, *, host: str = "127.0.0.1", half_close: bool = False, tls: bool = False
) -> bytes:
    """Send ``request`` and return all that comes until the proxy closes the connection."""
    with connected(port, host=host, tls=tls) as client:
        with suppress(BrokenPipeError, ConnectionResetError):  # what was answered already can still be read
            client.sendall(request)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        return receive_all(client)


def receive_all(client: socket.socket) -> bytes:
    """Return all that comes until the other side closes the connection."""
    pieces = []
    with suppress(ConnectionResetError):
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def receive_until(client: socket.socket, end: bytes) -> bytes:
    """Return what comes up to ``end``."""
    said = b""
    while not said.endswith(end):
        piece = client.recv(65536)
        assert piece, f"the connection ended after {said!r}"
        said += piece
    return said


def head_lines(message: bytes) -> Sequence[bytes]:
    """Return the lines of a message's head."""
    return message.partition(b"\r\n\r\n")[0].split(b"\r\n")


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """Let the kernel write files of ``octets`` bytes at most, as on a disk that is full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
