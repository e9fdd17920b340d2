"""The whole life of a pin, walked through with the real commands against a running proxy, never restarted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support import OK, Identity, RawGateway, make_identity, raw_exchange
from tests.test_cli import program, run

pytestmark = pytest.mark.long

StartGateway = Callable[..., RawGateway]
POST = (
    b"POST /m2m HTTP/1.1\r\nHost: pi\r\nAuthorization: Digest secret\r\n"
    b"Content-Length: 4\r\nConnection: close\r\n\r\nbody"
)


class Household:
    """One gateway's address, the proxy's options, and who answers at the address now."""

    def __init__(self, raw_gateway: StartGateway, directory: Path, store: str, first: Identity) -> None:
        self._start = raw_gateway
        self._directory = directory
        self.gateway = raw_gateway(OK, first)
        self.options = ["--target", str(self.gateway.origin), "--truststore", store]
        self.port = 0

    def swap(self, device: Identity) -> RawGateway:
        """Let another device answer at the gateway's address."""
        self.gateway.stop()
        self.gateway = self._start(OK, device, port=self.gateway.port)
        return self.gateway

    def ask(self) -> str:
        return raw_exchange(self.port, POST).decode()

    def trust(self, *words: str) -> Any:
        """Run ``smgwproxy trust`` and return what it answers as JSON."""
        told = run("trust", *words, *self.options, "--json", cwd=self._directory)
        assert (told.returncode, told.stderr) == (0, "")
        return json.loads(told.stdout)

    def happened(self) -> list[str]:
        return [event["happening"] for event in self.trust("history")["events"]]


@pytest.mark.parametrize("store", ["file:trust/certs", "sqlite:trust/trust.db"])
def test_first_use_renewal_swap_approval_revocation_and_restoring(
    raw_gateway: StartGateway, tmp_path: Path, store: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, renewed = make_identity(tmp_path, "old", key), make_identity(tmp_path, "old", key, days=730)
    new, thief = make_identity(tmp_path, "new"), make_identity(tmp_path, "thief")
    (tmp_path / "trust").mkdir(mode=0o700)
    home = Household(raw_gateway, tmp_path, store, old)
    with program(*home.options, "--port=0", "--renewal=same-key", cwd=tmp_path) as proxy:
        home.port = proxy.port

        # first use
        assert home.ask().startswith("HTTP/1.1 200 ")

        # the operator renews the certificate and keeps the key
        home.swap(renewed)
        assert home.ask().startswith("HTTP/1.1 200 ")
        assert home.happened() == ["pinned", "replaced", "renewed"]

        # a technician swaps the device: nothing goes out before a person has approved it
        swapped = home.swap(new)
        refused = home.ask()
        assert refused.startswith("HTTP/1.1 502 ")
        for known in (renewed, new):
            assert str(known.certificate.fingerprint) in refused
        assert swapped.received == b""
        home.trust("approve", "--fingerprint", str(new.certificate.fingerprint))
        assert home.ask().startswith("HTTP/1.1 200 ")
        assert home.happened()[3:] == ["refused", "replaced", "approved"]

        # the old device is sold, and comes back
        home.trust("revoke", "--fingerprint", str(renewed.certificate.fingerprint))
        sold = home.swap(renewed)
        assert "is revoked" in home.ask()
        assert sold.received == b""

        # the card breaks: all pins are lost, and come back from the export
        home.trust("export", "kept.json")
        shutil.rmtree(tmp_path / "trust")
        (tmp_path / "trust").mkdir(mode=0o700)
        home.trust("import", "kept.json")
        assert "is revoked" in home.ask()
        home.swap(new)
        assert home.ask().startswith("HTTP/1.1 200 ")

        # nor does first use let the sold device in, when a person asks for one
        home.trust("remove", "--yes")
        sold = home.swap(renewed)
        assert "is revoked" in home.ask()
        assert sold.received == b""
        home.swap(thief)  # first use trusts whom it sees first: that is what it is
        assert home.ask().startswith("HTTP/1.1 200 ")
        assert home.happened()[-2:] == ["removed", "pinned"]

        assert proxy.end() == 0
        assert "Traceback" not in "".join(proxy.lines)
        log = "".join(proxy.lines)
        assert str(new.certificate.fingerprint) in log
