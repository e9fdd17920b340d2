"""The running program as its HTTPS clients reach it, and clients that speak TLS over raw sockets."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from smgwproxy.limits import DoorLimits
from tests.support import PATIENCE, RawGateway, receive_until
from tests.test_cli import Program, program

StartGateway = Callable[..., RawGateway]
GET = b"GET / HTTP/1.1\r\nHost: pi:8443\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: pi:8443\r\nConnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
RECORD = 16 * 1024  # bytes that a TLS record holds at most
ROOM = DoorLimits().buffer
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

every_version = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])


@dataclass(frozen=True)
class Door:
    """A running program, reached over HTTP, HTTPS or both; it was started in ``directory``."""

    program: Program
    directory: Path

    @property
    def http(self) -> int:
        return self.port("http")

    @property
    def https(self) -> int:
        return self.port("https")

    @property
    def pem(self) -> Path:
        """The file with the certificate that the program made itself; it is there once the port is open."""
        assert self.https
        return self.directory / "state" / "https.pem"

    def port(self, scheme: str) -> int:
        return int(self.program.wait_for(rf"reachable at {scheme}://127\.[\d.]+:(\d+)/")[1])


@contextmanager
def open_door(gateway: RawGateway, directory: Path, *arguments: str) -> Iterator[Door]:
    """Run the program before ``gateway``, with HTTP and HTTPS unless ``arguments`` say otherwise."""
    options = ["--target", str(gateway.origin), "--port", "0", "--tls-port", "0", "--listen", "127.0.0.1"]
    with program(*options, *arguments, cwd=directory) as running:
        yield Door(running, directory)


def context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Make a client's context that takes any certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


@contextmanager
def secure(
    port: int,
    client: ssl.SSLContext | None = None,
    *,
    name: str = "127.0.0.1",
    session: ssl.SSLSession | None = None,
    receive: int | None = None,
) -> Iterator[ssl.SSLSocket]:
    """Connect with TLS; a cut stream is an error. ``receive`` is the size of the kernel's receive buffer."""
    with socket.socket() as plain:
        if receive is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        plain.settimeout(PATIENCE)
        plain.connect(("127.0.0.1", port))
        with (client or context()).wrap_socket(
            plain, server_hostname=name, session=session, suppress_ragged_eofs=False
        ) as encrypted:
            yield encrypted


@contextmanager
def client_from(address: str, port: int, *, tls: bool = False, to: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Connect from one of this machine's addresses."""
    with socket.create_connection((to, port), PATIENCE, source_address=(address, 0)) as plain:
        if not tls:
            yield plain
            return
        with context().wrap_socket(plain, suppress_ragged_eofs=False) as client:
            yield client


@contextmanager
def sealing(port: int) -> Iterator[tuple[socket.socket, Callable[[bytes], bytes]]]:
    """Shake hands; yield the plain socket, and what makes TLS records of bytes, to be sent there as one likes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(incoming, outgoing)

    def seal(octets: bytes) -> bytes:
        tls.write(octets)
        return outgoing.read()

    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        while True:
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
            plain.sendall(outgoing.read())
            incoming.write(plain.recv(65536))
        plain.sendall(outgoing.read())
        yield plain, seal


def answered(client: socket.socket) -> bool:
    """Ask for something small over a connection that lives on."""
    client.sendall(GET)
    return receive_until(client, b"\r\n\r\nok").startswith(b"HTTP/1.1 200 OK\r\n")


def shown(client: ssl.SSLSocket) -> bytes | None:
    """Return the certificate that the proxy showed, in DER."""
    return client.getpeercert(binary_form=True)


def received(client: socket.socket) -> tuple[bytes, bool]:
    """Return all that comes, and whether the end was one that nobody takes for a cut."""
    said = b""
    try:
        while piece := client.recv(65536):
            said += piece
    except (ssl.SSLEOFError, ConnectionResetError):
        return said, False
    return said, True


@cache
def _piece_of_noise() -> bytes:
    return random.Random(1).randbytes(1 << 20)  # noqa: S311  # no secret


def noise(size: int) -> bytes:
    """Return ``size`` bytes that nobody can put together in another order unseen."""
    piece = _piece_of_noise()
    return (piece * (size // len(piece) + 1))[:size]


def cut(octets: bytes, step: int) -> Iterator[bytes]:
    """Divide ``octets`` into pieces of ``step``."""
    return (octets[place : place + step] for place in range(0, len(octets), step))
