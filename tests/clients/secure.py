"""The program as a user runs it for HTTPS: with a certificate that it made itself, and a copy for clients."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smgwproxy.demo import Gateway, run_in_thread, start_gateway
from tests.clients.browser import LAN_NAME
from tests.clients.household import NOW
from tests.test_cli import Program, program, run

ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class OwnCertificate:
    """What the proxy shows over HTTPS, wherever it is started with this ``statedir``."""

    statedir: Path
    copy: Path
    """What ``smgwproxy certificate show --pem`` writes, for clients to trust."""

    @property
    def key_hash(self) -> str:
        """The SHA-256 of its public key in base64, as Chromium wants it."""
        key = x509.load_pem_x509_certificate(self.copy.read_bytes()).public_key()
        return base64.b64encode(
            hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        ).decode()


@dataclass(frozen=True)
class SecureProxy:
    """A running program that offers HTTPS beside HTTP."""

    program: Program
    address: str

    @property
    def url(self) -> str:
        """The URL for clients that use its address."""
        return self.at(self.address)

    def at(self, name: str, scheme: str = "https") -> str:
        """Return the URL for clients that call it ``name``."""
        return f"{scheme}://{name}:{self.port(scheme)}"

    def port(self, scheme: str = "https") -> int:
        return int(self.program.wait_for(rf"reachable at {scheme}://[\d.]+:(\d+)/")[1])


@dataclass(frozen=True)
class SecureHousehold:
    """What a user has who wants HTTPS: a gateway, and the proxy that leads there."""

    gateway: Gateway
    proxy: SecureProxy


def first_start(directory: Path) -> OwnCertificate:
    """Start the proxy for the first time, so that it makes its certificate in ``directory``, and take a copy."""
    with running_secure_proxy("127.0.0.1:1", directory, directory / "state") as proxy:
        proxy.program.wait_for("HTTPS shows the certificate")
    shown = run("certificate", "show", "--pem", cwd=directory)
    assert shown.returncode == 0, shown.stderr
    copy = directory / "copy.pem"
    copy.write_text(shown.stdout)
    return OwnCertificate(directory / "state", copy)


@contextmanager
def running_secure_proxy(
    target: str, directory: Path, statedir: Path, *, address: str = ADDRESS, tls_port: int = 0
) -> Iterator[SecureProxy]:
    """Run the program in ``directory`` before ``target``, with a name that it has in the LAN."""
    options = ["--target", target, "--statedir", str(statedir), "--server-name", LAN_NAME]
    options += ["--listen", address, "--port", "0", "--tls-port", str(tls_port)]
    with program(*options, cwd=directory) as running:
        yield SecureProxy(running, address)


@contextmanager
def running_secure_household(
    vendor: str, directory: Path, own: OwnCertificate, *, address: str = ADDRESS, tls_port: int = 0
) -> Iterator[SecureHousehold]:
    """Run the gateway of a vendor, and the program before it."""
    make = partial(start_gateway, vendor, clock=lambda: NOW)
    with (
        run_in_thread(make) as gateway,
        running_secure_proxy(
            gateway.authority, directory, own.statedir, address=address, tls_port=tls_port
        ) as proxy,
    ):
        yield SecureHousehold(gateway, proxy)
