"""The simulated gateway on the network: TLS on gevent sockets around a vendor's behaviour."""

from __future__ import annotations

import shlex
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

import gevent
import gevent.socket
import gevent.ssl
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer

from smgwproxy.demo.certificate import ServerCertificate
from smgwproxy.demo.http import BrokenOff, Pace, Reader, Received, RefusedRequest, Reply, serialize
from smgwproxy.demo.vendor import ReadingRequest, TlsProfile, Vendor

# The suites of BSI TR-03116-3 for the HAN side, in OpenSSL's names.
_CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384"

_HANDSHAKE_SECONDS = 30
_IDLE_SECONDS = 600
# A client that closes one connection and opens the next may be overtaken by its own new connection.
_OVERLAP_GRACE_SECONDS = 0.2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Delays:
    """How slow a gateway is, in seconds: before each login challenge, each other answer, and each export more."""

    login: float = 0
    request: float = 0
    export: float = 0

    def before(self, reply: Reply) -> float:
        """How long this answer is waited for."""
        if reply.pace is Pace.LOGIN:
            return self.login
        return self.request + (self.export if reply.pace is Pace.EXPORT else 0)


@dataclass(slots=True)
class Counters:
    """What was counted since the gateway was made; restarts do not reset it."""

    handshakes_started: int = 0
    handshakes_finished: int = 0
    handshakes_resumed: int = 0
    """Finished handshakes that resumed an earlier TLS session."""
    connections_open: int = 0
    connections_most: int = 0
    """The most connections that were ever open at once."""
    connections_refused: int = 0
    """Connections that were closed because another one was open."""
    answers_broken_off: int = 0
    """Answers that nobody waited for any more."""


class InHub(Protocol):
    """Runs a function in the gevent hub that the gateway lives in, and returns what it returns."""

    def __call__(self, function: Callable[[], _T], /) -> _T:
        """Run ``function`` there."""


def here(function: Callable[[], _T], /) -> _T:
    """Run ``function`` in this very thread, whose hub the gateway lives in."""
    return function()


class Gateway:
    """A simulated gateway that listens on one address; made by `start_gateway`.

    ``received`` has every request whose head could be read, in order; ``malformed`` the raw bytes of the others;
    ``broken_off`` those of requests that never ended; ``failed_handshakes`` why handshakes failed; ``failures``
    faults of the simulator itself. ``certificate`` and ``delays`` may be changed, the former in force from the
    next start on. ``in_hub`` says how `start`, `stop` and the like get into the gateway's own hub.
    """

    def __init__(
        self,
        vendor: Vendor,
        *,
        host: str,
        port: int,
        certificate: ServerCertificate,
        tls: TlsProfile,
        delays: Delays,
    ) -> None:
        self.vendor = vendor
        self.certificate = certificate
        self.tls = tls
        self.delays = delays
        self.in_hub: InHub = here
        self.counters = Counters()
        self.received: list[Received] = []
        self.malformed: list[bytes] = []
        self.broken_off: list[bytes] = []
        self.failed_handshakes: list[str] = []
        self.failures: list[Exception] = []
        self._address = (host, port)
        self._server: StreamServer | None = None
        self._connections = Pool()
        self._none_open = Event()
        self._none_open.set()

    # --- what there is to know --------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on; the port stays the same over restarts."""
        return self._address

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL, IPv6 in brackets."""
        host, port = self._address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def url(self) -> str:
        """``https://host:port`` without a path."""
        return f"https://{self.authority}"

    @property
    def certificate_der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.der

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 lower-case hex digits."""
        return self.certificate.fingerprint

    @property
    def user(self) -> str:
        """The user name of its only user."""
        return self.vendor.user

    @property
    def password(self) -> str:
        """The password of its only user."""
        return self.vendor.password

    @property
    def page(self) -> str:
        """The path that a person opens in a browser."""
        return self.vendor.page

    @property
    def reading_requests(self) -> tuple[ReadingRequest, ...]:
        """The requests that read the meter, in order: one, or login, reading and logout."""
        return self.vendor.reading_requests

    @property
    def wrong_logins(self) -> int:
        """How many requests had a wrong user name or password."""
        return self.vendor.guard.wrong_logins

    def curl(self, base: str | None = None) -> str:
        """Write the shell line that reads the meter below ``base``, ``http://192.168.0.9:8080`` for instance.

        Without ``base`` it goes to the gateway itself.
        """
        base = self.url if base is None else base.rstrip("/")
        requests = self.reading_requests
        commands = []
        for position, request in enumerate(requests):
            options = ["-s", "--digest", "-u", f"{self.user}:{self.password}"]
            if base.startswith("https:"):
                options.append("-k")
            if len(requests) > 1:
                options += ["-b", ""]  # an empty name makes curl keep cookies from one request to the next
                if position != 1:
                    options += ["-o", "/dev/null"]  # only the middle one has the reading
            for name, value in request.headers:
                options += ["-H", f"{name}: {value}"]
            if request.body:
                options += ["-d", request.body]
            commands.append(shlex.join([*options, base + request.path]))
        return "curl " + " --next ".join(commands)

    # --- running it -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen, on the same port as before if it was started before."""
        self.in_hub(self._start)

    def stop(self) -> None:
        """Stop listening and close all connections; harmless when it does not run."""
        self.in_hub(self._stop)

    def restart(self, certificate: ServerCertificate | None = None) -> None:
        """Stop and start again on the same port, with another certificate if one is given."""
        self.stop()
        if certificate is not None:
            self.certificate = certificate
        self.start()

    def close_connections(self) -> None:
        """Close all connections but go on listening, as a gateway does with idle ones."""
        self.in_hub(self._end_connections)

    def wait_closed(self, seconds: float = 10) -> bool:
        """Wait until no connection is open; False when some still are after ``seconds``."""
        return self.in_hub(lambda: bool(self._none_open.wait(seconds)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        if self._server is not None:
            raise RuntimeError("this gateway runs already")
        context = _context(self.certificate, self.tls)

        def serve(raw: gevent.socket.socket, _: object) -> None:
            self._serve(raw, context)

        server = StreamServer(self._address, serve, spawn=self._connections)
        server.start()
        self._server = server
        self._address = (self._address[0], server.socket.getsockname()[1])

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._end_connections()

    def _end_connections(self) -> None:
        gevent.sleep(0)  # whoever is killed before it has begun closes nothing
        self._connections.kill()

    # --- one connection ---------------------------------------------------------------------------------

    def _serve(self, raw: gevent.socket.socket, context: ssl.SSLContext) -> None:
        try:
            if self.vendor.one_connection and not self._none_open.wait(_OVERLAP_GRACE_SECONDS):
                self.counters.connections_refused += 1
                return
            self._count_open(1)
            try:
                self._converse(raw, context)
            finally:
                self._count_open(-1)
        except Exception as error:
            self.failures.append(error)
            raise
        finally:
            raw.close()

    def _count_open(self, change: int) -> None:
        counters = self.counters
        counters.connections_open += change
        counters.connections_most = max(counters.connections_most, counters.connections_open)
        if counters.connections_open:
            self._none_open.clear()
        else:
            self._none_open.set()

    def _converse(self, raw: gevent.socket.socket, context: ssl.SSLContext) -> None:
        self.counters.handshakes_started += 1
        connection = self.counters.handshakes_started
        host, port, *_ = raw.getsockname()
        secure = self._secured(raw, context)
        if secure is None:
            return
        try:
            self.counters.handshakes_finished += 1
            self.counters.handshakes_resumed += bool(secure.session_reused)
            secure.settimeout(_IDLE_SECONDS)
            reader = Reader(secure.recv, connection, (host, port))
            while self._exchange(reader, secure):
                pass
        finally:
            secure.close()

    def _secured(self, raw: gevent.socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket | None:
        """Shake hands; None when that fails."""
        raw.settimeout(_HANDSHAKE_SECONDS)
        try:
            secure = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
            try:
                secure.do_handshake()
            except BaseException:  # gevent's own handshake on connect closes nothing when its greenlet is killed
                secure.close()
                raise
        except OSError as error:  # ssl.SSLError and time-outs are among them
            self.failed_handshakes.append(str(error))
            return None
        return secure

    def _exchange(self, reader: Reader, secure: ssl.SSLSocket) -> bool:
        """Take one request and answer it; False when the connection ends."""
        try:
            request = reader.read()
        except RefusedRequest as error:
            self._refuse(error, secure)
            return False
        except BrokenOff as error:
            self.broken_off.append(error.args[0])
            return False
        except OSError:
            return False  # reset by the client, or idle for too long: either way it is over
        if request is None:
            return False
        self.received.append(request)
        reply = self.vendor.answer(request)
        if reply is None:
            return False
        gevent.sleep(self.delays.before(reply))
        close = reply.closes or request.wants_close
        return self._send(secure, reply, close=close, head_only=request.method == "HEAD") and not close

    def _refuse(self, error: RefusedRequest, secure: ssl.SSLSocket) -> None:
        if error.received is None:
            self.malformed.append(error.raw)
        else:
            self.received.append(error.received)
        headers = (("Content-Type", "text/plain; charset=utf-8"),)
        self._send(secure, Reply(error.status, headers, f"{error}\n".encode()), close=True)

    def _send(self, secure: ssl.SSLSocket, reply: Reply, *, close: bool, head_only: bool = False) -> bool:
        data = serialize(reply, now=self.vendor.clock(), close=close, head_only=head_only)
        try:
            secure.sendall(data)
        except OSError:
            self.counters.answers_broken_off += 1
            return False
        return True


def _context(certificate: ServerCertificate, tls: TlsProfile) -> ssl.SSLContext:
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = tls.maximum
    context.set_ecdh_curve(tls.group)
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    with tempfile.TemporaryDirectory() as directory:  # OpenSSL loads certificate and key from a file only
        file = Path(directory, "certificate.pem")
        file.touch(mode=0o600)
        file.write_bytes(certificate.pem)
        context.load_cert_chain(file)
    return context
