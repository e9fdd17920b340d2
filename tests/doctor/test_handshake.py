"""Version, suite and group, from the bytes of handshakes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.certificate import Certificate
from smgwproxy.demo import self_signed
from smgwproxy.doctor.handshake import GROUPS, Agreed, read_agreed
from smgwproxy.doctor.visit import Visit
from smgwproxy.limits import Limits
from tests.support import Identity, RawGateway, always

StartGateway = Callable[..., RawGateway]


def with_curve(directory: Path, curve: str) -> Identity:
    made = self_signed("SMGW", curve=curve)
    file = directory / f"{curve}.pem"
    file.write_bytes(made.pem)
    return Identity(Certificate(made.der), file)


@pytest.mark.parametrize(
    ("group", "newest", "version"),
    [
        ("prime256v1", ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        ("secp384r1", ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        ("brainpoolP256r1", ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        ("brainpoolP384r1", ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        ("brainpoolP512r1", ssl.TLSVersion.TLSv1_2, "TLS 1.2"),
        ("prime256v1", ssl.TLSVersion.TLSv1_3, "TLS 1.3"),
        ("secp384r1", ssl.TLSVersion.TLSv1_3, "TLS 1.3"),
        ("X25519", ssl.TLSVersion.TLSv1_3, "TLS 1.3"),
    ],
)
def test_group_of_a_real_handshake_is_told(
    raw_gateway: StartGateway, tmp_path: Path, group: str, newest: ssl.TLSVersion, version: str
) -> None:
    who = with_curve(tmp_path, group if group != "X25519" else "prime256v1")
    gateway = raw_gateway(always(b""), who, group=group, newest=newest)
    with Visit(gateway.origin, Limits(), gateway.origin.authority) as visit:
        presented = visit.shake_hands()
    assert presented.agreed is not None
    name = {"prime256v1": "secp256r1", "X25519": "x25519"}.get(group, group)
    assert (presented.agreed.version_name, presented.agreed.group_name) == (version, name)
    assert presented.certificate == who.certificate
    assert presented.suite is not None
    assert presented.suite.startswith("TLS_" if version == "TLS 1.3" else "ECDHE-ECDSA-")
    assert presented.tcp > 0
    assert presented.tls > 0
    assert gateway.most_open == 1
    assert gateway.received == b""


# --- made by hand, as the RFCs have it ------------------------------------------------------------------


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello(suite: int, extensions: dict[int, bytes], random: bytes = b"r" * 32) -> bytes:
    listed = b"".join(kind.to_bytes(2) + len(body).to_bytes(2) + body for kind, body in extensions.items())
    block = len(listed).to_bytes(2) + listed if extensions else b""
    return message(2, b"\x03\x03" + random + b"\x04sess" + suite.to_bytes(2) + b"\0" + block)


RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
SUITES = st.integers(0, 0xFFFF)
ALL_GROUPS = st.integers(0, 0xFFFF)


def cut_into_records(messages: bytes, size: int) -> bytes:
    return b"".join(record(22, messages[at : at + size]) for at in range(0, len(messages), size))


@given(SUITES, ALL_GROUPS, st.integers(1, 200), st.booleans())
def test_tls_1_2_is_read_however_the_records_are_cut(suite: int, group: int, size: int, extended: bool) -> None:
    hello = server_hello(suite, {0xFF01: b"\0"} if extended else {})
    messages = hello + message(11, b"c" * 300) + message(12, b"\x03" + group.to_bytes(2) + b"\x41point")
    octets = cut_into_records(messages + message(14, b""), size) + record(20, b"\1") + record(22, b"secret")
    assert read_agreed(octets) == Agreed(0x0303, suite, group)


@given(SUITES, ALL_GROUPS, st.integers(1, 200), st.booleans(), st.booleans())
def test_tls_1_3_is_read_with_and_without_a_retry(
    suite: int, group: int, size: int, retried: bool, compatible: bool
) -> None:
    share = group.to_bytes(2) + b"\x00\x01p"
    octets = b""
    if retried:
        octets = cut_into_records(server_hello(suite, {43: b"\x03\x04", 51: b"\0\x17"}, RETRY), size)
        octets += record(20, b"\1") * compatible
    octets += cut_into_records(server_hello(suite, {51: share, 43: b"\x03\x04"}), size)
    octets += record(20, b"\1") * compatible + record(23, b"\x02 not a hello")
    assert read_agreed(octets) == Agreed(0x0304, suite, group)


@given(st.binary(max_size=400))
def test_anything_else_is_a_value_error(octets: bytes) -> None:
    for tried in (octets, record(22, octets), record(22, message(2, octets))):
        try:
            read_agreed(tried)
        except ValueError:
            continue


@given(st.data())
def test_what_is_cut_off_is_never_read_as_something_else(data: st.DataObject) -> None:
    whole = record(22, server_hello(0xC02B, {}) + message(12, b"\x03\x00\x18rest"))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ValueError, match=r"cut off|no ServerHello"):
        read_agreed(cut)


def test_names_of_unknown_numbers_are_the_numbers() -> None:
    assert Agreed(0x0305, 1, 0xABCD).version_name == "0x0305"
    assert Agreed(0x0303, 1, 0xABCD).group_name == "0xabcd"
    assert Agreed(0x0303, 1, None).group_name is None
    assert GROUPS[24] == "secp384r1"
