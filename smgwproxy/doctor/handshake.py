"""Reads version, suite and group from the server's bytes of a TLS handshake. Pure.

Python tells no group before 3.15. It is in the clear: in TLS 1.2 in the ServerKeyExchange (RFC 8422 section 5.4),
in 1.3 in the ServerHello's key_share (RFC 8446 section 4.2.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23  # RFC 8446 section 5.1
_LONGEST_RECORD = 2**14 + 2048  # RFC 5246 section 6.2.3
_SERVER_HELLO, _SERVER_KEY_EXCHANGE = 2, 12  # RFC 5246 section 7.4
_NAMED_CURVE = 3  # RFC 8422 section 5.4
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51  # RFC 8446 section 4.2
_TLS_1_2, _TLS_1_3 = 0x0303, 0x0304
# The random of a ServerHello that only asks for another hello (RFC 8446 section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

VERSIONS: Mapping[int, str] = MappingProxyType({_TLS_1_2: "TLS 1.2", _TLS_1_3: "TLS 1.3"})
"""Names of versions by number."""

GROUPS: Mapping[int, str] = MappingProxyType(
    {
        23: "secp256r1",
        24: "secp384r1",
        25: "secp521r1",
        26: "brainpoolP256r1",
        27: "brainpoolP384r1",
        28: "brainpoolP512r1",
        29: "x25519",
        30: "x448",
        31: "brainpoolP256r1tls13",
        32: "brainpoolP384r1tls13",
        33: "brainpoolP512r1tls13",
        4588: "X25519MLKEM768",
    }
)
"""Names of groups by number (IANA's registry TLS Supported Groups)."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What client and server agreed on, as numbers on the wire; ``group`` is None where none was told."""

    version: int
    suite: int
    group: int | None

    @property
    def version_name(self) -> str:
        """The version, such as ``TLS 1.2``."""
        return VERSIONS.get(self.version, f"0x{self.version:04x}")

    @property
    def group_name(self) -> str | None:
        """The group, such as ``secp384r1``."""
        return None if self.group is None else GROUPS.get(self.group, f"0x{self.group:04x}")


def read_agreed(octets: bytes) -> Agreed:
    """Read what was agreed from all that the server sent; raises `ValueError` when it is no handshake.

    What comes behind the part in the clear is not looked at.
    """
    hello = None
    for kind, body in _messages(_in_the_clear(octets)):
        if kind == _SERVER_HELLO and (found := _server_hello(body)) is not None:
            hello = found
        elif kind == _SERVER_KEY_EXCHANGE and hello is not None:
            return Agreed(hello.version, hello.suite, _named_curve(body))
    if hello is None:
        raise ValueError("there is no ServerHello")
    return hello


def _in_the_clear(octets: bytes) -> bytes:
    """Return the bytes of handshake messages up to the first record that is encrypted."""
    messages, place = b"", 0
    while place < len(octets):
        kind, length = octets[place], int.from_bytes(octets[place + 3 : place + 5])
        body = octets[place + 5 : place + 5 + length]
        if kind not in {_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA} or length > _LONGEST_RECORD:
            raise ValueError("these are no records of TLS")
        if len(body) < length:
            raise ValueError("a record is cut off")
        if kind == _HANDSHAKE:
            messages += body
        elif kind != _CHANGE_CIPHER_SPEC or _has_hello(messages):
            break  # in 1.3 a ChangeCipherSpec may stand before the hello that counts, in 1.2 it begins the secret
        place += 5 + length
    return messages


def _has_hello(messages: bytes) -> bool:
    return any(kind == _SERVER_HELLO and _server_hello(body) is not None for kind, body in _messages(messages))


def _messages(octets: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(octets):
        length = int.from_bytes(octets[place + 1 : place + 4])
        body = octets[place + 4 : place + 4 + length]
        if len(octets) < place + 4 or len(body) < length:
            raise ValueError("a message is cut off")
        yield octets[place], body
        place += 4 + length


def _server_hello(body: bytes) -> Agreed | None:
    """Read a ServerHello (RFC 8446 section 4.1.3); None when it only asks for another hello."""
    hello = _Reader(body)
    version = hello.number(2)
    random = hello.take(32)
    hello.take(hello.number(1))  # the session
    suite = hello.number(2)
    hello.take(1)  # the compression
    extensions = dict(_extensions(hello.take(hello.number(2)))) if hello.left else {}
    if hello.left:
        raise ValueError("the ServerHello is longer than it says")
    if random == _RETRY:
        return None
    group = None
    if _SUPPORTED_VERSIONS in extensions:
        version = _Reader(extensions[_SUPPORTED_VERSIONS]).number(2)
    if _KEY_SHARE in extensions:
        group = _Reader(extensions[_KEY_SHARE]).number(2)
    return Agreed(version, suite, group)


def _extensions(octets: bytes) -> Iterator[tuple[int, bytes]]:
    extensions = _Reader(octets)
    while extensions.left:
        yield extensions.number(2), extensions.take(extensions.number(2))


def _named_curve(body: bytes) -> int | None:
    exchange = _Reader(body)
    return exchange.number(2) if exchange.number(1) == _NAMED_CURVE else None


class _Reader:
    """Takes bytes from the front; raises `ValueError` when there are too few."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._place

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise ValueError("a field is cut off")
        self._place += count
        return self._octets[self._place - count : self._place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))
