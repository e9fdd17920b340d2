"""The files that the pages take for given: certificates, keys and a password of the reader's own."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from tests.gateway.test_client_certificate import make


def write_files(directory: Path) -> None:
    """Write them into ``directory``, under the names that the pages have for them."""
    me, door, following = make("me"), make("meter.example.org"), make("next")
    (directory / "me.p12").write_bytes(me.p12(BestAvailableEncryption(b"its password")))
    (directory / "gas.p12").write_bytes(me.p12(BestAvailableEncryption(b"its password")))
    (directory / "gas.password").write_text("its password\n")
    (directory / "password.txt").write_text("its password\n")
    (directory / "fullchain.pem").write_bytes(door.pem)
    (directory / "privkey.pem").write_bytes(door.key_pem())
    (directory / "next.pem").write_bytes(following.pem)
